//! Superpixels of a PNG file, drawn over it as another.
//!
//! ```sh
//! cargo run --release -p medsuperpixel --example overlay -- [IMAGE.png [OVERLAY.png [SEGMENTS]]]
//! ```
//!
//! Without arguments it divides `fixtures/segformer-nuclei/nuclei.png` into one region for 400 pixels, and writes
//! `superpixels.png` into the folder of temporary files. It prints how many regions there are.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Cursor, Read, Write};
use std::path::PathBuf;

use medcore::Image;
use medsuperpixel::Slic;
use ndarray::{Array3, Axis};

const NUCLEI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/segformer-nuclei/nuclei.png");
const PIXELS_PER_SEGMENT: usize = 400;
const YELLOW: [u8; 3] = [255, 220, 0];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let from = arguments.next().map_or_else(|| PathBuf::from(NUCLEI), PathBuf::from);
    let to = arguments.next().map_or_else(|| std::env::temp_dir().join("superpixels.png"), PathBuf::from);
    let segments = arguments.next().map(|n| n.to_string_lossy().parse()).transpose()?;

    let image = read(File::open(&from)?)?;
    let (picture, count) = divide(&image, segments)?;
    write(BufWriter::new(File::create(&to)?), &picture)?;
    println!("{count} regions: {}", to.display());
    Ok(())
}

/// An image with the borders of its regions drawn over it, and how many regions there are.
fn divide(image: &Image<u8>, segments: Option<usize>) -> Result<(Image<u8>, usize), Box<dyn Error>> {
    let (_, rows, columns) = image.pixels().dim();
    let segments = segments.unwrap_or((rows * columns).div_ceil(PIXELS_PER_SEGMENT));
    let superpixels = Slic::new(segments).image(image)?;
    let picture = superpixels.image_overlay(image, (0.0, 255.0), YELLOW)?;
    Ok((picture, superpixels.count()))
}

/// A PNG file of any kind, in 8 bits: one channel or three, without opacity.
fn read(mut file: impl Read) -> Result<Image<u8>, Box<dyn Error>> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info()?;
    let mut pixels = vec![0; reader.output_buffer_size().ok_or("a picture too large for the memory")?];
    let frame = reader.next_frame(&mut pixels)?;
    pixels.truncate(frame.buffer_size());
    let samples = frame.color_type.samples();
    let size = [frame.height as usize, frame.width as usize, samples];
    let pixels = Array3::from_shape_vec(size, pixels)?;
    let colors = if samples < 3 { 1 } else { 3 };
    let pixels = pixels.slice_axis(Axis(2), (..colors).into()).permuted_axes([2, 0, 1]);
    Ok(Image::new(pixels.as_standard_layout().into_owned())?)
}

/// Writes red, green and blue as a PNG file.
fn write(file: impl Write, picture: &Image<u8>) -> Result<(), Box<dyn Error>> {
    let pixels = picture.pixels();
    let (_, rows, columns) = pixels.dim();
    let mut encoder = png::Encoder::new(file, u32::try_from(columns)?, u32::try_from(rows)?);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let bytes: Vec<u8> = pixels.permuted_axes([1, 2, 0]).iter().copied().collect();
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&bytes)?;
    writer.finish()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_are_drawn_into_a_png() {
        let image = read(File::open(NUCLEI).unwrap()).unwrap();
        let (picture, count) = divide(&image, None).unwrap();
        let mut bytes = Vec::new();
        write(&mut bytes, &picture).unwrap();
        let again = read(bytes.as_slice()).unwrap();
        assert_eq!(again.pixels(), picture.pixels());
        let (_, rows, columns) = image.pixels().dim();
        let expected = rows * columns / PIXELS_PER_SEGMENT;
        assert!(count.abs_diff(expected) <= expected / 4, "{count}, expected about {expected}");
        let pixels = picture.pixels();
        let drawn = pixels.lanes(Axis(0)).into_iter().filter(|p| p.iter().eq(&YELLOW)).count();
        assert!(drawn > count && drawn < rows * columns / 2, "{drawn} pixels of borders");
    }
}

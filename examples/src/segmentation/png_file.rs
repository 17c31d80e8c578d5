//! Images and masks from PNG files.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use medcore::Image;
use medprompt::inference::Preprocessor;
use ndarray::{Array2, Array3, Axis, s};

use crate::error::{Error, Result};

/// So that a damaged file is an error and no exhausted memory.
const MAX_PIXELS: usize = 1 << 27;

/// A colour image `[3, row, column]` from 0 to 1, the smallest to the largest value of the image: grey, colour, with opacity (left out) or
/// a palette. A [`PromptSegmenter`](medprompt::PromptSegmenter) scales images alike.
///
/// # Errors
/// [`Error::Io`], [`Error::Png`], [`Error::Unfit`] for more than 2^27 pixels.
pub fn read_image(path: &Path) -> Result<Array3<f32>> {
    let values = read(path, png::Transformations::EXPAND)?;
    // The last of two or four channels is opacity.
    let channels = if values.dim().0 < 3 { 1 } else { 3 };
    let image = Image::new(values.slice_move(s![..channels, .., ..]).as_standard_layout().into_owned())?;
    Ok(Preprocessor::new().prepare(&image)?)
}

/// The values of a mask `[row, column]`: grey of any depth, the indices of a palette, or colour whose channels are equal. Opacity is
/// left out.
///
/// # Errors
/// As [`read_image`]; [`Error::Unfit`] for a mask in colours.
pub fn read_mask(path: &Path) -> Result<Array2<u32>> {
    let values = read(path, png::Transformations::IDENTITY)?;
    let first = values.index_axis(Axis(0), 0);
    if values.dim().0 >= 3 && (1..3).any(|channel| values.index_axis(Axis(0), channel) != first) {
        return Err(Error::Unfit {
            what: "a mask",
            expected: "one value a pixel".into(),
            found: format!("colours in {}", path.display()),
        });
    }
    Ok(first.mapv(u32::from))
}

/// The values of a file as stored: `[channel, row, column]`.
fn read(path: &Path, transformations: png::Transformations) -> Result<Array3<u16>> {
    let io = |source| Error::Io { path: path.to_path_buf(), source };
    let png = |source| Error::Png { path: path.to_path_buf(), source };
    let mut decoder = png::Decoder::new(BufReader::new(File::open(path).map_err(io)?));
    decoder.set_transformations(transformations);
    let mut reader = decoder.read_info().map_err(png)?;
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    let size = reader.output_buffer_size().filter(|_| width.saturating_mul(height) <= MAX_PIXELS);
    let Some(size) = size else {
        return Err(Error::Unfit {
            what: "a PNG file",
            expected: format!("at most {MAX_PIXELS} pixels"),
            found: format!("{width} x {height}"),
        });
    };
    let mut bytes = vec![0; size];
    let frame = reader.next_frame(&mut bytes).map_err(png)?;
    let bits = frame.bit_depth as u8;
    let channels = frame.color_type.samples();
    let line = frame.line_size;
    let sample = |row: usize, index: usize| -> u16 {
        let line = &bytes[row * line..(row + 1) * line];
        match bits {
            16 => u16::from_be_bytes([line[2 * index], line[2 * index + 1]]),
            8 => u16::from(line[index]),
            _ => {
                let bits = usize::from(bits);
                let (byte, place) = (index * bits / 8, index * bits % 8);
                u16::from(line[byte] >> (8 - bits - place)) & ((1 << bits) - 1)
            }
        }
    };
    let at = |(channel, row, column)| sample(row, column * channels + channel);
    Ok(Array3::from_shape_fn([channels, height, width], at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use png::{BitDepth, ColorType};

    fn write(
        folder: &Path,
        name: &str,
        color: ColorType,
        depth: BitDepth,
        size: [u32; 2],
        bytes: &[u8],
    ) -> std::path::PathBuf {
        let path = folder.join(name);
        let mut encoder = png::Encoder::new(File::create(&path).unwrap(), size[1], size[0]);
        encoder.set_color(color);
        encoder.set_depth(depth);
        if color == ColorType::Indexed {
            encoder.set_palette(vec![0, 0, 0, 255, 0, 0, 0, 255, 0]);
        }
        encoder.write_header().unwrap().write_image_data(bytes).unwrap();
        path
    }

    #[test]
    fn images_of_all_kinds() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let rgba =
            write(folder, "a.png", ColorType::Rgba, BitDepth::Eight, [1, 2], &[255, 0, 51, 9, 0, 255, 0, 0]);
        let image = read_image(&rgba).unwrap();
        assert_eq!(image.dim(), (3, 1, 2));
        assert_eq!(image.iter().copied().collect::<Vec<_>>(), [1.0, 0.0, 0.0, 1.0, 0.2, 0.0]);
        let deep = write(folder, "b.png", ColorType::Grayscale, BitDepth::Sixteen, [2, 1], &[1, 0, 2, 0]);
        assert_eq!(read_image(&deep).unwrap()[[2, 1, 0]], 1.0);
        assert_eq!(read_mask(&deep).unwrap(), ndarray::array![[256], [512]]);
        let indexed = write(
            folder,
            "c.png",
            ColorType::Indexed,
            BitDepth::Two,
            [2, 5],
            &[0b00011000, 0, 0b10000001, 0b01000000],
        );
        assert_eq!(read_mask(&indexed).unwrap(), ndarray::array![[0, 1, 2, 0, 0], [2, 0, 0, 1, 1]]);
        assert_eq!(read_image(&indexed).unwrap()[[1, 0, 2]], 1.0);
        let grey_alpha =
            write(folder, "d.png", ColorType::GrayscaleAlpha, BitDepth::Eight, [1, 2], &[7, 0, 9, 255]);
        assert_eq!(read_mask(&grey_alpha).unwrap(), ndarray::array![[7, 9]]);
        assert_eq!(read_image(&grey_alpha).unwrap().dim(), (3, 1, 2));
        let equal = write(folder, "e.png", ColorType::Rgb, BitDepth::Eight, [1, 1], &[5, 5, 5]);
        assert_eq!(read_mask(&equal).unwrap(), ndarray::array![[5]]);
        let colors = write(folder, "f.png", ColorType::Rgb, BitDepth::Eight, [1, 1], &[5, 5, 6]);
        assert!(matches!(read_mask(&colors), Err(Error::Unfit { what: "a mask", .. })));
        std::fs::write(folder.join("g.png"), "no picture").unwrap();
        assert!(matches!(read_image(&folder.join("g.png")), Err(Error::Png { .. })));
        assert!(matches!(read_image(&folder.join("none.png")), Err(Error::Io { .. })));
    }
}

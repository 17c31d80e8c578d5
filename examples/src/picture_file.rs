//! Images and masks from files of pictures: PNG and JPEG.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use jpeg_decoder::PixelFormat;
use medcore::Image;
use ndarray::{Array2, Array3, Axis, s};

use crate::error::{Error, Result};

/// Whether a file begins as PNG files do.
///
/// # Errors
/// [`Error::Io`].
pub fn is_png(path: &Path) -> Result<bool> {
    begins(path, b"\x89PNG\r\n\x1a\n")
}

/// Whether a file begins as JPEG files do.
///
/// # Errors
/// [`Error::Io`].
pub fn is_jpeg(path: &Path) -> Result<bool> {
    begins(path, b"\xff\xd8\xff")
}

fn begins(path: &Path, with: &[u8]) -> Result<bool> {
    let io = |source| Error::Io { path: path.to_path_buf(), source };
    if path.is_dir() {
        return Ok(false);
    }
    let mut head = Vec::new();
    File::open(path).and_then(|file| file.take(with.len() as u64).read_to_end(&mut head)).map_err(io)?;
    Ok(head == with)
}

/// So that a damaged file is an error and no exhausted memory.
const MAX_PIXELS: usize = 1 << 27;
/// Deflate makes at most 1,032 bytes of one; the rest is for small files.
const fn most_inflated(bytes: u64) -> u64 {
    bytes.saturating_mul(1_100).saturating_add(4_096)
}

/// The values of a PNG or JPEG file, told apart by content.
///
/// # Errors
/// As [`read_png`] and [`read_jpeg`].
pub fn read_picture(path: &Path) -> Result<Image<f32>> {
    if is_jpeg(path)? { read_jpeg(path) } else { read_png(path) }
}

/// The values of a PNG file, grey or colour (a palette too), without opacity: 0 to 255, those of 16 bits in steps of 1/257.
///
/// # Errors
/// [`Error::Io`], [`Error::Png`], [`Error::Unfit`] for more than 2^27 pixels, and for more than its bytes can hold.
pub fn read_png(path: &Path) -> Result<Image<f32>> {
    let (values, bits) = read(path, png::Transformations::EXPAND)?;
    // The last of two or four channels is opacity.
    let channels = if values.dim().0 < 3 { 1 } else { 3 };
    let scale = if bits == 16 { 257.0 } else { 1.0 };
    Ok(Image::new(values.slice(s![..channels, .., ..]).mapv(|v| f32::from(v) / scale))?)
}

/// The values of a JPEG file, grey or colour: 0 to 255, those of 16 bits in steps of 1/257.
///
/// # Errors
/// [`Error::Io`]; [`Error::ImageFormat`] for a broken file, more than 2^27 pixels, and four inks.
pub fn read_jpeg(path: &Path) -> Result<Image<f32>> {
    let broken = |reason: String| Error::ImageFormat { path: path.to_path_buf(), reason };
    let file = File::open(path).map_err(|source| Error::Io { path: path.to_path_buf(), source })?;
    let mut decoder = jpeg_decoder::Decoder::new(BufReader::new(file));
    decoder.set_max_decoding_buffer_size(3 * MAX_PIXELS);
    let bytes = decoder.decode().map_err(|error| broken(error.to_string()))?;
    let info = decoder.info().ok_or_else(|| broken("no header".to_string()))?;
    let (channels, wide) = match info.pixel_format {
        PixelFormat::L8 => (1, false),
        PixelFormat::L16 => (1, true),
        PixelFormat::RGB24 => (3, false),
        PixelFormat::CMYK32 => return Err(broken("four inks (CMYK) are not read".to_string())),
    };
    let value = |index: usize| match wide {
        true => f32::from(u16::from_ne_bytes([bytes[2 * index], bytes[2 * index + 1]])) / 257.0,
        false => f32::from(bytes[index]),
    };
    let (height, width) = (usize::from(info.height), usize::from(info.width));
    let at = |(channel, row, column)| value((row * width + column) * channels + channel);
    Ok(Image::new(Array3::from_shape_fn([channels, height, width], at))?)
}

/// The values of a mask `[row, column]`: grey of any depth, the indices of a palette, or colour whose channels are equal. Opacity is
/// left out.
///
/// # Errors
/// As [`read_png`]; [`Error::Unfit`] for a mask in colours.
pub fn read_mask(path: &Path) -> Result<Array2<u32>> {
    let (values, _) = read(path, png::Transformations::IDENTITY)?;
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

/// The values of a file as stored, `[channel, row, column]`, and their bits.
fn read(path: &Path, transformations: png::Transformations) -> Result<(Array3<u16>, u8)> {
    let io = |source| Error::Io { path: path.to_path_buf(), source };
    let png = |source| Error::Png { path: path.to_path_buf(), source };
    let file = File::open(path).map_err(io)?;
    let most = most_inflated(file.metadata().map_err(io)?.len());
    let mut decoder = png::Decoder::new(BufReader::new(file));
    decoder.set_transformations(transformations);
    let mut reader = decoder.read_info().map_err(png)?;
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    let fits = |size: &usize| width.saturating_mul(height) <= MAX_PIXELS && *size as u64 <= most;
    let size = reader.output_buffer_size().filter(fits);
    let Some(size) = size else {
        return Err(Error::Unfit {
            what: "a PNG file",
            expected: format!("at most {MAX_PIXELS} pixels, and no more than its bytes can hold"),
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
    Ok((Array3::from_shape_fn([channels, height, width], at), bits))
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
        let image = read_png(&rgba).unwrap();
        assert_eq!(image.pixels().dim(), (3, 1, 2));
        assert_eq!(image.pixels().iter().copied().collect::<Vec<_>>(), [255.0, 0.0, 0.0, 255.0, 51.0, 0.0]);
        let deep = write(folder, "b.png", ColorType::Grayscale, BitDepth::Sixteen, [2, 1], &[1, 0, 2, 0]);
        assert!((read_png(&deep).unwrap().pixels()[[0, 1, 0]] - 512.0 / 257.0).abs() < 1e-6);
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
        assert_eq!(read_png(&indexed).unwrap().pixels()[[1, 0, 2]], 255.0);
        let grey_alpha =
            write(folder, "d.png", ColorType::GrayscaleAlpha, BitDepth::Eight, [1, 2], &[7, 0, 9, 255]);
        assert_eq!(read_mask(&grey_alpha).unwrap(), ndarray::array![[7, 9]]);
        assert_eq!(read_png(&grey_alpha).unwrap().pixels().dim(), (1, 1, 2));
        let equal = write(folder, "e.png", ColorType::Rgb, BitDepth::Eight, [1, 1], &[5, 5, 5]);
        assert_eq!(read_mask(&equal).unwrap(), ndarray::array![[5]]);
        let colors = write(folder, "f.png", ColorType::Rgb, BitDepth::Eight, [1, 1], &[5, 5, 6]);
        assert!(matches!(read_mask(&colors), Err(Error::Unfit { what: "a mask", .. })));
        std::fs::write(folder.join("g.png"), "no picture").unwrap();
        assert!(matches!(read_png(&folder.join("g.png")), Err(Error::Png { .. })));
        assert!(matches!(read_png(&folder.join("none.png")), Err(Error::Io { .. })));
        assert!(
            is_png(&rgba).unwrap() && !is_png(folder).unwrap() && !is_png(&folder.join("g.png")).unwrap()
        );
        assert!(matches!(is_png(&folder.join("none.png")), Err(Error::Io { .. })));
        let bytes = std::fs::read(&indexed).unwrap();
        std::fs::write(folder.join("h.png"), &bytes[..bytes.len() - 30]).unwrap();
        assert!(matches!(read_png(&folder.join("h.png")), Err(Error::Png { .. })));
        assert!(matches!(read_jpeg(&folder.join("g.png")), Err(Error::ImageFormat { .. })));
    }
}

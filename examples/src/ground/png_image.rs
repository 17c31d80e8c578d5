//! Images from PNG files.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use medcore::Image;
use ndarray::Array3;
use png::{ColorType, Decoder, Limits, Transformations};

use crate::error::{Error, Result};

/// Most pixels of an image.
const MOST_PIXELS: usize = 1 << 26;

/// The channels of a PNG file: grey, or red, green and blue; opacity is left out. Of 16 bits all are kept.
///
/// # Errors
/// [`Error::Io`]; [`Error::Unfit`] for a file that is no PNG, is cut off or claims more than 2^26 pixels.
pub fn read_png(path: &Path) -> Result<Image<f32>> {
    let file = File::open(path).map_err(|source| Error::Io { path: path.to_path_buf(), source })?;
    let broken = |found: String| Error::Unfit { what: "the picture", expected: "a PNG file".into(), found };
    let mut decoder = Decoder::new(BufReader::new(file));
    decoder.set_limits(Limits { bytes: 1 << 30 });
    decoder.set_transformations(Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(|error| broken(error.to_string()))?;
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    if width.checked_mul(height).is_none_or(|pixels| pixels > MOST_PIXELS) {
        return Err(broken(format!("{width} x {height} pixels, more than 2^26")));
    }
    let size = reader.output_buffer_size().ok_or_else(|| broken("no size".to_string()))?;
    let mut bytes = vec![0; size];
    let frame = reader.next_frame(&mut bytes).map_err(|error| broken(error.to_string()))?;
    let (samples, channels) = match frame.color_type {
        ColorType::Grayscale => (1, 1),
        ColorType::GrayscaleAlpha => (2, 1),
        ColorType::Rgb => (3, 3),
        ColorType::Rgba => (4, 3),
        ColorType::Indexed => return Err(broken("a palette that was not expanded".to_string())),
    };
    let wide = frame.bit_depth == png::BitDepth::Sixteen;
    let value = |index: usize| {
        let byte = |at: usize| bytes.get(at).copied().unwrap_or_default();
        if wide {
            f32::from(u16::from_be_bytes([byte(2 * index), byte(2 * index + 1)]))
        } else {
            f32::from(byte(index))
        }
    };
    let pixels = Array3::from_shape_fn([channels, height, width], |(channel, row, column)| {
        value((row * width + column) * samples + channel)
    });
    Ok(Image::new(pixels)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Canvas;

    #[test]
    fn pixels_of_a_picture() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let mut canvas = Canvas::new(5, 3, [1, 2, 3]).unwrap();
        canvas.set_pixel(4, 1, [200, 100, 50]);
        canvas.write_png(&path).unwrap();
        let image = read_png(&path).unwrap();
        assert_eq!((image.channels(), image.height(), image.width()), (3, 3, 5));
        assert_eq!([0, 1, 2].map(|c| image.pixels()[[c, 1, 4]]), [200.0, 100.0, 50.0]);
        assert_eq!(image.pixels()[[2, 0, 0]], 3.0);

        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        assert!(matches!(read_png(&path), Err(Error::Unfit { what: "the picture", .. })));
        std::fs::write(&path, "no picture").unwrap();
        assert!(matches!(read_png(&path), Err(Error::Unfit { .. })));
        assert!(matches!(read_png(&folder.path().join("nothing.png")), Err(Error::Io { .. })));
    }
}

//! Masks of classes as PNG files.

use std::path::Path;

use ndarray::Array2;
use png::{BitDepth, ColorType};

use crate::error::{Error, Result};
use crate::picture::label_color;
use crate::picture_file;

/// A mask of classes: see [`picture_file::read_mask`]. One of 0 and 255 is one of 0 and 1.
///
/// # Errors
/// As there.
pub fn read_mask(path: &Path) -> Result<Array2<u16>> {
    let mask = picture_file::read_mask(path)?;
    let most = if mask.iter().all(|v| matches!(v, 0 | 255)) { 255 } else { 1 };
    Ok(mask.mapv(|v| u16::try_from(v / most).unwrap_or(u16::MAX)))
}

/// Writes a mask whose numbers are classes: 8 bits with the colours of [`label_color`] as its palette (class 1 is white where there is no
/// other), 16 bits of grey where there are more than 256 classes.
///
/// # Errors
/// [`Error::Io`], [`Error::Picture`].
pub fn write_mask(path: &Path, mask: &Array2<u16>, classes: usize) -> Result<()> {
    let bytes = encode(mask, classes).map_err(|source| Error::Picture(source.into()))?;
    std::fs::write(path, bytes).map_err(|source| Error::Io { path: path.to_path_buf(), source })
}

fn encode(mask: &Array2<u16>, classes: usize) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let (height, width) = mask.dim();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    let pixels: Vec<u8> = if classes <= 256 {
        encoder.set_color(ColorType::Indexed);
        encoder.set_depth(BitDepth::Eight);
        encoder.set_palette((0..classes.max(2)).flat_map(|class| color(class, classes)).collect::<Vec<u8>>());
        mask.iter().map(|label| *label as u8).collect()
    } else {
        encoder.set_color(ColorType::Grayscale);
        encoder.set_depth(BitDepth::Sixteen);
        mask.iter().flat_map(|label| label.to_be_bytes()).collect()
    };
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(bytes)
}

fn color(class: usize, classes: usize) -> [u8; 3] {
    if classes <= 2 && class == 1 { [255; 3] } else { label_color(class as u16) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mask.png");
        for classes in [2, 5, 256, 300] {
            let mask = Array2::from_shape_fn((7, 9), |(r, c)| ((r * 9 + c) * 31 % classes) as u16);
            write_mask(&path, &mask, classes).unwrap();
            assert_eq!(read_mask(&path).unwrap(), mask, "{classes}");
        }
        assert!(matches!(read_mask(&folder.path().join("none")), Err(Error::Io { .. })));
    }
}

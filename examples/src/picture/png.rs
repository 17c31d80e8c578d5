//! Pictures as PNG files.

use std::io;
use std::path::Path;

use super::{Canvas, Error, Result};

impl Canvas {
    /// The bytes of a PNG file: RGB, 8 bits a channel.
    ///
    /// # Errors
    /// [`Error::Png`] when the encoder fails.
    pub fn to_png(&self) -> Result<Vec<u8>> {
        let mut bytes = vec![];
        // A canvas has at most 2^28 pixels, so that its sides fit.
        let mut encoder = png::Encoder::new(&mut bytes, self.width() as u32, self.height() as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(self.pixels().as_flattened())?;
        writer.finish()?;
        Ok(bytes)
    }

    /// Writes a PNG file, which appears under its name when it is complete: it is written beside it first.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be written, [`Error::Png`] when the encoder fails.
    pub fn write_png(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let bytes = self.to_png()?;
        write_beside(path, &bytes).map_err(|source| Error::Io { path: path.to_path_buf(), source })
    }
}

fn write_beside(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path
        .file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no file name"))?
        .to_os_string();
    name.push(format!(".{}.partial", std::process::id()));
    let partial = path.with_file_name(name);
    let written = std::fs::write(&partial, bytes).and_then(|()| std::fs::rename(&partial, path));
    if written.is_err() {
        // The first error is the one that tells; there may be no such file.
        let _ = std::fs::remove_file(&partial);
    }
    written
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::path::PathBuf;

    use crate::picture::{Canvas, Error};

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("picture-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn sample() -> Canvas {
        let mut canvas = Canvas::new(5, 3, [1, 2, 3]).unwrap();
        canvas.fill_rect(1, 1, 2, 1, [255, 0, 128]);
        canvas
    }

    #[test]
    fn a_decoder_reads_the_same_pixels() {
        let folder = folder("read");
        let path = folder.join("a.png");
        std::fs::write(&path, "old").unwrap();
        sample().write_png(&path).unwrap();

        let bytes = std::fs::read(&path).unwrap();
        let mut reader = png::Decoder::new(Cursor::new(bytes)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width, info.height), (5, 3));
        assert_eq!((info.color_type, info.bit_depth), (png::ColorType::Rgb, png::BitDepth::Eight));
        assert_eq!(pixels, sample().pixels().as_flattened());
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "nothing is left beside it");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_failure_leaves_nothing_behind() {
        let folder = folder("fail");
        let taken = folder.join("folder.png");
        std::fs::create_dir(&taken).unwrap();
        std::fs::write(taken.join("inside"), "x").unwrap();
        for path in [taken, folder.join("absent/a.png"), folder.join("..")] {
            assert!(matches!(sample().write_png(&path), Err(Error::Io { .. })), "{}", path.display());
        }
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
        std::fs::remove_dir_all(folder).unwrap();
    }
}

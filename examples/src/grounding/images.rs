//! Images by the names in annotations.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use medcore::Image;
use ndarray::{Array2, Array3};

use crate::error::{Error, Result};

/// A folder of images, and of folders of images.
///
/// A name in annotations is looked for as a path in the folder, then by file name anywhere in it, then without its extension: data sets
/// name images by `files/p10/.../ID.jpg`, `ID.jpg` and `ID`.
#[derive(Debug)]
pub struct ImageFolder {
    root: PathBuf,
    /// Paths by file name and by name without extension; none where two files have it.
    index: OnceCell<HashMap<String, Option<PathBuf>>>,
}

impl ImageFolder {
    /// A folder that is there.
    ///
    /// # Errors
    /// [`Error::Unfit`] when it is no folder.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self> {
        let root = root.into();
        if root.is_dir() {
            return Ok(Self { root, index: OnceCell::new() });
        }
        let found = format!("{}, which is none", root.display());
        Err(Error::Unfit { what: "the images", expected: "a folder".to_string(), found })
    }

    /// The file of an image.
    ///
    /// # Errors
    /// [`Error::Unfit`] when there is none, or several have the name.
    pub fn path(&self, name: &str) -> Result<PathBuf> {
        let direct = self.root.join(name);
        if direct.is_file() {
            return Ok(direct);
        }
        let index = self.index.get_or_init(|| index(&self.root));
        let unfit = |found: &str| {
            let expected = format!("one file of that name in {}", self.root.display());
            Err(Error::Unfit { what: "an image of the annotations", expected, found: found.to_string() })
        };
        match last(name).and_then(|file| index.get(file).or_else(|| index.get(stem(file)))) {
            Some(Some(path)) => Ok(path.clone()),
            Some(None) => unfit("several"),
            None => unfit("none"),
        }
    }

    /// Reads an image.
    ///
    /// # Errors
    /// As [`path`](Self::path) and [`read_image`].
    pub fn load(&self, name: &str) -> Result<Image<f32>> {
        read_image(&self.path(name)?)
    }
}

fn last(name: &str) -> Option<&str> {
    name.rsplit(['/', '\\']).next().filter(|file| !file.is_empty())
}

fn stem(file: &str) -> &str {
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

fn index(root: &Path) -> HashMap<String, Option<PathBuf>> {
    let mut index = HashMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let Some(file) = path.file_name().and_then(|name| name.to_str()) else { continue };
            let mut add = |name: &str| {
                let entry = index.entry(name.to_string()).or_insert_with(|| Some(path.clone()));
                if entry.as_ref() != Some(&path) {
                    *entry = None;
                }
            };
            add(file);
            add(stem(file));
        }
    }
    index
}

/// A grey image from a PNG or JPEG file, or the first of a DICOM file; with its spacing where that is known.
///
/// Colours whose channels differ by no more than rounding (2 of 255) become grey; other colours are kept, and refused by a grounder.
///
/// # Errors
/// [`Error::Io`], [`Error::File`], and [`Error::ImageFormat`] when the file is broken or of another kind.
pub fn read_image(path: &Path) -> Result<Image<f32>> {
    let bytes = std::fs::read(path).map_err(|source| Error::Io { path: path.to_path_buf(), source })?;
    let broken = |reason: String| Error::ImageFormat { path: path.to_path_buf(), reason };
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return decode_png(&bytes).map_err(broken)?.image();
    }
    if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
        return decode_jpeg(&bytes).map_err(broken)?.image();
    }
    if bytes.get(128..132) == Some(b"DICM") {
        let study = medio::dicom::scan(path)?;
        let series = study.first().ok_or_else(|| broken("no image in the DICOM file".to_string()))?;
        return Ok(series.image(0)?);
    }
    Err(broken("expected a PNG, JPEG or DICOM file".to_string()))
}

/// Values in 0..=1 times 255 or 65535, interleaved.
struct Decoded {
    size: [usize; 2],
    channels: usize,
    values: Vec<f32>,
    largest: f32,
}

/// The most pixels that an image may have.
const MAX_PIXELS: usize = 1 << 28;

fn decode_png(bytes: &[u8]) -> std::result::Result<Decoded, String> {
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(|e| e.to_string())?;
    let count = reader.output_buffer_size().filter(|count| *count <= 8 * MAX_PIXELS);
    let mut pixels = vec![0; count.ok_or("more pixels than 2^28")?];
    let info = reader.next_frame(&mut pixels).map_err(|e| e.to_string())?;
    pixels.truncate(info.buffer_size());
    let (values, largest) = match info.bit_depth {
        png::BitDepth::Sixteen => {
            (pixels.chunks_exact(2).map(|b| f32::from(u16::from_be_bytes([b[0], b[1]]))).collect(), 65535.0)
        }
        _ => (pixels.into_iter().map(f32::from).collect(), 255.0),
    };
    let size = [info.height as usize, info.width as usize];
    Ok(Decoded { size, channels: info.color_type.samples(), values, largest })
}

fn decode_jpeg(bytes: &[u8]) -> std::result::Result<Decoded, String> {
    let mut decoder = jpeg_decoder::Decoder::new(Cursor::new(bytes));
    decoder.set_max_decoding_buffer_size(4 * MAX_PIXELS);
    let pixels = decoder.decode().map_err(|e| e.to_string())?;
    let info = decoder.info().ok_or("no header")?;
    let (channels, largest) = match info.pixel_format {
        jpeg_decoder::PixelFormat::L8 => (1, 255.0),
        jpeg_decoder::PixelFormat::L16 => (1, 65535.0),
        jpeg_decoder::PixelFormat::RGB24 => (3, 255.0),
        jpeg_decoder::PixelFormat::CMYK32 => return Err("CMYK is not read".to_string()),
    };
    let values = match info.pixel_format {
        jpeg_decoder::PixelFormat::L16 => {
            pixels.chunks_exact(2).map(|b| f32::from(u16::from_ne_bytes([b[0], b[1]]))).collect()
        }
        _ => pixels.into_iter().map(f32::from).collect(),
    };
    Ok(Decoded { size: [info.height.into(), info.width.into()], channels, values, largest })
}

impl Decoded {
    fn image(self) -> Result<Image<f32>> {
        let Self { size: [height, width], channels, values, largest } = self;
        let colours = if channels < 3 { 1 } else { 3 };
        let tolerance = 2.0 / 255.0 * largest;
        let equal = values
            .chunks_exact(channels)
            .all(|pixel| pixel[..colours].iter().all(|value| (value - pixel[0]).abs() <= tolerance));
        let at =
            |row: usize, column: usize, channel: usize| values[(row * width + column) * channels + channel];
        if equal {
            Ok(Image::grey(Array2::from_shape_fn([height, width], |(r, c)| at(r, c, 0)))?)
        } else {
            Ok(Image::new(Array3::from_shape_fn([3, height, width], |(k, r, c)| at(r, c, k)))?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Canvas;

    #[test]
    fn images_are_found_by_path_name_and_stem() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("p10/s5")).unwrap();
        let mut canvas = Canvas::new(6, 4, [10; 3]).unwrap();
        canvas.fill_rect(1, 2, 2, 1, [200; 3]);
        canvas.write_png(folder.path().join("p10/s5/abc.png")).unwrap();
        canvas.fill_rect(0, 0, 1, 1, [0, 90, 0]);
        canvas.write_png(folder.path().join("photo.png")).unwrap();
        canvas.write_png(folder.path().join("p10/photo.png")).unwrap();
        std::fs::write(folder.path().join("text.txt"), "no image").unwrap();
        std::fs::write(folder.path().join("short.png"), b"\x89PNG\r\n\x1a\nxx").unwrap();
        let images = ImageFolder::open(folder.path()).unwrap();
        for name in ["p10/s5/abc.png", "abc.png", "abc", "files/abc.dcm"] {
            let image = images.load(name).unwrap();
            assert_eq!((image.channels(), image.height(), image.width()), (1, 4, 6));
            assert_eq!(image.pixels()[[0, 2, 1]], 200.0);
        }
        assert_eq!(images.load("p10/photo.png").unwrap().channels(), 3);
        for (name, found) in [("absent", "none"), ("photo", "several"), ("", "none")] {
            assert!(matches!(images.path(name), Err(Error::Unfit { found: f, .. }) if f == found), "{name}");
        }
        for name in ["text.txt", "short.png"] {
            assert!(matches!(images.load(name), Err(Error::ImageFormat { .. })), "{name}");
        }
        assert!(ImageFolder::open(folder.path().join("text.txt")).is_err());
    }
}

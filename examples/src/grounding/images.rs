//! Images by the names in annotations.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use medcore::Image;
use ndarray::{ArrayView2, Axis};

use crate::error::{Error, Result};
use crate::picture_file::{is_png, read_jpeg, read_png};

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
/// [`Error::Io`], [`Error::File`]; those of [`read_png`] and [`read_jpeg`]; [`Error::ImageFormat`] when the file is of another kind.
pub fn read_image(path: &Path) -> Result<Image<f32>> {
    let io = |source| Error::Io { path: path.to_path_buf(), source };
    let broken = |reason: &str| Error::ImageFormat { path: path.to_path_buf(), reason: reason.to_string() };
    let mut head = Vec::new();
    File::open(path).and_then(|file| file.take(132).read_to_end(&mut head)).map_err(io)?;
    if is_png(path)? {
        return grey_where_equal(read_png(path)?);
    }
    if head.starts_with(&[0xff, 0xd8, 0xff]) {
        return grey_where_equal(read_jpeg(path)?);
    }
    if head.ends_with(b"DICM") {
        let study = medio::dicom::scan(path)?;
        let series = study.first().ok_or_else(|| broken("no image in the DICOM file"))?;
        return Ok(series.image(0)?);
    }
    Err(broken("expected a PNG, JPEG or DICOM file"))
}

fn grey_where_equal(image: Image<f32>) -> Result<Image<f32>> {
    let pixels = image.pixels();
    let first = pixels.index_axis(Axis(0), 0);
    let is_grey = |channel: ArrayView2<f32>| channel.iter().zip(&first).all(|(a, b)| (a - b).abs() <= 2.0);
    if image.channels() == 1 || !pixels.outer_iter().all(is_grey) {
        return Ok(image);
    }
    Ok(Image::grey(first.to_owned())?)
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
        assert!(matches!(images.load("text.txt"), Err(Error::ImageFormat { .. })));
        assert!(matches!(images.load("short.png"), Err(Error::Png { .. })));
        assert!(ImageFolder::open(folder.path().join("text.txt")).is_err());
    }
}

//! Finding the series of a folder.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::file;
use super::grouping;
use super::location::{Bytes, Location};
use super::options::{Progress, ProgressFn};
use super::study::{SkipReason, Skipped, Study};
use super::text::Interner;
use crate::error::{Error, Result};

/// Finds the series of a folder and of all folders below it, or of a single file, by reading the files' headers.
///
/// Every file is looked at, whatever its name, and each is either in a [`Series`](super::Series) or in
/// [`Study::skipped`] with the reason, as are folders that cannot be read and links that lead nowhere. Files without preamble
/// are read; symbolic links to folders are not followed.
///
/// ```no_run
/// let study = medio::dicom::scan("study/")?;
/// for series in study.iter() {
///     println!("{} {:?} {:?}", series.modality(), series.size(), series.spacing());
/// }
/// let (volume, report) = study[0].load()?;
/// # Ok::<(), medio::Error>(())
/// ```
///
/// # Errors
/// [`Error::Io`] when the folder itself cannot be read, [`Error::NoImages`] when no file in it is an image.
pub fn scan(path: impl AsRef<Path>) -> Result<Study> {
    scan_with(path, &|_| ControlFlow::Continue(()))
}

/// [`scan`] with a callback after each file, which may cancel.
///
/// # Errors
/// As [`scan`], and [`Error::Cancelled`].
pub fn scan_with(path: impl AsRef<Path>, progress: &ProgressFn<'_>) -> Result<Study> {
    let path = path.as_ref();
    let (files, mut skipped) = find_files(path)?;
    let total = files.len();
    let done = AtomicUsize::new(0);
    let interner = Interner::default();
    let read = |file: PathBuf| {
        let location = Location::new(Bytes::File(file.as_path().into()), None);
        let header =
            file::read(file.clone(), location, &interner).map_err(|reason| Skipped { path: file, reason });
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        match progress(Progress { done, total }) {
            ControlFlow::Continue(()) => Ok(header),
            ControlFlow::Break(()) => Err(Error::Cancelled { path: path.to_path_buf() }),
        }
    };
    let found = files.into_par_iter().map(read).collect::<Result<Vec<_>>>()?;
    let mut headers = Vec::new();
    for header in found {
        match header {
            Ok(images) => headers.extend(images),
            Err(reason) => skipped.push(reason),
        }
    }
    if headers.is_empty() {
        return Err(Error::NoImages { path: path.to_path_buf(), skipped });
    }
    Ok(Study::new(grouping::group(headers), skipped))
}

/// What is in a folder and below.
#[derive(Default)]
struct Found {
    files: Vec<PathBuf>,
    /// Folders that are still to be listed.
    folders: Vec<PathBuf>,
    skipped: Vec<Skipped>,
}

impl Found {
    fn list(&mut self, folder: &Path) -> std::io::Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let path = entry.path();
            match entry.file_type().and_then(|kind| Ok((kind, std::fs::metadata(&path)?))) {
                Ok((kind, _)) if kind.is_dir() => self.folders.push(path),
                Ok((_, target)) if target.is_file() => self.files.push(path),
                // A link to a folder may lead in circles.
                Ok((_, target)) if target.is_dir() => {}
                // To open a pipe is to wait for its other end.
                Ok(_) => self.skipped.push(Skipped { path, reason: SkipReason::NotDicom }),
                Err(e) => self.skipped.push(Skipped { path, reason: e.into() }),
            }
        }
        Ok(())
    }

    /// Lists the folders that are left, and those below them.
    fn list_below(&mut self) {
        while let Some(folder) = self.folders.pop() {
            if let Err(e) = self.list(&folder) {
                self.skipped.push(Skipped { path: folder, reason: e.into() });
            }
        }
    }
}

/// All files of a folder and below, in the order of their paths, and what cannot be looked at.
fn find_files(path: &Path) -> Result<(Vec<PathBuf>, Vec<Skipped>)> {
    let io = |source| Error::Io { path: path.to_path_buf(), source };
    if std::fs::metadata(path).map_err(io)?.is_file() {
        return Ok((vec![path.to_path_buf()], Vec::new()));
    }
    let mut found = Found::default();
    found.list(path).map_err(io)?;
    found.list_below();
    found.files.sort_unstable();
    found.skipped.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok((found.files, found.skipped))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_cannot_be_listed_is_skipped() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let gone = folder.path().join("gone");
        let mut found =
            Found { folders: vec![folder.path().to_path_buf(), gone.clone()], ..Found::default() };
        found.list_below();
        assert_eq!(found.files, [file]);
        let reason = SkipReason::Io(std::io::ErrorKind::NotFound);
        assert_eq!(found.skipped, [Skipped { path: gone, reason }]);
    }
}

//! Finding the series of a folder.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::grouping;
use super::header::Header;
use super::options::{Progress, ProgressFn};
use super::study::{Skipped, Study};
use crate::error::{Error, Result};

/// Finds the series of a folder and of all folders below it, or of a single file, by reading the files' headers.
///
/// Every file is looked at, whatever its name, and each is either in a [`Series`](super::Series) or in
/// [`Study::skipped`] with the reason. Files without preamble are read; symbolic links to folders are not followed.
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
/// [`Error::Io`] when the folder cannot be read, [`Error::NoImages`] when no file in it is an image.
pub fn scan(path: impl AsRef<Path>) -> Result<Study> {
    scan_with(path, &|_| ControlFlow::Continue(()))
}

/// [`scan`] with a callback after each file, which may cancel.
///
/// # Errors
/// As [`scan`], and [`Error::Cancelled`].
pub fn scan_with(path: impl AsRef<Path>, progress: &ProgressFn<'_>) -> Result<Study> {
    let path = path.as_ref();
    let files = find_files(path)?;
    let total = files.len();
    let done = AtomicUsize::new(0);
    let read = |file: PathBuf| {
        let header = Header::read(&file).map_err(|reason| Skipped { path: file, reason });
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        match progress(Progress { done, total }) {
            ControlFlow::Continue(()) => Ok(header),
            ControlFlow::Break(()) => Err(Error::Cancelled { path: path.to_path_buf() }),
        }
    };
    let found = files.into_par_iter().map(read).collect::<Result<Vec<_>>>()?;
    let mut headers = Vec::new();
    let mut skipped = Vec::new();
    for header in found {
        match header {
            Ok(header) => headers.push(header),
            Err(reason) => skipped.push(reason),
        }
    }
    if headers.is_empty() {
        return Err(Error::NoImages { path: path.to_path_buf(), skipped });
    }
    Ok(Study::new(grouping::group(headers), skipped))
}

/// All files of a folder and below, in the order of their paths.
fn find_files(path: &Path) -> Result<Vec<PathBuf>> {
    let io = |path: &Path, source| Error::Io { path: path.to_path_buf(), source };
    if std::fs::metadata(path).map_err(|e| io(path, e))?.is_file() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut folders = vec![path.to_path_buf()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(|e| io(&folder, e))? {
            let entry = entry.map_err(|e| io(&folder, e))?;
            let kind = entry.file_type().map_err(|e| io(&entry.path(), e))?;
            // A link is followed to a file only: a link to a folder may lead in circles.
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() || kind.is_symlink() && entry.path().is_file() {
                files.push(entry.path());
            }
        }
    }
    files.sort_unstable();
    Ok(files)
}

//! Finding the series of a folder.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::archive::{self, NamedEntry};
use super::copies;
use super::file::{self, Content};
use super::grouping;
use super::header::Header;
use super::location::{Bytes, Location};
use super::options::{Progress, ProgressFn};
use super::study::{SkipReason, Skipped, Study};
use super::text::Interner;
use crate::error::{Error, Result};

/// Finds the series of a folder and of all folders below it, or of a single file, by reading the files' headers.
///
/// Zip archives, told by what they hold, are looked into as if they were folders; archives in archives are not.
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
    let (files, skipped) = find_files(path)?;
    let file = |path: PathBuf| {
        let bytes = Bytes::File(path.as_path().into());
        (path, bytes)
    };
    Scan::new(path, progress, files.len()).run(files.into_par_iter().map(file), skipped)
}

/// [`scan`] of files in memory, each with a name: where there is no file system, as in a browser, or for files from a network.
///
/// Names serve messages and [`Series::files`](super::Series::files) only; zip archives are looked into.
///
/// ```no_run
/// let file = std::fs::read("slice.dcm").unwrap();
/// let study = medio::dicom::scan_bytes([("slice.dcm".to_string(), file)])?;
/// # Ok::<(), medio::Error>(())
/// ```
///
/// # Errors
/// [`Error::NoImages`] when no file is an image.
pub fn scan_bytes(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Result<Study> {
    scan_bytes_with(files, &|_| ControlFlow::Continue(()))
}

/// [`scan_bytes`] with a callback after each file, which may cancel.
///
/// # Errors
/// As [`scan_bytes`], and [`Error::Cancelled`].
pub fn scan_bytes_with(
    files: impl IntoIterator<Item = (String, Vec<u8>)>,
    progress: &ProgressFn<'_>,
) -> Result<Study> {
    let in_memory = |(name, bytes): (String, Vec<u8>)| (PathBuf::from(name), Bytes::Memory(Arc::new(bytes)));
    let files: Vec<_> = files.into_iter().map(in_memory).collect();
    Scan::new(Path::new("memory"), progress, files.len()).run(files.into_par_iter(), Vec::new())
}

/// A scan that is under way.
struct Scan<'a> {
    /// What is scanned, for messages.
    path: &'a Path,
    progress: &'a ProgressFn<'a>,
    done: AtomicUsize,
    /// Grows with the entries of archives.
    total: AtomicUsize,
    interner: Interner,
}

/// The images of a file, or why there are none.
type Outcome = std::result::Result<Vec<Header>, Skipped>;

impl<'a> Scan<'a> {
    fn new(path: &'a Path, progress: &'a ProgressFn<'a>, files: usize) -> Self {
        Self { path, progress, done: AtomicUsize::new(0), total: files.into(), interner: Interner::default() }
    }

    fn run(
        &self,
        files: impl ParallelIterator<Item = (PathBuf, Bytes)>,
        mut skipped: Vec<Skipped>,
    ) -> Result<Study> {
        let found = files.map(|(path, bytes)| self.read(path, bytes)).collect::<Result<Vec<_>>>()?;
        let mut headers = Vec::new();
        for outcome in found.into_iter().flatten() {
            match outcome {
                Ok(images) => headers.extend(images),
                Err(reason) => skipped.push(reason),
            }
        }
        if headers.is_empty() {
            return Err(Error::NoImages { path: self.path.to_path_buf(), skipped });
        }
        let headers = copies::drop_copies(headers, &mut skipped);
        Ok(Study::new(grouping::group(headers), skipped))
    }

    fn read(&self, path: PathBuf, bytes: Bytes) -> Result<Vec<Outcome>> {
        let content = file::read(path.clone(), Location::new(bytes.clone(), None), &self.interner);
        let outcomes = match content {
            Ok(Content::Images(images)) => vec![Ok(images)],
            Ok(Content::Archive) => self.read_archive(&path, &bytes)?,
            Err(reason) => vec![Err(Skipped { path, reason })],
        };
        self.step()?;
        Ok(outcomes)
    }

    fn read_archive(&self, path: &Path, bytes: &Bytes) -> Result<Vec<Outcome>> {
        let entries = match archive::entries(bytes) {
            Ok(entries) => entries,
            Err(reason) => return Ok(vec![Err(Skipped { path: path.to_path_buf(), reason })]),
        };
        self.total.fetch_add(entries.len(), Ordering::Relaxed);
        let read = |(name, entry): NamedEntry| {
            let label = path.join(name.trim_start_matches('/'));
            let location = entry.map(|entry| Location::new(bytes.clone(), Some(entry)));
            let content = location.and_then(|location| file::read(label.clone(), location, &self.interner));
            self.step()?;
            Ok(match content {
                Ok(Content::Images(images)) => Ok(images),
                // Archives in archives are not opened: such nests have no bottom.
                Ok(Content::Archive) => Err(Skipped { path: label, reason: SkipReason::NotDicom }),
                Err(reason) => Err(Skipped { path: label, reason }),
            })
        };
        entries.into_par_iter().map(read).collect()
    }

    fn step(&self) -> Result<()> {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        match (self.progress)(Progress { done, total: self.total.load(Ordering::Relaxed) }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Cancelled { path: self.path.to_path_buf() }),
        }
    }
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

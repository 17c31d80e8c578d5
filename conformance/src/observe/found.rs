//! From a path to what came out of it.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use medcore::{Geometry, Scalar};

use super::format::Format;
use super::{dicom, grids};
use crate::observation::{Observation, Outcome, Values, hash_bytes, little_endian};

/// What medio says about a file, or about a folder of DICOM files. With `dump`, values go to files in that folder.
pub fn observe(path: &Path, dump: Option<&Path>) -> Vec<Observation> {
    let mut found = Found { path, dump, outcomes: Vec::new() };
    let format = if path.is_dir() { Ok(Format::Dicom) } else { Format::of_file(path) };
    match format {
        Ok(Format::Dicom | Format::Seg | Format::Sr) => dicom::observe(&mut found),
        Ok(Format::Nifti) => grids::nifti(&mut found),
        Ok(Format::Nrrd) => grids::nrrd(&mut found),
        Ok(Format::MetaImage) => grids::metaimage(&mut found),
        Err(source) => found.refuse(&medio::Error::Io { path: path.into(), source }),
    }
    let observation =
        |(item, outcome)| Observation { path: path.to_string_lossy().into_owned(), item, outcome };
    found.outcomes.into_iter().enumerate().map(observation).collect()
}

/// The outcomes for one path, as they come.
pub(super) struct Found<'a> {
    pub(super) path: &'a Path,
    dump: Option<&'a Path>,
    pub(super) outcomes: Vec<Outcome>,
}

/// An array on its way to an [`Outcome`].
pub(super) struct Array<'a, T> {
    pub(super) format: &'a str,
    /// As in [`Values`].
    pub(super) axes: &'a str,
    pub(super) shape: &'a [usize],
    pub(super) values: &'a [T],
    pub(super) geometry: Option<Geometry>,
    pub(super) report: String,
}

impl Found<'_> {
    /// Adds an array; its [`Values`] may be added to.
    pub(super) fn values<T: Scalar>(&mut self, array: Array<'_, T>) -> Option<&mut Values> {
        let Array { format, axes, shape, values, geometry, report } = array;
        let mut found = Values { report, ..Values::new(format, axes, shape, values) };
        if let Some(geometry) = geometry {
            found = found.placed(&geometry);
        }
        if let Some(folder) = self.dump {
            let name = hash_bytes(self.path.to_string_lossy().as_bytes());
            let file = folder.join(format!("{name}-{}.f32", self.outcomes.len()));
            match dump(&file, values) {
                Ok(()) => found.dump = Some(file.to_string_lossy().into_owned()),
                Err(error) => found.report.push_str(&format!(" (not dumped: {error})")),
            }
        }
        self.outcomes.push(Outcome::Read(Box::new(found)));
        match self.outcomes.last_mut() {
            Some(Outcome::Read(values)) => Some(values),
            _ => None,
        }
    }

    pub(super) fn refuse(&mut self, error: &medio::Error) {
        self.outcomes.push(Outcome::Refused { kind: kind(error), message: error.to_string() });
    }
}

fn dump<T: Scalar>(file: &Path, values: &[T]) -> std::io::Result<()> {
    let mut out = File::create(file)?;
    let mut result = Ok(());
    little_endian(values, |bytes| {
        if result.is_ok() {
            result = out.write_all(bytes);
        }
    });
    result
}

/// The name of an error's variant, and of the reason in it.
#[must_use]
pub fn kind(error: &medio::Error) -> String {
    match error {
        medio::Error::NoImages { skipped, .. } => match skipped.first() {
            Some(first) => format!("NoImages/{}", variant(&first.reason)),
            None => "NoImages".into(),
        },
        _ => variant(error),
    }
}

/// The name of the variant of an enum.
pub(super) fn variant(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}").chars().take_while(|c| c.is_ascii_alphanumeric()).collect()
}

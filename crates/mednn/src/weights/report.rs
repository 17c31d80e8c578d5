//! What loading found, key by key.

use std::fmt;

/// A key whose tensor has another shape than the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeMismatch {
    /// Published key.
    pub key: String,
    /// Shape that the model has, in the published layout.
    pub expected: Vec<usize>,
    /// Shape in the file.
    pub found: Vec<usize>,
}

/// Which keys of a file went where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WeightReport {
    /// Keys that the model took.
    pub loaded: Vec<String>,
    /// Those of them whose values are in 8 bits: see [`WeightSource::in_int8`](super::WeightSource::in_int8).
    pub rounded: Vec<String>,
    /// Keys of weights that were to be rounded, but that the kernels do not take: on this device, or of this size.
    pub not_rounded: Vec<String>,
    /// Keys that the model needs and the file lacks.
    pub missing: Vec<String>,
    /// Keys in the file that the model has no place for.
    pub unused: Vec<String>,
    /// Keys whose shapes differ.
    pub mismatched: Vec<ShapeMismatch>,
    /// Keys whose element type is not a floating-point one, with that type.
    pub not_float: Vec<(String, String)>,
    /// Keys that the model is known to have no use for, such as a pre-training head.
    pub ignored: Vec<String>,
    /// Parameters of the model that its key table does not name: a defect of the table.
    pub unmapped: Vec<String>,
}

impl WeightReport {
    /// Whether every parameter of the model was filled.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty()
            && self.mismatched.is_empty()
            && self.not_float.is_empty()
            && self.unmapped.is_empty()
    }
}

impl fmt::Display for WeightReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} keys loaded", self.loaded.len())?;
        if !self.rounded.is_empty() {
            write!(f, ", {} of them in 8 bits", self.rounded.len())?;
        }
        list(f, "missing", &self.missing, |k| k.clone())?;
        list(f, "unused", &self.unused, |k| k.clone())?;
        list(f, "of another shape", &self.mismatched, |m| {
            format!("{} (expected {:?}, found {:?})", m.key, m.expected, m.found)
        })?;
        list(f, "not floating-point", &self.not_float, |(k, t)| format!("{k} ({t})"))?;
        list(f, "without a published name", &self.unmapped, |k| k.clone())
    }
}

/// At most a handful of entries: a wrong file mismatches in hundreds of keys.
fn list<T>(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    entries: &[T],
    show: impl Fn(&T) -> String,
) -> fmt::Result {
    const SHOWN: usize = 5;
    if entries.is_empty() {
        return Ok(());
    }
    let shown: Vec<_> = entries.iter().take(SHOWN).map(show).collect();
    write!(f, "; {} {what}: {}", entries.len(), shown.join(", "))?;
    if entries.len() > SHOWN { write!(f, ", ...") } else { Ok(()) }
}

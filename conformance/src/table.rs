//! The golden table: what medio said about each file when the references last judged it.

use std::path::{Path, PathBuf};

use crate::observation::{Observation, Outcome, hash_bytes};
use crate::observe::observe;

/// Affines may differ by this much between machines, in mm.
const AFFINE_TOLERANCE: f64 = 1e-5;

/// One image of one file or folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Which corpus.
    pub corpus: String,
    /// The file in it; a folder ends in `/`.
    pub path: String,
    /// The beginning of the file's SHA-256; `-` for a folder.
    pub sha256: String,
    /// Which of its images.
    pub item: usize,
    /// `read FORMAT`, or the kind of the error.
    pub outcome: String,
    /// Axes and extents, or `-`.
    pub shape: String,
    /// Hash of the values, or `-`.
    pub values: String,
    /// Twelve numbers, or `-`.
    pub affine: String,
    /// What the comparison with the references said.
    pub verdict: String,
}

/// Reads the table.
///
/// # Errors
/// When a line has not ten cells, with its number.
pub fn parse(text: &str) -> Result<Vec<Row>, String> {
    let rows = text.lines().enumerate().skip(1).map(|(number, line)| {
        let cells: Vec<&str> = line.split('\t').collect();
        let [corpus, path, sha256, item, outcome, shape, values, affine, verdict, _reason] = cells[..] else {
            return Err(format!("line {}: {} cells", number + 1, cells.len()));
        };
        let item = item.parse().map_err(|_| format!("line {}: item {item}", number + 1))?;
        let [corpus, path, sha256] = [corpus, path, sha256].map(str::to_string);
        let [outcome, shape, values] = [outcome, shape, values].map(str::to_string);
        let [affine, verdict] = [affine, verdict].map(str::to_string);
        Ok(Row { corpus, path, sha256, item, outcome, shape, values, affine, verdict })
    });
    rows.collect()
}

/// The file or folder of some rows in a corpus, `None` when it is not there.
#[must_use]
pub fn locate(root: &Path, row: &Row) -> Option<PathBuf> {
    let path = root.join(row.path.trim_end_matches('/'));
    path.exists().then_some(path)
}

/// Observes a file or folder again: how it differs from its rows of the table.
#[must_use]
pub fn differences(path: &Path, rows: &[Row]) -> Vec<String> {
    let Some(first) = rows.first() else { return Vec::new() };
    let name = format!("{}/{}", first.corpus, first.path);
    if path.is_file() {
        match std::fs::read(path).map(|bytes| hash_bytes(&bytes)) {
            Ok(hash) if hash == first.sha256 => {}
            Ok(hash) => return vec![format!("{name}: another file, {hash} and not {}", first.sha256)],
            Err(error) => return vec![format!("{name}: {error}")],
        }
    }
    let found = observe(path, None);
    let mut differences = Vec::new();
    if found.len() != rows.len() {
        differences.push(format!("{name}: {} images or refusals, expected {}", found.len(), rows.len()));
    }
    for (row, observation) in rows.iter().zip(&found) {
        differences.extend(difference(row, observation).map(|d| format!("{name} [{}]: {d}", row.item)));
    }
    differences
}

fn difference(row: &Row, observation: &Observation) -> Option<String> {
    let found = match &observation.outcome {
        Outcome::Refused { kind, message } => {
            return (*kind != row.outcome).then(|| format!("{kind} ({message}), expected {}", row.outcome));
        }
        Outcome::Read(found) => found,
    };
    let read = format!("read {}", found.format);
    for (what, found, expected) in [
        ("outcome", &read, &row.outcome),
        ("shape", &found.shape_text(), &row.shape),
        ("values", &found.hash, &row.values),
    ] {
        if found != expected {
            return Some(format!("{what} {found}, expected {expected}"));
        }
    }
    let affine = found.affine_text();
    (!same_affine(&affine, &row.affine)).then(|| format!("affine {affine}, expected {}", row.affine))
}

fn same_affine(a: &str, b: &str) -> bool {
    let numbers = |text: &str| text.split(' ').map(|x| x.parse::<f64>()).collect::<Result<Vec<_>, _>>();
    match (numbers(a), numbers(b)) {
        (Ok(a), Ok(b)) => {
            a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| (a - b).abs() <= AFFINE_TOLERANCE)
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::Values;

    fn row() -> Row {
        let text = "corpus\n\
            fixtures\tx.nii\t00\t0\tread nifti\tzyx 1x1x1\tabc\t1 0 0 0 0 1 0 0 0 0 1 0.5\tagreed\tnibabel";
        parse(text).unwrap().remove(0)
    }

    fn observation(kind: Option<&str>) -> Observation {
        let mut values = Values::new("nifti", "zyx", &[1, 1, 1], &[1.0f32]);
        values.hash = "abc".into();
        values.affine = Some([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, -0.0, 1.0, 0.5]]);
        let outcome = match kind {
            Some(kind) => Outcome::Refused { kind: kind.into(), message: String::new() },
            None => Outcome::Read(Box::new(values)),
        };
        Observation { path: "x.nii".into(), item: 0, outcome }
    }

    #[test]
    fn each_column_counts() {
        assert_eq!(difference(&row(), &observation(None)), None);
        assert!(difference(&row(), &observation(Some("Truncated"))).is_some());
        for change in [
            |row: &mut Row| row.outcome = "Truncated".into(),
            |row: &mut Row| row.shape = "zyx 1x1x2".into(),
            |row: &mut Row| row.values = "abd".into(),
            |row: &mut Row| row.affine = "1 0 0 0 0 1 0 0 0 0 1 0.6".into(),
            |row: &mut Row| row.affine = "-".into(),
        ] {
            let mut changed = row();
            change(&mut changed);
            assert!(difference(&changed, &observation(None)).is_some(), "{changed:?}");
        }
        assert!(parse("corpus\nfixtures\tx").is_err());
    }
}

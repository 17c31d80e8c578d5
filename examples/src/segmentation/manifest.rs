//! Lists of items that say where they belong.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::{Error, Result};

/// Which side of the split an item is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Trained on.
    Training,
    /// Scored on.
    HeldOut,
}

/// What a list says of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its side, where the list has one.
    pub side: Option<Side>,
    /// Its patient, where the list has one.
    pub patient: Option<String>,
}

/// A list in CSV with a heading: `id` (the name of a file, with or without its extension), and `split` (`train`; `val`, `valid`,
/// `validation`, `test` or `held_out`), `patient`, or both. A file without a patient is a patient of its own. Items that are not in it are
/// left out.
#[derive(Debug, Clone, Default)]
pub struct Manifest(BTreeMap<String, Entry>);

impl Manifest {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Unfit`] without a column `id`, for an unknown side, for a file listed twice in two ways, and for a patient on
    /// both sides.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Io { path: path.into(), source })?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self> {
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        let heading: Vec<&str> = lines.next().unwrap_or_default().split(',').map(str::trim).collect();
        let column = |name: &str| heading.iter().position(|column| *column == name);
        let Some(id) = column("id") else {
            let expected = "a column id".to_string();
            return Err(Error::Unfit { what: "the manifest", expected, found: heading.join(",") });
        };
        let (split, patient) = (column("split"), column("patient"));
        let mut entries = BTreeMap::new();
        let mut sides = BTreeMap::new();
        for line in lines {
            let cells: Vec<&str> = line.split(',').map(str::trim).collect();
            let cell = |column: Option<usize>| column.and_then(|column| cells.get(column).copied());
            let side = cell(split).map(side).transpose()?;
            let patient = cell(patient).filter(|patient| !patient.is_empty()).map(str::to_string);
            let stem = stem(cell(Some(id)).unwrap_or_default()).to_string();
            if let (Some(patient), Some(side)) = (&patient, side) {
                // What is known of a patient from training would be scored.
                once(&mut sides, patient, side, "a patient in the manifest")?;
            }
            once(&mut entries, &stem, Entry { side, patient }, "a file in the manifest")?;
        }
        Ok(Self(entries))
    }

    /// The files that it has, by their names without extension.
    pub(super) fn stems(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// What it says of a file, by its name without extension.
    pub fn get(&self, stem: &str) -> Option<&Entry> {
        self.0.get(stem)
    }
}

/// Takes what is said of a name, which must not be another thing than before.
fn once<T: PartialEq + std::fmt::Debug>(
    known: &mut BTreeMap<String, T>,
    name: &str,
    said: T,
    what: &'static str,
) -> Result<()> {
    match known.get(name) {
        Some(before) if *before != said => Err(Error::Unfit {
            what,
            expected: format!("{name} as before, {before:?}"),
            found: format!("{said:?}"),
        }),
        _ => {
            known.insert(name.to_string(), said);
            Ok(())
        }
    }
}

fn side(text: &str) -> Result<Side> {
    match text {
        "train" | "training" => Ok(Side::Training),
        "val" | "valid" | "validation" | "test" | "held_out" => Ok(Side::HeldOut),
        _ => Err(Error::Unfit {
            what: "split in the manifest",
            expected: "train, val, valid, validation, test or held_out".into(),
            found: text.into(),
        }),
    }
}

/// A file's name without `.png`, `.nii`, `.nii.gz` and the like.
pub(super) fn stem(name: &str) -> &str {
    let name = name.strip_suffix(".gz").unwrap_or(name);
    let known = [".png", ".jpg", ".jpeg", ".nii", ".nrrd", ".mha", ".mhd", ".tif", ".tiff", ".bmp"];
    known.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name() {
        let manifest =
            Manifest::parse("id,width,split,patient\na.nii.gz,3,train,p1\n\nb, 4 , val , p2\n").unwrap();
        let a = Entry { side: Some(Side::Training), patient: Some("p1".into()) };
        assert_eq!((manifest.get("a"), manifest.get("c")), (Some(&a), None));
        assert_eq!(manifest.get("b").unwrap().side, Some(Side::HeldOut));
        // No patient is no name that files could share.
        let unknown = Manifest::parse("id,split,patient\na,train,\nb,val, \nc,val").unwrap();
        assert!(["a", "b", "c"].iter().all(|id| unknown.get(id).unwrap().patient.is_none()));
        assert_eq!(Manifest::parse("id\nx.png").unwrap().get("x").unwrap().side, None);
        assert!(matches!(Manifest::parse("name\nx"), Err(Error::Unfit { .. })));
        assert!(matches!(Manifest::parse("id,split\nx,sometimes"), Err(Error::Unfit { .. })));
        let twice = "id,split,patient\na,train,p1\nb,val,p2\nc,val,p1\n";
        let error = Manifest::parse(twice).unwrap_err().to_string();
        assert!(error.contains("a patient in the manifest: expected p1 as before, Training"), "{error}");
        assert!(matches!(Manifest::parse("id,split\nx,train\nx.png,val"), Err(Error::Unfit { .. })));
        assert_eq!([stem("a.b.nii.gz"), stem("a.v1"), stem("c.png")], ["a.b", "a.v1", "c"]);
    }
}

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
/// `validation`, `test` or `held_out`), `patient`, or both. Items that are not in it are left out.
#[derive(Debug, Clone, Default)]
pub struct Manifest(BTreeMap<String, Entry>);

impl Manifest {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Unfit`] without a column `id`, and for an unknown side.
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
        for line in lines {
            let cells: Vec<&str> = line.split(',').map(str::trim).collect();
            let cell = |column: Option<usize>| column.and_then(|column| cells.get(column).copied());
            let side = cell(split).map(side).transpose()?;
            let entry = Entry { side, patient: cell(patient).map(str::to_string) };
            entries.insert(stem(cell(Some(id)).unwrap_or_default()).to_string(), entry);
        }
        Ok(Self(entries))
    }

    /// What it says of a file, by its name without extension.
    pub fn get(&self, stem: &str) -> Option<&Entry> {
        self.0.get(stem)
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
        assert_eq!(Manifest::parse("id\nx.png").unwrap().get("x").unwrap().side, None);
        assert!(matches!(Manifest::parse("name\nx"), Err(Error::Unfit { .. })));
        assert!(matches!(Manifest::parse("id,split\nx,sometimes"), Err(Error::Unfit { .. })));
        assert_eq!([stem("a.b.nii.gz"), stem("a.v1"), stem("c.png")], ["a.b", "a.v1", "c"]);
    }
}

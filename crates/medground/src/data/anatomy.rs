//! The structures of Chest ImaGenome, and what else they are called.

/// One of the 29 structures with boxes in Chest ImaGenome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnatomicalStructure {
    /// Its `bbox_name`.
    pub name: &'static str,
    /// What else it is called; each keeps the side.
    pub synonyms: &'static [&'static str],
}

const fn structure(name: &'static str, synonyms: &'static [&'static str]) -> AnatomicalStructure {
    AnatomicalStructure { name, synonyms }
}

/// The 29 structures. Synonyms are this crate's; each was chosen to name the same box.
pub const CHEST_IMAGENOME_STRUCTURES: [AnatomicalStructure; 29] = [
    structure("right lung", &["lung on the right", "right lung field", "right hemithorax"]),
    structure("right upper lung zone", &["right upper lung", "upper zone of the right lung"]),
    structure("right mid lung zone", &["right mid lung", "middle zone of the right lung"]),
    structure(
        "right lower lung zone",
        &["right lower lung", "right lung base", "lower zone of the right lung"],
    ),
    structure("right hilar structures", &["right hilum", "right hilar region"]),
    structure("right apical zone", &["right apex", "apex of the right lung"]),
    structure("right costophrenic angle", &["right costophrenic sulcus", "right cp angle"]),
    structure("right hemidiaphragm", &["right diaphragm", "right half of the diaphragm"]),
    structure("left lung", &["lung on the left", "left lung field", "left hemithorax"]),
    structure("left upper lung zone", &["left upper lung", "upper zone of the left lung"]),
    structure("left mid lung zone", &["left mid lung", "middle zone of the left lung"]),
    structure("left lower lung zone", &["left lower lung", "left lung base", "lower zone of the left lung"]),
    structure("left hilar structures", &["left hilum", "left hilar region"]),
    structure("left apical zone", &["left apex", "apex of the left lung"]),
    structure("left costophrenic angle", &["left costophrenic sulcus", "left cp angle"]),
    structure("left hemidiaphragm", &["left diaphragm", "left half of the diaphragm"]),
    structure("trachea", &["windpipe", "tracheal air column"]),
    structure("spine", &["vertebral column", "thoracic spine"]),
    structure("right clavicle", &["right collarbone"]),
    structure("left clavicle", &["left collarbone"]),
    structure("aortic arch", &["arch of the aorta", "aortic knob"]),
    structure("mediastinum", &["mediastinal silhouette", "mediastinal contour"]),
    structure("upper mediastinum", &["superior mediastinum"]),
    structure("svc", &["superior vena cava"]),
    structure("cardiac silhouette", &["heart", "heart shadow", "cardiac shadow"]),
    structure("cavoatrial junction", &["junction of vena cava and atrium"]),
    structure("right atrium", &["right atrial border"]),
    structure("carina", &["tracheal bifurcation"]),
    structure("abdomen", &["upper abdomen", "belly"]),
];

impl AnatomicalStructure {
    /// The structure of a `bbox_name`, upper or lower case.
    pub fn find(name: &str) -> Option<&'static Self> {
        CHEST_IMAGENOME_STRUCTURES.iter().find(|s| s.name.eq_ignore_ascii_case(name.trim()))
    }

    /// Its name, then its synonyms.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.synonyms.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Laterality;

    #[test]
    fn synonyms_keep_the_side_and_name_one_structure() {
        let mut seen = std::collections::BTreeSet::new();
        for structure in CHEST_IMAGENOME_STRUCTURES {
            for name in structure.names() {
                assert!(seen.insert(name), "{name} names two");
                assert_eq!(Laterality::of(name), Laterality::of(structure.name), "{name}");
            }
        }
        assert_eq!(CHEST_IMAGENOME_STRUCTURES.len(), 29);
        assert_eq!(AnatomicalStructure::find(" SVC ").unwrap().synonyms, ["superior vena cava"]);
    }
}

//! What a segment stands for (PS3.3 C.8.20.4).

use super::organs;
use crate::dicom::write::Code;

/// Who found a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Algorithm {
    /// A program alone; its name.
    Automatic(String),
    /// A program with a person; its name.
    SemiAutomatic(String),
    /// A person.
    Manual,
}

/// What tells one thing from others over time and objects: a lesion that is followed, say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracking {
    /// A name for people, unique within the study.
    pub id: String,
    /// The same as a UID.
    pub uid: String,
}

/// A segment: its number and what it stands for.
///
/// ```
/// use medio::dicom::seg::Segment;
/// // A name of the built-in table gets its SNOMED CT code:
/// let kidney = Segment::named(3, "kidney_left");
/// assert_eq!(kidney.property_type.value, "64033007");
/// assert_eq!(kidney.modifier.unwrap().meaning, "Left");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Its value in a label map, and in the file where that can keep it (see [`write`](super::write())).
    pub number: u16,
    /// SegmentLabel: a name for people, at most 64 characters.
    pub name: String,
    /// What kind of thing it is: an anatomical structure, a tissue, a morphologically abnormal structure.
    pub category: Code,
    /// What it is: a liver, a nodule.
    pub property_type: Code,
    /// More about what it is, most often left or right.
    pub modifier: Option<Code>,
    /// Who found it.
    pub algorithm: Algorithm,
    /// Colour for display: red, green, blue. Files hold it as CIELab; the last bit may change.
    pub color: Option<[u8; 3]>,
    /// Which thing it is over time.
    pub tracking: Option<Tracking>,
}

impl Segment {
    /// A segment of a name. Names of common organs, such as `liver`, `left lung`, `kidney_right`, `Lung upper lobe left`, get
    /// their codes of SNOMED CT; any other is a tissue without further code. Found by "medburn".
    pub fn named(number: u16, name: impl Into<String>) -> Self {
        let name = name.into();
        let organs::Meaning { category, property_type, modifier } = organs::meaning_of(&name);
        Self {
            number,
            name,
            category,
            property_type,
            modifier,
            algorithm: Algorithm::Automatic("medburn".to_string()),
            color: None,
            tracking: None,
        }
    }

    /// With codes for its category and type.
    #[must_use]
    pub fn coded(self, category: Code, property_type: Code) -> Self {
        Self { category, property_type, modifier: None, ..self }
    }

    /// With a modifier of its type.
    #[must_use]
    pub fn modifier(self, modifier: Code) -> Self {
        Self { modifier: Some(modifier), ..self }
    }

    /// With the one who found it.
    #[must_use]
    pub fn algorithm(self, algorithm: Algorithm) -> Self {
        Self { algorithm, ..self }
    }

    /// With a colour: red, green, blue.
    #[must_use]
    pub fn color(self, rgb: [u8; 3]) -> Self {
        Self { color: Some(rgb), ..self }
    }

    /// With an identity over time.
    #[must_use]
    pub fn tracking(self, id: impl Into<String>, uid: impl Into<String>) -> Self {
        Self { tracking: Some(Tracking { id: id.into(), uid: uid.into() }), ..self }
    }
}

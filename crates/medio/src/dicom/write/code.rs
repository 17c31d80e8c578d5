//! Coded concepts (PS3.3 8.8).

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::data_set::NewDataSet;

/// A concept by its code in a coding scheme, as in `(10200004, SCT, "Liver")`.
///
/// ```
/// use medio::dicom::Code;
/// let liver = Code::sct("10200004", "Liver");
/// assert_eq!(liver.scheme, "SCT");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Code {
    /// The code, such as `10200004`.
    pub value: String,
    /// The coding scheme: `SCT` (SNOMED CT), `DCM`, `UCUM`, `LN`, `99...` for private ones.
    pub scheme: String,
    /// What it means, for people; at most 64 characters.
    pub meaning: String,
}

impl Code {
    /// A code of any scheme.
    pub fn new(value: impl Into<String>, scheme: impl Into<String>, meaning: impl Into<String>) -> Self {
        Self { value: value.into(), scheme: scheme.into(), meaning: meaning.into() }
    }

    /// A code of SNOMED CT.
    pub fn sct(value: impl Into<String>, meaning: impl Into<String>) -> Self {
        Self::new(value, "SCT", meaning)
    }

    /// A code of DICOM's own terms (PS3.16 Annex D).
    pub fn dcm(value: impl Into<String>, meaning: impl Into<String>) -> Self {
        Self::new(value, "DCM", meaning)
    }

    /// A unit of measurement.
    pub fn ucum(value: impl Into<String>, meaning: impl Into<String>) -> Self {
        Self::new(value, "UCUM", meaning)
    }

    /// Whether both stand for the same concept, whatever their meanings say.
    pub fn is_same(&self, other: &Self) -> bool {
        self.value == other.value && self.scheme == other.scheme
    }

    /// As an item of a code sequence.
    pub(in crate::dicom) fn item(&self) -> NewDataSet {
        let mut item = NewDataSet::new();
        // The standard has another attribute for each length (PS3.3 8.1).
        let tag = match () {
            () if self.value.starts_with("urn:") || self.value.contains("://") => tags::URN_CODE_VALUE,
            () if self.value.len() > 16 => tags::LONG_CODE_VALUE,
            () => tags::CODE_VALUE,
        };
        item.text(tag, &self.value)
            .text(tags::CODING_SCHEME_DESIGNATOR, &self.scheme)
            .text(tags::CODE_MEANING, &self.meaning);
        item
    }
}

impl NewDataSet {
    /// A code sequence of one item.
    pub(in crate::dicom) fn code(&mut self, tag: Tag, code: &Code) -> &mut Self {
        self.item(tag, code.item())
    }
}

//! How a derived series is written.

use crate::dicom::write::NewSeries;

/// The kind of images (SOP Class).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ImageClass {
    /// CT Image Storage: values in HU, if the volume's are.
    Ct,
    /// MR Image Storage. The rescale of values that are not whole numbers, which its definition leaves out but readers apply, is
    /// written too.
    Mr,
    /// Secondary Capture Image Storage with positions and rescale, which its definition lets be added: for anything else.
    SecondaryCapture,
}

/// How a derived series is written.
///
/// ```
/// use medio::dicom::NewSeries;
/// use medio::dicom::derived::DerivedOptions;
/// let options = DerivedOptions::new()
///     .series(NewSeries::new("denoised").number(200))
///     .description("non-local means, h = 0.1");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DerivedOptions {
    pub(super) series: NewSeries,
    pub(super) class: Option<ImageClass>,
    pub(super) description: String,
}

impl Default for DerivedOptions {
    fn default() -> Self {
        Self { series: NewSeries::new("Derived"), class: None, description: String::new() }
    }
}

impl DerivedOptions {
    /// The default.
    pub fn new() -> Self {
        Self::default()
    }

    /// The new series. Default: "Derived", number 1.
    #[must_use]
    pub fn series(self, series: NewSeries) -> Self {
        Self { series, ..self }
    }

    /// The kind of images. Default: by the modality of the source, CT and MR as such, anything else as secondary captures.
    #[must_use]
    pub fn class(self, class: ImageClass) -> Self {
        Self { class: Some(class), ..self }
    }

    /// DerivationDescription: what was done, at most 1024 characters. Default: the description of the series.
    #[must_use]
    pub fn description(self, text: impl Into<String>) -> Self {
        Self { description: text.into(), ..self }
    }
}

/// A study for a volume that has none. Nobody's, unless the caller says whose it is.
///
/// ```
/// use medio::dicom::derived::NewStudy;
/// let study = NewStudy::new().patient("PHANTOM^ONE", "P1").description("from NIfTI");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewStudy {
    pub(super) patient_name: String,
    pub(super) patient_id: String,
    pub(super) description: String,
    pub(super) study_uid: Option<String>,
    pub(super) frame_of_reference_uid: Option<String>,
}

impl NewStudy {
    /// A new study without a patient's name or ID.
    pub fn new() -> Self {
        Self::default()
    }

    /// PatientName (as in `FAMILY^GIVEN`) and PatientID.
    #[must_use]
    pub fn patient(self, name: impl Into<String>, id: impl Into<String>) -> Self {
        Self { patient_name: name.into(), patient_id: id.into(), ..self }
    }

    /// StudyDescription.
    #[must_use]
    pub fn description(self, text: impl Into<String>) -> Self {
        Self { description: text.into(), ..self }
    }

    /// StudyInstanceUID and FrameOfReferenceUID, so that several volumes come into one study. Default: new ones.
    #[must_use]
    pub fn uids(self, study: impl Into<String>, frame_of_reference: impl Into<String>) -> Self {
        Self {
            study_uid: Some(study.into()),
            frame_of_reference_uid: Some(frame_of_reference.into()),
            ..self
        }
    }
}

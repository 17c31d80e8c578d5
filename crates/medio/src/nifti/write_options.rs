//! How to write.

use super::extension::Extension;
use super::report::{Report, Transform, Version};
use crate::stored::{NumberType, Scaling};

/// `NIFTI_XFORM_SCANNER_ANAT`.
const SCANNER: i32 = 1;
/// `NIFTI_XFORM_ALIGNED_ANAT`: what is said of a file that did not say.
const ALIGNED: i32 = 2;

/// How to write a file.
///
/// ```
/// use medio::NumberType;
/// use medio::nifti::{Version, WriteOptions};
/// let options = WriteOptions::new()
///     .version(Version::Nifti2)
///     .description("mean of 4 runs")
///     .scaled(NumberType::I16);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct WriteOptions {
    pub(super) version: Option<Version>,
    pub(super) sform_code: i32,
    pub(super) qform_code: i32,
    pub(super) intent: i32,
    pub(super) description: String,
    pub(super) extensions: Vec<Extension>,
    pub(super) number: Option<NumberType>,
    pub(super) scaling: Option<Scaling>,
    pub(super) level: u32,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self {
            version: None,
            sform_code: SCANNER,
            qform_code: SCANNER,
            intent: 0,
            description: String::new(),
            extensions: Vec::new(),
            number: None,
            scaling: None,
            // Volumes gain little from more effort than this, and take several times longer.
            level: 4,
        }
    }
}

impl WriteOptions {
    /// The default.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a file that was read had: version, transform codes, intent, description and extensions. A file without transforms
    /// gets the code 2 ("aligned to something"), so that its affine is kept without a claim of what it means.
    pub fn like(report: &Report) -> Self {
        let (sform_code, qform_code) = match report.transform {
            Transform::Pixdim | Transform::AnalyzeOrigin => (ALIGNED, 0),
            Transform::Sform { .. } | Transform::Qform { .. } => (report.sform_code, report.qform_code),
        };
        Self {
            version: (report.version == Version::Nifti2).then_some(Version::Nifti2),
            sform_code: sform_code.max(0),
            qform_code: qform_code.max(0),
            intent: report.intent,
            description: report.description.clone(),
            extensions: report.extensions.clone(),
            ..Self::default()
        }
    }

    /// Version of the format. Default: NIfTI-1, or NIfTI-2 for an extent above 32 767.
    #[must_use]
    pub fn version(self, version: Version) -> Self {
        Self { version: Some(version), ..self }
    }

    /// What the coordinates are aligned to: 1 scanner, 2 another scan, 3 Talairach, 4 MNI 152, 5 another template; 0 leaves that
    /// transform out. Default: 1 for both. A qform that cannot hold the affine (a shear such as gantry tilt) is left out.
    #[must_use]
    pub fn transform_codes(self, sform: i32, qform: i32) -> Self {
        Self { sform_code: sform, qform_code: qform, ..self }
    }

    /// `intent_code`: what the values are. Default: 0, nothing said.
    #[must_use]
    pub fn intent(self, code: i32) -> Self {
        Self { intent: code, ..self }
    }

    /// `descrip`, at most 79 bytes. Default: empty.
    #[must_use]
    pub fn description(self, text: impl Into<String>) -> Self {
        Self { description: text.into(), ..self }
    }

    /// Header extensions. Default: none.
    #[must_use]
    pub fn extensions(self, extensions: Vec<Extension>) -> Self {
        Self { extensions, ..self }
    }

    /// Stores integers or another type of numbers than the volume has, with the scaling that spreads the values over all of its
    /// range; whole numbers that fit are stored as they are. [`WriteReport::max_error`] says what is lost.
    #[must_use]
    pub fn scaled(self, number: NumberType) -> Self {
        Self { number: Some(number), scaling: None, ..self }
    }

    /// As [`scaled`](Self::scaled), with a scaling of the caller's: `value = slope * stored + inter`. NIfTI-1 rounds it to `f32`.
    #[must_use]
    pub fn scaled_by(self, number: NumberType, scaling: Scaling) -> Self {
        Self { number: Some(number), scaling: Some(scaling), ..self }
    }

    /// Effort of the compression from 0 to 9, where the name asks for it. Default: 4.
    #[must_use]
    pub fn level(self, level: u32) -> Self {
        Self { level: level.min(9), ..self }
    }
}

/// How a file was written.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct WriteReport {
    /// Version of the format.
    pub version: Version,
    /// The scaling of the stored numbers, if any.
    pub scaling: Option<Scaling>,
    /// The largest distance between a value and what a reader will find, in the values' unit; 0 where nothing was converted.
    pub max_error: f64,
}

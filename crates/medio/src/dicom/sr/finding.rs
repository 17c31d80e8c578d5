//! What a report says about one thing.

use medcore::{Box3, Lps, PixelBox};

use crate::dicom::write::Code;

/// Where a finding is.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Region {
    /// A box in the patient, LPS in mm.
    Box(Box3<Lps>),
    /// A rectangle on an image of the source series, such as a projection.
    Rectangle {
        /// SOPInstanceUID of its file.
        sop_instance_uid: String,
        /// Which frame of a multi-frame file, counted from 1.
        frame: Option<u32>,
        /// The rectangle, in pixels from the outer corner of the first one, which is also how DICOM counts (PS3.3 C.18.6.1.1).
        pixels: PixelBox,
    },
}

/// A part of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Which.
    pub code: Code,
    /// On which side.
    pub laterality: Option<Code>,
}

/// A number with its unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// What was measured, such as `(410668003, SCT, "Length")`.
    pub quantity: Code,
    /// The number, in that unit.
    pub value: f64,
    /// A code of UCUM, such as `(mm, UCUM, "millimeter")`.
    pub unit: Code,
}

impl Measurement {
    /// A number with its unit.
    pub const fn new(quantity: Code, value: f64, unit: Code) -> Self {
        Self { quantity, value, unit }
    }

    /// A length in mm.
    pub fn length_mm(value: f64) -> Self {
        Self::new(Code::sct("410668003", "Length"), value, Code::ucum("mm", "millimeter"))
    }

    /// A volume in mm3.
    pub fn volume_mm3(value: f64) -> Self {
        Self::new(Code::sct("118565006", "Volume"), value, Code::ucum("mm3", "cubic millimeter"))
    }
}

/// One thing that was found.
///
/// ```
/// use medcore::{Box3, Point3};
/// use medio::dicom::Code;
/// use medio::dicom::sr::{Finding, Measurement, Region};
/// let b = Box3::new(Point3::new(10.0, -40.0, -120.0), Point3::new(18.0, -31.0, -112.0))?;
/// let nodule = Finding::new("nodule 1", Region::Box(b))
///     .finding(Code::sct("27925004", "Nodule"))
///     .site(Code::sct("39607008", "Lung"), Some(Code::sct("24028007", "Right")))
///     .score(0.93)
///     .measurement(Measurement::length_mm(9.2));
/// # Ok::<(), medcore::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// A name for people that tells it from the others, over time too.
    pub tracking_id: String,
    /// The same as a UID; `None` in a finding that is to be written gets a new one.
    pub tracking_uid: Option<String>,
    /// Where it is.
    pub region: Region,
    /// What it is.
    pub finding: Option<Code>,
    /// In which part of the body.
    pub site: Option<Site>,
    /// How certain it is: 0 to 1.
    pub score: Option<f64>,
    /// What was measured.
    pub measurements: Vec<Measurement>,
}

impl Finding {
    /// A region with a name, and nothing else said about it.
    pub fn new(tracking_id: impl Into<String>, region: Region) -> Self {
        Self {
            tracking_id: tracking_id.into(),
            tracking_uid: None,
            region,
            finding: None,
            site: None,
            score: None,
            measurements: Vec::new(),
        }
    }

    /// With its identity over time.
    #[must_use]
    pub fn tracking_uid(self, uid: impl Into<String>) -> Self {
        Self { tracking_uid: Some(uid.into()), ..self }
    }

    /// With what it is.
    #[must_use]
    pub fn finding(self, code: Code) -> Self {
        Self { finding: Some(code), ..self }
    }

    /// With the part of the body, and the side.
    #[must_use]
    pub fn site(self, code: Code, laterality: Option<Code>) -> Self {
        Self { site: Some(Site { code, laterality }), ..self }
    }

    /// With its certainty, 0 to 1.
    #[must_use]
    pub fn score(self, score: f64) -> Self {
        Self { score: Some(score), ..self }
    }

    /// With one more measurement.
    #[must_use]
    pub fn measurement(mut self, measurement: Measurement) -> Self {
        self.measurements.push(measurement);
        self
    }
}

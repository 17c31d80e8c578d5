//! What the caller says about a series that is written.

use std::time::SystemTime;

/// The series that a new object, or a volume, becomes.
///
/// ```
/// use medio::dicom::NewSeries;
/// let series = NewSeries::new("Organs").number(300);
/// // The same bytes each time, for tests and pipelines that compare their results:
/// let fixed = NewSeries::new("Organs").uid_seed("run 1").time(std::time::SystemTime::UNIX_EPOCH);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSeries {
    pub(in crate::dicom) description: String,
    pub(in crate::dicom) number: u32,
    pub(in crate::dicom) seed: Option<String>,
    pub(in crate::dicom) time: Option<SystemTime>,
}

impl NewSeries {
    /// A series of this description (at most 64 characters), number 1.
    pub fn new(description: impl Into<String>) -> Self {
        Self { description: description.into(), number: 1, seed: None, time: None }
    }

    /// SeriesNumber. Default: 1.
    #[must_use]
    pub fn number(self, number: u32) -> Self {
        Self { number, ..self }
    }

    /// Derives all UIDs from this text, the study and the kind of object, instead of at random. Two objects of one kind in a
    /// study need two seeds: equal UIDs say that they are one object.
    #[must_use]
    pub fn uid_seed(self, seed: impl Into<String>) -> Self {
        Self { seed: Some(seed.into()), ..self }
    }

    /// The date and time of the content, instead of now. Written in the time zone that the source says, else in UTC.
    #[must_use]
    pub fn time(self, time: SystemTime) -> Self {
        Self { time: Some(time), ..self }
    }
}

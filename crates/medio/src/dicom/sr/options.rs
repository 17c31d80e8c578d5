//! How a report is written.

use crate::dicom::write::{Code, NewSeries};

/// How a report is written.
///
/// ```
/// use medio::dicom::NewSeries;
/// use medio::dicom::sr::SrOptions;
/// let options = SrOptions::new().observer("nodule detector 2").series(NewSeries::new("Nodules").number(301));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SrOptions {
    pub(super) series: NewSeries,
    pub(super) observer: String,
    pub(super) procedure: Code,
}

impl Default for SrOptions {
    fn default() -> Self {
        Self {
            series: NewSeries::new("Measurements"),
            observer: "medburn".to_string(),
            procedure: Code::sct("363679005", "Imaging procedure"),
        }
    }
}

impl SrOptions {
    /// The default.
    pub fn new() -> Self {
        Self::default()
    }

    /// The new series. Default: "Measurements", number 1.
    #[must_use]
    pub fn series(self, series: NewSeries) -> Self {
        Self { series, ..self }
    }

    /// The name of the program that found what is reported. Default: medburn.
    #[must_use]
    pub fn observer(self, name: impl Into<String>) -> Self {
        Self { observer: name.into(), ..self }
    }

    /// The procedure that is reported. Default: an imaging procedure.
    #[must_use]
    pub fn procedure(self, code: Code) -> Self {
        Self { procedure: code, ..self }
    }
}

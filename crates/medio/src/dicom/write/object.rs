//! What all objects have in common: study, series, equipment, SOP Common.

use std::time::SystemTime;

use dicom_dictionary_std::tags;

use super::clock;
use super::data_set::NewDataSet;
use super::new_series::NewSeries;
use super::origin::Origin;
use super::uid::Uids;

/// Who makes the objects.
pub(in crate::dicom) const MANUFACTURER: &str = "medburn";
pub(in crate::dicom) const MODEL: &str = "medio";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A series that is being written.
pub(in crate::dicom) struct Output {
    pub(in crate::dicom) uids: Uids,
    pub(in crate::dicom) frame_of_reference: String,
    /// What is the same in all of its objects.
    pub(in crate::dicom) common: NewDataSet,
}

impl Output {
    /// `kind` tells the objects that are derived from one seed in one study apart.
    pub(in crate::dicom) fn new(origin: &Origin, series: &NewSeries, modality: &str, kind: &str) -> Self {
        let uids = Uids::new(series.seed.as_deref(), &[&origin.study_uid, &origin.series_uid, kind]);
        let time = series.time.unwrap_or_else(SystemTime::now);
        let stamp = clock::stamp(time, origin.timezone.as_deref());
        let frame_of_reference = if origin.frame_of_reference.is_empty() {
            uids.of("frame of reference")
        } else {
            origin.frame_of_reference.clone()
        };
        let mut common = origin.study.clone();
        common
            .text(tags::MODALITY, modality)
            .text(tags::SERIES_INSTANCE_UID, uids.of("series"))
            .integer(tags::SERIES_NUMBER, series.number)
            .text(tags::SERIES_DESCRIPTION, &series.description)
            .text(tags::SERIES_DATE, &stamp.date)
            .text(tags::SERIES_TIME, &stamp.time)
            .text(tags::CONTENT_DATE, &stamp.date)
            .text(tags::CONTENT_TIME, &stamp.time)
            .text(tags::INSTANCE_CREATION_DATE, &stamp.date)
            .text(tags::INSTANCE_CREATION_TIME, &stamp.time)
            .text(tags::MANUFACTURER, MANUFACTURER)
            .text(tags::MANUFACTURER_MODEL_NAME, MODEL)
            .text(tags::SOFTWARE_VERSIONS, VERSION)
            // Software has no serial number, but the attribute must have a value.
            .text(tags::DEVICE_SERIAL_NUMBER, VERSION);
        Self { uids, frame_of_reference, common }
    }
}

/// The UID of a new study.
pub(in crate::dicom) fn new_study_uid(series: &NewSeries, patient: &str) -> String {
    Uids::new(series.seed.as_deref(), &[patient]).of("study")
}

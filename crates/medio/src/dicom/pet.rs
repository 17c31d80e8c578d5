//! From the headers of PET images to the factor of their SUV.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::dataset::DataSet;
use super::header::{FileHeader, Header};
use super::private;
use super::suv::{self, NoSuv, PetAttributes, SuvKind};
use super::time::{Moment, parse_time, zone_of};
use crate::error::{Error, Result};

const PHILIPS: &str = "Philips PET Private Group";

/// The factor from each image's rescaled values to SUV, in the order of `wanted`, which are some of the images of a volume: when
/// the scan started depends on all of these.
pub(super) fn factors(volume: &[&Header], wanted: &[&Header], kind: SuvKind) -> Result<Vec<f64>> {
    let mut files: HashMap<*const FileHeader, PetAttributes> = HashMap::new();
    for header in volume {
        if let Entry::Vacant(unknown) = files.entry(Arc::as_ptr(&header.file)) {
            unknown.insert(attributes(header.read_elements()?.data_set()));
        }
    }
    let first = files.values().filter_map(|pet| pet.acquisition).min_by(|a, b| a.order(*b));
    let factor = |header: &&Header| {
        let pet = files.get(&Arc::as_ptr(&header.file)).ok_or(NoSuv::Missing("Units"));
        pet.and_then(|pet| suv::factor(pet, kind, first)).map_err(|reason| refusal(header, reason))
    };
    wanted.iter().map(factor).collect()
}

fn refusal(header: &Header, reason: NoSuv) -> Error {
    let path = header.label();
    match reason {
        NoSuv::Missing(attribute) => Error::MissingAttribute { path, attribute },
        NoSuv::Unfit { attribute, expected, found } => {
            Error::Invalid { path, what: attribute, expected: format!("{expected} for SUV"), found }
        }
    }
}

fn attributes(set: DataSet<'_>) -> PetAttributes {
    let text = |tag: Tag| set.get(tag).map(|e| e.text()).unwrap_or_default();
    let number = |tag: Tag| set.get(tag).and_then(|e| e.decimal());
    let moment = |date: Tag, time: Tag| Moment::new(&text(date), &text(time));
    let zone = zone_of(&text(tags::TIMEZONE_OFFSET_FROM_UTC));
    let tracer = set.item(tags::RADIOPHARMACEUTICAL_INFORMATION_SEQUENCE);
    let of_tracer = |tag: Tag| tracer.and_then(|item| item.get(tag));
    PetAttributes {
        units: text(tags::UNITS),
        suv_type: text(tags::SUV_TYPE),
        corrected: set.get(tags::CORRECTED_IMAGE).map(|e| e.texts().collect()).unwrap_or_default(),
        decay_correction: text(tags::DECAY_CORRECTION),
        series: moment(tags::SERIES_DATE, tags::SERIES_TIME),
        acquisition: moment(tags::ACQUISITION_DATE, tags::ACQUISITION_TIME),
        ge_scan: private::find(set, 0x0009, "GEMS_PETD_01", 0x0D)
            .and_then(|e| Moment::parse(&e.text(), zone)),
        frame_reference_ms: number(tags::FRAME_REFERENCE_TIME),
        frame_duration_ms: number(tags::ACTUAL_FRAME_DURATION),
        injection: of_tracer(tags::RADIOPHARMACEUTICAL_START_DATE_TIME)
            .and_then(|e| Moment::parse(&e.text(), zone)),
        injection_time: of_tracer(tags::RADIOPHARMACEUTICAL_START_TIME).and_then(|e| parse_time(&e.text())),
        dose: of_tracer(tags::RADIONUCLIDE_TOTAL_DOSE).and_then(|e| e.decimal()),
        half_life: of_tracer(tags::RADIONUCLIDE_HALF_LIFE).and_then(|e| e.decimal()),
        weight: number(tags::PATIENT_WEIGHT),
        height: number(tags::PATIENT_SIZE),
        sex: text(tags::PATIENT_SEX),
        philips_suv: private::find(set, 0x7053, PHILIPS, 0x00).and_then(|e| e.decimal()),
        philips_activity: private::find(set, 0x7053, PHILIPS, 0x09).and_then(|e| e.decimal()),
    }
}

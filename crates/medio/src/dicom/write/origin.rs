//! The study that a new object belongs to, and the images that it came from.

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::charset::Charset;
use super::data_set::NewDataSet;
use super::plane::Plane;
use crate::dicom::dataset::DataSet;
use crate::dicom::header::Header;
use crate::dicom::{ImageRef, Series};
use crate::error::{Error, Result};

/// The attributes of the Patient, General Study and Patient Study modules (PS3.3 C.7.1.1, C.7.2.1, C.7.2.2) that tell whose
/// study this is, all of them text.
const COPIED: [Tag; 23] = [
    tags::STUDY_DATE,
    tags::STUDY_TIME,
    tags::ACCESSION_NUMBER,
    tags::REFERRING_PHYSICIAN_NAME,
    tags::TIMEZONE_OFFSET_FROM_UTC,
    tags::STUDY_DESCRIPTION,
    tags::PATIENT_NAME,
    tags::PATIENT_ID,
    tags::ISSUER_OF_PATIENT_ID,
    tags::TYPE_OF_PATIENT_ID,
    tags::PATIENT_BIRTH_DATE,
    tags::PATIENT_SEX,
    tags::PATIENT_AGE,
    tags::PATIENT_SIZE,
    tags::PATIENT_WEIGHT,
    tags::PATIENT_IDENTITY_REMOVED,
    tags::DEIDENTIFICATION_METHOD,
    tags::LONGITUDINAL_TEMPORAL_INFORMATION_MODIFIED,
    tags::CLINICAL_TRIAL_SPONSOR_NAME,
    tags::CLINICAL_TRIAL_PROTOCOL_ID,
    tags::CLINICAL_TRIAL_SUBJECT_ID,
    tags::STUDY_ID,
    tags::STUDY_INSTANCE_UID,
];

/// Attributes of the series that hold for images derived from it too, all of them text.
const SERIES: [Tag; 3] = [tags::BODY_PART_EXAMINED, tags::LATERALITY, tags::PATIENT_POSITION];

/// How the images were taken (PS3.3 C.8.2.1, C.8.3.1), for derived ones of the same kind.
const ACQUISITION: [Tag; 9] = [
    tags::SCANNING_SEQUENCE,
    tags::SEQUENCE_VARIANT,
    tags::SCAN_OPTIONS,
    tags::MR_ACQUISITION_TYPE,
    tags::KVP,
    tags::REPETITION_TIME,
    tags::ECHO_TIME,
    tags::MAGNETIC_FIELD_STRENGTH,
    tags::ECHO_TRAIN_LENGTH,
];

/// Attributes that must be there, if only empty (type 2).
const ALWAYS: [Tag; 9] = [
    tags::STUDY_DATE,
    tags::STUDY_TIME,
    tags::ACCESSION_NUMBER,
    tags::REFERRING_PHYSICIAN_NAME,
    tags::PATIENT_NAME,
    tags::PATIENT_ID,
    tags::PATIENT_BIRTH_DATE,
    tags::PATIENT_SEX,
    tags::STUDY_ID,
];

/// An image of the source series.
#[derive(Debug, Clone)]
pub(in crate::dicom) struct SourceImage {
    pub(in crate::dicom) sop_class: String,
    pub(in crate::dicom) sop_instance: String,
    /// Counted from 1, in a multi-frame file.
    pub(in crate::dicom) frame: Option<u32>,
    pub(in crate::dicom) plane: Option<Plane>,
}

/// What a new object takes over.
#[derive(Debug, Clone, Default)]
pub(in crate::dicom) struct Origin {
    /// Patient and study.
    pub(in crate::dicom) study: NewDataSet,
    /// What else holds for images that are derived from the series.
    pub(in crate::dicom) series: NewDataSet,
    /// How they were taken, if they are of the same kind.
    pub(in crate::dicom) acquisition: NewDataSet,
    pub(in crate::dicom) charset: Charset,
    pub(in crate::dicom) timezone: Option<String>,
    pub(in crate::dicom) study_uid: String,
    /// Empty where there is no source series.
    pub(in crate::dicom) series_uid: String,
    /// Empty where positions refer to nothing else.
    pub(in crate::dicom) frame_of_reference: String,
    pub(in crate::dicom) images: Vec<SourceImage>,
}

impl Origin {
    /// The study of a series, from the header of its first file.
    ///
    /// # Errors
    /// [`Error::MissingAttribute`] without UIDs of the study, the series or an image; [`Error::Io`].
    pub(in crate::dicom) fn of(series: &Series) -> Result<Self> {
        let first = series.kept_slices().next();
        let first = first.ok_or_else(|| missing(std::path::Path::new(""), "PixelData"))?;
        let file = first.read_elements()?;
        let source = file.data_set();
        let mut origin = Self {
            study_uid: series.study_uid().to_string(),
            series_uid: series.uid().to_string(),
            frame_of_reference: series.frame_of_reference_uid().to_string(),
            images: series.kept_slices().map(SourceImage::of).collect(),
            ..Self::default()
        };
        for tag in ALWAYS {
            origin.study.text(tag, "");
        }
        for element in source.elements() {
            let groups = [
                (&COPIED[..], &mut origin.study),
                (&SERIES[..], &mut origin.series),
                (&ACQUISITION[..], &mut origin.acquisition),
            ];
            for (tags, data) in groups {
                if tags.contains(&element.tag) {
                    data.copied(element.tag, element.bytes_trimmed());
                }
            }
            match element.tag {
                tags::SPECIFIC_CHARACTER_SET => origin.charset = Charset::new(element.bytes_trimmed()),
                tags::TIMEZONE_OFFSET_FROM_UTC => origin.timezone = Some(element.text()),
                _ => {}
            }
        }
        name_deidentification(&mut origin.study, source);
        let path = &first.path;
        match () {
            () if origin.study_uid.is_empty() => Err(missing(path, "StudyInstanceUID")),
            () if origin.series_uid.is_empty() => Err(missing(path, "SeriesInstanceUID")),
            () if origin.images.iter().any(|i| i.sop_instance.is_empty() || i.sop_class.is_empty()) => {
                Err(missing(path, "SOPInstanceUID"))
            }
            () => Ok(origin),
        }
    }

    /// A new study.
    pub(in crate::dicom) fn new_study(study_uid: String) -> Self {
        let mut origin = Self { study_uid, ..Self::default() };
        for tag in ALWAYS {
            origin.study.text(tag, "");
        }
        origin.study.text(tags::STUDY_INSTANCE_UID, &origin.study_uid);
        origin
    }

    /// The images that lie in a plane, pixel on pixel.
    pub(in crate::dicom) fn images_in<'a>(
        &'a self,
        plane: &'a Plane,
    ) -> impl Iterator<Item = &'a SourceImage> {
        self.images.iter().filter(|image| image.plane.is_some_and(|p| p.is_same(plane)))
    }

    /// The items of a ReferencedInstanceSequence: each file once.
    pub(in crate::dicom) fn instances(&self) -> Vec<NewDataSet> {
        let mut seen = std::collections::HashSet::new();
        let first_of_file = |image: &&SourceImage| seen.insert(image.sop_instance.clone());
        self.images.iter().filter(first_of_file).map(SourceImage::file_reference).collect()
    }

    /// The item of a ReferencedSeriesSequence.
    pub(in crate::dicom) fn referenced_series(&self) -> NewDataSet {
        let mut item = NewDataSet::new();
        item.text(tags::SERIES_INSTANCE_UID, &self.series_uid)
            .items(tags::REFERENCED_INSTANCE_SEQUENCE, self.instances());
        item
    }
}

impl SourceImage {
    fn of(header: &Header) -> Self {
        let reference = ImageRef::of(header);
        Self {
            sop_class: reference.sop_class_uid.to_string(),
            sop_instance: reference.sop_instance_uid.to_string(),
            frame: reference.frame,
            plane: Plane::of_header(header),
        }
    }

    /// A reference to its file.
    pub(in crate::dicom) fn file_reference(&self) -> NewDataSet {
        let mut item = NewDataSet::new();
        item.text(tags::REFERENCED_SOP_CLASS_UID, &self.sop_class)
            .text(tags::REFERENCED_SOP_INSTANCE_UID, &self.sop_instance);
        item
    }

    /// A reference to its image, a frame perhaps.
    pub(in crate::dicom) fn reference(&self) -> NewDataSet {
        let mut item = self.file_reference();
        if let Some(frame) = self.frame {
            item.integer(tags::REFERENCED_FRAME_NUMBER, frame);
        }
        item
    }
}

/// How the patient's identity was removed, where the source says so in codes alone: their meanings.
fn name_deidentification(study: &mut NewDataSet, source: DataSet<'_>) {
    if source.get(tags::DEIDENTIFICATION_METHOD).is_some_and(|e| !e.is_empty()) {
        return;
    }
    let meaning = |item: DataSet<'_>| Some(item.get(tags::CODE_MEANING)?.bytes_trimmed().to_vec());
    let meanings: Vec<_> =
        source.items(tags::DEIDENTIFICATION_METHOD_CODE_SEQUENCE).filter_map(meaning).collect();
    if !meanings.is_empty() {
        study.copied(tags::DEIDENTIFICATION_METHOD, &meanings.join(&b'\\'));
    }
}

fn missing(path: &std::path::Path, attribute: &'static str) -> Error {
    Error::MissingAttribute { path: path.into(), attribute }
}

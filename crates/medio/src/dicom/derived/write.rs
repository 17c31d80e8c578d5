//! Writing series of single images.

use std::path::{Path, PathBuf};

use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use medcore::{Scalar, Volume};

use super::options::{DerivedOptions, ImageClass, NewStudy};
use super::quantize::Quantization;
use crate::dicom::Series;
use crate::dicom::write::{
    Code, NewDataSet, Origin, Output, Plane, Planes, SourceImage, check_single, decimal_text, new_study_uid,
    write_file,
};
use crate::error::{Error, Result};

/// Writes a volume as a new series beside `source`, the one that it was computed from: the same patient, study and frame of
/// reference, ImageType `DERIVED\SECONDARY`. Images on the pixels of a source image refer to it.
///
/// The folder is made if need be and must be empty. It gets one file per slice, `0001.dcm`, `0002.dcm`, ..., ascending along the slice
/// normal; a shear between slices (gantry tilt) is in their positions. Returns the files. Values are stored in 16 bits:
/// see [the module](super) for what is exact.
///
/// ```no_run
/// use medio::dicom::{self, NewSeries, derived};
/// let study = dicom::scan("study/")?;
/// let (volume, _) = study[0].load()?;
/// let smooth = volume.map(|hu| hu.clamp(-200.0, 300.0));
/// let options = derived::DerivedOptions::new().series(NewSeries::new("clamped").number(200));
/// derived::write_series("out/", &smooth, &study[0], &options)?;
/// # Ok::<(), medio::Error>(())
/// ```
///
/// # Errors
/// - [`Error::Invalid`](crate::Error::Invalid): the folder is not empty, a value is not finite, a text that its attribute
///   cannot hold.
/// - [`Error::Unsupported`](crate::Error::Unsupported): an in-plane shear, more than 65 535 rows or columns.
/// - [`Error::MissingAttribute`](crate::Error::MissingAttribute): the source has no UIDs.
/// - [`Error::Io`](crate::Error::Io).
pub fn write_series<T: Scalar>(
    folder: impl AsRef<Path>,
    volume: &Volume<T>,
    source: &Series,
    options: &DerivedOptions,
) -> Result<Vec<PathBuf>> {
    let origin = Origin::of(source)?;
    let class = options.class.unwrap_or(match source.modality() {
        "CT" => ImageClass::Ct,
        "MR" => ImageClass::Mr,
        _ => ImageClass::SecondaryCapture,
    });
    let modality = match class {
        ImageClass::Ct => "CT",
        ImageClass::Mr => "MR",
        ImageClass::SecondaryCapture => source.modality(),
    };
    write(folder.as_ref(), volume, &origin, (class, modality), options)
}

/// Writes a volume as a new study: see [`write_series`]. Without a [class](DerivedOptions::class) the images are secondary
/// captures of modality `OT`.
///
/// ```no_run
/// use medio::dicom::derived::{self, DerivedOptions, ImageClass, NewStudy};
/// let volume = medio::nifti::read("scan.nii.gz")?;
/// let options = DerivedOptions::new().class(ImageClass::Mr);
/// derived::write_study("out/", &volume, &NewStudy::new(), &options)?;
/// # Ok::<(), medio::Error>(())
/// ```
///
/// # Errors
/// As [`write_series`].
pub fn write_study<T: Scalar>(
    folder: impl AsRef<Path>,
    volume: &Volume<T>,
    study: &NewStudy,
    options: &DerivedOptions,
) -> Result<Vec<PathBuf>> {
    let folder = folder.as_ref();
    let uid = study.study_uid.clone();
    let uid = uid.unwrap_or_else(|| new_study_uid(&options.series, &study.patient_id));
    let mut origin = Origin::new_study(uid);
    origin.frame_of_reference = study.frame_of_reference_uid.clone().unwrap_or_default();
    origin
        .study
        .text(tags::PATIENT_NAME, &study.patient_name)
        .text(tags::PATIENT_ID, &study.patient_id)
        .text(tags::STUDY_DESCRIPTION, &study.description);
    check_single(folder, "PatientName", &study.patient_name)?;
    check_single(folder, "PatientID", &study.patient_id)?;
    let class = options.class.unwrap_or(ImageClass::SecondaryCapture);
    let modality = match class {
        ImageClass::Ct => "CT",
        ImageClass::Mr => "MR",
        ImageClass::SecondaryCapture => "OT",
    };
    write(folder, volume, &origin, (class, modality), options)
}

fn write<T: Scalar>(
    folder: &Path,
    volume: &Volume<T>,
    origin: &Origin,
    (class, modality): (ImageClass, &str),
    options: &DerivedOptions,
) -> Result<Vec<PathBuf>> {
    let planes = Planes::of(folder, volume.geometry())?;
    let quantization = Quantization::of(volume.as_slice()).ok_or_else(|| Error::Invalid {
        path: folder.into(),
        what: "voxels",
        expected: "finite values".into(),
        found: "one that is not".into(),
    })?;
    make_empty(folder)?;
    let output = Output::new(origin, &options.series, modality, "derived images");
    let mut common = common(&output, class, &quantization, options, planes.distance);
    common.extend(&origin.series);
    if origin.images.first().is_some_and(|image| image.sop_class == class_uid(class)) {
        common.extend(&origin.acquisition);
    }
    let [_, rows, columns] = volume.size();
    let mut files = Vec::new();
    for (index, (plane, &slice)) in planes.planes.iter().zip(&planes.slices).enumerate() {
        let pixels = volume.as_slice().get(slice * rows * columns..(slice + 1) * rows * columns);
        let stored = pixels.unwrap_or_default().iter().flat_map(|v| quantization.stored(*v)).collect();
        let mut data = common.clone();
        image(&mut data, index, plane, origin);
        data.bytes(tags::PIXEL_DATA, VR::OW, stored);
        let file = folder.join(format!("{:04}.dcm", index + 1));
        write_file(
            &file,
            [class_uid(class), &output.uids.of(&format!("instance {index}"))],
            data,
            &origin.charset,
        )?;
        files.push(file);
    }
    Ok(files)
}

/// A folder of older images would mix with the new ones.
fn make_empty(folder: &Path) -> Result<()> {
    let io = |source| Error::Io { path: folder.into(), source };
    std::fs::create_dir_all(folder).map_err(io)?;
    if std::fs::read_dir(folder).map_err(io)?.next().is_some() {
        let (expected, found) = ("an empty folder".into(), "files in it".into());
        return Err(Error::Invalid { path: folder.into(), what: "output folder", expected, found });
    }
    Ok(())
}

const fn class_uid(class: ImageClass) -> &'static str {
    match class {
        ImageClass::Ct => uids::CT_IMAGE_STORAGE,
        ImageClass::Mr => uids::MR_IMAGE_STORAGE,
        ImageClass::SecondaryCapture => uids::SECONDARY_CAPTURE_IMAGE_STORAGE,
    }
}

/// What all images have in common.
fn common(
    output: &Output,
    class: ImageClass,
    quantization: &Quantization,
    options: &DerivedOptions,
    distance: f64,
) -> NewDataSet {
    let mut data = output.common.clone();
    let description =
        if options.description.is_empty() { &options.series.description } else { &options.description };
    data.text(tags::DERIVATION_DESCRIPTION, description)
        .text(tags::FRAME_OF_REFERENCE_UID, &output.frame_of_reference)
        .text(tags::POSITION_REFERENCE_INDICATOR, "")
        .decimals(tags::SLICE_THICKNESS, &[distance])
        .text(tags::PATIENT_POSITION, "")
        .text(tags::LATERALITY, "")
        .text(tags::PATIENT_ORIENTATION, "")
        .text(tags::BURNED_IN_ANNOTATION, "NO")
        .shorts(tags::SAMPLES_PER_PIXEL, &[1])
        .text(tags::PHOTOMETRIC_INTERPRETATION, "MONOCHROME2")
        .shorts(tags::BITS_ALLOCATED, &[16])
        .shorts(tags::BITS_STORED, &[16])
        .shorts(tags::HIGH_BIT, &[15])
        .shorts(tags::PIXEL_REPRESENTATION, &[u16::from(quantization.signed)]);
    let Quantization { slope, intercept, smallest, largest, .. } = *quantization;
    let as_stored = slope == 1.0 && intercept == 0.0;
    if class == ImageClass::Ct || !as_stored {
        let unit = if class == ImageClass::Ct { "HU" } else { "US" };
        data.text(tags::RESCALE_SLOPE, decimal_text(slope))
            .text(tags::RESCALE_INTERCEPT, decimal_text(intercept))
            .text(tags::RESCALE_TYPE, unit);
    }
    if largest > smallest {
        // All values, from black to white.
        data.decimals(tags::WINDOW_CENTER, &[(smallest + largest) / 2.0])
            .decimals(tags::WINDOW_WIDTH, &[(largest - smallest).max(1.0)]);
    }
    match class {
        ImageClass::Ct => {
            data.text(tags::IMAGE_TYPE, "DERIVED\\SECONDARY\\AXIAL")
                .text(tags::KVP, "")
                .text(tags::ACQUISITION_NUMBER, "");
        }
        ImageClass::Mr => {
            data.text(tags::IMAGE_TYPE, "DERIVED\\SECONDARY\\OTHER")
                .text(tags::SCANNING_SEQUENCE, "RM")
                .text(tags::SEQUENCE_VARIANT, "NONE")
                .text(tags::SCAN_OPTIONS, "")
                .text(tags::MR_ACQUISITION_TYPE, "")
                .text(tags::REPETITION_TIME, "")
                .text(tags::ECHO_TIME, "")
                .text(tags::ECHO_TRAIN_LENGTH, "")
                .decimals(tags::SPACING_BETWEEN_SLICES, &[distance]);
        }
        ImageClass::SecondaryCapture => {
            data.text(tags::IMAGE_TYPE, "DERIVED\\SECONDARY").text(tags::CONVERSION_TYPE, "WSD");
        }
    }
    data
}

/// What each image has of its own.
fn image(data: &mut NewDataSet, index: usize, plane: &Plane, origin: &Origin) {
    data.plane_size(plane)
        .integer(tags::INSTANCE_NUMBER, index as i64 + 1)
        .decimals(tags::IMAGE_POSITION_PATIENT, &plane.position)
        .decimals(tags::IMAGE_ORIENTATION_PATIENT, &plane.orientation)
        .decimals(tags::PIXEL_SPACING, &plane.spacing);
    let purpose = Code::dcm("121322", "Source image for image processing operation");
    let reference = |image: &SourceImage| {
        let mut item = image.reference();
        item.code(tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE, &purpose);
        item
    };
    let sources: Vec<_> = origin.images_in(plane).map(reference).collect();
    if !sources.is_empty() {
        data.items(tags::SOURCE_IMAGE_SEQUENCE, sources);
    }
}

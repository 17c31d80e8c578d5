//! The segmentation object: its modules and functional groups (PS3.3 A.51, A.92).

use std::path::Path;

use dicom_core::{Tag, VR};
use dicom_dictionary_std::{tags, uids};

use super::bits;
use super::color;
use super::options::SegOptions;
use super::segment::{Algorithm, Segment};
use crate::dicom::write::{Code, NewDataSet, Origin, Output, Plane, Planes, SourceImage, write_file};
use crate::error::{Error, Result};

/// Label Map Segmentation Storage (PS3.4 B.5), of 2024.
pub(in crate::dicom) const LABEL_MAP_STORAGE: &str = "1.2.840.10008.5.1.4.1.1.66.7";
/// The value of a fraction of 1.
pub(super) const MAXIMUM_FRACTION: u16 = 255;
/// The most frames: their number is an integer string, of 31 bits.
const MOST_FRAMES: usize = i32::MAX as usize;

/// How pixels are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    Bits,
    Fractions,
    Labels { bits: u16 },
}

/// One frame.
pub(super) struct Frame {
    /// Its segment; 0 in a label map.
    pub(super) segment: u16,
    /// Which plane it is.
    pub(super) plane: usize,
    /// As stored; for bits one byte each.
    pub(super) pixels: Vec<u8>,
}

/// What is written.
pub(super) struct Object<'a> {
    pub(super) stored: Stored,
    pub(super) segments: &'a [Segment],
    pub(super) frames: Vec<Frame>,
    pub(super) overlap: bool,
}

pub(super) fn write(
    path: &Path,
    object: &Object<'_>,
    origin: &Origin,
    planes: &Planes,
    options: &SegOptions,
) -> Result<()> {
    if object.frames.len() > MOST_FRAMES {
        let found = object.frames.len().to_string();
        return Err(Error::Unsupported { path: path.into(), what: "number of frames", found });
    }
    let output = Output::new(origin, &options.series, "SEG", "segmentation");
    let Some(first) = planes.planes.first() else { return Ok(()) };
    let mut data = output.common.clone();
    segmentation_module(&mut data, object, options);
    pixel_module(&mut data, object, first);
    data.item(tags::REFERENCED_SERIES_SEQUENCE, origin.referenced_series())
        .text(tags::FRAME_OF_REFERENCE_UID, &output.frame_of_reference)
        .text(tags::POSITION_REFERENCE_INDICATOR, "");
    dimensions(&mut data, object, &output);
    data.item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, shared_groups(first, planes.distance))
        .items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, frame_groups(object, origin, planes));
    let class = match object.stored {
        Stored::Labels { .. } => LABEL_MAP_STORAGE,
        Stored::Bits | Stored::Fractions => uids::SEGMENTATION_STORAGE,
    };
    write_file(path, [class, &output.uids.of("instance")], data, &origin.charset)
}

fn segmentation_module(data: &mut NewDataSet, object: &Object<'_>, options: &SegOptions) {
    let kind = match object.stored {
        Stored::Bits => "BINARY",
        Stored::Fractions => "FRACTIONAL",
        Stored::Labels { .. } => "LABELMAP",
    };
    data.text(tags::IMAGE_TYPE, "DERIVED\\PRIMARY")
        .integer(tags::INSTANCE_NUMBER, 1)
        .text(tags::CONTENT_LABEL, &options.label)
        .text(tags::CONTENT_DESCRIPTION, &options.series.description)
        .text(tags::CONTENT_CREATOR_NAME, "")
        .text(tags::SEGMENTATION_TYPE, kind)
        .text(tags::LOSSY_IMAGE_COMPRESSION, "00")
        .text(tags::BURNED_IN_ANNOTATION, "NO");
    if object.stored == Stored::Fractions {
        data.text(tags::SEGMENTATION_FRACTIONAL_TYPE, "PROBABILITY")
            .shorts(tags::MAXIMUM_FRACTIONAL_VALUE, &[MAXIMUM_FRACTION]);
    }
    if let Stored::Labels { .. } = object.stored {
        // What has no label is no segment.
        data.shorts(tags::PIXEL_PADDING_VALUE, &[0]);
    }
    let overlap = match (object.stored, object.overlap) {
        (Stored::Fractions, _) => "UNDEFINED",
        (_, true) => "YES",
        (_, false) => "NO",
    };
    data.text(tags::SEGMENTS_OVERLAP, overlap)
        .items(tags::SEGMENT_SEQUENCE, object.segments.iter().map(segment_item).collect());
}

fn segment_item(segment: &Segment) -> NewDataSet {
    let mut property = segment.property_type.item();
    if let Some(modifier) = &segment.modifier {
        property.code(tags::SEGMENTED_PROPERTY_TYPE_MODIFIER_CODE_SEQUENCE, modifier);
    }
    let mut item = NewDataSet::new();
    item.shorts(tags::SEGMENT_NUMBER, &[segment.number])
        .text(tags::SEGMENT_LABEL, &segment.name)
        .code(tags::SEGMENTED_PROPERTY_CATEGORY_CODE_SEQUENCE, &segment.category)
        .item(tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE, property);
    let (kind, name) = match &segment.algorithm {
        Algorithm::Automatic(name) => ("AUTOMATIC", Some(name)),
        Algorithm::SemiAutomatic(name) => ("SEMIAUTOMATIC", Some(name)),
        Algorithm::Manual => ("MANUAL", None),
    };
    item.text(tags::SEGMENT_ALGORITHM_TYPE, kind);
    if let Some(name) = name {
        item.text(tags::SEGMENT_ALGORITHM_NAME, name);
    }
    if let Some(color) = segment.color {
        item.shorts(tags::RECOMMENDED_DISPLAY_CIE_LAB_VALUE, &color::lab_of(color));
    }
    if let Some(tracking) = &segment.tracking {
        item.text(tags::TRACKING_ID, &tracking.id).text(tags::TRACKING_UID, &tracking.uid);
    }
    item
}

fn pixel_module(data: &mut NewDataSet, object: &Object<'_>, plane: &Plane) {
    let bits = match object.stored {
        Stored::Bits => 1,
        Stored::Fractions => 8,
        Stored::Labels { bits } => bits,
    };
    let frames = || object.frames.iter().map(|frame| frame.pixels.as_slice());
    let pixels = match object.stored {
        Stored::Bits => bits::pack(frames()),
        Stored::Fractions | Stored::Labels { .. } => frames().collect::<Vec<_>>().concat(),
    };
    let vr = if bits == 16 { VR::OW } else { VR::OB };
    data.plane_size(plane)
        .integer(tags::NUMBER_OF_FRAMES, object.frames.len() as i64)
        .shorts(tags::SAMPLES_PER_PIXEL, &[1])
        .text(tags::PHOTOMETRIC_INTERPRETATION, "MONOCHROME2")
        .shorts(tags::BITS_ALLOCATED, &[bits])
        .shorts(tags::BITS_STORED, &[bits])
        .shorts(tags::HIGH_BIT, &[bits - 1])
        .shorts(tags::PIXEL_REPRESENTATION, &[0])
        .bytes(tags::PIXEL_DATA, vr, pixels);
}

/// The dimensions of the frames (PS3.3 C.7.6.17): the segment, if there are several masks, and the position.
fn dimensions(data: &mut NewDataSet, object: &Object<'_>, output: &Output) {
    let organization = output.uids.of("dimensions");
    let index = |pointer: Tag, group: Tag, label: &str| {
        let mut item = NewDataSet::new();
        item.text(tags::DIMENSION_ORGANIZATION_UID, &organization)
            .tag(tags::DIMENSION_INDEX_POINTER, pointer)
            .tag(tags::FUNCTIONAL_GROUP_POINTER, group)
            .text(tags::DIMENSION_DESCRIPTION_LABEL, label);
        item
    };
    let mut indices = Vec::new();
    if !matches!(object.stored, Stored::Labels { .. }) {
        let pointer = tags::REFERENCED_SEGMENT_NUMBER;
        indices.push(index(pointer, tags::SEGMENT_IDENTIFICATION_SEQUENCE, "Segment Number"));
    }
    let pointer = tags::IMAGE_POSITION_PATIENT;
    indices.push(index(pointer, tags::PLANE_POSITION_SEQUENCE, "Image Position Patient"));
    let mut item = NewDataSet::new();
    item.text(tags::DIMENSION_ORGANIZATION_UID, &organization);
    data.item(tags::DIMENSION_ORGANIZATION_SEQUENCE, item).items(tags::DIMENSION_INDEX_SEQUENCE, indices);
}

fn shared_groups(plane: &Plane, distance: f64) -> NewDataSet {
    let mut orientation = NewDataSet::new();
    orientation.decimals(tags::IMAGE_ORIENTATION_PATIENT, &plane.orientation);
    let mut measures = NewDataSet::new();
    measures
        .decimals(tags::SLICE_THICKNESS, &[distance])
        .decimals(tags::SPACING_BETWEEN_SLICES, &[distance])
        .decimals(tags::PIXEL_SPACING, &plane.spacing);
    let mut shared = NewDataSet::new();
    shared.item(tags::PLANE_ORIENTATION_SEQUENCE, orientation).item(tags::PIXEL_MEASURES_SEQUENCE, measures);
    shared
}

fn frame_groups(object: &Object<'_>, origin: &Origin, planes: &Planes) -> Vec<NewDataSet> {
    let derivations: Vec<_> = planes.planes.iter().map(|plane| derivation(origin, plane)).collect();
    let group = |frame: &Frame| {
        let mut content = NewDataSet::new();
        let position = frame.plane as u32 + 1;
        let mut group = NewDataSet::new();
        if let Stored::Labels { .. } = object.stored {
            content.longs(tags::DIMENSION_INDEX_VALUES, &[position]);
        } else {
            content.longs(tags::DIMENSION_INDEX_VALUES, &[u32::from(frame.segment), position]);
            let mut segment = NewDataSet::new();
            segment.shorts(tags::REFERENCED_SEGMENT_NUMBER, &[frame.segment]);
            group.item(tags::SEGMENT_IDENTIFICATION_SEQUENCE, segment);
        }
        group.item(tags::FRAME_CONTENT_SEQUENCE, content);
        if let Some(plane) = planes.planes.get(frame.plane) {
            let mut place = NewDataSet::new();
            place.decimals(tags::IMAGE_POSITION_PATIENT, &plane.position);
            group.item(tags::PLANE_POSITION_SEQUENCE, place);
        }
        let derivation = derivations.get(frame.plane).cloned().unwrap_or_default();
        group.items(tags::DERIVATION_IMAGE_SEQUENCE, derivation);
        group
    };
    object.frames.iter().map(group).collect()
}

/// The images that a plane was segmented on, as the items of a DerivationImageSequence.
fn derivation(origin: &Origin, plane: &Plane) -> Vec<NewDataSet> {
    let purpose = Code::dcm("121322", "Source image for image processing operation");
    let reference = |image: &SourceImage| {
        let mut item = image.reference();
        item.text(tags::SPATIAL_LOCATIONS_PRESERVED, "YES")
            .code(tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE, &purpose);
        item
    };
    let sources: Vec<_> = origin.images_in(plane).map(reference).collect();
    if sources.is_empty() {
        return Vec::new();
    }
    let mut item = NewDataSet::new();
    item.code(tags::DERIVATION_CODE_SEQUENCE, &Code::dcm("113076", "Segmentation"))
        .items(tags::SOURCE_IMAGE_SEQUENCE, sources);
    vec![item]
}

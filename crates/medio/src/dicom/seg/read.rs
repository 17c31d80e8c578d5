//! Reading segmentations.

use std::collections::HashSet;
use std::path::Path;

use dicom_dictionary_std::{tags, uids};

use super::color;
use super::grid;
use super::object::LABEL_MAP_STORAGE;
use super::rle;
use super::segment::{Algorithm, Segment, Tracking};
use super::segmentation::{Content, Pixels, Placed, Segmentation};
use crate::dicom::dataset::DataSet;
use crate::dicom::elements::{is_item, is_sequence_end, read_item};
use crate::dicom::object::ObjectFile;
use crate::dicom::write::{Code, Plane};
use crate::error::{Error, Result};

/// Reads a DICOM segmentation (PS3.3 A.51): binary, fractional, or a label map, of this crate or others.
///
/// ```no_run
/// let segmentation = medio::dicom::seg::read("lungs.dcm")?;
/// for segment in segmentation.segments() {
///     let mask = segmentation.mask(segment.number)?;
///     println!("{}: {:?}", segment.name, mask.size());
/// }
/// # Ok::<(), medio::Error>(())
/// ```
///
/// # Errors
/// - [`Error::Invalid`](crate::Error::Invalid): not DICOM, not a segmentation, frames that are on no regular grid or on an
///   absurdly large one, two frames of a segment at one place, a frame of an unknown segment.
/// - [`Error::MissingAttribute`](crate::Error::MissingAttribute), [`Error::Truncated`](crate::Error::Truncated),
///   [`Error::Decode`](crate::Error::Decode): the file is broken.
/// - [`Error::UnsupportedTransferSyntax`](crate::Error::UnsupportedTransferSyntax): a compression other than RLE.
/// - [`Error::Unsupported`](crate::Error::Unsupported): pixels of other than 1, 8 or 16 bits; big endian.
/// - [`Error::Io`](crate::Error::Io).
pub fn read(path: impl AsRef<Path>) -> Result<Segmentation> {
    segmentation(&ObjectFile::read(path.as_ref())?)
}

/// [`read`] of a file in memory; `name` is its name for messages.
///
/// ```no_run
/// let file = std::fs::read("lungs.dcm").unwrap();
/// let segmentation = medio::dicom::seg::read_bytes("lungs.dcm", file)?;
/// # Ok::<(), medio::Error>(())
/// ```
///
/// # Errors
/// As [`read`], but for [`Error::Io`](crate::Error::Io).
pub fn read_bytes(name: impl AsRef<Path>, bytes: Vec<u8>) -> Result<Segmentation> {
    segmentation(&ObjectFile::parse(name.as_ref(), bytes)?)
}

fn segmentation(file: &ObjectFile) -> Result<Segmentation> {
    let data = file.data_set();
    let class = file.text(data, tags::SOP_CLASS_UID);
    if class != uids::SEGMENTATION_STORAGE && class != LABEL_MAP_STORAGE {
        return Err(file.invalid("SOPClassUID", "a segmentation", class));
    }
    let content = match file.text(data, tags::SEGMENTATION_TYPE).as_str() {
        "BINARY" => Content::Binary,
        "FRACTIONAL" => Content::Fractional,
        "LABELMAP" => Content::LabelMap,
        other => return Err(file.invalid("SegmentationType", "BINARY, FRACTIONAL or LABELMAP", other)),
    };
    let maximum = match (content, data.get(tags::MAXIMUM_FRACTIONAL_VALUE).and_then(|e| e.u16())) {
        (Content::Fractional, Some(0)) => return Err(file.invalid("MaximumFractionalValue", "1 or more", 0)),
        (Content::Fractional, Some(maximum)) => maximum,
        (Content::Fractional, None) => return Err(file.missing("MaximumFractionalValue")),
        _ => 1,
    };
    let size = [tags::ROWS, tags::COLUMNS].map(|tag| data.get(tag).and_then(|e| e.u16()).unwrap_or(0));
    if size.contains(&0) {
        return Err(file.invalid("Rows and Columns", "at least 1", format!("{} x {}", size[0], size[1])));
    }
    let segments = segments(file, content)?;
    let described = describe_frames(file, content, size, &segments)?;
    let pixels = pixels(file, content, described.planes.len(), size)?;
    let grid = grid::find(&described.planes, described.between)
        .map_err(|(expected, found)| file.invalid("positions of frames", expected, found))?;
    let frames: Vec<_> = (grid.slices.iter().zip(&described.segments))
        .map(|(slice, segment)| Placed { slice: *slice, segment: *segment })
        .collect();
    let mut taken = HashSet::new();
    if let Some(twice) = frames.iter().find(|f| !taken.insert((f.segment, f.slice))) {
        let found = format!("two of segment {} in slice {}", twice.segment, twice.slice);
        return Err(file.invalid("frames", "one for each segment and place", found));
    }
    let references = data.item(tags::REFERENCED_SERIES_SEQUENCE);
    let instances = references.map(|item| item.items(tags::REFERENCED_INSTANCE_SEQUENCE)).unwrap_or_default();
    Ok(Segmentation {
        content,
        segments,
        geometry: grid.geometry,
        frames,
        unused_descriptions: described.unused,
        pixels,
        maximum,
        study_uid: file.text(data, tags::STUDY_INSTANCE_UID),
        frame_of_reference_uid: file.text(data, tags::FRAME_OF_REFERENCE_UID),
        source_series_uid: references
            .map(|item| file.text(item, tags::SERIES_INSTANCE_UID))
            .filter(|uid| !uid.is_empty()),
        source_instance_uids: instances.map(|i| file.text(i, tags::REFERENCED_SOP_INSTANCE_UID)).collect(),
        path: file.path().to_path_buf(),
    })
}

fn segments(file: &ObjectFile, content: Content) -> Result<Vec<Segment>> {
    let data = file.data_set();
    let background = data.get(tags::PIXEL_PADDING_VALUE).and_then(|e| e.u16()).unwrap_or(0);
    let mut numbers = HashSet::new();
    let mut segments = Vec::new();
    for item in data.items(tags::SEGMENT_SEQUENCE) {
        let number = item.get(tags::SEGMENT_NUMBER).and_then(|e| e.u16());
        let number = number.ok_or_else(|| file.missing("SegmentNumber"))?;
        if !numbers.insert(number) {
            return Err(file.invalid("SegmentNumber", "each once", format!("{number} twice")));
        }
        if content == Content::LabelMap && number == background {
            continue;
        }
        segments.push(segment(file, item, number));
    }
    if segments.is_empty() { Err(file.missing("SegmentSequence")) } else { Ok(segments) }
}

fn segment(file: &ObjectFile, item: DataSet<'_>, number: u16) -> Segment {
    let name = file.text(item, tags::SEGMENT_LABEL);
    let category = file.code(item, tags::SEGMENTED_PROPERTY_CATEGORY_CODE_SEQUENCE);
    let property = item.item(tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE);
    let modifier = property
        .and_then(|property| file.code(property, tags::SEGMENTED_PROPERTY_TYPE_MODIFIER_CODE_SEQUENCE));
    let algorithm_name = file.text(item, tags::SEGMENT_ALGORITHM_NAME);
    let color: Option<Vec<u16>> =
        item.get(tags::RECOMMENDED_DISPLAY_CIE_LAB_VALUE).map(|e| e.u16s().collect());
    let tracking =
        Tracking { id: file.text(item, tags::TRACKING_ID), uid: file.text(item, tags::TRACKING_UID) };
    Segment {
        number,
        name,
        category: category.unwrap_or_else(unknown),
        property_type: file.code(item, tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE).unwrap_or_else(unknown),
        modifier,
        algorithm: match file.text(item, tags::SEGMENT_ALGORITHM_TYPE).as_str() {
            "MANUAL" => Algorithm::Manual,
            "SEMIAUTOMATIC" => Algorithm::SemiAutomatic(algorithm_name),
            _ => Algorithm::Automatic(algorithm_name),
        },
        color: match color.as_deref() {
            Some([l, a, b]) => Some(color::rgb_of([*l, *a, *b])),
            _ => None,
        },
        tracking: (!tracking.uid.is_empty()).then_some(tracking),
    }
}

fn unknown() -> Code {
    Code::new("", "", "")
}

/// What the functional groups say about the frames.
struct Described {
    planes: Vec<Plane>,
    /// The number of each frame's segment; 0 for labels.
    segments: Vec<u16>,
    /// Items beyond those of the frames.
    unused: usize,
    /// Distance of slices in mm.
    between: Option<f64>,
}

fn describe_frames(
    file: &ObjectFile,
    content: Content,
    size: [u16; 2],
    segments: &[Segment],
) -> Result<Described> {
    let data = file.data_set();
    let shared = data.item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE);
    let known: HashSet<u16> = segments.iter().map(|s| s.number).collect();
    let mut described = Described { planes: Vec::new(), segments: Vec::new(), between: None, unused: 0 };
    let frames = data.get(tags::NUMBER_OF_FRAMES).and_then(|e| e.integer()).unwrap_or(1);
    let frames = usize::try_from(frames).unwrap_or(0);
    let items = data.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
    described.unused = items.clone().count().saturating_sub(frames);
    for frame in items.take(frames) {
        // A frame's own group counts before the one of all frames.
        let group = |tag| frame.item(tag).or_else(|| shared?.item(tag));
        let position = group(tags::PLANE_POSITION_SEQUENCE)
            .and_then(|g| g.get(tags::IMAGE_POSITION_PATIENT)?.decimals())
            .ok_or_else(|| file.missing("ImagePositionPatient"))?;
        let orientation = group(tags::PLANE_ORIENTATION_SEQUENCE)
            .and_then(|g| g.get(tags::IMAGE_ORIENTATION_PATIENT)?.decimals())
            .ok_or_else(|| file.missing("ImageOrientationPatient"))?;
        let measures = group(tags::PIXEL_MEASURES_SEQUENCE);
        let spacing: [f64; 2] = measures
            .and_then(|g| g.get(tags::PIXEL_SPACING)?.decimals())
            .ok_or_else(|| file.missing("PixelSpacing"))?;
        if !spacing.iter().all(|mm| *mm > 0.0) {
            return Err(file.invalid("PixelSpacing", "two positive distances", format!("{spacing:?}")));
        }
        if described.between.is_none() {
            let distance = |tag| measures?.get(tag)?.decimal().filter(|mm| *mm != 0.0);
            described.between =
                distance(tags::SPACING_BETWEEN_SLICES).or_else(|| distance(tags::SLICE_THICKNESS));
        }
        let segment = if content == Content::LabelMap {
            0
        } else {
            group(tags::SEGMENT_IDENTIFICATION_SEQUENCE)
                .and_then(|g| g.get(tags::REFERENCED_SEGMENT_NUMBER)?.u16())
                .ok_or_else(|| file.missing("ReferencedSegmentNumber"))?
        };
        if content != Content::LabelMap && !known.contains(&segment) {
            return Err(file.invalid("ReferencedSegmentNumber", "a segment of the file", segment));
        }
        described.planes.push(Plane { position, orientation, spacing, size });
        described.segments.push(segment);
    }
    if described.planes.len() != frames || frames == 0 {
        let found = format!("{} descriptions", described.planes.len());
        return Err(file.invalid(
            "NumberOfFrames",
            "no more than are described",
            format!("{frames} and {found}"),
        ));
    }
    Ok(described)
}

fn pixels(file: &ObjectFile, content: Content, frames: usize, size: [u16; 2]) -> Result<Pixels> {
    let data = file.data_set();
    let unsupported = |what, found: String| Err(Error::Unsupported { path: file.path().into(), what, found });
    let bits =
        data.get(tags::BITS_ALLOCATED).and_then(|e| e.u16()).ok_or_else(|| file.missing("BitsAllocated"))?;
    let fits = match content {
        Content::Binary => matches!(bits, 1 | 8),
        Content::Fractional => bits == 8,
        Content::LabelMap => matches!(bits, 8 | 16),
    };
    if !fits {
        return unsupported("BitsAllocated", bits.to_string());
    }
    let element = data.get(tags::PIXEL_DATA).ok_or_else(|| file.missing("PixelData"))?;
    // At most 2^31 frames of 2^32 pixels.
    let cells = u64::from(size[0]) * u64::from(size[1]);
    let needed = (u128::from(cells) * frames as u128 * u128::from(bits)).div_ceil(8);
    let truncated = |found: usize| Error::Truncated {
        path: file.path().into(),
        what: "pixel data",
        expected: u64::try_from(needed).unwrap_or(u64::MAX),
        found: found as u64,
    };
    let bytes = match file.transfer_syntax() {
        uids::IMPLICIT_VR_LITTLE_ENDIAN
        | uids::EXPLICIT_VR_LITTLE_ENDIAN
        | uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN => {
            let needed = usize::try_from(needed).map_err(|_| truncated(element.value.len()))?;
            element.value.get(..needed).ok_or_else(|| truncated(element.value.len()))?.to_vec()
        }
        uids::RLE_LOSSLESS if bits > 1 => {
            let cells = usize::try_from(cells).map_err(|_| truncated(element.value.len()))?;
            decode_rle(file, element.value, frames, cells, usize::from(bits / 8))?
        }
        "1.2.840.10008.1.2.2" => return unsupported("byte order", "big endian".to_string()),
        other => {
            return Err(Error::UnsupportedTransferSyntax {
                path: file.path().into(),
                uid: other.to_string(),
                name: "compressed segmentation".to_string(),
                feature: None,
            });
        }
    };
    Ok(Pixels { bytes, bits })
}

/// The fragments of a sequence, of which RLE has one for each frame (PS3.5 A.4.2), decoded.
fn decode_rle(
    file: &ObjectFile,
    encoded: &[u8],
    frames: usize,
    cells: usize,
    width: usize,
) -> Result<Vec<u8>> {
    let fail = |reason: String| Error::Decode { path: file.path().into(), syntax: "RLE Lossless", reason };
    let mut fragments = Vec::new();
    let mut at = 0usize;
    while let Some((tag, length)) = read_item(encoded, at) {
        if is_sequence_end(tag) {
            break;
        }
        let fragment = encoded.get(at + 8..).and_then(|rest| rest.get(..length as usize));
        match fragment {
            Some(fragment) if is_item(tag) => fragments.push(fragment),
            _ => return Err(fail("fragments are malformed".to_string())),
        }
        at = at.saturating_add(8).saturating_add(length as usize);
    }
    // The first item is the offset table.
    let fragments = fragments.get(1..).unwrap_or_default();
    if fragments.len() != frames {
        return Err(fail(format!("expected {frames} fragments, found {}", fragments.len())));
    }
    let mut bytes = Vec::new();
    for fragment in fragments {
        let frame =
            rle::decode(fragment, cells, width).ok_or_else(|| fail("a frame is malformed".to_string()))?;
        bytes.extend(frame);
    }
    Ok(bytes)
}

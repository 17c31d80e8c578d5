//! Writing segmentations.

use std::collections::BTreeMap;
use std::path::Path;

use medcore::{Geometry, LabelMap, Volume};

use super::object::{self, Frame, Object, Stored};
use super::options::{SegKind, SegOptions};
use super::segment::Segment;
use crate::dicom::Series;
use crate::dicom::write::{Origin, Planes};
use crate::error::{Error, Result};

/// Writes a label map as a DICOM segmentation (PS3.3 A.51) in the study and frame of reference of `source`, the series that was
/// segmented.
///
/// Slices on the pixels of a source image refer to it; others stand for themselves. The label map is stored on its own grid,
/// slices ascending along the slice normal. What is not labelled is not stored, so that the grid of what is read back
/// may span fewer slices. Returns the segments as they are in the file, with their numbers there: [`SegKind::Binary`]
/// renumbers labels that are not 1, 2, 3, ...
///
/// ```no_run
/// use medcore::LabelMap;
/// use medio::dicom::{self, seg};
/// let study = dicom::scan("study/")?;
/// let (volume, _) = study[0].load()?;
/// let map = LabelMap::new(volume.map(|hu| u16::from(hu < -500.0)));
/// let options = seg::SegOptions::new().segment(seg::Segment::named(1, "lung"));
/// seg::write("lungs.dcm", &map, &study[0], &options)?;
/// # Ok::<(), medio::Error>(())
/// ```
///
/// # Errors
/// - [`Error::Invalid`](crate::Error::Invalid): nothing is labelled; a segment 0, or two of one number; a text that its
///   attribute cannot hold; the label map lies wholly outside of the source, so that it cannot be in the same frame of
///   reference.
/// - [`Error::Unsupported`](crate::Error::Unsupported): an in-plane shear, more than 65 535 rows or columns, more than 4 GiB.
/// - [`Error::MissingAttribute`](crate::Error::MissingAttribute): the source has no UIDs.
/// - [`Error::Io`](crate::Error::Io).
pub fn write(
    path: impl AsRef<Path>,
    map: &LabelMap,
    source: &Series,
    options: &SegOptions,
) -> Result<Vec<Segment>> {
    let path = path.as_ref();
    let mut segments = describe(path, map, options)?;
    let planes = planes(path, map.geometry(), source)?;
    let mut frames = Vec::new();
    let stored = match options.kind {
        SegKind::Binary => {
            for (index, segment) in segments.iter_mut().enumerate() {
                let label = segment.number;
                segment.number = number(path, index)?;
                let pixels = |slice| slice_of(map.volume(), slice).map(|v| u8::from(*v == label)).collect();
                push_frames(&mut frames, segment.number, &planes.1, options, pixels);
            }
            Stored::Bits
        }
        SegKind::LabelMap if segments.iter().all(|s| s.number <= 255) => {
            let pixels = |slice| slice_of(map.volume(), slice).map(|v| *v as u8).collect();
            push_frames(&mut frames, 0, &planes.1, options, pixels);
            Stored::Labels { bits: 8 }
        }
        SegKind::LabelMap => {
            let pixels = |slice| slice_of(map.volume(), slice).flat_map(|v| v.to_le_bytes()).collect();
            push_frames(&mut frames, 0, &planes.1, options, pixels);
            Stored::Labels { bits: 16 }
        }
    };
    save(path, Object { stored, segments: &segments, frames, overlap: false }, planes, options)?;
    Ok(segments)
}

/// Writes masks, 0 and anything else, which may overlap, as a binary segmentation: see [`write()`]. Segments are numbered
/// 1, 2, 3, ... in the order given; `options` need not describe them.
///
/// # Errors
/// As [`write()`]; [`Error::Geometry`](crate::Error::Geometry) when the masks have different grids.
pub fn write_masks(
    path: impl AsRef<Path>,
    masks: &[(Segment, Volume<u8>)],
    source: &Series,
    options: &SegOptions,
) -> Result<Vec<Segment>> {
    let path = path.as_ref();
    let planes = planes(path, common_grid(path, masks)?, source)?;
    let mut frames = Vec::new();
    let segments = renumbered(path, masks)?;
    for (segment, (_, mask)) in segments.iter().zip(masks) {
        let pixels = |slice| slice_of(mask, slice).map(|v| u8::from(*v != 0)).collect();
        push_frames(&mut frames, segment.number, &planes.1, options, pixels);
    }
    let overlap = overlap(masks);
    save(path, Object { stored: Stored::Bits, segments: &segments, frames, overlap }, planes, options)?;
    Ok(segments)
}

/// Writes probabilities, 0 to 1, as a fractional segmentation: see [`write_masks`]. They are rounded to 1/255.
///
/// # Errors
/// As [`write_masks`]; [`Error::Invalid`](crate::Error::Invalid) for a value that is not from 0 to 1.
pub fn write_fractions(
    path: impl AsRef<Path>,
    fractions: &[(Segment, Volume<f32>)],
    source: &Series,
    options: &SegOptions,
) -> Result<Vec<Segment>> {
    let path = path.as_ref();
    let outside = |v: &&f32| !(0.0..=1.0).contains(*v);
    if let Some(found) = fractions.iter().find_map(|(_, volume)| volume.as_slice().iter().find(outside)) {
        return Err(invalid(path, "fraction", "0 to 1", found.to_string()));
    }
    let planes = planes(path, common_grid(path, fractions)?, source)?;
    let mut frames = Vec::new();
    let segments = renumbered(path, fractions)?;
    for (segment, (_, volume)) in segments.iter().zip(fractions) {
        let pixels = |slice| slice_of(volume, slice).map(|v| (v * 255.0).round() as u8).collect();
        push_frames(&mut frames, segment.number, &planes.1, options, pixels);
    }
    let object = Object { stored: Stored::Fractions, segments: &segments, frames, overlap: true };
    save(path, object, planes, options)?;
    Ok(segments)
}

fn save(
    path: &Path,
    object: Object<'_>,
    (origin, planes): (Origin, Planes),
    options: &SegOptions,
) -> Result<()> {
    if object.frames.is_empty() {
        return Err(invalid(path, "label map", "a labelled voxel", "none".to_string()));
    }
    object::write(path, &object, &origin, &planes, options)
}

/// The segments of a label map in the order of their numbers.
fn describe(path: &Path, map: &LabelMap, options: &SegOptions) -> Result<Vec<Segment>> {
    let mut segments = BTreeMap::new();
    for segment in &options.segments {
        if segment.number == 0 {
            return Err(invalid(path, "number of a segment", "1 or more: 0 is the background", "0".into()));
        }
        if segments.insert(segment.number, segment.clone()).is_some() {
            let found = format!("{} twice", segment.number);
            return Err(invalid(path, "numbers of segments", "each once", found));
        }
    }
    for label in map.counts().into_keys().filter(|label| *label != 0) {
        segments.entry(label).or_insert_with(|| match map.labels().get(&label) {
            Some(known) => Segment::named(label, &known.name).color(known.color),
            None => Segment::named(label, format!("Label {label}")),
        });
    }
    Ok(segments.into_values().collect())
}

fn renumbered<T>(path: &Path, given: &[(Segment, T)]) -> Result<Vec<Segment>> {
    let renumber = |(index, (segment, _)): (usize, &(Segment, T))| {
        Ok(Segment { number: number(path, index)?, ..segment.clone() })
    };
    given.iter().enumerate().map(renumber).collect()
}

/// The number of the segment at an index: one more.
fn number(path: &Path, index: usize) -> Result<u16> {
    u16::try_from(index + 1).map_err(|_| Error::Unsupported {
        path: path.into(),
        what: "number of segments",
        found: format!("above {}", u16::MAX),
    })
}

fn common_grid<'a, T: medcore::Scalar>(
    path: &Path,
    given: &'a [(Segment, Volume<T>)],
) -> Result<&'a Geometry> {
    let grids: Vec<_> = given.iter().map(|(_, volume)| volume.geometry()).collect();
    let first = grids.first().ok_or_else(|| invalid(path, "segments", "at least one", "none".into()))?;
    match grids.iter().find(|g| !g.is_close(first, 1e-3)) {
        None => Ok(first),
        Some(other) => Err(Error::Geometry {
            path: path.into(),
            source: medcore::Error::ShapeMismatch {
                expected: first.size().to_vec(),
                found: other.size().to_vec(),
            },
        }),
    }
}

fn planes(path: &Path, geometry: &Geometry, source: &Series) -> Result<(Origin, Planes)> {
    let planes = Planes::of(path, geometry)?;
    let origin = Origin::of(source)?;
    check_reach(path, geometry, &origin)?;
    Ok((origin, planes))
}

/// Whether the grid touches the source at all: if not, it is in another frame of reference, such as RAS.
fn check_reach(path: &Path, geometry: &Geometry, origin: &Origin) -> Result<()> {
    let bounds = geometry.bounds();
    let (mut low, mut high) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
    for corner in origin.images.iter().filter_map(|image| image.plane).flat_map(|plane| plane.corners()) {
        for axis in 0..3 {
            low[axis] = low[axis].min(corner[axis]);
            high[axis] = high[axis].max(corner[axis]);
        }
    }
    let (min, max) = (bounds.min().coords(), bounds.max().coords());
    // Without positions there is nothing to compare.
    if (0..3).any(|axis| min[axis] > high[axis] || max[axis] < low[axis]) && low[0].is_finite() {
        let found = format!("{min:.1?} to {max:.1?}");
        return Err(invalid(
            path,
            "place of the segmentation in LPS mm",
            "one within the source series",
            found,
        ));
    }
    Ok(())
}

fn slice_of<T: medcore::Scalar>(volume: &Volume<T>, slice: usize) -> std::slice::Iter<'_, T> {
    let [_, rows, columns] = volume.size();
    let pixels = rows * columns;
    volume.as_slice().get(slice * pixels..(slice + 1) * pixels).unwrap_or_default().iter()
}

/// The frames of one segment that are to be written.
fn push_frames(
    frames: &mut Vec<Frame>,
    segment: u16,
    planes: &Planes,
    options: &SegOptions,
    pixels: impl Fn(usize) -> Vec<u8>,
) {
    for (plane, &slice) in planes.slices.iter().enumerate() {
        let pixels = pixels(slice);
        if options.empty_frames || pixels.iter().any(|v| *v != 0) {
            frames.push(Frame { segment, plane, pixels });
        }
    }
}

fn overlap(masks: &[(Segment, Volume<u8>)]) -> bool {
    let voxels = masks.first().map_or(0, |(_, mask)| mask.as_slice().len());
    let mut taken = vec![false; voxels];
    for (_, mask) in masks {
        for (taken, v) in taken.iter_mut().zip(mask.as_slice()) {
            if *v != 0 {
                if *taken {
                    return true;
                }
                *taken = true;
            }
        }
    }
    false
}

fn invalid(path: &Path, what: &'static str, expected: &str, found: String) -> Error {
    Error::Invalid { path: path.into(), what, expected: expected.into(), found }
}

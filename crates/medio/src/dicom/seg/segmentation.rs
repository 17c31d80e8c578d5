//! A segmentation that was read.

use std::fmt;
use std::path::PathBuf;

use medcore::{Geometry, Label, LabelMap, Scalar, Volume};

use super::bits;
use super::segment::Segment;
use crate::error::{Error, Result};

/// How a segmentation that was read stores its segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// A mask for each segment; they may overlap.
    Binary,
    /// A probability or occupancy of each voxel for each segment.
    Fractional,
    /// One label per voxel.
    LabelMap,
}

/// What becomes of voxels that are in several segments when these become one label map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Overlap {
    /// An error.
    Reject,
    /// They get the first of the segments, in the order of [`Segmentation::segments`].
    First,
    /// They get the last of the segments.
    Last,
}

/// A frame: the slice that it is, and its segment by number (0 for a frame of labels).
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    pub(super) slice: usize,
    pub(super) segment: u16,
}

/// Pixels of all frames, one frame after the other, in as many bytes as this needs.
#[derive(Clone)]
pub(super) struct Pixels {
    pub(super) bytes: Vec<u8>,
    /// 1, 8 or 16.
    pub(super) bits: u16,
}

/// A DICOM segmentation: what its segments stand for and where they are.
///
/// Its grid spans the frames of the file, which need not be all slices of the images that were segmented;
/// [`LabelMap::resample_to`](medcore::LabelMap::resample_to) brings it to these.
#[derive(Clone)]
pub struct Segmentation {
    pub(super) path: PathBuf,
    pub(super) content: Content,
    pub(super) segments: Vec<Segment>,
    pub(super) geometry: Geometry,
    pub(super) frames: Vec<Placed>,
    pub(super) unused_descriptions: usize,
    pub(super) pixels: Pixels,
    /// The value of a fraction of 1.
    pub(super) maximum: u16,
    pub(super) study_uid: String,
    pub(super) frame_of_reference_uid: String,
    pub(super) source_series_uid: Option<String>,
    pub(super) source_instance_uids: Vec<String>,
}

impl Segmentation {
    /// How it is stored.
    pub const fn content(&self) -> Content {
        self.content
    }

    /// How many items of PerFrameFunctionalGroupsSequence have no frame, as in an excerpt of a file: 0 in a sound one. The first
    /// items are taken to be those of the frames.
    pub const fn unused_descriptions(&self) -> usize {
        self.unused_descriptions
    }

    /// What the segments stand for, in the order of the file; without one for the background.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Where the voxels are: the regular grid of the frames, slices ascending along the slice normal. Slices between frames
    /// are there, and empty.
    pub const fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// StudyInstanceUID.
    pub fn study_uid(&self) -> &str {
        &self.study_uid
    }

    /// FrameOfReferenceUID: positions can be compared with those of images that have the same.
    pub fn frame_of_reference_uid(&self) -> &str {
        &self.frame_of_reference_uid
    }

    /// SeriesInstanceUID of the images that were segmented, where the file says so.
    pub fn source_series_uid(&self) -> Option<&str> {
        self.source_series_uid.as_deref()
    }

    /// SOPInstanceUIDs of the images that were segmented.
    pub fn source_instance_uids(&self) -> &[String] {
        &self.source_instance_uids
    }

    /// The voxels of a segment as 1, all others as 0. Of a fractional segmentation those of 0.5 or more.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is no such segment, [`Error::Geometry`] when there is no memory.
    pub fn mask(&self, segment: u16) -> Result<Volume<u8>> {
        let half = u32::from(self.maximum);
        match self.content {
            Content::Binary => self.gather(segment, |v| u8::from(v != 0)),
            Content::Fractional => self.gather(segment, |v| u8::from(2 * u32::from(v) >= half)),
            Content::LabelMap => self.gather(segment, |v| u8::from(v == segment)),
        }
    }

    /// The fraction of each voxel that belongs to a segment, or the probability that it does: 0 to 1. Of a binary segmentation
    /// or a label map either 0 or 1.
    ///
    /// # Errors
    /// As [`Segmentation::mask`].
    pub fn fraction(&self, segment: u16) -> Result<Volume<f32>> {
        let maximum = f32::from(self.maximum);
        match self.content {
            Content::Binary => self.gather(segment, |v| f32::from(u8::from(v != 0))),
            Content::Fractional => self.gather(segment, |v| f32::from(v) / maximum),
            Content::LabelMap => self.gather(segment, |v| f32::from(u8::from(v == segment))),
        }
    }

    /// All segments in one volume, by their numbers, with their names. Fractions count from 0.5 up.
    ///
    /// # Errors
    /// [`Error::OverlappingSegments`] when a voxel is in several, [`Error::Geometry`] when there is no memory.
    pub fn to_label_map(&self) -> Result<LabelMap> {
        self.to_label_map_with(Overlap::Reject)
    }

    /// [`Segmentation::to_label_map`] with a choice of what becomes of voxels in several segments.
    ///
    /// # Errors
    /// As [`Segmentation::to_label_map`].
    pub fn to_label_map_with(&self, overlap: Overlap) -> Result<LabelMap> {
        let label = |s: &Segment| {
            let color = s.color.unwrap_or(DEFAULT_COLOR);
            (s.number, Label { name: s.name.clone(), color })
        };
        let labels = self.segments.iter().map(label);
        if self.content == Content::LabelMap {
            return Ok(LabelMap::new(self.gather_all(|v| v)?).with_labels(labels));
        }
        let mut voxels = self.allocate::<u16>()?;
        let half = u32::from(self.maximum).div_ceil(2).max(1);
        let mut frame = Vec::new();
        // By segment, so that "first" and "last" do not depend on the order of the frames.
        for segment in &self.segments {
            let of_segment = |(_, f): &(usize, &Placed)| f.segment == segment.number;
            for (index, placed) in self.frames.iter().enumerate().filter(of_segment) {
                self.read_frame(index, &mut frame);
                for (out, v) in self.slice_mut(&mut voxels, placed.slice).iter_mut().zip(&frame) {
                    if u32::from(*v) < half {
                        continue;
                    }
                    match (*out, overlap) {
                        (0, _) | (_, Overlap::Last) => *out = segment.number,
                        (_, Overlap::First) => {}
                        (first, Overlap::Reject) => {
                            let path = self.path.clone();
                            return Err(Error::OverlappingSegments { path, first, second: segment.number });
                        }
                    }
                }
            }
        }
        Ok(LabelMap::new(self.volume(voxels)?).with_labels(labels))
    }

    /// The frames of one segment, or of labels, on the grid.
    fn gather<T: Scalar>(&self, segment: u16, value: impl Fn(u16) -> T) -> Result<Volume<T>> {
        if !self.segments.iter().any(|s| s.number == segment) {
            return Err(Error::Invalid {
                path: self.path.clone(),
                what: "segment",
                expected: format!("one of {:?}", self.segments.iter().map(|s| s.number).collect::<Vec<_>>()),
                found: segment.to_string(),
            });
        }
        let wanted = if self.content == Content::LabelMap { 0 } else { segment };
        self.gather_frames(wanted, value)
    }

    fn gather_all<T: Scalar>(&self, value: impl Fn(u16) -> T) -> Result<Volume<T>> {
        self.gather_frames(0, value)
    }

    fn gather_frames<T: Scalar>(&self, wanted: u16, value: impl Fn(u16) -> T) -> Result<Volume<T>> {
        let mut voxels = self.allocate::<T>()?;
        let mut frame = Vec::new();
        for (index, placed) in self.frames.iter().enumerate().filter(|(_, f)| f.segment == wanted) {
            self.read_frame(index, &mut frame);
            for (out, v) in self.slice_mut(&mut voxels, placed.slice).iter_mut().zip(&frame) {
                *out = value(*v);
            }
        }
        self.volume(voxels)
    }

    fn allocate<T: Scalar>(&self) -> Result<Vec<T>> {
        medcore::zeroed(self.geometry.voxels())
            .map_err(|source| Error::Geometry { path: self.path.clone(), source })
    }

    fn volume<T: Scalar>(&self, voxels: Vec<T>) -> Result<Volume<T>> {
        Volume::from_vec(voxels, self.geometry)
            .map_err(|source| Error::Geometry { path: self.path.clone(), source })
    }

    fn pixels_of_frame(&self) -> usize {
        let [_, rows, columns] = self.geometry.size();
        rows * columns
    }

    fn slice_mut<'a, T>(&self, voxels: &'a mut [T], slice: usize) -> &'a mut [T] {
        let pixels = self.pixels_of_frame();
        voxels.get_mut(slice * pixels..(slice + 1) * pixels).unwrap_or_default()
    }

    /// The stored values of a frame.
    fn read_frame(&self, index: usize, out: &mut Vec<u16>) {
        let pixels = self.pixels_of_frame();
        out.clear();
        let bytes = |width: usize| {
            self.pixels.bytes.get(index * pixels * width..(index + 1) * pixels * width).unwrap_or_default()
        };
        match self.pixels.bits {
            1 => {
                let mut unpacked = vec![0; pixels];
                bits::unpack(&self.pixels.bytes, index * pixels, &mut unpacked);
                out.extend(unpacked.iter().map(|v| u16::from(*v)));
            }
            8 => out.extend(bytes(1).iter().map(|v| u16::from(*v))),
            _ => out.extend(bytes(2).as_chunks().0.iter().map(|b| u16::from_le_bytes(*b))),
        }
    }
}

/// For segments of which the file does not say a colour: red.
const DEFAULT_COLOR: [u8; 3] = [255, 0, 0];

impl fmt::Debug for Segmentation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segmentation")
            .field("content", &self.content)
            .field("segments", &self.segments.iter().map(|s| s.number).collect::<Vec<_>>())
            .field("size", &self.geometry.size())
            .field("frames", &self.frames.len())
            .finish_non_exhaustive()
    }
}

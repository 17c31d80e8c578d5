//! One volume's worth of images.

use std::collections::HashSet;
use std::fmt;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use medcore::{Orientation, Spacing, Volume};

use super::header::Header;
use super::image_attributes::ImageAttributes;
use super::image_ref::ImageRef;
use super::kind::SeriesKind;
use super::load;
use super::options::{LoadOptions, Policy, ProgressFn, SpacingPolicy};
use super::report::{Assumption, Report};
use super::seg::{self, Segmentation};
use super::stack::{self, Layout};
use super::text::Text;
use crate::error::{Error, Result};

/// The images of one volume: a series, or the part of one that a [`Split`] names.
///
/// Images are in the order of their positions along the slice normal. `Debug` shows no text of the files but the modality.
#[derive(Clone)]
pub struct Series {
    slices: Vec<Header>,
    /// Those that are slices of the volume.
    kept: Vec<usize>,
    split: Vec<Split>,
    size: [usize; 3],
    place: Option<(Spacing, Orientation)>,
}

impl Series {
    pub(super) fn new(slices: Vec<Header>, split: Vec<Split>) -> Self {
        let lenient = LoadOptions::new().irregular_spacing(SpacingPolicy::Warn).duplicates(Policy::Warn);
        let is_sequence = SeriesKind::of(&slices) == SeriesKind::Sequence;
        let layout = stack::layout(&slices, &lenient).ok().filter(|_| !is_sequence);
        let first = slices.first();
        let extent = |n: Option<u16>| usize::from(n.unwrap_or(0));
        // What had to be assumed is no place.
        let is_placed = |l: &&Layout| {
            !l.assumed.iter().any(|a| matches!(a, Assumption::Position | Assumption::Orientation))
        };
        let place =
            layout.as_ref().filter(is_placed).map(|l| (l.geometry.spacing(), l.geometry.orientation()));
        let kept = layout.map_or_else(|| (0..slices.len()).collect(), |l| l.kept);
        let images = slices.iter().map(|h| h.count as usize).sum();
        let depth = if is_sequence { images } else { kept.len() };
        let size = [depth, extent(first.and_then(|h| h.rows)), extent(first.and_then(|h| h.columns))];
        Self { slices, kept, split, size, place }
    }

    /// SeriesInstanceUID. Several volumes share it when the series was [split](Series::split).
    pub fn uid(&self) -> &str {
        self.text(|h| &h.series_uid)
    }

    /// Modality, such as `CT`.
    pub fn modality(&self) -> &str {
        self.text(|h| &h.modality)
    }

    /// StudyInstanceUID.
    pub fn study_uid(&self) -> &str {
        self.text(|h| &h.study_uid)
    }

    /// FrameOfReferenceUID; empty when the files have none.
    pub fn frame_of_reference_uid(&self) -> &str {
        self.text(|h| &h.frame_of_reference)
    }

    /// SOPClassUID of the first image: what kind of object its file is.
    pub fn sop_class_uid(&self) -> &str {
        self.text(|h| &h.sop_class)
    }

    /// TransferSyntaxUID of the first image: how its pixels are encoded.
    pub fn transfer_syntax_uid(&self) -> &str {
        self.text(|h| &h.transfer_syntax)
    }

    /// Manufacturer of the equipment.
    pub fn manufacturer(&self) -> &str {
        self.text(|h| &h.manufacturer)
    }

    /// SeriesDescription: free text, which may hold anything.
    pub fn description(&self) -> &str {
        self.text(|h| &h.description)
    }

    /// SeriesNumber.
    pub fn number(&self) -> Option<i64> {
        self.slices.first().and_then(|h| h.series_number)
    }

    /// `[slices, rows, columns]`; images at one position count as one slice, each image of a sequence as one.
    pub const fn size(&self) -> [usize; 3] {
        self.size
    }

    /// Distances between voxel centres in mm, `None` when the files do not place the images. The distance of slices is that
    /// of their positions.
    pub fn spacing(&self) -> Option<Spacing> {
        self.place.map(|(spacing, _)| spacing)
    }

    /// The orientation of the volume, `None` when the files do not place the images.
    pub fn orientation(&self) -> Option<Orientation> {
        self.place.map(|(_, orientation)| orientation)
    }

    /// The files, in the order of their positions along the slice normal; a file of several frames once.
    pub fn files(&self) -> impl ExactSizeIterator<Item = &Path> {
        let mut known = HashSet::new();
        let first = |h: &&Header| known.insert(Arc::as_ptr(&h.file));
        self.slices.iter().filter(first).map(|h| h.path.as_path()).collect::<Vec<_>>().into_iter()
    }

    /// Whether the images are a volume, a single image that is not placed in the patient, or a sequence.
    pub fn kind(&self) -> SeriesKind {
        SeriesKind::of(&self.slices)
    }

    /// How many images there are: files, or frames of files that hold several. A volume has fewer slices where several
    /// images have one position.
    pub fn frames(&self) -> usize {
        self.slices.iter().map(|h| h.count as usize).sum()
    }

    /// Times of the images of a sequence in ms since its first, `None` where the file does not say, or for what is no
    /// sequence: by FrameTimeVector, FrameTime, RecommendedDisplayFrameRate, or CineRate (PS3.3 C.7.6.5).
    pub fn frame_times(&self) -> Option<Vec<f64>> {
        match self.slices.as_slice() {
            [only] if self.kind() == SeriesKind::Sequence => {
                let times = only.frame_times()?;
                let own = times.get(only.frame as usize..(only.frame + only.count) as usize)?;
                own.first().map(|first| own.iter().map(|t| t - first).collect())
            }
            _ => None,
        }
    }

    /// The image with a number below [`Series::frames`]: its header, and which frame of the file it is, counted from 0.
    pub(super) fn frame(&self, index: usize) -> Option<(&Header, u32)> {
        match self.slices.as_slice() {
            [only] => u32::try_from(index).ok().filter(|i| *i < only.count).map(|i| (only, only.frame + i)),
            several => several.get(index).map(|header| (header, header.frame)),
        }
    }

    /// The image of each slice of the volume, in the order of its slices: what an object that is derived from the volume
    /// refers to. Of several images at one position only the one that [`Series::load`] keeps is named, so that these are as
    /// many as [`Series::size`] says. A volume that is [resampled](SpacingPolicy::Resample) has other slices.
    pub fn image_refs(&self) -> impl ExactSizeIterator<Item = ImageRef<'_>> {
        self.kept_slices().map(ImageRef::of).collect::<Vec<_>>().into_iter()
    }

    /// The slices of the volume.
    pub(super) fn kept_slices(&self) -> impl Iterator<Item = &Header> {
        self.kept.iter().filter_map(|&k| self.slices.get(k))
    }

    /// Any attribute of one image, by tag, read again from its file. Images are counted as in [`Series::frames`].
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Truncated`]; [`Error::Invalid`] when there is no such image.
    pub fn attributes(&self, image: usize) -> Result<ImageAttributes> {
        let (header, frame) = self.frame(image).ok_or_else(|| Error::Invalid {
            path: self.slices.first().map(|h| h.path.clone()).unwrap_or_default(),
            what: "number of an image",
            expected: format!("below {}", self.frames()),
            found: image.to_string(),
        })?;
        Ok(ImageAttributes::new(header.read_elements()?, frame as usize))
    }

    /// What tells this volume from the others of the same SeriesInstanceUID; empty when it is the only one.
    pub fn split(&self) -> &[Split] {
        &self.split
    }

    /// Reads the pixels: real values (HU for CT) `[slice, row, column]`, slices ascending along the slice normal (row
    /// direction x column direction), with the geometry of the files, and what was unusual.
    ///
    /// The step from slice to slice is that of the positions, (last - first) / (slices - 1), never SliceThickness nor
    /// SpacingBetweenSlices, which are often wrong. Values are `slope * stored + intercept`, slice by slice; as stored where
    /// the files have neither, which is an error for CT and PET images, as these must have both.
    ///
    /// The distances of pixels are those of PixelSpacing. Projections without it, or with one that is ImagerPixelSpacing and not
    /// calibrated, have ImagerPixelSpacing, divided by EstimatedRadiographicMagnificationFactor if that is there; else
    /// NominalScannedPixelSpacing (PS3.3 10.7.1). Whatever is not PixelSpacing is in [`Report::assumed`].
    ///
    /// # Errors
    /// What the default [`LoadOptions`] reject, and see [`Series::load_with`].
    pub fn load(&self) -> Result<(Volume<f32>, Report)> {
        self.load_with(&LoadOptions::new())
    }

    /// [`Series::load`] with a choice of what to reject.
    ///
    /// # Errors
    /// - [`IrregularSpacing`](crate::Error::IrregularSpacing), [`DuplicatePosition`](crate::Error::DuplicatePosition),
    ///   [`Tilted`](crate::Error::Tilted), [`Lossy`](crate::Error::Lossy): by the options.
    /// - [`MissingAttribute`](crate::Error::MissingAttribute), [`Invalid`](crate::Error::Invalid),
    ///   [`Truncated`](crate::Error::Truncated), [`Decode`](crate::Error::Decode): a file is broken.
    /// - [`NotAVolume`](crate::Error::NotAVolume): an image sequence, colour, or a segmentation of several segments, fractions or
    ///   labels.
    /// - [`Unsupported`](crate::Error::Unsupported): a number of bits that DICOM does not use for pixels.
    /// - [`UnsupportedTransferSyntax`](crate::Error::UnsupportedTransferSyntax): JPEG XL, video, and other compressions.
    /// - [`Io`](crate::Error::Io): a file cannot be read, or changed since the scan.
    pub fn load_with(&self, options: &LoadOptions) -> Result<(Volume<f32>, Report)> {
        self.load_with_progress(options, &|_| ControlFlow::Continue(()))
    }

    /// [`Series::load_with`] and a callback after each file, which may cancel.
    ///
    /// # Errors
    /// As [`Series::load_with`], and [`Cancelled`](crate::Error::Cancelled).
    pub fn load_with_progress(
        &self,
        options: &LoadOptions,
        progress: &ProgressFn<'_>,
    ) -> Result<(Volume<f32>, Report)> {
        load::load(&self.slices, None, options, progress)
    }

    /// Reads one slice of the volume, without the pixels of the others.
    ///
    /// # Errors
    /// As [`Series::load_slices`].
    pub fn load_slice(&self, slice: usize) -> Result<Volume<f32>> {
        Ok(self.load_slices(slice..slice.saturating_add(1), &LoadOptions::new())?.0)
    }

    /// Reads some slices of the volume that [`Series::load_with`] would give, as a volume of their own at their place in the
    /// patient, without the pixels of the others. The report is about these slices and about the place of all.
    ///
    /// # Errors
    /// As [`Series::load_with`], and [`Invalid`](crate::Error::Invalid) when there are no such slices.
    pub fn load_slices(&self, slices: Range<usize>, options: &LoadOptions) -> Result<(Volume<f32>, Report)> {
        load::load(&self.slices, Some(slices), options, &|_| ControlFlow::Continue(()))
    }

    /// Reads the segmentation that a series of [`SeriesKind::Segmentation`] is, from wherever the scan found it.
    ///
    /// # Errors
    /// Those of [`seg::read`]; [`Invalid`](crate::Error::Invalid) for other series.
    pub fn segmentation(&self) -> Result<Segmentation> {
        let [first, ..] = self.slices.as_slice() else {
            return Err(Error::MissingAttribute { path: PathBuf::new(), attribute: "PixelData" });
        };
        let bytes = first.location.read_whole().map_err(|source| first.read_error(source))?;
        seg::read_bytes(&first.path, bytes)
    }

    fn text(&self, attribute: impl Fn(&Header) -> &Text) -> &str {
        self.slices.first().map_or("", |h| attribute(h))
    }
}

impl fmt::Debug for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Series")
            .field("modality", &self.modality())
            .field("kind", &self.kind())
            .field("size", &self.size)
            .field("spacing", &self.spacing())
            .field("orientation", &self.orientation())
            .field("split", &self.split.iter().map(|s| s.by).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// What tells one volume of a series from the others.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Split {
    /// The attribute.
    pub by: SplitBy,
    /// Its value in this volume, as text; empty when absent.
    pub value: String,
}

/// An attribute by which one series falls into several volumes.
///
/// Those up to `Rotation` always do; those after it where otherwise positions would repeat, but into no more volumes than
/// there are images at one position: what differs between all images tells no volumes apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SplitBy {
    /// SOPClassUID: slices, doses, segmentations and screenshots are no images of one volume.
    SopClass,
    /// Rows and columns.
    Size,
    /// PhotometricInterpretation and samples per pixel.
    Colour,
    /// FrameOfReferenceUID: positions cannot be compared.
    FrameOfReference,
    /// ImageType says which images are localizers.
    Localizer,
    /// ImageOrientationPatient.
    Orientation,
    /// PixelSpacing.
    PixelSpacing,
    /// Images that are not placed in the patient, and image sequences, are series of their own.
    NoPosition,
    /// EnergyWindowVector, of nuclear medicine.
    EnergyWindow,
    /// DetectorVector, of nuclear medicine.
    Detector,
    /// RotationVector, of nuclear medicine.
    Rotation,
    /// RRIntervalVector, of nuclear medicine.
    RrInterval,
    /// ReferencedSegmentNumber: segments of a segmentation.
    Segment,
    /// StackID.
    StackId,
    /// EchoNumbers.
    EchoNumber,
    /// EchoTime, or EffectiveEchoTime.
    EchoTime,
    /// DiffusionBValue.
    BValue,
    /// DiffusionGradientOrientation.
    Gradient,
    /// TemporalPositionIdentifier, or TemporalPositionIndex.
    TemporalPosition,
    /// TriggerTime, or NominalCardiacTriggerDelayTime: the phase of the heart.
    TriggerTime,
    /// ImageType, or FrameType: magnitude and phase, fat and water, ...
    ImageType,
    /// AcquisitionNumber, or FrameAcquisitionNumber.
    AcquisitionNumber,
    /// AcquisitionDateTime, AcquisitionDate with AcquisitionTime, or FrameAcquisitionDateTime, where as many images have each.
    AcquisitionTime,
    /// The file, named by its InstanceNumber: a segmentation, or a mosaic that nothing else tells from the others.
    Instance,
}

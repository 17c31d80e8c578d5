//! What the headers of DICOM files say about an image: the attributes that place it in a series and that decode its pixels.

use std::io::ErrorKind;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use dicom_dictionary_std::uids;

use super::codec::Decoded;
use super::dataset::DataSet;
use super::elements::{Encoding, PixelElement};
use super::fragments::FrameRanges;
use super::frame_times::FrameTimes;
use super::location::Location;
use super::lut::Lut;
use super::mosaic::Tile;
use super::pixels::SampleFormat;
use super::seg::LABEL_MAP_STORAGE;
use super::text::Text;
use crate::error::{Error, Result};

/// What a file says about all of its images.
#[derive(Debug, Default)]
pub(super) struct FileHeader {
    /// The file's name for messages: where it is, or `archive.zip/inner/name` in an archive.
    pub(super) path: PathBuf,
    pub(super) location: Location,
    /// Length of the file in bytes.
    pub(super) file_length: u64,
    /// Where the pixels are: in the file, or in the inflated data set of a deflated one.
    pub(super) pixels: Option<PixelElement>,
    /// Where the data set starts in the file: 0 in one that is deflated.
    pub(super) data_set_start: usize,
    pub(super) encoding: Encoding,
    pub(super) transfer_syntax: Text,

    pub(super) sop_class: Text,
    pub(super) sop_instance: Text,
    pub(super) study_uid: Text,
    pub(super) series_uid: Text,
    pub(super) frame_of_reference: Text,
    pub(super) modality: Text,
    pub(super) manufacturer: Text,
    pub(super) description: Text,
    pub(super) series_number: Option<i64>,
    pub(super) instance_number: Option<i64>,

    /// SegmentationType.
    pub(super) segmentation_type: Text,
    pub(super) rows: Option<u16>,
    pub(super) columns: Option<u16>,
    /// NumberOfFrames, 1 where it is not said.
    pub(super) frames: u32,
    pub(super) samples_per_pixel: Option<u16>,
    pub(super) photometric: Text,
    /// PlanarConfiguration 1.
    pub(super) planar: bool,
    pub(super) format: SampleFormat,

    /// Whether its frames are placed one by one: those of a volume, rather than of a sequence.
    pub(super) places_frames: bool,
    /// Whether there are functional groups beyond those of its frames.
    pub(super) more_items_than_frames: bool,
    /// Why its frames cannot be told apart.
    pub(super) defect: Option<Box<Defect>>,
    pub(super) times: FrameTimes,
    /// Where its one frame is a grid of slices: how many there are in a row and in a column.
    pub(super) mosaic: Option<u16>,
    /// The same, decompressed, as long as someone keeps it.
    pub(super) decoded: KeptImage,

    /// Between rows, between columns at the detector, in mm, for projections.
    pub(super) imager_pixel_spacing: Option<[f64; 2]>,
    /// The same on the film that was scanned: NominalScannedPixelSpacing.
    pub(super) scanned_pixel_spacing: Option<[f64; 2]>,
    /// PixelSpacingCalibrationType is there.
    pub(super) spacing_calibrated: bool,
    /// EstimatedRadiographicMagnificationFactor.
    pub(super) magnification: Option<f64>,
    pub(super) has_modality_lut: bool,
    /// That of a file of several images, once it was read.
    pub(super) modality_lut: OnceLock<Arc<Lut>>,
    /// As stored: to be read as signed or unsigned by the sample format.
    pub(super) padding: Option<u16>,
    pub(super) padding_limit: Option<u16>,
    /// Float or Double Float Pixel Padding Value, and the limit of the range.
    pub(super) float_padding: Option<f64>,
    pub(super) float_padding_limit: Option<f64>,
    pub(super) marked_lossy: bool,
    pub(super) has_extended_offsets: bool,
    /// Where the frames of encapsulated pixel data are, once they were looked for.
    pub(super) frame_ranges: OnceLock<FrameRanges>,
}

/// A decompressed image, while it is in use.
#[derive(Debug, Default)]
pub(super) struct KeptImage(Mutex<Weak<Decoded>>);

impl KeptImage {
    pub(super) fn get(&self) -> Option<Arc<Decoded>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).upgrade()
    }

    pub(super) fn set(&self, decoded: &Arc<Decoded>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(decoded);
    }
}

impl FileHeader {
    /// Rows times columns.
    pub(super) fn pixel_count(&self) -> usize {
        usize::from(self.rows.unwrap_or(0)) * usize::from(self.columns.unwrap_or(0))
    }

    /// Whether its images must have a place in the patient: by the class of the file's objects (PS3.3 A.3, A.4, A.21), or
    /// because others of its frames have one.
    pub(super) fn must_have_position(&self) -> bool {
        self.places_frames
            || matches!(
                self.sop_class.as_str(),
                uids::CT_IMAGE_STORAGE
                    | uids::MR_IMAGE_STORAGE
                    | uids::POSITRON_EMISSION_TOMOGRAPHY_IMAGE_STORAGE
                    | uids::ENHANCED_CT_IMAGE_STORAGE
                    | uids::ENHANCED_MR_IMAGE_STORAGE
                    | uids::ENHANCED_PET_IMAGE_STORAGE
                    | uids::LEGACY_CONVERTED_ENHANCED_CT_IMAGE_STORAGE
                    | uids::LEGACY_CONVERTED_ENHANCED_MR_IMAGE_STORAGE
                    | uids::LEGACY_CONVERTED_ENHANCED_PET_IMAGE_STORAGE
            )
    }

    /// Whether it is a segmentation (PS3.3 A.51, A.92).
    pub(super) fn is_segmentation(&self) -> bool {
        matches!(self.sop_class.as_str(), uids::SEGMENTATION_STORAGE | LABEL_MAP_STORAGE)
    }

    /// Whether the file's class of objects must say how its values are rescaled (PS3.3 C.8.2.1 and C.8.9.4; A.38 and
    /// A.56 for the enhanced ones).
    pub(super) fn must_have_rescale(&self) -> bool {
        matches!(
            self.sop_class.as_str(),
            uids::CT_IMAGE_STORAGE
                | uids::POSITRON_EMISSION_TOMOGRAPHY_IMAGE_STORAGE
                | uids::ENHANCED_CT_IMAGE_STORAGE
                | uids::ENHANCED_PET_IMAGE_STORAGE
                | uids::LEGACY_CONVERTED_ENHANCED_CT_IMAGE_STORAGE
                | uids::LEGACY_CONVERTED_ENHANCED_PET_IMAGE_STORAGE
        )
    }

    /// Times of the frames in ms since the first one.
    pub(super) fn frame_times(&self) -> Option<Vec<f64>> {
        // No frame is smaller than a byte, but for toys: nothing is allocated for frames that are only claimed.
        let most =
            self.pixels.and_then(|p| p.length).map_or(self.file_length, u64::from).max(self.file_length);
        if u64::from(self.frames) > most { None } else { self.times.of(self.frames) }
    }

    /// The error for a read of the file that failed: what a damaged deflate stream or archive gives is no matter of the operating
    /// system.
    pub(super) fn read_error(&self, source: std::io::Error) -> Error {
        let path = self.path.clone();
        if self.location.is_in_archive() && !self.location.is_inflated() && is_broken_stream(source.kind()) {
            return Error::Decode { path, syntax: "zip", reason: source.to_string() };
        }
        if self.location.is_inflated() && is_broken_stream(source.kind()) {
            return Error::Decode { path, syntax: "deflate", reason: source.to_string() };
        }
        Error::Io { path, source }
    }

    /// Reads the file's elements again, up to the pixels: for what is needed of one file and kept of none.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Decode`] for a damaged deflate stream, and [`Error::Truncated`] when the file became shorter since
    /// the scan.
    pub(super) fn read_elements(&self) -> Result<FileElements> {
        let length = self.pixels.map_or(0, |pixels| pixels.offset);
        let mut bytes = Vec::new();
        self.location.read_range(0, length as u64, &mut bytes).map_err(|source| self.read_error(source))?;
        if bytes.len() < length {
            return Err(Error::Truncated {
                path: self.path.clone(),
                what: "header",
                expected: length as u64,
                found: bytes.len() as u64,
            });
        }
        Ok(FileElements { bytes, start: self.data_set_start, encoding: self.encoding })
    }
}

/// Whether this is what reading a damaged deflate stream ends with.
pub(super) const fn is_broken_stream(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::InvalidInput | ErrorKind::InvalidData | ErrorKind::UnexpectedEof)
}

/// A contradiction within a file that leaves open which frame is where.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Defect {
    /// The attribute.
    pub(super) what: &'static str,
    pub(super) expected: String,
    pub(super) found: String,
}

/// The elements of a file up to its pixels.
pub(super) struct FileElements {
    bytes: Vec<u8>,
    start: usize,
    encoding: Encoding,
}

impl FileElements {
    pub(super) fn data_set(&self) -> DataSet<'_> {
        DataSet::new(self.bytes.get(self.start..).unwrap_or_default(), self.encoding)
    }
}

/// Attributes that tell repeated positions of one series apart, as text that equal values share.
#[derive(Debug, Clone, Default)]
pub(super) struct Distinctions {
    pub(super) segment: Option<Text>,
    pub(super) stack_id: Option<Text>,
    pub(super) echo_number: Option<Text>,
    pub(super) echo_time: Option<Text>,
    pub(super) b_value: Option<Text>,
    pub(super) gradient: Option<Text>,
    pub(super) temporal_position: Option<Text>,
    pub(super) trigger_time: Option<Text>,
    pub(super) image_type: Option<Text>,
    pub(super) acquisition_number: Option<Text>,
    /// Date and time.
    pub(super) acquisition_time: Option<Text>,
    /// Of nuclear medicine: the numbers of the energy window, detector, rotation and R-R interval.
    pub(super) energy_window: Option<Text>,
    pub(super) detector: Option<Text>,
    pub(super) rotation: Option<Text>,
    pub(super) rr_interval: Option<Text>,
}

/// One image, without its pixels: a file that holds one, or a frame of one that holds several. Dereferences to what the file
/// says about all of them.
#[derive(Debug, Clone)]
pub(super) struct Header {
    pub(super) file: Arc<FileHeader>,
    /// Which of the file's frames, counted from 0.
    pub(super) frame: u32,
    /// How many frames it stands for: all of an image sequence, else one.
    pub(super) count: u32,
    /// Which slice of a mosaic it is.
    pub(super) tile: Option<Tile>,
    pub(super) distinctions: Distinctions,

    /// Of the centre of the first pixel, in LPS mm.
    pub(super) position: Option<[f64; 3]>,
    /// Directions of a row (towards the next column) and of a column (towards the next row).
    pub(super) orientation: Option<[f64; 6]>,
    /// Between rows, between columns, in mm.
    pub(super) pixel_spacing: Option<[f64; 2]>,
    pub(super) slice_thickness: Option<f64>,
    pub(super) spacing_between_slices: Option<f64>,

    /// NaN where there is text that is no number: values must not go unscaled for that.
    pub(super) slope: Option<f64>,
    /// As the slope.
    pub(super) intercept: Option<f64>,
}

impl Default for Header {
    fn default() -> Self {
        Self {
            file: Arc::default(),
            frame: 0,
            count: 1,
            tile: None,
            distinctions: Distinctions::default(),
            position: None,
            orientation: None,
            pixel_spacing: None,
            slice_thickness: None,
            spacing_between_slices: None,
            slope: None,
            intercept: None,
        }
    }
}

impl Deref for Header {
    type Target = FileHeader;
    fn deref(&self) -> &FileHeader {
        &self.file
    }
}

impl Header {
    /// The image's name for messages: its file, and the frame as in the paths of PS3.18 where the file holds several.
    pub(super) fn label(&self) -> PathBuf {
        if self.frames > 1 && self.count == 1 {
            self.path.join(format!("frames/{}", u64::from(self.frame) + 1))
        } else {
            self.path.clone()
        }
    }
}

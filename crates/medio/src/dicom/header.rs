//! What one DICOM file says about its image: the attributes that place it in a series and that decode its pixels.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};
use dicom_encoding::text::{SpecificCharacterSet, TextCodec};

use super::elements::{self, Element, Encoding, PixelElement, Walk};
use super::pixels::SampleFormat;
use super::source::Source;
use super::study::SkipReason;

/// Retired from the standard in 2006, alive in archives.
const EXPLICIT_VR_BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

/// What the UIDs of the standard's transfer syntaxes start with.
const TRANSFER_SYNTAXES: &str = "1.2.840.10008.1.2";

/// The most that is read of a header, in bytes. Those of images are far below.
const LONGEST_HEADER: usize = 64 << 20;
/// The same while the file does not say that it is DICOM.
const LONGEST_DOUBTFUL_HEADER: usize = 1 << 20;

/// Attributes that tell repeated positions of one series apart, as text that equal values share.
#[derive(Clone, Default)]
pub(super) struct Distinctions {
    pub(super) stack_id: Option<String>,
    pub(super) echo_number: Option<String>,
    pub(super) echo_time: Option<String>,
    pub(super) b_value: Option<String>,
    pub(super) gradient: Option<String>,
    pub(super) temporal_position: Option<String>,
    pub(super) trigger_time: Option<String>,
    pub(super) image_type: Option<String>,
    pub(super) acquisition_number: Option<String>,
}

/// The image of one file, without its pixels.
#[derive(Clone, Default)]
pub(super) struct Header {
    pub(super) path: PathBuf,
    /// Length of the file in bytes.
    pub(super) file_length: u64,
    /// Where the pixels are: in the file, or in the inflated data set of a deflated one.
    pub(super) pixels: Option<PixelElement>,
    /// Where the deflated data set starts in the file, if it is deflated.
    pub(super) deflated_from: Option<usize>,
    pub(super) transfer_syntax: String,

    pub(super) sop_class: String,
    pub(super) series_uid: String,
    pub(super) frame_of_reference: String,
    pub(super) modality: String,
    pub(super) description: String,
    pub(super) series_number: Option<i64>,
    pub(super) instance_number: Option<i64>,
    pub(super) distinctions: Distinctions,

    pub(super) rows: Option<u16>,
    pub(super) columns: Option<u16>,
    /// 0 where there is text that is no number.
    frames: Option<i64>,
    has_functional_groups: bool,
    has_dose_scaling: bool,
    pub(super) samples_per_pixel: Option<u16>,
    pub(super) photometric: String,
    pub(super) format: SampleFormat,
    high_bit: Option<u16>,

    /// Of the centre of the first pixel, in LPS mm.
    pub(super) position: Option<[f64; 3]>,
    /// Directions of a row (towards the next column) and of a column (towards the next row).
    pub(super) orientation: Option<[f64; 6]>,
    /// Between rows, between columns, in mm.
    pub(super) pixel_spacing: Option<[f64; 2]>,
    /// The same at the detector, for projections.
    pub(super) imager_pixel_spacing: Option<[f64; 2]>,
    pub(super) slice_thickness: Option<f64>,
    pub(super) spacing_between_slices: Option<f64>,

    /// NaN where there is text that is no number: values must not go unscaled for that.
    pub(super) slope: Option<f64>,
    /// As the slope.
    pub(super) intercept: Option<f64>,
    pub(super) has_modality_lut: bool,
    /// As stored: to be read as signed or unsigned by the sample format.
    pub(super) padding: Option<u16>,
    pub(super) padding_limit: Option<u16>,
    pub(super) marked_lossy: bool,
}

impl Header {
    /// Reads a file up to its pixels.
    pub(super) fn read(path: &Path) -> Result<Self, SkipReason> {
        let mut source = Source::open(path, LONGEST_DOUBTFUL_HEADER)?;
        let mut start = find_start(source.bytes())?;
        source.raise_limit(start.longest_header());
        let meta = read_meta(&mut source, start.meta).map_err(|reason| start.judge(reason))?;
        start.certain |= meta.transfer_syntax.starts_with(TRANSFER_SYNTAXES);
        source.raise_limit(start.longest_header());
        if meta.sop_class == uids::MEDIA_STORAGE_DIRECTORY_STORAGE {
            return Err(SkipReason::Directory);
        }
        let mut header = if meta.transfer_syntax == uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN {
            read_deflated(&mut source, meta.end)?
        } else {
            let encoding = data_set_encoding(source.bytes(), &meta);
            let mut header =
                read_data_set(&mut source, meta.end, encoding).map_err(|reason| start.judge(reason))?;
            if meta.transfer_syntax.is_empty() {
                header.transfer_syntax = native_syntax(encoding).to_string();
            }
            header
        };
        header.path = path.to_path_buf();
        header.file_length = source.file_length();
        if header.transfer_syntax.is_empty() {
            header.transfer_syntax = meta.transfer_syntax;
        }
        header.check_is_image(start.certain)
    }

    fn check_is_image(self, certainly_dicom: bool) -> Result<Self, SkipReason> {
        let is_image = self.rows.is_some() && self.columns.is_some() && self.pixels.is_some();
        match self.frames {
            _ if !is_image && !certainly_dicom && self.sop_class.is_empty() => Err(SkipReason::NotDicom),
            _ if !is_image => Err(SkipReason::NotAnImage),
            Some(frames) if frames > 1 => Err(SkipReason::MultiFrame { frames }),
            Some(frames) if frames < 1 => Err(SkipReason::FrameCount),
            _ if self.has_functional_groups => Err(SkipReason::Enhanced),
            _ if self.has_dose_scaling => Err(SkipReason::Dose),
            _ => Ok(self),
        }
    }

    /// Rows times columns.
    pub(super) fn pixel_count(&self) -> usize {
        usize::from(self.rows.unwrap_or(0)) * usize::from(self.columns.unwrap_or(0))
    }

    /// Whether the file's class of objects must place its image in the patient (PS3.3 A.3, A.4, A.21).
    pub(super) fn must_have_position(&self) -> bool {
        matches!(
            self.sop_class.as_str(),
            uids::CT_IMAGE_STORAGE
                | uids::MR_IMAGE_STORAGE
                | uids::POSITRON_EMISSION_TOMOGRAPHY_IMAGE_STORAGE
        )
    }

    /// Whether the file's class of objects must say how its values are rescaled (PS3.3 C.8.2.1 and C.8.9.4).
    pub(super) fn must_have_rescale(&self) -> bool {
        matches!(
            self.sop_class.as_str(),
            uids::CT_IMAGE_STORAGE | uids::POSITRON_EMISSION_TOMOGRAPHY_IMAGE_STORAGE
        )
    }

    fn visit(&mut self, element: &Element<'_>, charset: &mut SpecificCharacterSet) {
        let text = || Some(element.text()).filter(|t| !t.is_empty());
        let d = &mut self.distinctions;
        match element.tag {
            tags::SPECIFIC_CHARACTER_SET => {
                let code = element.text();
                if let Some(found) = code.split('\\').next_back().and_then(SpecificCharacterSet::from_code) {
                    *charset = found;
                }
            }
            tags::SOP_CLASS_UID => self.sop_class = element.text(),
            tags::SERIES_INSTANCE_UID => self.series_uid = element.text(),
            tags::FRAME_OF_REFERENCE_UID => self.frame_of_reference = element.text(),
            tags::MODALITY => self.modality = element.text(),
            tags::SERIES_DESCRIPTION => {
                self.description = charset.decode(element.bytes_trimmed()).unwrap_or_else(|_| element.text());
            }
            tags::SERIES_NUMBER => self.series_number = element.integer(),
            tags::INSTANCE_NUMBER => self.instance_number = element.integer(),

            tags::STACK_ID => d.stack_id = text(),
            tags::ECHO_NUMBERS => d.echo_number = text(),
            tags::ECHO_TIME => d.echo_time = text(),
            tags::DIFFUSION_B_VALUE => d.b_value = element.doubles_text(),
            tags::DIFFUSION_GRADIENT_ORIENTATION => d.gradient = element.doubles_text(),
            tags::TEMPORAL_POSITION_IDENTIFIER => d.temporal_position = text(),
            tags::TRIGGER_TIME => d.trigger_time = text(),
            tags::IMAGE_TYPE => d.image_type = text(),
            tags::ACQUISITION_NUMBER => d.acquisition_number = text(),

            tags::ROWS => self.rows = element.u16(),
            tags::COLUMNS => self.columns = element.u16(),
            tags::NUMBER_OF_FRAMES => self.frames = present_integer(element),
            tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE | tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE => {
                self.has_functional_groups = true;
            }
            tags::DOSE_GRID_SCALING => self.has_dose_scaling = true,
            tags::SAMPLES_PER_PIXEL => self.samples_per_pixel = element.u16(),
            tags::PHOTOMETRIC_INTERPRETATION => self.photometric = element.text(),
            tags::BITS_ALLOCATED => self.format.bits_allocated = element.u16().unwrap_or(0),
            tags::BITS_STORED => self.format.bits_stored = element.u16().unwrap_or(0),
            tags::HIGH_BIT => self.high_bit = element.u16(),
            tags::PIXEL_REPRESENTATION => self.format.signed = element.u16() == Some(1),

            tags::IMAGE_POSITION_PATIENT => self.position = element.decimals(),
            tags::IMAGE_ORIENTATION_PATIENT => self.orientation = element.decimals(),
            tags::PIXEL_SPACING => self.pixel_spacing = element.decimals(),
            tags::IMAGER_PIXEL_SPACING => self.imager_pixel_spacing = element.decimals(),
            tags::SLICE_THICKNESS => self.slice_thickness = element.decimal(),
            tags::SPACING_BETWEEN_SLICES => self.spacing_between_slices = element.decimal(),

            tags::RESCALE_SLOPE => self.slope = present_decimal(element),
            tags::RESCALE_INTERCEPT => self.intercept = present_decimal(element),
            tags::MODALITY_LUT_SEQUENCE => self.has_modality_lut = !element.value.is_empty(),
            tags::PIXEL_PADDING_VALUE => self.padding = element.u16(),
            tags::PIXEL_PADDING_RANGE_LIMIT => self.padding_limit = element.u16(),
            tags::LOSSY_IMAGE_COMPRESSION => self.marked_lossy = element.text() == "01",
            _ => {}
        }
    }

    /// Collects the elements of a data set; the result of [`elements::walk`].
    fn collect(&mut self, bytes: &[u8], start: usize, encoding: Encoding) -> Walk {
        let mut charset = SpecificCharacterSet::default();
        // Float pixels and what follows the pixels: nothing there is of use here.
        let is_past_pixels = |tag: Tag| tag.group() > 0x7FE0 || tag == tags::FLOAT_PIXEL_DATA;
        let end = elements::walk(bytes, start, encoding, is_past_pixels, |e| self.visit(&e, &mut charset));
        if let Walk::Pixels(pixels) = end {
            self.pixels = Some(pixels);
        }
        self.format.big_endian = encoding.big_endian;
        self.format.high_bit = self.high_bit.unwrap_or(self.format.bits_stored.saturating_sub(1));
        end
    }
}

fn present_decimal(element: &Element<'_>) -> Option<f64> {
    (!element.bytes_trimmed().is_empty()).then(|| element.decimal().unwrap_or(f64::NAN))
}

fn present_integer(element: &Element<'_>) -> Option<i64> {
    (!element.bytes_trimmed().is_empty()).then(|| element.integer().unwrap_or(0))
}

/// The start of the file meta information, or of the data set where there is none.
struct Start {
    meta: usize,
    /// Whether the file says that it is DICOM, rather than merely looking like it.
    certain: bool,
}

impl Start {
    fn longest_header(&self) -> usize {
        if self.certain { LONGEST_HEADER } else { LONGEST_DOUBTFUL_HEADER }
    }

    /// What does not read as DICOM and does not say that it is, is something else.
    fn judge(&self, reason: SkipReason) -> SkipReason {
        if self.certain || matches!(reason, SkipReason::Io(_)) { reason } else { SkipReason::NotDicom }
    }
}

fn find_start(bytes: &[u8]) -> Result<Start, SkipReason> {
    if bytes.get(128..132) == Some(b"DICM".as_slice()) {
        return Ok(Start { meta: 132, certain: true });
    }
    if bytes.starts_with(b"DICM") {
        return Ok(Start { meta: 4, certain: true });
    }
    // Without a preamble the file starts with its meta information or with its identification (group 0008).
    let first = bytes.first_chunk::<2>().ok_or(SkipReason::NotDicom)?;
    if matches!(first, [2, 0] | [8, 0] | [0, 8]) {
        return Ok(Start { meta: 0, certain: false });
    }
    Err(SkipReason::NotDicom)
}

/// The file meta information (PS3.10 7.1).
struct Meta {
    transfer_syntax: String,
    sop_class: String,
    /// Where the data set starts.
    end: usize,
}

fn read_meta(source: &mut Source<File>, start: usize) -> Result<Meta, SkipReason> {
    loop {
        let mut meta = Meta { transfer_syntax: String::new(), sop_class: String::new(), end: start };
        let is_past = |tag: Tag| tag.group() != 2;
        let walk = elements::walk(source.bytes(), start, Encoding::EXPLICIT_LE, is_past, |e| match e.tag {
            tags::TRANSFER_SYNTAX_UID => meta.transfer_syntax = e.text(),
            tags::MEDIA_STORAGE_SOP_CLASS_UID => meta.sop_class = e.text(),
            _ => {}
        });
        match walk {
            Walk::End(end) => return Ok(Meta { end, ..meta }),
            Walk::More(needed) => source.read_to(needed)?,
            // Pixels have no place in a group 0002.
            Walk::Malformed(offset) | Walk::Pixels(PixelElement { offset, .. }) => {
                return Err(SkipReason::Malformed { offset: offset as u64 });
            }
        }
    }
}

/// The header in a data set that starts at a place of the source.
fn read_data_set<R: Read>(
    source: &mut Source<R>,
    start: usize,
    encoding: Encoding,
) -> Result<Header, SkipReason> {
    loop {
        let mut header = Header::default();
        match header.collect(source.bytes(), start, encoding) {
            Walk::More(needed) => source.read_to(needed)?,
            // What is in memory may end between two elements.
            Walk::End(end) if end >= source.bytes().len() && source.has_more()? => {}
            Walk::Malformed(offset) => return Err(SkipReason::Malformed { offset: offset as u64 }),
            Walk::Pixels(_) | Walk::End(_) => return Ok(header),
        }
    }
}

fn data_set_encoding(bytes: &[u8], meta: &Meta) -> Encoding {
    match meta.transfer_syntax.as_str() {
        EXPLICIT_VR_BIG_ENDIAN => Encoding::EXPLICIT_BE,
        // Nothing declared, and group 0008 with its bytes swapped.
        "" if bytes.get(meta.end..).is_some_and(|b| b.starts_with(&[0, 8])) => Encoding::EXPLICIT_BE,
        _ => elements::little_endian_encoding(bytes, meta.end),
    }
}

fn native_syntax(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding { big_endian: true, .. } => EXPLICIT_VR_BIG_ENDIAN,
        Encoding { explicit_vr: true, .. } => uids::EXPLICIT_VR_LITTLE_ENDIAN,
        _ => uids::IMPLICIT_VR_LITTLE_ENDIAN,
    }
}

fn read_deflated(source: &mut Source<File>, start: usize) -> Result<Header, SkipReason> {
    let header = source
        .inflated(start)
        .map_err(SkipReason::from)
        .and_then(|mut inflated| read_data_set(&mut inflated, 0, Encoding::EXPLICIT_LE));
    match header {
        Ok(header) => Ok(Header { deflated_from: Some(start), ..header }),
        // What the decoder says of a broken stream.
        Err(SkipReason::Io(ErrorKind::InvalidInput | ErrorKind::InvalidData | ErrorKind::UnexpectedEof)) => {
            Err(SkipReason::Malformed { offset: start as u64 })
        }
        Err(reason) => Err(reason),
    }
}

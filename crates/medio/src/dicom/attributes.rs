//! From the elements of a data set to a header.

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_encoding::text::{SpecificCharacterSet, TextCodec};

use super::elements::{self, Element, Encoding, Walk};
use super::header::{FileHeader, Header};
use super::text::{Interner, Text};

/// What is collected of a data set.
#[derive(Default)]
pub(super) struct Attributes {
    pub(super) file: FileHeader,
    /// What is said of the image, or of all frames alike.
    pub(super) image: Header,
    /// NumberOfFrames; 0 where there is text that is no number.
    pub(super) frames: Option<i64>,
    /// DoseGridScaling; NaN where there is text that is no number.
    pub(super) dose_scaling: Option<f64>,
    high_bit: Option<u16>,
    acquisition_date: String,
    charset: SpecificCharacterSet,
}

impl Attributes {
    /// Collects the elements of a data set up to its pixels; and how the walk over them ended.
    pub(super) fn collect(
        bytes: &[u8],
        start: usize,
        encoding: Encoding,
        interner: &Interner,
    ) -> (Self, Walk) {
        let mut found = Self::default();
        // Nothing that follows the pixels is of use here.
        let is_past_pixels = |tag: Tag| tag.group() > 0x7FE0;
        let end = elements::walk(bytes, start, encoding, is_past_pixels, |e| found.visit(&e, interner));
        if let Walk::Pixels(pixels) = end {
            found.file.pixels = Some(pixels);
        }
        found.file.data_set_start = start;
        found.file.encoding = encoding;
        let format = &mut found.file.format;
        format.big_endian = encoding.big_endian;
        format.float = found.file.pixels.is_some_and(|pixels| pixels.float);
        format.high_bit = found.high_bit.unwrap_or(format.bits_stored.saturating_sub(1));
        (found, end)
    }

    fn visit(&mut self, element: &Element<'_>, interner: &Interner) {
        let shared = || interner.text(&element.text());
        let text = || Some(shared()).filter(|t| !t.is_empty());
        let (file, image) = (&mut self.file, &mut self.image);
        let d = &mut image.distinctions;
        match element.tag {
            tags::SPECIFIC_CHARACTER_SET => {
                let code = element.text();
                if let Some(found) = code.split('\\').next_back().and_then(SpecificCharacterSet::from_code) {
                    self.charset = found;
                }
            }
            tags::SOP_CLASS_UID => file.sop_class = shared(),
            tags::SOP_INSTANCE_UID => file.sop_instance = Text::from(element.text().as_str()),
            tags::STUDY_INSTANCE_UID => file.study_uid = shared(),
            tags::SERIES_INSTANCE_UID => file.series_uid = shared(),
            tags::FRAME_OF_REFERENCE_UID => file.frame_of_reference = shared(),
            tags::MODALITY => file.modality = shared(),
            tags::MANUFACTURER => file.manufacturer = shared(),
            tags::SERIES_DESCRIPTION => {
                let decoded = self.charset.decode(element.bytes_trimmed());
                file.description = interner.text(&decoded.unwrap_or_else(|_| element.text()));
            }
            tags::SERIES_NUMBER => file.series_number = element.integer(),
            tags::INSTANCE_NUMBER => file.instance_number = element.integer(),

            tags::STACK_ID => d.stack_id = text(),
            tags::ECHO_NUMBERS => d.echo_number = text(),
            tags::ECHO_TIME => d.echo_time = text(),
            tags::DIFFUSION_B_VALUE => d.b_value = element.doubles_text().map(|t| interner.text(&t)),
            tags::DIFFUSION_GRADIENT_ORIENTATION => {
                d.gradient = element.doubles_text().map(|t| interner.text(&t));
            }
            tags::TEMPORAL_POSITION_IDENTIFIER => d.temporal_position = text(),
            tags::TRIGGER_TIME => d.trigger_time = text(),
            tags::IMAGE_TYPE => d.image_type = text(),
            tags::ACQUISITION_DATE => self.acquisition_date = element.text(),
            tags::ACQUISITION_DATE_TIME => d.acquisition_time = text(),
            tags::ACQUISITION_TIME if d.acquisition_time.is_none() && !element.is_empty() => {
                d.acquisition_time = Some(interner.text(&(self.acquisition_date.clone() + &element.text())));
            }
            tags::ACQUISITION_NUMBER => d.acquisition_number = text(),

            tags::SEGMENTATION_TYPE => file.segmentation_type = shared(),
            tags::ROWS => file.rows = element.u16(),
            tags::COLUMNS => file.columns = element.u16(),
            tags::NUMBER_OF_FRAMES => self.frames = present_integer(element),
            tags::DOSE_GRID_SCALING => self.dose_scaling = present_decimal(element),
            tags::FRAME_TIME
            | tags::FRAME_TIME_VECTOR
            | tags::RECOMMENDED_DISPLAY_FRAME_RATE
            | tags::CINE_RATE => file.times.visit(element),
            tags::SAMPLES_PER_PIXEL => file.samples_per_pixel = element.u16(),
            tags::PHOTOMETRIC_INTERPRETATION => file.photometric = shared(),
            tags::PLANAR_CONFIGURATION => file.planar = element.u16() == Some(1),
            tags::EXTENDED_OFFSET_TABLE => file.has_extended_offsets = !element.value.is_empty(),
            tags::BITS_ALLOCATED => file.format.bits_allocated = element.u16().unwrap_or(0),
            tags::BITS_STORED => file.format.bits_stored = element.u16().unwrap_or(0),
            tags::HIGH_BIT => self.high_bit = element.u16(),
            tags::PIXEL_REPRESENTATION => file.format.signed = element.u16() == Some(1),

            tags::IMAGE_POSITION_PATIENT => image.position = element.decimals(),
            tags::IMAGE_ORIENTATION_PATIENT => image.orientation = element.decimals(),
            tags::PIXEL_SPACING => image.pixel_spacing = element.decimals(),
            tags::IMAGER_PIXEL_SPACING => file.imager_pixel_spacing = element.decimals(),
            tags::NOMINAL_SCANNED_PIXEL_SPACING => file.scanned_pixel_spacing = element.decimals(),
            tags::PIXEL_SPACING_CALIBRATION_TYPE => file.spacing_calibrated = !element.is_empty(),
            tags::ESTIMATED_RADIOGRAPHIC_MAGNIFICATION_FACTOR => file.magnification = element.decimal(),
            tags::SLICE_THICKNESS => image.slice_thickness = element.decimal(),
            tags::SPACING_BETWEEN_SLICES => image.spacing_between_slices = element.decimal(),

            tags::RESCALE_SLOPE => image.slope = present_decimal(element),
            tags::RESCALE_INTERCEPT => image.intercept = present_decimal(element),
            tags::MODALITY_LUT_SEQUENCE => file.has_modality_lut = !element.value.is_empty(),
            tags::PIXEL_PADDING_VALUE => file.padding = element.u16(),
            tags::PIXEL_PADDING_RANGE_LIMIT => file.padding_limit = element.u16(),
            tags::FLOAT_PIXEL_PADDING_VALUE => file.float_padding = element.floats().next().map(f64::from),
            tags::FLOAT_PIXEL_PADDING_RANGE_LIMIT => {
                file.float_padding_limit = element.floats().next().map(f64::from);
            }
            tags::DOUBLE_FLOAT_PIXEL_PADDING_VALUE => file.float_padding = element.doubles().next(),
            tags::DOUBLE_FLOAT_PIXEL_PADDING_RANGE_LIMIT => {
                file.float_padding_limit = element.doubles().next()
            }
            tags::LOSSY_IMAGE_COMPRESSION => file.marked_lossy = element.text() == "01",
            _ => {}
        }
    }
}

pub(super) fn present_decimal(element: &Element<'_>) -> Option<f64> {
    (!element.is_empty()).then(|| element.decimal().unwrap_or(f64::NAN))
}

fn present_integer(element: &Element<'_>) -> Option<i64> {
    (!element.is_empty()).then(|| element.integer().unwrap_or(0))
}

//! Decompressing the pixels of one image (PS3.5 A.4), with distrust of both the file and the decoder.

mod baseline;
mod jpeg;
#[cfg(feature = "jpeg2000")]
mod jpeg2000;
mod jpeg_ls;
mod rle;
mod syntax;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub(super) use syntax::{Codec, Storage, TransferSyntax, is_lossy};

use super::format::{ImageFormat, Photometric};
use super::pixels::SampleFormat;

/// An image up to this size, in bytes, is decoded whatever the gain: JPEG-LS and JPEG 2000 shrink an empty one to next to nothing.
const ALWAYS_PLAUSIBLE: u64 = 256 << 20;
/// Beyond it, what gains more than this is not believed.
const MOST_GAIN: u64 = 4096;

/// Why an image cannot be decoded.
#[derive(Debug)]
pub(super) struct Failure(String);

impl From<&str> for Failure {
    fn from(reason: &str) -> Self {
        Self(reason.to_string())
    }
}

impl From<String> for Failure {
    fn from(reason: String) -> Self {
        Self(reason)
    }
}

impl Failure {
    /// The reason as text.
    pub(super) fn into_reason(self) -> String {
        self.0
    }
}

/// Decoded samples, by pixel.
#[derive(Debug, PartialEq)]
pub(super) enum Samples {
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
}

impl Samples {
    fn len(&self) -> usize {
        match self {
            Self::U8(v) => v.len(),
            Self::U16(v) => v.len(),
            Self::U32(v) => v.len(),
        }
    }

    fn bits(&self) -> u16 {
        match self {
            Self::U8(_) => 8,
            Self::U16(_) => 16,
            Self::U32(_) => 32,
        }
    }

    fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::U8(v) => v,
            Self::U16(v) => v.into_iter().flat_map(u16::to_le_bytes).collect(),
            Self::U32(v) => v.into_iter().flat_map(u32::to_le_bytes).collect(),
        }
    }
}

/// What a decoder made of an image.
struct Picture {
    samples: Samples,
    /// Bits of each sample by the compressed image's own account.
    precision: u16,
    /// Whether the sign is at that precision, rather than at the bits stored.
    sign_at_precision: bool,
    photometric: Photometric,
}

/// A decoded image: samples by pixel, little endian.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) bytes: Vec<u8>,
    pub(super) format: SampleFormat,
    pub(super) photometric: Photometric,
}

/// Whether so many bytes can hold an image that large.
pub(super) fn is_plausible(codec: Codec, image: &ImageFormat, compressed: u64) -> bool {
    let samples = (image.pixels() * image.samples) as u64;
    let bytes = image.decoded_bytes();
    match codec {
        Codec::Rle => bytes <= compressed.saturating_mul(rle::MOST_EXPANSION),
        Codec::Jpeg => samples <= compressed.saturating_mul(jpeg::MOST_SAMPLES),
        Codec::JpegLs | Codec::Jpeg2000 => {
            bytes <= compressed.saturating_mul(MOST_GAIN).max(ALWAYS_PLAUSIBLE)
        }
    }
}

/// Checks the size of the image against that of the compressed one, without decoding it.
pub(super) fn check_claim(codec: Codec, image: &ImageFormat, codestream: &[u8]) -> Result<(), Failure> {
    match codec {
        Codec::JpegLs => {
            let frame = jpeg_ls::inspect(codestream)?;
            check_size(image, frame.rows, frame.columns, frame.components.len())
        }
        #[cfg(feature = "jpeg2000")]
        Codec::Jpeg2000 => jpeg2000::check_claim(codestream, image),
        // The others gain so little that their length tells.
        _ => Ok(()),
    }
}

/// Decodes the compressed image of one frame.
pub(super) fn decode(codec: Codec, image: &ImageFormat, codestream: &[u8]) -> Result<Decoded, Failure> {
    if !is_plausible(codec, image, codestream.len() as u64) {
        return Err(format!(
            "{} bytes cannot hold {} x {} pixels",
            codestream.len(),
            image.rows,
            image.columns
        )
        .into());
    }
    // Third-party decoders have panicked on broken files. A panic in one touches nothing but its own picture, which is dropped, so
    // it is safe to go on; it becomes an error like any other. (Where panics abort the process there is nothing to catch.)
    let picture = catch_unwind(AssertUnwindSafe(|| picture(codec, image, codestream)))
        .map_err(|_| Failure::from("the decoder gave up on a malformed image"))??;
    let expected = image.pixels() * image.samples;
    if picture.samples.len() != expected {
        return Err(format!("expected {expected} samples, found {}", picture.samples.len()).into());
    }
    let format = sample_format(&image.sample, &picture);
    Ok(Decoded { bytes: picture.samples.into_bytes(), format, photometric: picture.photometric })
}

fn picture(codec: Codec, image: &ImageFormat, codestream: &[u8]) -> Result<Picture, Failure> {
    match codec {
        Codec::Rle => Ok(Picture {
            samples: rle::decode(codestream, image)?,
            precision: image.sample.bits_allocated,
            sign_at_precision: false,
            photometric: image.photometric,
        }),
        Codec::Jpeg => jpeg_picture(image, codestream),
        Codec::JpegLs => {
            let frame = jpeg_ls::inspect(codestream)?;
            check_size(image, frame.rows, frame.columns, frame.components.len())?;
            if !frame.full_sampling {
                return Err("components of different sampling".into());
            }
            Ok(Picture {
                samples: jpeg_ls::decode(codestream)?,
                precision: frame.precision as u16,
                sign_at_precision: true,
                photometric: image.photometric,
            })
        }
        #[cfg(feature = "jpeg2000")]
        Codec::Jpeg2000 => jpeg2000::decode(codestream, image),
        #[cfg(not(feature = "jpeg2000"))]
        Codec::Jpeg2000 => Err("JPEG 2000 is not compiled in".into()),
    }
}

fn jpeg_picture(image: &ImageFormat, codestream: &[u8]) -> Result<Picture, Failure> {
    let (frame, hint) = jpeg::inspect(codestream)?;
    check_size(image, frame.rows, frame.columns, frame.components.len())?;
    let is_lossless = frame.process == jpeg::Process::Lossless;
    // A bit for each difference.
    if is_lossless && image.pixels() * image.samples > codestream.len() * 8 {
        return Err(format!(
            "{} bytes cannot hold {} x {} pixels",
            codestream.len(),
            image.rows,
            image.columns
        )
        .into());
    }
    let samples = if frame.precision == 8 && !is_lossless {
        baseline::decode(codestream)?
    } else {
        jpeg::decode(codestream)?
    };
    let photometric =
        if is_lossless { image.photometric } else { jpeg_colors(image.photometric, &frame, hint) };
    Ok(Picture { samples, precision: frame.precision as u16, sign_at_precision: false, photometric })
}

/// What the components of a lossy JPEG image mean: its own markers are right where they contradict the attribute, as many writers
/// do not know what their encoder did.
fn jpeg_colors(declared: Photometric, frame: &jpeg::Frame, hint: jpeg::ColorHint) -> Photometric {
    if declared.samples() != 3 {
        return declared;
    }
    if frame.has_rgb_ids() {
        return Photometric::Rgb;
    }
    match (declared, hint.adobe) {
        (Photometric::Rgb, Some(1)) => Photometric::YbrFull,
        (Photometric::Rgb, None) if hint.jfif => Photometric::YbrFull,
        (Photometric::Rgb, _) => Photometric::Rgb,
        (_, Some(0)) if !hint.jfif => Photometric::Rgb,
        // The decoder has brought colour differences to the resolution of the image.
        (Photometric::YbrPartial422 | Photometric::YbrPartial420, _) => Photometric::YbrPartial422,
        _ => Photometric::YbrFull,
    }
}

fn check_size(image: &ImageFormat, rows: usize, columns: usize, components: usize) -> Result<(), Failure> {
    let expected = (image.rows, image.columns, image.samples);
    if (rows, columns, components) == expected {
        return Ok(());
    }
    Err(format!(
        "expected {} rows, {} columns and {} components, found {rows}, {columns} and {components}",
        expected.0, expected.1, expected.2
    )
    .into())
}

/// How decoded samples are to be read, given what the header says of the stored ones.
fn sample_format(header: &SampleFormat, picture: &Picture) -> SampleFormat {
    let low = |bits: u16| SampleFormat {
        bits_allocated: picture.samples.bits(),
        bits_stored: bits.clamp(1, picture.samples.bits()),
        high_bit: bits.clamp(1, picture.samples.bits()) - 1,
        signed: header.signed,
        big_endian: false,
        float: false,
    };
    if picture.sign_at_precision {
        low(picture.precision)
    } else if picture.precision > header.bits_stored && header.is_consistent() {
        // Whole cells were compressed.
        let bits_allocated = picture.samples.bits();
        if header.high_bit < bits_allocated {
            SampleFormat { bits_allocated, big_endian: false, ..*header }
        } else {
            low(header.bits_stored)
        }
    } else {
        low(header.bits_stored)
    }
}

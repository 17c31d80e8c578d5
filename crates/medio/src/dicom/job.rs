//! Reading the pixels of one image to real values.

use std::borrow::Cow;

use super::codec::{self, Storage};
use super::header::Header;
use super::options::{LoadOptions, Padding};
use super::pixels::{Conversion, PaddingRange, Rescale};
use crate::error::{Error, Result};

/// One slice to read: its header, checked.
pub(super) struct Job<'a> {
    pub(super) header: &'a Header,
    storage: Storage,
    pub(super) conversion: Conversion,
    offset: u64,
    /// Bytes of native pixels.
    needed: u64,
    words: bool,
}

impl<'a> Job<'a> {
    /// Checks all that can be told without reading the pixels, so that nothing is allocated for a file that cannot be read.
    pub(super) fn new(header: &'a Header, options: &LoadOptions) -> Result<Self> {
        let storage = codec::storage(header)?;
        check_image(header)?;
        let pixels = header
            .pixels
            .ok_or_else(|| Error::MissingAttribute { path: header.path.clone(), attribute: "PixelData" })?;
        let needed = (header.pixel_count() * header.format.bytes()) as u64;
        let frame = header.native_frame(header.frame);
        let offset = if storage == Storage::Native { frame.offset } else { pixels.offset as u64 };
        let truncated = |found: u64| Error::Truncated {
            path: header.path.clone(),
            what: "pixel data",
            expected: needed,
            found,
        };
        let in_file = header.file_length.saturating_sub(offset);
        let compressed = header.location.is_inflated() || storage == Storage::Encapsulated;
        if (storage == Storage::Native) != pixels.length.is_some() {
            return Err(Error::Invalid {
                path: header.path.clone(),
                what: "length of pixel data",
                expected: if storage == Storage::Native { "defined" } else { "undefined" }.to_string(),
                found: if storage == Storage::Native { "undefined" } else { "defined" }.to_string(),
            });
        }
        let before = offset.saturating_sub(pixels.offset as u64);
        let left = pixels.length.map(|length| u64::from(length).saturating_sub(before));
        if let Some(left) = left.filter(|left| *left < needed) {
            return Err(truncated(left));
        }
        let plausible = if compressed {
            needed <= header.file_length.saturating_mul(codec::MOST_COMPRESSION)
        } else {
            needed <= in_file
        };
        if !plausible {
            return Err(truncated(if compressed { header.file_length } else { in_file }));
        }
        let conversion = conversion(header, options);
        Ok(Self { header, storage, conversion, offset, needed, words: pixels.words })
    }

    /// Reads and converts the slice. Returns how many voxels are padding.
    pub(super) fn run(&self, buffer: &mut Vec<u8>, out: &mut [f32]) -> Result<u64> {
        let bytes: Cow<'_, [u8]> = match self.storage {
            Storage::Native => {
                self.read_native(buffer)?;
                Cow::Borrowed(buffer)
            }
            Storage::Encapsulated => {
                self.read_file(self.offset, u64::MAX, buffer)?;
                Cow::Owned(codec::decode(self.header, buffer)?)
            }
        };
        if (bytes.len() as u64) < self.needed {
            return Err(Error::Truncated {
                path: self.header.path.clone(),
                what: "pixel data",
                expected: self.needed,
                found: bytes.len() as u64,
            });
        }
        Ok(self.conversion.apply(&bytes, out))
    }

    fn read_native(&self, buffer: &mut Vec<u8>) -> Result<()> {
        // An even number, as words are swapped in pairs.
        let length = self.needed.next_multiple_of(2);
        self.read_file(self.offset, length, buffer)?;
        let format = self.header.format;
        if format.big_endian && format.bits_allocated == 8 && self.words {
            // Bytes in words are swapped with the words (PS3.5 A.3 and annex D).
            for pair in buffer.as_chunks_mut::<2>().0 {
                pair.swap(0, 1);
            }
        }
        Ok(())
    }

    fn read_file(&self, offset: u64, length: u64, buffer: &mut Vec<u8>) -> Result<()> {
        self.header
            .location
            .read_range(offset, length, buffer)
            .map_err(|source| Error::Io { path: self.header.path.clone(), source })
    }
}

/// Whether these are grey pixels of a kind that is read.
fn check_image(header: &Header) -> Result<()> {
    let unsupported =
        |what, found: String| Err(Error::Unsupported { path: header.path.clone(), what, found });
    let format = header.format;
    if !matches!(header.photometric.as_str(), "MONOCHROME1" | "MONOCHROME2") {
        return unsupported("PhotometricInterpretation", header.photometric.to_string());
    }
    if header.samples_per_pixel.is_some_and(|n| n != 1) {
        return unsupported("SamplesPerPixel", header.samples_per_pixel.unwrap_or(0).to_string());
    }
    if !matches!(format.bits_allocated, 8 | 16) {
        return unsupported("BitsAllocated", format.bits_allocated.to_string());
    }
    if header.has_modality_lut {
        return unsupported("ModalityLUTSequence", "in place of a rescale".to_string());
    }
    let invalid = |what, expected: &str, found: String| {
        Err(Error::Invalid { path: header.path.clone(), what, expected: expected.to_string(), found })
    };
    if !format.is_consistent() {
        let found = format!("{} stored up to bit {}", format.bits_stored, format.high_bit);
        return invalid("BitsStored and HighBit", "bits within BitsAllocated", found);
    }
    if header.pixel_count() == 0 {
        let found = format!("{} x {}", header.rows.unwrap_or(0), header.columns.unwrap_or(0));
        return invalid("Rows and Columns", "at least 1", found);
    }
    let missing = |attribute| Err(Error::MissingAttribute { path: header.path.clone(), attribute });
    match (header.slope, header.intercept) {
        // Stored values in place of HU or activity would go unnoticed.
        (None, _) if header.must_have_rescale() => return missing("RescaleSlope"),
        (_, None) if header.must_have_rescale() => return missing("RescaleIntercept"),
        _ => {}
    }
    let Rescale { slope, intercept } = rescale(header);
    if !slope.is_finite() || slope == 0.0 || !intercept.is_finite() {
        let found = format!("{slope} and {intercept}");
        return invalid("RescaleSlope and RescaleIntercept", "a number other than 0 and a number", found);
    }
    Ok(())
}

fn rescale(header: &Header) -> Rescale {
    Rescale { slope: header.slope.unwrap_or(1.0), intercept: header.intercept.unwrap_or(0.0) }
}

fn conversion(header: &Header, options: &LoadOptions) -> Conversion {
    let format = header.format;
    let padding = header.padding.map(|value| {
        let value = format.attribute(value);
        let limit = header.padding_limit.map_or(value, |limit| format.attribute(limit));
        PaddingRange { low: value.min(limit), high: value.max(limit) }
    });
    Conversion {
        format,
        rescale: rescale(header),
        padding,
        padding_value: match options.padding {
            Padding::Keep => None,
            Padding::Value(value) => Some(value),
        },
    }
}

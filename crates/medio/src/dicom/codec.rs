//! Decompressing the pixels of one image (PS3.5 A.4), with distrust of both the file and the decoder.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use dicom_dictionary_std::uids;
use dicom_encoding::adapters::{PixelDataObject, RawPixelData};
use dicom_encoding::transfer_syntax::{Codec, TransferSyntaxIndex};
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;

use super::elements::{is_item, is_sequence_end, read_item};
use super::header::Header;
use crate::error::{Error, Result};

/// No compression gains more than this on an image of any size: what claims more is not allocated.
pub(super) const MOST_COMPRESSION: u64 = 4096;

/// How the pixels of a transfer syntax are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Storage {
    Native,
    Encapsulated,
}

/// How the pixels of an image are stored, if this build can read them.
///
/// # Errors
/// [`Error::UnsupportedTransferSyntax`].
pub(super) fn storage(header: &Header) -> Result<Storage> {
    let uid = header.transfer_syntax.as_str();
    let syntax = TransferSyntaxRegistry.get(uid);
    match syntax.map(|s| s.codec()) {
        Some(Codec::None) => Ok(Storage::Native),
        // The registry may be built without it: this crate inflates data sets by itself.
        Some(Codec::Dataset(_)) if uid == uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN => Ok(Storage::Native),
        Some(Codec::EncapsulatedPixelData(Some(_), _)) => Ok(Storage::Encapsulated),
        _ => Err(Error::UnsupportedTransferSyntax {
            path: header.path.clone(),
            uid: uid.to_string(),
            name: syntax.map_or("unknown", |s| s.name()).to_string(),
            feature: is_jpeg2000(uid).then_some("jpeg2000"),
        }),
    }
}

/// Whether a transfer syntax loses information by definition.
pub(super) fn is_lossy(uid: &str) -> bool {
    matches!(
        uid,
        uids::JPEG_BASELINE8_BIT | uids::JPEG_EXTENDED12_BIT | uids::JPEGLS_NEAR_LOSSLESS | uids::JPEGXL
    )
}

/// Decodes the fragment sequence that starts `encoded` to samples, little endian, as the header says they are.
///
/// # Errors
/// [`Error::Decode`] and [`Error::Truncated`].
pub(super) fn decode(header: &Header, encoded: &[u8]) -> Result<Vec<u8>> {
    let fail = |reason: String| Error::Decode {
        path: header.path.clone(),
        syntax: TransferSyntaxRegistry.get(&header.transfer_syntax).map_or("unknown", |s| s.name()),
        reason,
    };
    let codestream = join_fragments(header, encoded)?;
    let pixels = header.pixel_count();
    let stored_bytes = check_codestream(header, &codestream).map_err(fail)?;
    let frame = Frame { header, bits_allocated: stored_bytes as u16 * 8, codestream: &codestream };
    let Some(Codec::EncapsulatedPixelData(Some(reader), _)) =
        TransferSyntaxRegistry.get(&header.transfer_syntax).map(|s| s.codec())
    else {
        return Err(fail("no decoder".to_string()));
    };
    let mut samples = Vec::new();
    // Third-party decoders have panicked on broken files. A panic in one touches nothing but `samples`, which is dropped, so it is
    // safe to go on; it becomes an error like any other. (Where panics abort the process there is nothing to catch.)
    catch_unwind(AssertUnwindSafe(|| reader.decode_frame(&frame, 0, &mut samples)))
        .map_err(|_| fail("the decoder gave up on a malformed image".to_string()))?
        .map_err(|e| fail(e.to_string()))?;
    if samples.len() != pixels * stored_bytes {
        return Err(fail(format!("expected {} bytes, found {}", pixels * stored_bytes, samples.len())));
    }
    if stored_bytes < header.format.bytes() {
        // Samples of 8 bits in cells of 16.
        samples = samples.iter().flat_map(|b| [*b, 0]).collect();
    }
    Ok(samples)
}

/// The fragments of a single image, without the offset table before them.
fn join_fragments<'a>(header: &Header, encoded: &'a [u8]) -> Result<Cow<'a, [u8]>> {
    let mut fragments: Vec<&[u8]> = Vec::new();
    let mut at = 0;
    while let Some((tag, length)) = read_item(encoded, at) {
        if is_sequence_end(tag) {
            break;
        }
        if !is_item(tag) {
            return Err(Error::Invalid {
                path: header.path.clone(),
                what: "fragments of pixel data",
                expected: "an item (FFFE,E000)".to_string(),
                found: tag.to_string(),
            });
        }
        let start = at + 8;
        let end = start.saturating_add(length as usize);
        let fragment = encoded.get(start..end).ok_or_else(|| Error::Truncated {
            path: header.path.clone(),
            what: "fragment of pixel data",
            expected: u64::from(length),
            found: encoded.len().saturating_sub(start) as u64,
        })?;
        fragments.push(fragment);
        at = end;
    }
    // The first item is the offset table, of no use for one image.
    match fragments.get(1..).unwrap_or_default() {
        [] => Err(Error::MissingAttribute { path: header.path.clone(), attribute: "PixelData" }),
        [only] => Ok(Cow::Borrowed(only)),
        several => Ok(Cow::Owned(several.concat())),
    }
}

/// Checks what a decoder would otherwise believe and allocate. Returns the bytes per sample that it will give.
fn check_codestream(header: &Header, codestream: &[u8]) -> std::result::Result<usize, String> {
    let bytes = header.format.bytes();
    let uid = header.transfer_syntax.as_str();
    if uid == uids::RLE_LOSSLESS {
        return check_rle(codestream, bytes).map(|()| bytes);
    }
    let found = match codestream {
        [0xFF, 0xD8, ..] => jpeg_size(codestream),
        _ if is_jpeg2000(uid) => jpeg2000_size(codestream),
        _ => return Ok(bytes),
    };
    let found = found.ok_or("no frame header in the compressed image")?;
    let expected = (u32::from(header.rows.unwrap_or(0)), u32::from(header.columns.unwrap_or(0)), 1);
    if (found.rows, found.columns, found.components) != expected {
        return Err(format!(
            "expected {} rows, {} columns and {} component, found {}, {} and {}",
            expected.0, expected.1, expected.2, found.rows, found.columns, found.components
        ));
    }
    if found.sampling != (1, 1) {
        return Err(format!(
            "expected each pixel sampled, found one in {} x {}",
            found.sampling.0, found.sampling.1
        ));
    }
    match found.precision {
        1..=8 if !is_jpeg2000(uid) => Ok(1),
        1..=16 if usize::from(found.precision) <= 8 * bytes => Ok(bytes),
        precision => Err(format!("{precision} bits in samples of {}", 8 * bytes)),
    }
}

/// One segment per byte of a sample, each within the fragment (PS3.5 G.5).
fn check_rle(fragment: &[u8], segments: usize) -> std::result::Result<(), String> {
    let word = |i: usize| {
        let b = fragment.get(4 * i..4 * i + 4)?.first_chunk::<4>()?;
        Some(u32::from_le_bytes(*b) as usize)
    };
    let found = word(0).ok_or("no RLE header")?;
    if found != segments {
        return Err(format!("expected {segments} RLE segments, found {found}"));
    }
    let offsets: Option<Vec<usize>> = (1..=segments).map(word).collect();
    let offsets = offsets.ok_or("no RLE header")?;
    let ascending = offsets.is_sorted() && offsets.first().is_some_and(|o| *o >= 64);
    if !ascending || offsets.last().is_none_or(|o| *o > fragment.len()) {
        return Err("RLE segments lie outside of the fragment".to_string());
    }
    Ok(())
}

struct CodestreamSize {
    rows: u32,
    columns: u32,
    components: u32,
    precision: u16,
    /// Distances between the samples of the component, across and down, in pixels.
    sampling: (u8, u8),
}

/// From the frame header (SOF) of a JPEG image (ISO/IEC 10918-1 B.2.2).
fn jpeg_size(bytes: &[u8]) -> Option<CodestreamSize> {
    let mut at = 2;
    loop {
        let marker = *bytes.get(at..)?.first_chunk::<4>()?;
        match marker {
            // Fill bytes before a marker.
            [0xFF, 0xFF, ..] => at += 1,
            [0xFF, 0xC0..=0xCF, ..] if !matches!(marker[1], 0xC4 | 0xC8 | 0xCC) => {
                let b = *bytes.get(at + 4..)?.first_chunk::<6>()?;
                return Some(CodestreamSize {
                    rows: u32::from(u16::from_be_bytes([b[1], b[2]])),
                    columns: u32::from(u16::from_be_bytes([b[3], b[4]])),
                    components: u32::from(b[5]),
                    precision: u16::from(b[0]),
                    // Relative to the other components, of which there is none.
                    sampling: (1, 1),
                });
            }
            [0xFF, 0x01 | 0xD0..=0xD8, ..] => at += 2,
            [0xFF, _, high, low] => at += 2 + usize::from(u16::from_be_bytes([high, low])),
            _ => return None,
        }
    }
}

/// From the SIZ segment of a JPEG 2000 codestream (ISO/IEC 15444-1 A.5.1), bare or in a JP2 file.
fn jpeg2000_size(bytes: &[u8]) -> Option<CodestreamSize> {
    let start = bytes.windows(4).position(|w| w == [0xFF, 0x4F, 0xFF, 0x51])?;
    let siz = bytes.get(start + 4..)?.first_chunk::<41>()?;
    let word = |at: usize| siz.get(at..at + 4)?.first_chunk().map(|b| u32::from_be_bytes(*b));
    let components = u32::from(u16::from_be_bytes([siz[36], siz[37]]));
    Some(CodestreamSize {
        columns: word(4)?.checked_sub(word(12)?)?,
        rows: word(8)?.checked_sub(word(16)?)?,
        components,
        precision: u16::from(siz[38] & 0x7F) + 1,
        sampling: (siz[39], siz[40]),
    })
}

fn is_jpeg2000(uid: &str) -> bool {
    matches!(
        uid,
        uids::JPEG2000_LOSSLESS
            | uids::JPEG2000
            | uids::HTJ2K_LOSSLESS
            | uids::HTJ2K_LOSSLESS_RPCL
            | uids::HTJ2K
    )
}

/// One image as the decoders want to see it.
struct Frame<'a> {
    header: &'a Header,
    bits_allocated: u16,
    codestream: &'a [u8],
}

impl PixelDataObject for Frame<'_> {
    fn transfer_syntax_uid(&self) -> &str {
        &self.header.transfer_syntax
    }

    fn rows(&self) -> Option<u16> {
        self.header.rows
    }

    fn cols(&self) -> Option<u16> {
        self.header.columns
    }

    fn samples_per_pixel(&self) -> Option<u16> {
        Some(1)
    }

    fn bits_allocated(&self) -> Option<u16> {
        Some(self.bits_allocated)
    }

    fn bits_stored(&self) -> Option<u16> {
        Some(self.header.format.bits_stored.min(self.bits_allocated))
    }

    fn photometric_interpretation(&self) -> Option<&str> {
        Some(&self.header.photometric)
    }

    fn number_of_frames(&self) -> Option<u32> {
        Some(1)
    }

    fn number_of_fragments(&self) -> Option<u32> {
        Some(1)
    }

    fn fragment(&self, fragment: usize) -> Option<Cow<'_, [u8]>> {
        (fragment == 0).then_some(Cow::Borrowed(self.codestream))
    }

    fn offset_table(&self) -> Option<Cow<'_, [u32]>> {
        None
    }

    fn raw_pixel_data(&self) -> Option<RawPixelData> {
        let fragments = vec![self.codestream.to_vec()].into();
        Some(RawPixelData { fragments, offset_table: Default::default() })
    }
}

//! The stored pixels of one image: read from the file, and decompressed where they are compressed.

use std::borrow::Cow;
use std::sync::Arc;

use super::codec::{self, Codec, Decoded, Storage, TransferSyntax};
use super::format::{ImageFormat, NativeRange, Photometric};
use super::fragments;
use super::header::Header;
use super::mosaic;
use super::pixels::SampleFormat;
use crate::error::{Error, Result};

/// Bytes of an image for each byte of its file that need no second look.
const USUAL_GAIN: u64 = 64;

/// One image to read: its header, checked.
pub(super) struct FrameSource<'a> {
    header: &'a Header,
    pub(super) image: ImageFormat,
    codec: Option<Codec>,
    syntax: &'static str,
    offset: u64,
    native: NativeRange,
    words: bool,
}

/// The samples of one image.
pub(super) struct Frame<'b> {
    pub(super) bytes: Cow<'b, [u8]>,
    /// Of the first byte, those that belong to another image.
    pub(super) skipped_bits: u8,
    pub(super) format: SampleFormat,
    pub(super) photometric: Photometric,
    pub(super) planar: bool,
    /// Colour differences are stored as native 4:2:2 or 4:2:0 pixels have them: fewer than pixels.
    pub(super) subsampled: bool,
}

impl<'a> FrameSource<'a> {
    /// Checks all that can be told without reading the pixels, so that nothing is allocated for a file that cannot be read.
    ///
    /// # Errors
    /// [`Error::UnsupportedTransferSyntax`], [`Error::Unsupported`], [`Error::Invalid`], [`Error::MissingAttribute`] and
    /// [`Error::Truncated`].
    pub(super) fn new(header: &'a Header) -> Result<Self> {
        let uid = header.transfer_syntax.as_str();
        let syntax = TransferSyntax::of(uid);
        let codec = match syntax.storage {
            Storage::Native => None,
            Storage::Encapsulated(codec) => Some(codec),
            Storage::Unsupported { feature } => {
                return Err(Error::UnsupportedTransferSyntax {
                    path: header.path.clone(),
                    uid: uid.to_string(),
                    name: syntax.name.to_string(),
                    feature,
                });
            }
        };
        let mut image = image_format(header)?;
        // What is stored is the whole mosaic.
        let grid = usize::from(header.mosaic.unwrap_or(1));
        (image.rows, image.columns) = (image.rows * grid, image.columns * grid);
        let pixels = header
            .pixels
            .ok_or_else(|| Error::MissingAttribute { path: header.path.clone(), attribute: "PixelData" })?;
        if codec.is_none() != pixels.length.is_some() {
            let of = |native: bool| if native { "defined" } else { "undefined" }.to_string();
            return Err(Error::Invalid {
                path: header.path.clone(),
                what: "length of pixel data",
                expected: of(codec.is_none()),
                found: of(codec.is_some()),
            });
        }
        let native = image.native_range(header.frame);
        let source = Self {
            header,
            image,
            codec,
            syntax: syntax.name,
            offset: pixels.offset as u64,
            native,
            words: pixels.words,
        };
        source.check_room(pixels.length)?;
        Ok(source)
    }

    fn check_room(&self, length: Option<u32>) -> Result<()> {
        let header = self.header;
        let truncated = |expected: u64, found: u64| Error::Truncated {
            path: header.path.clone(),
            what: "pixel data",
            expected,
            found,
        };
        let Some(codec) = self.codec else {
            let end = self.native.start.saturating_add(self.native.length);
            if let Some(length) = length.map(u64::from).filter(|length| *length < end) {
                return Err(truncated(end, length));
            }
            let in_file = header.file_length.saturating_sub(self.offset);
            // What is deflated was inflated to its end by the scan.
            return if header.location.is_inflated() || end <= in_file {
                Ok(())
            } else {
                Err(truncated(end, in_file))
            };
        };
        if codec::is_plausible(codec, &self.image, header.file_length) {
            // Memory is taken for the image before it is decoded: what gains much has to claim its size itself too.
            if self.image.decoded_bytes() <= header.file_length.saturating_mul(USUAL_GAIN) {
                return Ok(());
            }
            let codestream = self.read_codestream(&mut Vec::new())?.into_owned();
            return codec::check_claim(codec, &self.image, &codestream).map_err(|f| self.decode_error(f));
        }
        Err(Error::Decode {
            path: header.path.clone(),
            syntax: self.syntax,
            reason: format!(
                "a file of {} bytes cannot hold an image of {}",
                header.file_length,
                self.image.decoded_bytes()
            ),
        })
    }

    /// Reads the image, and no other of its file.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Truncated`], [`Error::Invalid`] and [`Error::Decode`].
    pub(super) fn read<'b>(&self, buffer: &'b mut Vec<u8>) -> Result<Frame<'b>> {
        let Some((grid, tile)) = self.header.mosaic.zip(self.header.tile) else {
            return self.read_stored(buffer);
        };
        let cut = |whole: &[u8], format: SampleFormat| {
            let columns = usize::from(self.header.columns.unwrap_or(0));
            let size = [
                usize::from(self.header.rows.unwrap_or(0)),
                columns * usize::from(format.bits_allocated / 8),
            ];
            Cow::Owned(mosaic::cut(whole, grid, tile, size))
        };
        if let Some(kept) = self.header.decoded.get() {
            let bytes = cut(&kept.bytes, kept.format);
            return Ok(Frame { bytes, ..described(kept.format, kept.photometric) });
        }
        let frame = self.read_stored(buffer)?;
        Ok(Frame { bytes: cut(&frame.bytes, frame.format), ..frame })
    }

    fn read_stored<'b>(&self, buffer: &'b mut Vec<u8>) -> Result<Frame<'b>> {
        let Some(codec) = self.codec else { return self.read_native(buffer) };
        let decoded = self.decode(codec, buffer)?;
        Ok(Frame { bytes: Cow::Owned(decoded.bytes), ..described(decoded.format, decoded.photometric) })
    }

    fn decode(&self, codec: Codec, buffer: &mut Vec<u8>) -> Result<Decoded> {
        let codestream = self.read_codestream(buffer)?;
        codec::decode(codec, &self.image, &codestream).map_err(|f| self.decode_error(f))
    }

    /// Decompresses a compressed mosaic, so that its slices need not, as long as the result lives.
    pub(super) fn keep_mosaic(&self) -> Result<Option<Arc<Decoded>>> {
        let (Some(codec), Some(_)) = (self.codec, self.header.mosaic) else { return Ok(None) };
        let decoded = Arc::new(self.decode(codec, &mut Vec::new())?);
        self.header.decoded.set(&decoded);
        Ok(Some(decoded))
    }

    /// The compressed image, its fragments joined.
    fn read_codestream<'b>(&self, buffer: &'b mut Vec<u8>) -> Result<Cow<'b, [u8]>> {
        let file = &self.header.file;
        let ranges = match (file.frame_ranges.get(), self.codec) {
            (Some(ranges), _) => ranges,
            (None, Some(codec)) => {
                let found = fragments::find(file, self.offset, codec)?;
                file.frame_ranges.get_or_init(|| found)
            }
            (None, None) => return Ok(Cow::Borrowed(&[])),
        };
        let range = ranges.get(self.header.frame as usize).ok_or_else(|| Error::Invalid {
            path: self.header.label(),
            what: "frames of pixel data",
            expected: format!("more than {}", self.header.frame),
            found: ranges.len().to_string(),
        })?;
        self.read_file(range.start, range.end.saturating_sub(range.start), buffer)?;
        fragments::join(file, buffer)
    }

    fn decode_error(&self, failure: codec::Failure) -> Error {
        Error::Decode { path: self.header.label(), syntax: self.syntax, reason: failure.into_reason() }
    }

    fn read_native<'b>(&self, buffer: &'b mut Vec<u8>) -> Result<Frame<'b>> {
        let ImageFormat { sample, photometric, planar, .. } = self.image;
        let NativeRange { start, length, skipped_bits } = self.native;
        // Bytes in words are swapped with the words (PS3.5 A.3 and annex D): whole words are read then.
        let swapped = sample.big_endian && sample.bits_allocated <= 8 && self.words;
        let odd = if swapped { start % 2 } else { 0 };
        let even = if swapped { (length + odd).next_multiple_of(2) } else { length };
        self.read_file(self.offset.saturating_add(start - odd), even, buffer)?;
        // Of a word that ends early the byte that is there would be taken for the other one.
        if (buffer.len() as u64) < even {
            return Err(Error::Truncated {
                path: self.header.label(),
                what: "pixel data",
                expected: even,
                found: buffer.len() as u64,
            });
        }
        if swapped {
            for pair in buffer.as_chunks_mut::<2>().0 {
                pair.swap(0, 1);
            }
            buffer.drain(..odd as usize);
        }
        buffer.truncate(length as usize);
        Ok(Frame {
            bytes: Cow::Borrowed(buffer),
            skipped_bits,
            format: sample,
            photometric,
            planar,
            subsampled: matches!(
                photometric,
                Photometric::YbrFull422 | Photometric::YbrPartial422 | Photometric::YbrPartial420
            ),
        })
    }

    fn read_file(&self, offset: u64, length: u64, buffer: &mut Vec<u8>) -> Result<()> {
        self.header
            .location
            .read_range(offset, length, buffer)
            .map_err(|source| self.header.read_error(source))
    }
}

/// What is known of a decompressed image beside its bytes.
fn described(format: SampleFormat, photometric: Photometric) -> Frame<'static> {
    let bytes = Cow::Borrowed(&[][..]);
    Frame { bytes, skipped_bits: 0, format, photometric, planar: false, subsampled: false }
}

/// The layout that a header describes, checked.
fn image_format(header: &Header) -> Result<ImageFormat> {
    let unsupported =
        |what, found: String| Err(Error::Unsupported { path: header.path.clone(), what, found });
    let invalid = |what, expected: &str, found: String| {
        Err(Error::Invalid { path: header.path.clone(), what, expected: expected.to_string(), found })
    };
    let sample = header.format;
    let Some(photometric) = Photometric::parse(&header.photometric) else {
        return unsupported("PhotometricInterpretation", header.photometric.to_string());
    };
    let samples = usize::from(header.samples_per_pixel.unwrap_or(photometric.samples() as u16));
    if samples != photometric.samples() {
        let expected = format!("{} for {}", photometric.samples(), header.photometric.as_str());
        return invalid("SamplesPerPixel", &expected, samples.to_string());
    }
    let is_known = match (sample.float, sample.bits_allocated) {
        (false, 1) => photometric.is_grey(),
        (false, 8 | 16 | 32) => true,
        (true, 32 | 64) => photometric.is_grey(),
        _ => false,
    };
    if !is_known {
        return unsupported("BitsAllocated", sample.bits_allocated.to_string());
    }
    if !sample.float && !sample.is_consistent() {
        let found = format!("{} stored up to bit {}", sample.bits_stored, sample.high_bit);
        return invalid("BitsStored and HighBit", "bits within BitsAllocated", found);
    }
    let (rows, columns) = (usize::from(header.rows.unwrap_or(0)), usize::from(header.columns.unwrap_or(0)));
    if rows == 0 || columns == 0 {
        return invalid("Rows and Columns", "at least 1", format!("{rows} x {columns}"));
    }
    Ok(ImageFormat { rows, columns, samples, sample, photometric, planar: header.planar })
}

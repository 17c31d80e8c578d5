//! Where the frames of encapsulated pixel data are (PS3.5 A.4): by an offset table, or by the fragments themselves.

use std::borrow::Cow;
use std::ops::Range;

use dicom_dictionary_std::tags;

use super::codec::Codec;
use super::elements::{is_item, is_sequence_end, read_item};
use super::header::FileHeader;
use crate::error::{Error, Result};

/// Bytes of an item before its content.
const ITEM_HEAD: u64 = 8;
/// Read at a time when fragments are walked over.
const WINDOW: u64 = 4096;

/// Where the items of each frame are in the file.
pub(super) type FrameRanges = Vec<Range<u64>>;

/// A fragment, with the beginning of its content.
struct Fragment {
    items: Range<u64>,
    starts_image: bool,
}

/// Finds the frames of a file whose pixel data starts at an offset.
///
/// # Errors
/// [`Error::Invalid`] when the fragments cannot be told apart into as many frames as there should be, [`Error::Truncated`] and
/// [`Error::Io`].
pub(super) fn find(file: &FileHeader, offset: u64, codec: Codec) -> Result<FrameRanges> {
    let mut window = Window { file, start: 0, bytes: Vec::new() };
    let table = window.item(offset)?.ok_or_else(|| invalid(file, "an offset table (FFFE,E000)", "none"))?;
    let first = table.end;
    let frames = file.frames.max(1) as usize;
    if frames == 1 {
        return Ok(std::iter::once(first..file.file_length.max(first)).collect());
    }
    if let Some(ranges) = by_extended_table(file, first, frames)? {
        return Ok(ranges);
    }
    if let Some(ranges) = window.by_basic_table(table, frames)? {
        return Ok(ranges);
    }
    let fragments = window.fragments(first, codec)?;
    let found = fragments.len();
    if found == frames {
        return Ok(fragments.into_iter().map(|f| f.items).collect());
    }
    let mut ranges = FrameRanges::new();
    for fragment in fragments {
        match ranges.last_mut() {
            Some(last) if !fragment.starts_image => last.end = fragment.items.end,
            _ => ranges.push(fragment.items),
        }
    }
    if ranges.len() != frames {
        let found = format!("{found} fragments with {} starts of images", ranges.len());
        return Err(invalid(file, &format!("{frames} frames"), &found));
    }
    Ok(ranges)
}

/// The content of the fragments of one frame. `items` may go on behind them: with a delimiter.
///
/// # Errors
/// [`Error::Invalid`] where there is no item, [`Error::Truncated`], and [`Error::MissingAttribute`] without a fragment.
pub(super) fn join<'a>(file: &FileHeader, items: &'a [u8]) -> Result<Cow<'a, [u8]>> {
    let mut fragments: Vec<&[u8]> = Vec::new();
    let mut at = 0;
    while let Some((tag, length)) = read_item(items, at) {
        if is_sequence_end(tag) {
            break;
        }
        if !is_item(tag) {
            return Err(invalid(file, "an item (FFFE,E000)", &tag.to_string()));
        }
        let start = at + ITEM_HEAD as usize;
        let end = start.saturating_add(length as usize);
        let fragment = items.get(start..end).ok_or_else(|| Error::Truncated {
            path: file.path.clone(),
            what: "fragment of pixel data",
            expected: u64::from(length),
            found: items.len().saturating_sub(start) as u64,
        })?;
        fragments.push(fragment);
        at = end;
    }
    match fragments.as_slice() {
        [] => Err(Error::MissingAttribute { path: file.path.clone(), attribute: "PixelData" }),
        [only] => Ok(Cow::Borrowed(only)),
        several => Ok(Cow::Owned(several.concat())),
    }
}

/// Extended Offset Table and its lengths (PS3.3 C.7.6.3.1.8).
fn by_extended_table(file: &FileHeader, first: u64, frames: usize) -> Result<Option<FrameRanges>> {
    if !file.has_extended_offsets {
        return Ok(None);
    }
    let elements = file.read_elements()?;
    let words = |tag| -> Vec<u64> {
        let words = elements.data_set().get(tag).map(|e| e.u64s().collect::<Vec<_>>());
        words.unwrap_or_default()
    };
    let offsets = words(tags::EXTENDED_OFFSET_TABLE);
    let lengths = words(tags::EXTENDED_OFFSET_TABLE_LENGTHS);
    let is_sound = offsets.len() == frames && lengths.len() == frames && offsets.is_sorted();
    if !is_sound {
        return Ok(None);
    }
    let range = |(offset, length): (&u64, &u64)| {
        let start = first.saturating_add(*offset);
        // The length is that of the content, which may have been padded.
        start..start.saturating_add(*length).saturating_add(ITEM_HEAD + (length & 1))
    };
    Ok(Some(offsets.iter().zip(&lengths).map(range).collect()))
}

fn invalid(file: &FileHeader, expected: &str, found: &str) -> Error {
    Error::Invalid {
        path: file.path.clone(),
        what: "fragments of pixel data",
        expected: expected.to_string(),
        found: found.to_string(),
    }
}

/// A part of the file that moves along.
struct Window<'a> {
    file: &'a FileHeader,
    start: u64,
    bytes: Vec<u8>,
}

impl Window<'_> {
    /// Up to `length` bytes from a place.
    fn read(&mut self, offset: u64, length: u64) -> Result<&[u8]> {
        let end = self.start.saturating_add(self.bytes.len() as u64);
        if offset < self.start || offset.saturating_add(length) > end {
            self.file
                .location
                .read_range(offset, length.max(WINDOW), &mut self.bytes)
                .map_err(|source| self.file.read_error(source))?;
            self.start = offset;
        }
        let from =
            usize::try_from(offset.saturating_sub(self.start)).unwrap_or(usize::MAX).min(self.bytes.len());
        let to = from.saturating_add(length as usize).min(self.bytes.len());
        Ok(self.bytes.get(from..to).unwrap_or_default())
    }

    /// The item at a place, with its head; `None` at the end of the sequence or of the file.
    fn item(&mut self, offset: u64) -> Result<Option<Range<u64>>> {
        let Some((tag, length)) = read_item(self.read(offset, ITEM_HEAD)?, 0) else { return Ok(None) };
        if is_sequence_end(tag) {
            return Ok(None);
        }
        if !is_item(tag) {
            return Err(invalid(self.file, "an item (FFFE,E000)", &tag.to_string()));
        }
        Ok(Some(offset..offset.saturating_add(ITEM_HEAD).saturating_add(u64::from(length))))
    }

    /// Basic Offset Table (PS3.5 A.4); `None` when it is empty or cannot be right.
    fn by_basic_table(&mut self, table: Range<u64>, frames: usize) -> Result<Option<FrameRanges>> {
        let length = table.end.saturating_sub(table.start).saturating_sub(ITEM_HEAD);
        if length != 4 * frames as u64 {
            return Ok(None);
        }
        let words = self.read(table.start.saturating_add(ITEM_HEAD), length)?.as_chunks().0;
        let mut starts: Vec<u64> =
            words.iter().map(|b| table.end.saturating_add(u64::from(u32::from_le_bytes(*b)))).collect();
        let ascending = starts.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
        if !ascending || starts.len() != frames || starts.first() != Some(&table.end) {
            return Ok(None);
        }
        let end = self.file.file_length;
        if starts.last().is_none_or(|last| *last >= end) {
            return Ok(None);
        }
        starts.push(end);
        let pairs = starts.windows(2);
        Ok(Some(pairs.filter_map(|pair| pair.first().zip(pair.last())).map(|(a, b)| *a..*b).collect()))
    }

    /// All fragments from a place.
    fn fragments(&mut self, first: u64, codec: Codec) -> Result<Vec<Fragment>> {
        let mut fragments = Vec::new();
        let mut at = first;
        while let Some(items) = self.item(at)? {
            let content = self.read(at.saturating_add(ITEM_HEAD), 12)?;
            let starts_image = match codec {
                Codec::Rle => true,
                Codec::Jpeg | Codec::JpegLs => content.starts_with(&[0xFF, 0xD8]),
                Codec::Jpeg2000 => {
                    content.starts_with(&[0xFF, 0x4F, 0xFF, 0x51])
                        || content.starts_with(b"\0\0\0\x0CjP  \r\n\x87\n")
                }
            };
            at = items.end;
            fragments.push(Fragment { items, starts_image });
        }
        Ok(fragments)
    }
}

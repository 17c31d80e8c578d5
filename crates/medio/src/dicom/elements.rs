//! Walking over the data elements of a data set (PS3.5 chapter 7) without copying or trusting any of them.
//!
//! Every value is a slice of the bytes that are there; nothing is allocated, whatever length an element claims, and nested
//! sequences are walked by a counter, so that no depth of nesting exhausts the stack. [`DataSet`](super::dataset::DataSet)
//! gives access to what is nested.

use dicom_core::Tag;

const ITEM: Tag = Tag(0xFFFE, 0xE000);
const ITEM_END: Tag = Tag(0xFFFE, 0xE00D);
const SEQUENCE_END: Tag = Tag(0xFFFE, 0xE0DD);
const PIXEL_DATA: Tag = Tag(0x7FE0, 0x0010);
const UNDEFINED: u32 = u32::MAX;
/// Sequences within sequences: those of the standard go a few levels deep, structured reports some twenty.
pub(super) const DEEPEST: u8 = 64;
/// The same, with an item in each sequence.
const MOST_OPEN: u32 = 2 * DEEPEST as u32;

/// How the elements of a data set are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Encoding {
    pub(super) explicit_vr: bool,
    pub(super) big_endian: bool,
}

impl Encoding {
    pub(super) const IMPLICIT_LE: Self = Self { explicit_vr: false, big_endian: false };
    pub(super) const EXPLICIT_LE: Self = Self { explicit_vr: true, big_endian: false };
    pub(super) const EXPLICIT_BE: Self = Self { explicit_vr: true, big_endian: true };

    fn u16(self, b: [u8; 2]) -> u16 {
        if self.big_endian { u16::from_be_bytes(b) } else { u16::from_le_bytes(b) }
    }

    fn u32(self, b: [u8; 4]) -> u32 {
        if self.big_endian { u32::from_be_bytes(b) } else { u32::from_le_bytes(b) }
    }
}

/// One data element.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) tag: Tag,
    /// The value; for a sequence its items, without the delimiter that ends it.
    pub(super) value: &'a [u8],
    /// Of numbers in the value.
    pub(super) encoding: Encoding,
    /// Whether its VR is UN: if it is a sequence all the same, then one in implicit VR little endian (PS3.5 6.2.2).
    pub(super) unknown: bool,
    /// How many sequences it is in.
    pub(super) depth: u8,
}

/// Where the Pixel Data element is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PixelElement {
    /// Of the first byte of its value.
    pub(super) offset: usize,
    /// `None` when undefined: the value is a sequence of fragments.
    pub(super) length: Option<u32>,
    /// Whether the value is a string of 16-bit words (OW) rather than bytes, which matters in big endian.
    pub(super) words: bool,
}

/// How a walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Walk {
    /// At the Pixel Data element.
    Pixels(PixelElement),
    /// At this offset: the end of the data, or the element that was to end the walk.
    End(usize),
    /// So many bytes from the start of the slice are needed to go on.
    More(usize),
    /// Here stands no data element.
    Malformed(usize),
}

/// What stands before a value.
struct ElementHeader {
    tag: Tag,
    vr: Option<[u8; 2]>,
    length: u32,
    /// Where the value starts.
    value: usize,
}

impl ElementHeader {
    fn is_unknown(&self) -> bool {
        self.vr.is_some_and(|vr| &vr == b"UN")
    }
}

/// Calls `visit` with each element of the outermost level from `start` up to the pixel data. `stop_at` ends the walk
/// before the first element for which it says so.
pub(super) fn walk<'a>(
    bytes: &'a [u8],
    start: usize,
    encoding: Encoding,
    stop_at: impl Fn(Tag) -> bool,
    mut visit: impl FnMut(Element<'a>),
) -> Walk {
    let mut at = start;
    while at < bytes.len() {
        let Some(header) = read_header(bytes, at, encoding) else {
            return Walk::More(at.saturating_add(12));
        };
        if stop_at(header.tag) {
            return Walk::End(at);
        }
        if header.tag == PIXEL_DATA {
            let length = (header.length != UNDEFINED).then_some(header.length);
            let words = header.vr.is_none_or(|vr| &vr == b"OW");
            return Walk::Pixels(PixelElement { offset: header.value, length, words });
        }
        // Groups of commands (PS3.7) and of delimiters: neither starts an element of a data set.
        if matches!(header.tag.group(), 0 | 0xFFFE) {
            return Walk::Malformed(at);
        }
        match read_value(bytes, &header, encoding, 0) {
            Ok((element, next)) => {
                visit(element);
                at = next;
            }
            Err(end) => return end,
        }
    }
    Walk::End(at)
}

/// The element at a place of a data set that is `depth` sequences deep, and where the next one starts.
pub(super) fn read_element(
    bytes: &[u8],
    at: usize,
    encoding: Encoding,
    depth: u8,
) -> Result<(Element<'_>, usize), Walk> {
    let header = read_header(bytes, at, encoding).ok_or(Walk::More(at.saturating_add(12)))?;
    if matches!(header.tag.group(), 0 | 0xFFFE) {
        return Err(Walk::Malformed(at));
    }
    read_value(bytes, &header, encoding, depth)
}

/// The content of the item at a place of a sequence, and where the next one starts; `None` at its end.
pub(super) fn read_item_content(
    bytes: &[u8],
    at: usize,
    encoding: Encoding,
) -> Result<Option<(&[u8], usize)>, Walk> {
    if at >= bytes.len() {
        return Ok(None);
    }
    let header = read_header(bytes, at, encoding).ok_or(Walk::More(at.saturating_add(8)))?;
    match header.tag {
        ITEM => read_value(bytes, &header, encoding, 0).map(|(item, next)| Some((item.value, next))),
        SEQUENCE_END => Ok(None),
        _ => Err(Walk::Malformed(at)),
    }
}

fn read_value<'a>(
    bytes: &'a [u8],
    header: &ElementHeader,
    encoding: Encoding,
    depth: u8,
) -> Result<(Element<'a>, usize), Walk> {
    let start = header.value;
    let unknown = header.is_unknown();
    let (end, next) = if header.length == UNDEFINED {
        find_end(bytes, start, if unknown { Encoding::IMPLICIT_LE } else { encoding })?
    } else {
        let end = start.saturating_add(header.length as usize);
        (end, end)
    };
    let value = bytes.get(start..end).ok_or(Walk::More(end))?;
    Ok((Element { tag: header.tag, value, encoding, unknown, depth }, next))
}

/// Where a value of undefined length ends, and where its delimiter does.
fn find_end(bytes: &[u8], start: usize, outer: Encoding) -> Result<(usize, usize), Walk> {
    let mut at = start;
    // Sequences and items of undefined length that are open.
    let mut open = 1u32;
    // How many were open when an unknown (UN) sequence was entered: its content is implicit VR little endian.
    let mut unknown_since = None;
    loop {
        let encoding = if unknown_since.is_some() { Encoding::IMPLICIT_LE } else { outer };
        let header = read_header(bytes, at, encoding).ok_or(Walk::More(at.saturating_add(12)))?;
        if matches!(header.tag, ITEM_END | SEQUENCE_END) {
            open -= 1;
            if open == 0 {
                return Ok((at, header.value));
            }
            if unknown_since.is_some_and(|since| open < since) {
                unknown_since = None;
            }
            at = header.value;
        } else if header.length == UNDEFINED {
            open += 1;
            if open > MOST_OPEN {
                return Err(Walk::Malformed(at));
            }
            if header.is_unknown() && unknown_since.is_none() {
                unknown_since = Some(open);
            }
            at = header.value;
        } else {
            at = header.value.saturating_add(header.length as usize);
            if at > bytes.len() {
                return Err(Walk::More(at));
            }
        }
    }
}

/// The encoding of a little endian data set by its first element: some writers declare one and write the other.
pub(super) fn little_endian_encoding(bytes: &[u8], start: usize) -> Encoding {
    let vr = start.checked_add(4).and_then(|at| bytes.get(at..)?.first_chunk::<2>());
    if vr.is_some_and(|vr| vr.iter().all(u8::is_ascii_uppercase)) {
        Encoding::EXPLICIT_LE
    } else {
        Encoding::IMPLICIT_LE
    }
}

/// The tag at a place.
pub(super) fn read_tag(bytes: &[u8], at: usize, encoding: Encoding) -> Option<Tag> {
    let b = bytes.get(at..)?.first_chunk::<4>()?;
    Some(Tag(encoding.u16([b[0], b[1]]), encoding.u16([b[2], b[3]])))
}

/// The tag and length of an item at a place, little endian as all fragments are.
pub(super) fn read_item(bytes: &[u8], at: usize) -> Option<(Tag, u32)> {
    let tag = read_tag(bytes, at, Encoding::EXPLICIT_LE)?;
    let length = bytes.get(at.checked_add(4)?..)?.first_chunk::<4>()?;
    Some((tag, u32::from_le_bytes(*length)))
}

fn read_header(bytes: &[u8], at: usize, encoding: Encoding) -> Option<ElementHeader> {
    let tag = read_tag(bytes, at, encoding)?;
    let rest = bytes.get(at.checked_add(4)?..)?;
    let word = rest.first_chunk::<4>()?;
    let implicit = || ElementHeader { tag, vr: None, length: encoding.u32(*word), value: at + 8 };
    let vr = [word[0], word[1]];
    // Items and delimiters have no VR in any encoding; other elements without one come from writers that mix encodings.
    if !encoding.explicit_vr || tag.group() == 0xFFFE || !vr.iter().all(u8::is_ascii_uppercase) {
        return Some(implicit());
    }
    let long = matches!(
        &vr,
        b"OB" | b"OD" | b"OF" | b"OL" | b"OV" | b"OW" | b"SQ" | b"SV" | b"UC" | b"UN" | b"UR" | b"UT" | b"UV"
    );
    if long {
        let length = encoding.u32(*rest.get(4..)?.first_chunk()?);
        Some(ElementHeader { tag, vr: Some(vr), length, value: at + 12 })
    } else {
        let length = u32::from(encoding.u16([word[2], word[3]]));
        Some(ElementHeader { tag, vr: Some(vr), length, value: at + 8 })
    }
}

/// Whether an element of a fragment sequence is an item.
pub(super) fn is_item(tag: Tag) -> bool {
    tag == ITEM
}

/// Whether an element of a fragment sequence ends it.
pub(super) fn is_sequence_end(tag: Tag) -> bool {
    tag == SEQUENCE_END
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explicit(tag: (u16, u16), vr: &[u8; 2], value: &[u8]) -> Vec<u8> {
        let mut b = [tag.0.to_le_bytes(), tag.1.to_le_bytes()].concat();
        b.extend(vr);
        b.extend((value.len() as u16).to_le_bytes());
        b.extend(value);
        b
    }

    fn undefined(tag: (u16, u16), vr: &[u8; 2]) -> Vec<u8> {
        let mut b = [tag.0.to_le_bytes(), tag.1.to_le_bytes()].concat();
        b.extend(vr);
        b.extend([0, 0, 255, 255, 255, 255]);
        b
    }

    fn marker(tag: Tag, length: u32) -> Vec<u8> {
        let mut b = [tag.0.to_le_bytes(), tag.1.to_le_bytes()].concat();
        b.extend(length.to_le_bytes());
        b
    }

    fn tags_of(bytes: &[u8]) -> (Vec<Tag>, Walk) {
        let mut tags = vec![];
        let end = walk(bytes, 0, Encoding::EXPLICIT_LE, |_| false, |e| tags.push(e.tag));
        (tags, end)
    }

    #[test]
    fn nested_sequences_are_passed_over() {
        let mut b = undefined((8, 0x1140), b"SQ");
        b.extend(marker(ITEM, UNDEFINED));
        b.extend(explicit((0x28, 0x10), b"US", &[9, 9]));
        b.extend(undefined((8, 0x1150), b"UN"));
        b.extend(marker(ITEM, UNDEFINED));
        // Implicit within UN: its length would read as a VR and a short length.
        b.extend(marker(Tag(0x28, 0x11), 2));
        b.extend([1, 1]);
        b.extend(marker(ITEM_END, 0));
        b.extend(marker(SEQUENCE_END, 0));
        b.extend(marker(ITEM_END, 0));
        b.extend(marker(SEQUENCE_END, 0));
        b.extend(explicit((0x28, 0x10), b"US", &[4, 0]));
        assert_eq!(tags_of(&b), (vec![Tag(8, 0x1140), Tag(0x28, 0x10)], Walk::End(b.len())));
    }

    #[test]
    fn deep_nesting_and_absurd_lengths_end_the_walk() {
        let one = [undefined((8, 0x1140), b"SQ"), marker(ITEM, UNDEFINED)].concat();
        let deep = one.repeat(100_000);
        assert!(matches!(tags_of(&deep).1, Walk::Malformed(_)));
        let within = one.repeat(60);
        assert!(matches!(tags_of(&within).1, Walk::More(_)));
        let mut b = [8u16.to_le_bytes(), 0x1140u16.to_le_bytes()].concat();
        b.extend(b"OB\0\0\xFE\xFF\xFF\xFF");
        assert_eq!(tags_of(&b), (vec![], Walk::More(12 + 0xFFFF_FFFE)));
        assert_eq!(tags_of(&marker(ITEM_END, 0)).1, Walk::Malformed(0));
        // A run of zeros is no run of empty elements.
        assert_eq!(tags_of(&[0; 64]).1, Walk::Malformed(0));
    }
}

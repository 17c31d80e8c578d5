//! Walking over the data elements of a data set (PS3.5 chapter 7) without copying or trusting any of them.
//!
//! Every value is a slice of the bytes that are there; nothing is allocated, whatever length an element claims, and nested
//! sequences are walked by a counter, so that no depth of nesting exhausts the stack.

use dicom_core::Tag;

const ITEM: Tag = Tag(0xFFFE, 0xE000);
const ITEM_END: Tag = Tag(0xFFFE, 0xE00D);
const SEQUENCE_END: Tag = Tag(0xFFFE, 0xE0DD);
const PIXEL_DATA: Tag = Tag(0x7FE0, 0x0010);
const UNDEFINED: u32 = u32::MAX;

/// How the elements of a data set are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// One data element of the outermost level.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) tag: Tag,
    /// The value; for a sequence of undefined length the head of its first item, empty when it has no items.
    pub(super) value: &'a [u8],
    encoding: Encoding,
}

impl<'a> Element<'a> {
    /// The value as text, without the padding around it. Bytes that are not ASCII are replaced.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(self.bytes_trimmed()).into_owned()
    }

    /// The value without leading and trailing spaces and NULs.
    pub(super) fn bytes_trimmed(&self) -> &'a [u8] {
        let padding = |b: &u8| *b == b' ' || *b == 0;
        let start = self.value.iter().position(|b| !padding(b)).unwrap_or(self.value.len());
        let end = self.value.iter().rposition(|b| !padding(b)).map_or(start, |last| last + 1);
        self.value.get(start..end).unwrap_or_default()
    }

    /// A decimal string (DS or IS) of exactly `N` finite numbers.
    pub(super) fn decimals<const N: usize>(&self) -> Option<[f64; N]> {
        let mut numbers = [0.0; N];
        let text = std::str::from_utf8(self.bytes_trimmed()).ok()?;
        let mut parts = text.split('\\');
        for number in &mut numbers {
            *number = parts.next()?.trim().parse().ok().filter(|x: &f64| x.is_finite())?;
        }
        parts.next().is_none().then_some(numbers)
    }

    /// A decimal string of one number.
    pub(super) fn decimal(&self) -> Option<f64> {
        self.decimals::<1>().map(|[x]| x)
    }

    /// An integer string (IS) of one number.
    pub(super) fn integer(&self) -> Option<i64> {
        std::str::from_utf8(self.bytes_trimmed()).ok()?.parse().ok()
    }

    /// An unsigned short (US), or the bits of a signed one (SS).
    pub(super) fn u16(&self) -> Option<u16> {
        self.value.first_chunk().map(|b| self.encoding.u16(*b))
    }

    /// Doubles (FD), as text that two equal values share; `None` when there are none.
    pub(super) fn doubles_text(&self) -> Option<String> {
        let double = |b: &[u8; 8]| {
            if self.encoding.big_endian { f64::from_be_bytes(*b) } else { f64::from_le_bytes(*b) }
        };
        let (chunks, _) = self.value.as_chunks();
        let text: Vec<_> = chunks.iter().map(|b| double(b).to_string()).collect();
        (!text.is_empty()).then(|| text.join("\\"))
    }
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

struct ElementHeader {
    tag: Tag,
    vr: Option<[u8; 2]>,
    length: u32,
    /// Where the value starts.
    value: usize,
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
    // Sequences and items of undefined length that are open.
    let mut depth = 0u32;
    // The depth at which an unknown (UN) sequence was entered: its content is implicit VR little endian (PS3.5 6.2.2).
    let mut unknown_since = None;
    loop {
        if at >= bytes.len() && depth == 0 {
            return Walk::End(at);
        }
        let encoding = if unknown_since.is_some() { Encoding::IMPLICIT_LE } else { encoding };
        let Some(header) = read_header(bytes, at, encoding) else {
            return Walk::More(at.saturating_add(12));
        };
        let ElementHeader { tag, vr, length, value } = header;
        if depth == 0 {
            if stop_at(tag) {
                return Walk::End(at);
            }
            if tag == PIXEL_DATA {
                let length = (length != UNDEFINED).then_some(length);
                let words = vr.is_none_or(|vr| &vr == b"OW");
                return Walk::Pixels(PixelElement { offset: value, length, words });
            }
            // Groups of commands (PS3.7) and of delimiters: neither starts an element of a data set.
            if matches!(tag.group(), 0 | 0xFFFE) {
                return Walk::Malformed(at);
            }
        }
        match tag {
            ITEM_END | SEQUENCE_END => {
                depth -= 1;
                if unknown_since.is_some_and(|since| depth < since) {
                    unknown_since = None;
                }
                at = value;
            }
            _ if length == UNDEFINED => {
                if depth == 0 {
                    let Some(head) = bytes.get(value..value.saturating_add(8)) else {
                        return Walk::More(value.saturating_add(8));
                    };
                    let empty = read_tag(head, 0, encoding) == Some(SEQUENCE_END);
                    visit(Element { tag, value: if empty { &[] } else { head }, encoding });
                }
                depth = match depth.checked_add(1) {
                    Some(depth) => depth,
                    None => return Walk::Malformed(at),
                };
                if vr.is_some_and(|vr| &vr == b"UN") && unknown_since.is_none() {
                    unknown_since = Some(depth);
                }
                at = value;
            }
            _ => {
                let end = value.saturating_add(length as usize);
                let Some(content) = bytes.get(value..end) else {
                    return Walk::More(end);
                };
                if depth == 0 {
                    visit(Element { tag, value: content, encoding });
                }
                at = end;
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
        assert!(matches!(tags_of(&deep).1, Walk::More(_)));
        let mut b = [8u16.to_le_bytes(), 0x1140u16.to_le_bytes()].concat();
        b.extend(b"OB\0\0\xFE\xFF\xFF\xFF");
        assert_eq!(tags_of(&b), (vec![], Walk::More(12 + 0xFFFF_FFFE)));
        assert_eq!(tags_of(&marker(ITEM_END, 0)).1, Walk::Malformed(0));
        // A run of zeros is no run of empty elements.
        assert_eq!(tags_of(&[0; 64]).1, Walk::Malformed(0));
    }

    #[test]
    fn numbers_as_text() {
        let element = |value| Element { tag: Tag(0, 0), value, encoding: Encoding::EXPLICIT_LE };
        assert_eq!(element(b" 1.5\\-2e1 ").decimals(), Some([1.5, -20.0]));
        assert_eq!(element(b"1.5\\2\\3").decimals::<2>(), None);
        assert_eq!(element(b"1.5").decimals::<2>(), None);
        assert_eq!(element(b"nan").decimal(), None);
        assert_eq!(element(b"").decimal(), None);
        assert_eq!(element(b"+12 ").integer(), Some(12));
        assert_eq!(element(b"  \0").text(), "");
    }
}

//! Data sets and the data sets nested in them (PS3.5 7.5), read in place.
//!
//! What is malformed ends the iteration over it. A level is walked in one pass, and sequences are followed
//! [`DEEPEST`] levels deep, so that the time is bounded by that many passes over the bytes.

use dicom_core::Tag;

use super::elements::{self, DEEPEST, Element, Encoding};

/// The elements of a data set, or of an item of a sequence.
#[derive(Debug, Clone, Copy)]
pub(super) struct DataSet<'a> {
    bytes: &'a [u8],
    encoding: Encoding,
    depth: u8,
}

impl<'a> DataSet<'a> {
    /// The data set that the bytes start with.
    pub(super) const fn new(bytes: &'a [u8], encoding: Encoding) -> Self {
        Self { bytes, encoding, depth: 0 }
    }

    /// Its elements, in the order of the bytes.
    pub(super) const fn elements(self) -> Elements<'a> {
        Elements { set: self, at: 0 }
    }

    /// The first element with a tag.
    pub(super) fn get(self, tag: Tag) -> Option<Element<'a>> {
        self.elements().find(|e| e.tag == tag)
    }

    /// The items of a sequence; none when it is not there.
    pub(super) fn items(self, tag: Tag) -> Items<'a> {
        self.get(tag).map_or_else(Items::default, |e| e.items())
    }

    /// The first item of a sequence.
    pub(super) fn item(self, tag: Tag) -> Option<DataSet<'a>> {
        self.items(tag).next()
    }
}

/// The elements of a data set.
#[derive(Debug, Clone)]
pub(super) struct Elements<'a> {
    set: DataSet<'a>,
    at: usize,
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let DataSet { bytes, encoding, depth } = self.set;
        let (element, next) = elements::read_element(bytes, self.at, encoding, depth).ok()?;
        self.at = next;
        Some(element)
    }
}

impl<'a> Element<'a> {
    /// The items of a sequence, whose length may be defined or not. A value that is no sequence has none, as have sequences
    /// more than [`DEEPEST`] levels deep.
    pub(super) fn items(&self) -> Items<'a> {
        let encoding = if self.unknown { Encoding::IMPLICIT_LE } else { self.encoding };
        let bytes = if self.depth < DEEPEST { self.value } else { &[] };
        Items { bytes, encoding, depth: self.depth.saturating_add(1), at: 0 }
    }
}

/// The items of a sequence.
#[derive(Debug, Clone)]
pub(super) struct Items<'a> {
    bytes: &'a [u8],
    encoding: Encoding,
    depth: u8,
    at: usize,
}

impl Default for Items<'_> {
    fn default() -> Self {
        Self { bytes: &[], encoding: Encoding::IMPLICIT_LE, depth: 0, at: 0 }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = DataSet<'a>;

    fn next(&mut self) -> Option<DataSet<'a>> {
        let (bytes, next) = elements::read_item_content(self.bytes, self.at, self.encoding).ok()??;
        self.at = next;
        Some(DataSet { bytes, encoding: self.encoding, depth: self.depth })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEQUENCE: Tag = Tag(0x0008, 0x1140);
    const INNER: Tag = Tag(0x0008, 0x1150);
    const NUMBER: Tag = Tag(0x0028, 0x0010);

    fn element(tag: Tag, encoding: Encoding, vr: &[u8; 2], value: &[u8], undefined: bool) -> Vec<u8> {
        let length = if undefined { u32::MAX } else { value.len() as u32 };
        let mut b = [tag.group().to_le_bytes(), tag.element().to_le_bytes()].concat();
        match (encoding.explicit_vr, vr) {
            (false, _) => b.extend(length.to_le_bytes()),
            (true, b"SQ" | b"UN") => b.extend([&vr[..], &[0, 0], &length.to_le_bytes()].concat()),
            (true, _) => b.extend([&vr[..], &(length as u16).to_le_bytes()].concat()),
        }
        b.extend(value);
        if undefined {
            b.extend([0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]);
        }
        b
    }

    fn item(content: &[u8], undefined: bool) -> Vec<u8> {
        let length = if undefined { u32::MAX } else { content.len() as u32 };
        let mut b = [&[0xFE, 0xFF, 0x00, 0xE0][..], &length.to_le_bytes(), content].concat();
        if undefined {
            b.extend([0xFE, 0xFF, 0x0D, 0xE0, 0, 0, 0, 0]);
        }
        b
    }

    #[test]
    fn items_of_defined_and_undefined_length() {
        for encoding in [Encoding::EXPLICIT_LE, Encoding::IMPLICIT_LE] {
            for undefined in [[false, false], [false, true], [true, false], [true, true]] {
                let number = |n: u8| element(NUMBER, encoding, b"US", &[n, 0], false);
                let inner =
                    |n: u8| element(INNER, encoding, b"SQ", &item(&number(n), undefined[1]), undefined[0]);
                let items: Vec<u8> =
                    [item(&inner(7), undefined[1]), item(&[], undefined[1]), item(&inner(9), undefined[1])]
                        .concat();
                let bytes = [element(SEQUENCE, encoding, b"SQ", &items, undefined[0]), number(3)].concat();
                let set = DataSet::new(&bytes, encoding);
                let tags: Vec<_> = set.elements().map(|e| e.tag).collect();
                assert_eq!(tags, [SEQUENCE, NUMBER], "{encoding:?} {undefined:?}");
                let inner: Vec<_> = set.items(SEQUENCE).map(|i| i.item(INNER)?.get(NUMBER)?.u16()).collect();
                assert_eq!(inner, [Some(7), None, Some(9)], "{encoding:?} {undefined:?}");
            }
        }
    }

    #[test]
    fn unknown_sequences_are_implicit() {
        for undefined in [false, true] {
            let number = element(NUMBER, Encoding::IMPLICIT_LE, b"US", &[5, 0], false);
            let bytes = element(SEQUENCE, Encoding::EXPLICIT_LE, b"UN", &item(&number, undefined), undefined);
            let set = DataSet::new(&bytes, Encoding::EXPLICIT_LE);
            let found = set.item(SEQUENCE).and_then(|i| i.get(NUMBER)?.u16());
            assert_eq!(found, Some(5), "{undefined}");
        }
    }

    #[test]
    fn what_is_malformed_ends_the_iteration() {
        let number = element(NUMBER, Encoding::EXPLICIT_LE, b"US", &[5, 0], false);
        let items = [item(&number, false), b"no item at all".to_vec()].concat();
        let bytes = element(SEQUENCE, Encoding::EXPLICIT_LE, b"SQ", &items, false);
        assert_eq!(DataSet::new(&bytes, Encoding::EXPLICIT_LE).items(SEQUENCE).count(), 1);
        for length in 0..bytes.len() {
            let set = DataSet::new(&bytes[..length], Encoding::EXPLICIT_LE);
            assert_eq!(set.elements().count(), 0, "{length}");
        }
        assert_eq!(DataSet::new(&number, Encoding::EXPLICIT_LE).items(NUMBER).count(), 0);
    }

    #[test]
    fn nesting_is_followed_to_a_limit() {
        let mut bytes = Vec::new();
        for _ in 0..100 {
            bytes = element(SEQUENCE, Encoding::EXPLICIT_LE, b"SQ", &item(&bytes, false), false);
        }
        let mut depth = 0;
        let mut set = DataSet::new(&bytes, Encoding::EXPLICIT_LE);
        while let Some(inner) = set.item(SEQUENCE) {
            set = inner;
            depth += 1;
        }
        assert_eq!(depth, usize::from(DEEPEST));
    }
}

//! The private header in which Siemens MR scanners keep what DICOM had no place for (CSA, in (0029,1010)).
//!
//! Little endian: a list of named tags, each with a list of texts. Newer headers begin with `SV10`; in older ones the length
//! of an item counts the items of the first tag too.

/// Bytes of the name of a tag.
const NAME: usize = 64;
/// No header has more tags, and no tag more items: what claims more is not walked.
const MOST_TAGS: u32 = 1000;
const MOST_ITEMS: u32 = 10_000;

/// The items of a tag that hold text, trimmed; `None` when the header has no such tag or is malformed up to it.
pub(super) fn items<'a>(bytes: &'a [u8], name: &str) -> Option<Vec<&'a str>> {
    let mut reader = Reader { bytes, at: 0 };
    let newer = bytes.starts_with(b"SV10");
    if newer {
        // The signature and four bytes of unknown meaning.
        reader.take(8)?;
    }
    let tags = reader.u32()?;
    reader.u32()?;
    if !(1..=MOST_TAGS).contains(&tags) {
        return None;
    }
    let mut items_of_first = None;
    for _ in 0..tags {
        let found = until_nul(reader.take(NAME)?);
        // Multiplicity, VR and a type of syngo's.
        reader.take(12)?;
        let count = reader.u32()?;
        reader.u32()?;
        if count > MOST_ITEMS {
            return None;
        }
        let less = if newer { 0 } else { *items_of_first.get_or_insert(count) };
        let mut texts = Vec::new();
        for _ in 0..count {
            let [first, second, _, _] = [reader.u32()?, reader.u32()?, reader.u32()?, reader.u32()?];
            let length = if newer { second } else { first.checked_sub(less)? };
            let text = until_nul(reader.take(length as usize)?);
            reader.take((length as usize).wrapping_neg() % 4)?;
            texts.extend(std::str::from_utf8(text).ok().map(str::trim).filter(|t| !t.is_empty()));
        }
        if found == name.as_bytes() {
            return Some(texts);
        }
    }
    None
}

/// The numbers of a tag.
pub(super) fn numbers<const N: usize>(bytes: &[u8], name: &str) -> Option<[f64; N]> {
    let numbers: Option<Vec<f64>> = items(bytes, name)?.iter().map(|text| text.parse().ok()).collect();
    numbers?.try_into().ok().filter(|n: &[f64; N]| n.iter().all(|x| x.is_finite()))
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(count)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.first_chunk().map(|b| u32::from_le_bytes(*b))
    }
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|b| *b == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of tags with their items; an item of length 0 is absent.
    fn header(newer: bool, tags: &[(&str, &[&str])]) -> Vec<u8> {
        let word = |n: usize| (n as u32).to_le_bytes();
        let mut b = if newer { b"SV10\x04\x03\x02\x01".to_vec() } else { Vec::new() };
        b.extend([word(tags.len()), word(77)].concat());
        for (name, items) in tags {
            b.extend(name.bytes().chain(std::iter::repeat(0)).take(NAME));
            b.extend([word(items.len()), *b"DS\0\0", word(3), word(items.len()), word(77)].concat());
            for item in *items {
                let length = if item.is_empty() { 0 } else { item.len() + 1 };
                let first = if newer { length } else { length + tags[0].1.len() };
                b.extend([word(first), word(length), word(77), word(length)].concat());
                b.extend(item.bytes().chain(std::iter::repeat(0)).take(length.next_multiple_of(4)));
            }
        }
        b
    }

    const TAGS: &[(&str, &[&str])] = &[
        ("EchoLinePosition", &["64", "", ""]),
        ("SliceNormalVector", &["0.5", " -0.25", "0.8291561976"]),
        ("NumberOfImagesInMosaic", &["48"]),
    ];

    #[test]
    fn both_versions() {
        for newer in [false, true] {
            let bytes = header(newer, TAGS);
            assert_eq!(items(&bytes, "EchoLinePosition"), Some(vec!["64"]));
            assert_eq!(numbers(&bytes, "SliceNormalVector"), Some([0.5, -0.25, 0.8291561976]));
            assert_eq!(numbers(&bytes, "NumberOfImagesInMosaic"), Some([48.0]));
            assert_eq!(items(&bytes, "Other"), None);
            assert_eq!(numbers::<2>(&bytes, "SliceNormalVector"), None);
        }
    }

    #[test]
    fn cut_and_changed_headers_end() {
        for newer in [false, true] {
            let bytes = header(newer, TAGS);
            for length in 0..bytes.len() {
                assert_eq!(items(&bytes[..length], "Other"), None);
                for value in [0, 1, 0x7F, 0xFF] {
                    let mut changed = bytes.clone();
                    changed[length] = value;
                    assert_eq!(items(&changed, "Other"), None);
                }
            }
        }
    }
}

//! Tables of colours (PS3.3 C.7.6.3.1.5, C.7.6.3.1.6 and C.7.9).

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::dataset::DataSet;

/// The most instructions that a segment may repeat one after the other, so that no table takes long to expand.
const LONGEST: usize = 1 << 16;

/// Attributes of one colour: descriptor, data, segmented data.
const RED: [Tag; 3] = [
    tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
    tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    tags::SEGMENTED_RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
];
const GREEN: [Tag; 3] = [
    tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
    tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    tags::SEGMENTED_GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
];
const BLUE: [Tag; 3] = [
    tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
    tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    tags::SEGMENTED_BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
];

/// Colours by the stored values of pixels.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Palette {
    /// The value that the first entry is for.
    first: i32,
    /// Of red, green and blue.
    channels: [Vec<u16>; 3],
    /// Of an entry.
    pub(super) bits: u16,
}

impl Palette {
    /// The table of a data set. `signed` says how the pixels are to be read. `Err` names what is wrong.
    pub(super) fn read(data_set: DataSet<'_>, signed: bool) -> Result<Self, &'static str> {
        let [red, green, blue] = [RED, GREEN, BLUE].map(|colour| channel(data_set, colour));
        let ((descriptor, red), (_, green), (_, blue)) = (red?, green?, blue?);
        let [_, first, bits] = descriptor;
        let first = if signed { i32::from(first as i16) } else { i32::from(first) };
        // Entries of 8 bits in tables of 16 that hold nothing beyond are 8-bit entries all the same (a common defect).
        let bits = if bits <= 8 { 8 } else { 16 };
        Ok(Self { first, channels: [red, green, blue], bits })
    }

    /// The entry of one channel for a stored value; the first or last one for a value beyond them.
    #[inline]
    pub(super) fn entry(&self, channel: usize, stored: i32) -> u16 {
        let Some(entries) = self.channels.get(channel) else { return 0 };
        let index = stored.saturating_sub(self.first).max(0) as usize;
        entries.get(index.min(entries.len().saturating_sub(1))).copied().unwrap_or(0)
    }
}

fn channel(
    data_set: DataSet<'_>,
    [descriptor, data, segmented]: [Tag; 3],
) -> Result<([u16; 3], Vec<u16>), &'static str> {
    let descriptor = data_set.get(descriptor).ok_or("a descriptor of the table")?;
    let descriptor: Vec<u16> = descriptor.u16s().collect();
    let descriptor = *descriptor.first_chunk::<3>().ok_or("three values in the descriptor")?;
    let length = if descriptor[0] == 0 { LONGEST } else { usize::from(descriptor[0]) };
    if !matches!(descriptor[2], 8 | 16) {
        return Err("entries of 8 or 16 bits");
    }
    let wide = descriptor[2] == 16;
    if let Some(data) = data_set.get(data).filter(|d| !d.value.is_empty()) {
        let bytes = data.value.len();
        // 8-bit entries are packed, two in a word of either byte order, or take a word each.
        let entries: Vec<u16> = if wide || bytes >= 2 * length {
            data.u16s().take(length).collect()
        } else {
            data.u16s()
                .flat_map(|word| [word & 0xFF, word >> 8])
                .chain(odd_byte(data.value))
                .take(length)
                .collect()
        };
        return if entries.len() == length {
            Ok((descriptor, entries))
        } else {
            Err("as many entries as described")
        };
    }
    let data = data_set.get(segmented).filter(|d| !d.value.is_empty()).ok_or("data of the table")?;
    let codes: Vec<u16> = if wide {
        data.u16s().collect()
    } else {
        data.u16s().flat_map(|word| [word & 0xFF, word >> 8]).chain(odd_byte(data.value)).collect()
    };
    let entries = expand(&codes, wide, length).ok_or("segments as of PS3.3 C.7.9.2")?;
    if entries.len() == length { Ok((descriptor, entries)) } else { Err("as many entries as described") }
}

fn odd_byte(bytes: &[u8]) -> Option<u16> {
    bytes.as_chunks::<2>().1.first().map(|b| u16::from(*b))
}

/// Discrete, linear and indirect segments (PS3.3 C.7.9.2).
fn expand(codes: &[u16], wide: bool, length: usize) -> Option<Vec<u16>> {
    let mut out: Vec<u16> = Vec::new();
    // Where each segment starts, to be repeated by an indirect one.
    let mut at = 0;
    while out.len() < length && at < codes.len() {
        let (kind, count) = (*codes.get(at)?, usize::from(*codes.get(at + 1)?));
        if kind < 2 {
            at = direct(codes, at, &mut out)?;
            continue;
        }
        if kind > 2 {
            return None;
        }
        let part = |i: usize| codes.get(at + 2 + i).map(|c| *c as usize);
        // The offset counts bytes, of which a wide entry has two.
        let (offset, next) = if wide {
            ((part(0)? | part(1)? << 16) / 2, at + 4)
        } else {
            (part(0)? | part(1)? << 8 | part(2)? << 16 | part(3)? << 24, at + 6)
        };
        let mut repeated = offset;
        for _ in 0..count {
            if repeated >= at || out.len() >= length {
                return None;
            }
            repeated = direct(codes, repeated, &mut out)?;
        }
        at = next;
    }
    out.truncate(length);
    Some(out)
}

/// A discrete or linear segment; where the next one starts.
fn direct(codes: &[u16], at: usize, out: &mut Vec<u16>) -> Option<usize> {
    let (kind, count) = (*codes.get(at)?, usize::from(*codes.get(at + 1)?));
    match kind {
        0 => {
            out.extend_from_slice(codes.get(at + 2..at + 2 + count)?);
            Some(at + 2 + count)
        }
        1 => {
            let (from, to) = (f64::from(*out.last()?), f64::from(*codes.get(at + 2)?));
            let steps =
                (1..=count).map(|i| (from + (to - from) * i as f64 / count as f64).round_ties_even() as u16);
            out.extend(steps);
            Some(at + 3)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::expand;

    #[test]
    fn segments() {
        // Two entries, a ramp of four to 50, and both again.
        let codes = [0, 2, 10, 10, 1, 4, 50, 2, 2, 0, 0];
        let expected = [10, 10, 20, 30, 40, 50, 10, 10, 20, 30, 40, 50];
        assert_eq!(expand(&codes, true, 12).unwrap(), expected);
        let codes = [0, 2, 10, 10, 1, 4, 50, 2, 2, 0, 0, 0, 0];
        assert_eq!(expand(&codes, false, 12).unwrap(), expected);
        assert_eq!(expand(&[2, 1, 0, 0], true, 5), None);
        assert_eq!(expand(&[1, 4, 9], true, 4), None);
        assert_eq!(expand(&[0, 4, 9], true, 4), None);
        assert_eq!(expand(&[7, 4, 9], true, 4), None);
    }
}

//! Lookup tables for grey values (PS3.3 C.11.1 and C.11.2).

use dicom_dictionary_std::tags;

use super::dataset::DataSet;

/// A lookup table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lut {
    /// The value that the first entry is for.
    first: i32,
    entries: Vec<u16>,
    /// Of an entry.
    bits: u16,
}

impl Lut {
    /// The table of the Modality LUT Sequence, `None` without a sound one. `signed` says how its input is to be read.
    pub(super) fn modality(data_set: DataSet<'_>, signed: bool) -> Option<Self> {
        Self::read(data_set.item(tags::MODALITY_LUT_SEQUENCE)?, signed)
    }

    /// The first table of the VOI LUT Sequence.
    pub(super) fn voi(data_set: DataSet<'_>, signed: bool) -> Option<Self> {
        Self::read(data_set.item(tags::VOILUT_SEQUENCE)?, signed)
    }

    fn read(item: DataSet<'_>, signed: bool) -> Option<Self> {
        let descriptor: Vec<u16> = item.get(tags::LUT_DESCRIPTOR)?.u16s().collect();
        let [length, first, bits] = *descriptor.first_chunk::<3>()?;
        let length = if length == 0 { 1 << 16 } else { usize::from(length) };
        let first = if signed { i32::from(first as i16) } else { i32::from(first) };
        let data = item.get(tags::LUT_DATA)?;
        // Entries of 8 bits may be packed two in a word.
        let entries: Vec<u16> = if data.value.len() >= 2 * length {
            data.u16s().take(length).collect()
        } else if bits <= 8 && data.value.len() >= length {
            data.value.iter().take(length).map(|b| u16::from(*b)).collect()
        } else {
            return None;
        };
        // Tables of more than 16 bits do not exist; those that say nothing use all of a word.
        let bits = if (8..=16).contains(&bits) { bits } else { 16 };
        Some(Self { first, entries, bits })
    }

    /// The entry for a value, rounded; the first or last one for a value beyond them.
    pub(super) fn apply(&self, value: f64) -> u16 {
        let index = value.round() - f64::from(self.first);
        let last = self.entries.len().saturating_sub(1);
        self.entries.get((index.max(0.0) as usize).min(last)).copied().unwrap_or(0)
    }

    /// The largest entry that its bits can hold.
    pub(super) fn most(&self) -> f64 {
        f64::from((1u32 << self.bits) - 1)
    }
}

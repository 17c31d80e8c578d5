//! Overlays: graphics and regions of interest as bit masks (PS3.3 C.9.2).

use dicom_core::Tag;
use ndarray::Array2;

use super::dataset::DataSet;

/// A mask drawn over an image by who made it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Overlay {
    /// 1 where it is drawn, `[row, column]`; of its own size, which may differ from that of the image.
    pub mask: Array2<u8>,
    /// Row and column of the image, counted from 0, where its first pixel lies; negative beyond the image's edge.
    pub origin: [i32; 2],
    /// `G` for graphics, `R` for a region of interest.
    pub kind: String,
    /// OverlayLabel, or else OverlayDescription: free text, which may hold anything.
    pub label: String,
}

/// An overlay as a data set describes it.
pub(super) struct Description {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) origin: [i32; 2],
    pub(super) kind: String,
    pub(super) label: String,
    pub(super) plane: Plane,
}

/// Where the bits of an overlay are.
pub(super) enum Plane {
    /// Packed, as for the frame that was asked for.
    Own(Vec<u8>),
    /// In this bit of the image's samples (retired).
    InPixels(u16),
    /// Not there, or not for this frame.
    None,
}

/// The overlays of a data set, for one of its frames.
pub(super) fn descriptions(data_set: DataSet<'_>, frame: u32) -> Vec<Description> {
    let mut groups: Vec<u16> = data_set
        .elements()
        .map(|e| e.tag.group())
        .filter(|group| (0x6000..=0x601E).contains(group) && group % 2 == 0)
        .collect();
    groups.dedup();
    groups.into_iter().filter_map(|group| description(data_set, group, frame)).collect()
}

fn description(data_set: DataSet<'_>, group: u16, frame: u32) -> Option<Description> {
    let get = |element: u16| data_set.get(Tag(group, element));
    let rows = usize::from(get(0x0010)?.u16()?);
    let columns = usize::from(get(0x0011)?.u16()?);
    if rows == 0 || columns == 0 {
        return None;
    }
    let mut origin = get(0x0050).into_iter().flat_map(|e| e.i16s());
    let origin = [origin.next().unwrap_or(1), origin.next().unwrap_or(1)].map(|o| i32::from(o) - 1);
    let text = |element: u16| get(element).map(|e| e.text()).filter(|t| !t.is_empty());
    let frames = get(0x0015).and_then(|e| e.integer()).unwrap_or(1).clamp(1, i64::from(u32::MAX)) as u32;
    // The first frame of the image that it is for, counted from 1.
    let first = get(0x0051).and_then(|e| e.u16()).unwrap_or(1).max(1);
    // One that has a single frame and says nothing more is for all of them.
    let index = if frames == 1 && get(0x0051).is_none() {
        Some(0)
    } else {
        (frame + 1).checked_sub(u32::from(first))
    };
    let data = get(0x3000).filter(|e| !e.value.is_empty());
    let position = get(0x0102).and_then(|e| e.u16()).unwrap_or(0);
    let plane = match (index.filter(|index| *index < frames), data) {
        (None, _) => Plane::None,
        (Some(index), Some(data)) => {
            let bits = (rows * columns) as u64;
            let start = bits * u64::from(index);
            packed(data.value, data.encoding.big_endian, start, bits).map_or(Plane::None, Plane::Own)
        }
        (Some(_), None) if position > 0 => Plane::InPixels(position),
        (Some(_), None) => Plane::None,
    };
    Some(Description {
        rows,
        columns,
        origin,
        kind: text(0x0040).unwrap_or_default(),
        label: text(0x1500).or_else(|| text(0x0022)).unwrap_or_default(),
        plane,
    })
}

/// Bits of a value as one byte each; the least significant bit of each byte, or 16-bit word, comes first.
fn packed(value: &[u8], words_swapped: bool, start: u64, count: u64) -> Option<Vec<u8>> {
    if start.checked_add(count)? > value.len() as u64 * 8 {
        return None;
    }
    let bit = |i: u64| {
        let byte = usize::try_from(i / 8).ok()? ^ usize::from(words_swapped);
        value.get(byte).map(|b| b >> (i % 8) & 1)
    };
    (start..start + count).map(bit).collect()
}

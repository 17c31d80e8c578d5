//! Run-length codes of masks, as COCO writes them.

use ndarray::{Array2, ArrayView2, ShapeBuilder};

use crate::error::{Result, config, shape};

/// So that a small text cannot ask for all memory: 16,384 x 16,384.
pub(super) const MAX_PIXELS: usize = 1 << 28;
/// Of a character's number: five bits of value, and whether more follow.
const FIRST_CHARACTER: u8 = 48;
const VALUE_BITS: u32 = 5;
const MORE: i64 = 0x20;
const SIGN: i64 = 0x10;

/// A mask as the lengths of its runs, column by column; the first run is of background and may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunLengths {
    height: usize,
    width: usize,
    counts: Vec<u32>,
}

impl RunLengths {
    /// From the lengths of the runs: COCO's `counts` as a list.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) for a size of more than 2^28 pixels, [`Error::Shape`](crate::Error::Shape) when the runs are
    /// not as long as the mask.
    pub fn new([height, width]: [usize; 2], counts: Vec<u32>) -> Result<Self> {
        let area = height.checked_mul(width).filter(|area| *area <= MAX_PIXELS);
        let Some(area) = area else {
            return Err(config(
                "size",
                format!("at most {MAX_PIXELS} pixels"),
                format!("{height} x {width}"),
            ));
        };
        let found: u64 = counts.iter().map(|count| u64::from(*count)).sum();
        if found != area as u64 {
            let found = usize::try_from(found).unwrap_or(usize::MAX);
            return Err(shape("counts", format!("runs of {area} pixels in all"), &[found]));
        }
        Ok(Self { height, width, counts })
    }

    /// From COCO's `counts` as a text: each number in groups of five bits, from the third number on as the difference from the one two
    /// before.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) for a text that is none; as [`new`](Self::new).
    pub fn from_compressed(size: [usize; 2], text: &str) -> Result<Self> {
        let wrong = || config("counts", "characters from '0' to 'o' that end a number", "others");
        let mut counts: Vec<u32> = Vec::new();
        let (mut value, mut shift) = (0i64, 0);
        for byte in text.bytes() {
            let bits = byte.checked_sub(FIRST_CHARACTER).filter(|bits| *bits < 64).ok_or_else(wrong)?;
            let bits = i64::from(bits);
            // No count of a mask needs more.
            if shift >= 40 {
                return Err(wrong());
            }
            value |= (bits & (MORE - 1)) << shift;
            shift += VALUE_BITS;
            if bits & MORE != 0 {
                continue;
            }
            if bits & SIGN != 0 {
                value -= 1 << shift;
            }
            let before = if counts.len() > 2 { counts[counts.len() - 2] } else { 0 };
            counts.push(u32::try_from(value + i64::from(before)).map_err(|_| wrong())?);
            (value, shift) = (0, 0);
        }
        if shift != 0 {
            return Err(wrong());
        }
        Self::new(size, counts)
    }

    /// Of a mask `[row, column]`.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) for one of more than 2^28 pixels.
    pub fn of(mask: ArrayView2<'_, bool>) -> Result<Self> {
        let (height, width) = mask.dim();
        let mut counts = Vec::new();
        let (mut inside, mut run) = (false, 0);
        for &pixel in mask.t() {
            if pixel != inside {
                counts.push(run);
                (inside, run) = (pixel, 0);
            }
            run += 1;
        }
        counts.push(run);
        Self::new([height, width], counts)
    }

    /// The mask `[row, column]`.
    pub fn mask(&self) -> Array2<bool> {
        let mut pixels = Vec::with_capacity(self.height * self.width);
        for (index, count) in self.counts.iter().enumerate() {
            pixels.resize(pixels.len() + *count as usize, index % 2 == 1);
        }
        let size = (self.height, self.width);
        // The runs are as long as the mask.
        Array2::from_shape_vec(size.f(), pixels).unwrap_or_else(|_| Array2::from_elem(size, false))
    }

    /// The lengths of the runs.
    pub fn counts(&self) -> &[u32] {
        &self.counts
    }

    /// COCO's `counts` as a text.
    pub fn to_compressed(&self) -> String {
        let mut text = String::new();
        for (index, count) in self.counts.iter().enumerate() {
            let before = if index > 2 { i64::from(self.counts[index - 2]) } else { 0 };
            let mut value = i64::from(*count) - before;
            loop {
                let bits = value & (MORE - 1);
                value >>= VALUE_BITS;
                let done = if bits & SIGN != 0 { value == -1 } else { value == 0 };
                let bits = if done { bits } else { bits | MORE };
                text.push(char::from(FIRST_CHARACTER + bits as u8));
                if done {
                    break;
                }
            }
        }
        text
    }

    /// Rows and columns.
    pub const fn size(&self) -> [usize; 2] {
        [self.height, self.width]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use ndarray::array;

    #[test]
    fn masks_survive() {
        let mask = Array2::from_shape_fn((37, 23), |(r, c)| (r * r + 3 * c) % 7 < 3 || c > 15);
        let runs = RunLengths::of(mask.view()).unwrap();
        assert_eq!(runs.mask(), mask);
        assert_eq!(RunLengths::from_compressed([37, 23], &runs.to_compressed()).unwrap(), runs);
        assert_eq!(
            RunLengths::of(array![[true, false], [true, true]].view()).unwrap().counts(),
            [0, 2, 1, 1]
        );
        assert_eq!(RunLengths::of(Array2::from_elem((0, 3), true).view()).unwrap().mask().dim(), (0, 3));
    }

    #[test]
    fn codes_that_are_none_are_refused() {
        assert!(matches!(RunLengths::new([2, 2], vec![1, 2]), Err(Error::Shape { what: "counts", .. })));
        assert!(matches!(RunLengths::new([2, 2], vec![u32::MAX; 9]), Err(Error::Shape { .. })));
        let huge = RunLengths::new([usize::MAX, 2], vec![]);
        assert!(matches!(huge, Err(Error::Config { field: "size", .. })));
        for text in ["\u{1}", "~", "oooooooooooooooooo0", "P", "O", "é"] {
            let error = RunLengths::from_compressed([2, 2], text).unwrap_err();
            assert!(
                matches!(error, Error::Config { field: "counts", .. } | Error::Shape { .. }),
                "{text} {error}"
            );
        }
    }
}

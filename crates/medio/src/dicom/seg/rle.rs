//! RLE Lossless frames (PS3.5 Annex G).

/// Decodes a frame to `cells` little endian numbers of `width` bytes; `None` when the fragment is malformed or ends early.
pub(super) fn decode(fragment: &[u8], cells: usize, width: usize) -> Option<Vec<u8>> {
    let word = |i: usize| {
        let bytes = fragment.get(4 * i..4 * i + 4)?.first_chunk::<4>()?;
        Some(u32::from_le_bytes(*bytes) as usize)
    };
    // A run of two bytes makes 128 at most: what claims more is not allocated.
    if word(0)? != width || cells > fragment.len().saturating_mul(64) {
        return None;
    }
    let mut out = vec![0; cells.checked_mul(width)?];
    for plane in 0..width {
        let start = word(1 + plane)?;
        let end = if plane + 1 < width { word(2 + plane)? } else { fragment.len() };
        // The most significant byte comes first.
        let target = out.iter_mut().skip(width - 1 - plane).step_by(width);
        unpack(fragment.get(start..end)?, target)?;
    }
    Some(out)
}

/// PackBits into all of the target.
fn unpack<'a>(packed: &[u8], target: impl Iterator<Item = &'a mut u8>) -> Option<()> {
    let mut packed = packed.iter();
    let mut literal = 0usize;
    let mut run = (0usize, 0u8);
    for out in target {
        while literal == 0 && run.0 == 0 {
            match i8::from_le_bytes([*packed.next()?]) {
                -128 => {}
                n if n >= 0 => literal = n.unsigned_abs() as usize + 1,
                n => run = (usize::from(n.unsigned_abs()) + 1, *packed.next()?),
            }
        }
        if literal > 0 {
            literal -= 1;
            *out = *packed.next()?;
        } else {
            run.0 -= 1;
            *out = run.1;
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fragment(offsets: &[u32], data: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 64];
        for (at, n) in [offsets.len() as u32].iter().chain(offsets).enumerate() {
            bytes[4 * at..4 * at + 4].copy_from_slice(&n.to_le_bytes());
        }
        bytes.extend(data);
        bytes
    }

    #[test]
    fn runs_and_literals() {
        let data = [2, 7, 8, 9, 0xFE, 5, 0x80, 0, 1];
        let bytes = fragment(&[64], &data);
        assert_eq!(decode(&bytes, 7, 1).unwrap(), [7, 8, 9, 5, 5, 5, 1]);
        assert_eq!(decode(&bytes, 8, 1), None);
        assert_eq!(decode(&bytes, 7, 2), None);
        assert_eq!(decode(&bytes, usize::MAX, 1), None);
        let bytes = fragment(&[64, 66], &[0xFF, 1, 0xFF, 2]);
        assert_eq!(decode(&bytes, 2, 2).unwrap(), [2, 1, 2, 1]);
        assert_eq!(decode(&fragment(&[99, 64], &[]), 2, 2), None);
        assert_eq!(decode(&[], 1, 1), None);
    }
}

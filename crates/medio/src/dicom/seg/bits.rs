//! Pixels of one bit: the first in the lowest bit, frame after frame without gaps (PS3.5 8.1.1).

/// Packs bytes that are 0 or not.
pub(super) fn pack<'a>(frames: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut byte = 0;
    let mut filled = 0;
    for value in frames.flatten() {
        byte |= u8::from(*value != 0) << filled;
        filled += 1;
        if filled == 8 {
            bytes.push(byte);
            (byte, filled) = (0, 0);
        }
    }
    if filled > 0 {
        bytes.push(byte);
    }
    bytes
}

/// The bits from `start` on as bytes of 0 and 1; as many as there are on both sides.
pub(super) fn unpack(bytes: &[u8], start: usize, out: &mut [u8]) {
    let mut bits =
        bytes.get(start / 8..).unwrap_or_default().iter().flat_map(|b| (0..8).map(move |n| b >> n & 1));
    let bits = bits.by_ref().skip(start % 8);
    for (out, bit) in out.iter_mut().zip(bits) {
        *out = bit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_share_bytes() {
        let (a, b) = ([1, 0, 0, 1, 1], [0, 1, 0, 1, 0]);
        let packed = pack([&a[..], &b[..]].into_iter());
        assert_eq!(packed, [0b0101_1001, 0b01]);
        for (start, expected) in [(0, a), (5, b)] {
            let mut out = [9; 5];
            unpack(&packed, start, &mut out);
            assert_eq!(out, expected);
        }
        let mut out = [9; 3];
        unpack(&packed, 15, &mut out);
        assert_eq!(out, [0, 9, 9]);
        unpack(&packed, 99, &mut out);
        assert_eq!(out, [0, 9, 9]);
    }
}

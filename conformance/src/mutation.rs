//! Damaged copies of a file, each the same for the same seed and number.

use std::fmt;
use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

/// Random numbers that stay the same for ever (Steele, Lea and Flood, "Fast splittable pseudorandom number generators").
#[derive(Debug, Clone)]
pub struct SplitMix(u64);

impl SplitMix {
    /// One stream for each seed and number of an input.
    #[must_use]
    pub fn new(seed: u64, number: u64) -> Self {
        let mut mix = Self(seed ^ number.wrapping_mul(0xD1B5_4A32_D192_ED03));
        mix.draw();
        mix
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 where `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.draw() % end.max(1) as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T], otherwise: T) -> T {
        from.get(self.below(from.len())).copied().unwrap_or(otherwise)
    }
}

/// A damage. Offsets are in the file, or in what its gzip stream holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mutation {
    /// The file ends here.
    Cut(usize),
    /// One byte has another value.
    Byte(usize, u8),
    /// Two bytes have other values.
    Pair((usize, u8), (usize, u8)),
    /// A number such as a length claims something else: 2, 4 or 8 bytes.
    Number(usize, Vec<u8>),
    /// A digit of a number in text is another character.
    Digit(usize, u8),
    /// Bytes are missing.
    Remove(usize, usize),
    /// Bytes are there twice.
    Repeat(usize, usize),
}

impl fmt::Display for Mutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// Values that claims of sizes go wrong with.
const CLAIMS: [u64; 14] = [
    0,
    1,
    2,
    0x7F,
    0xFF,
    0x7FFF,
    0xFFFF,
    0x00FF_FFFF,
    0x7FFF_FFFF,
    0x8000_0000,
    0xFFFF_FFFE,
    0xFFFF_FFFF,
    0x7FFF_FFFF_FFFF_FFFF,
    0xFFFF_FFFF_FFFF_FFFF,
];

impl Mutation {
    /// The damage that the random numbers say, to `bytes`.
    pub fn random(random: &mut SplitMix, bytes: &[u8]) -> Self {
        let at = offset(random, bytes.len());
        match random.below(20) {
            0..4 => Self::Cut(at),
            4..9 => Self::Byte(at, value(random, bytes, at)),
            9..11 => {
                let near = at.saturating_add(random.below(16)).min(bytes.len().saturating_sub(1));
                let other = if random.below(2) == 0 { near } else { offset(random, bytes.len()) };
                Self::Pair((at, value(random, bytes, at)), (other, value(random, bytes, other)))
            }
            11..15 => Self::Number(at, claim(random, bytes.len())),
            15..17 => digit(random, bytes, at),
            17..19 => Self::Remove(at, 1 + random.below(16)),
            _ => Self::Repeat(at, 1 + random.below(64)),
        }
    }

    /// The damaged copy.
    #[must_use]
    pub fn apply(&self, bytes: &[u8]) -> Vec<u8> {
        let mut out = bytes.to_vec();
        let set = |out: &mut Vec<u8>, at: usize, value: u8| {
            if let Some(byte) = out.get_mut(at) {
                *byte = value;
            }
        };
        match self {
            Self::Cut(at) => out.truncate(*at),
            Self::Byte(at, value) | Self::Digit(at, value) => set(&mut out, *at, *value),
            Self::Pair(first, second) => {
                set(&mut out, first.0, first.1);
                set(&mut out, second.0, second.1);
            }
            Self::Number(at, number) => {
                for (k, value) in number.iter().enumerate() {
                    set(&mut out, at + k, *value);
                }
            }
            Self::Remove(at, count) => {
                out.drain((*at).min(bytes.len())..at.saturating_add(*count).min(bytes.len()));
            }
            Self::Repeat(at, count) => {
                let end = at.saturating_add(*count).min(bytes.len());
                let part = bytes.get(*at..end).unwrap_or_default();
                out.splice(end..end, part.iter().copied());
            }
        }
        out
    }
}

/// Headers decide most, then the end of the file.
fn offset(random: &mut SplitMix, length: usize) -> usize {
    match random.below(10) {
        0..3 => random.below(length.min(512)),
        3..6 => random.below(length.min(4096)),
        6 => length.saturating_sub(1 + random.below(256)),
        _ => random.below(length),
    }
}

fn value(random: &mut SplitMix, bytes: &[u8], at: usize) -> u8 {
    let old = bytes.get(at).copied().unwrap_or(0);
    let any = random.draw() as u8;
    random.pick(&[old ^ 1, old ^ 0x80, 0, 0xFF, any], any)
}

fn claim(random: &mut SplitMix, length: usize) -> Vec<u8> {
    let length = length as u64;
    let any = random.draw();
    let claim = match random.below(4) {
        0 => random.pick(&[length, length + 1, length * 2, length.saturating_sub(1)], length),
        1 => any >> random.below(64),
        _ => random.pick(&CLAIMS, 0),
    };
    let width = random.pick(&[2, 4, 4, 8], 4);
    let little = random.below(4) != 0;
    if little {
        claim.to_le_bytes().into_iter().take(width).collect()
    } else {
        claim.to_be_bytes().into_iter().skip(8 - width).collect()
    }
}

/// The next digit after an offset, where one is near.
fn digit(random: &mut SplitMix, bytes: &[u8], at: usize) -> Mutation {
    let near = bytes.iter().enumerate().skip(at).take(2048).find(|(_, b)| b.is_ascii_digit());
    let at = near.map_or(at, |(at, _)| at);
    Mutation::Digit(at, random.pick(b"09-+.eE \\x", b'9'))
}

/// A file to be damaged, with what is inside where it is compressed.
#[derive(Debug, Clone)]
pub struct Seed {
    bytes: Vec<u8>,
    inside: Option<Vec<u8>>,
}

impl Seed {
    /// The bytes of a file.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        let mut inside = Vec::new();
        let gzip = bytes.starts_with(&[0x1f, 0x8b]);
        let whole = gzip && MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut inside).is_ok();
        Self { bytes, inside: whole.then_some(inside) }
    }

    /// The bytes as they are.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, without their compression.
    #[must_use]
    pub fn plain(&self) -> &[u8] {
        self.inside.as_deref().unwrap_or(&self.bytes)
    }

    /// Whether it is a gzip file.
    #[must_use]
    pub fn is_compressed(&self) -> bool {
        self.inside.is_some()
    }

    /// Input `number` of a run: what was done, and the damaged bytes. Most damage to a compressed file is done inside, as
    /// else the checksum would be all that is ever tried.
    #[must_use]
    pub fn damaged(&self, seed: u64, number: u64) -> (String, Vec<u8>) {
        let mut random = SplitMix::new(seed, number);
        match &self.inside {
            Some(inside) if random.below(4) != 0 => {
                let mutation = Mutation::random(&mut random, inside);
                (format!("{mutation} inside gzip"), gzip(&mutation.apply(inside)))
            }
            _ => {
                let mutation = Mutation::random(&mut random, &self.bytes);
                (mutation.to_string(), mutation.apply(&self.bytes))
            }
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // To memory nothing can go wrong.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_for_the_same_number() {
        let seed = Seed::new((0..=255).collect());
        assert_eq!(seed.damaged(1, 7), seed.damaged(1, 7));
        let different = (0..1000).filter(|&n| seed.damaged(1, n).1 != seed.bytes).count();
        assert!(different > 950, "{different}");
    }

    #[test]
    fn every_kind_comes_up_and_none_fails_on_an_empty_file() {
        let mut kinds = std::collections::HashSet::new();
        for number in 0..500 {
            for bytes in [&b""[..], b"7", b"length 0123456789"] {
                let mutation = Mutation::random(&mut SplitMix::new(3, number), bytes);
                assert!(mutation.apply(bytes).len() <= bytes.len() + 64);
                kinds.insert(std::mem::discriminant(&mutation));
            }
        }
        assert_eq!(kinds.len(), 7);
    }

    #[test]
    fn a_gzip_file_is_damaged_inside() {
        let seed = Seed::new(gzip(b"plain text"));
        assert_eq!(seed.plain(), b"plain text");
        let inside = (0..100).filter(|&n| seed.damaged(1, n).0.ends_with("inside gzip")).count();
        assert!((50..100).contains(&inside), "{inside}");
    }
}

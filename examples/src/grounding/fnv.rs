//! A hash that is the same on every machine.

/// FNV-1a (Fowler, Noll and Vo) of 64 bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fnv(u64);

impl Fnv {
    pub(super) fn new(seed: u64) -> Self {
        Self(0xcbf2_9ce4_8422_2325).with(&seed.to_le_bytes())
    }

    #[must_use]
    pub(super) fn with(self, bytes: &[u8]) -> Self {
        let step = |h: u64, byte: &u8| (h ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        Self(bytes.iter().fold(self.0, step))
    }

    pub(super) const fn value(self) -> u64 {
        self.0
    }
}

//! Blocks of pixels that are worked on together.

/// Pixels of a block.
pub(crate) const LANES: usize = 16;

/// A number for each pixel of a block.
pub(crate) trait Lanes: Copy {
    fn splat(value: f32) -> Self;
    /// The first [`LANES`] numbers.
    fn load(values: &[i16]) -> Self;
    fn of(values: &[f32; LANES]) -> Self;
    /// 0, 1, 2 and so on.
    fn ramp() -> Self;
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    /// Where this is less than `other`, `yes`, elsewhere `no`.
    fn select_below(self, other: Self, yes: Self, no: Self) -> Self;
    /// This where it is less than `other`, elsewhere `other`.
    fn least(self, other: Self) -> Self;
    /// One bit for each: whether it is less than `other`.
    fn below(self, other: Self) -> u32;
    /// The bits of the numbers, which may stand for something else.
    fn bits(self) -> [u32; LANES];

    /// Of the bits of numbers, the first [`LANES`].
    fn load_bits(bits: &[u32]) -> Self;

    /// Writes the bits of those numbers whose bit of `mask` is set.
    fn store_bits(self, mask: u32, to: &mut [u32]);

    /// One bit for each number: whether its bits are those of the other.
    fn equal(self, other: Self) -> u32;

    /// The sum of those numbers whose bit of `mask` is set. Exact for whole numbers of 16 bits.
    fn sum(self, mask: u32) -> f32;

    fn splat_bits(bits: u32) -> Self {
        Self::splat(f32::from_bits(bits))
    }
}

/// For every processor.
#[derive(Clone, Copy)]
pub(crate) struct Portable([f32; LANES]);

impl Portable {
    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        let mut out = self;
        for l in 0..LANES {
            out.0[l] = f(self.0[l], other.0[l]);
        }
        out
    }
}

impl Lanes for Portable {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self([value; LANES])
    }

    #[inline(always)]
    fn load(values: &[i16]) -> Self {
        let mut out = [0.0; LANES];
        for (o, v) in out.iter_mut().zip(&values[..LANES]) {
            *o = f32::from(*v);
        }
        Self(out)
    }

    #[inline(always)]
    fn of(values: &[f32; LANES]) -> Self {
        Self(*values)
    }

    #[inline(always)]
    fn ramp() -> Self {
        let mut out = [0.0; LANES];
        for (l, o) in out.iter_mut().enumerate() {
            *o = l as f32;
        }
        Self(out)
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }

    #[inline(always)]
    fn select_below(self, other: Self, yes: Self, no: Self) -> Self {
        let mut out = no;
        for l in 0..LANES {
            out.0[l] = if self.0[l] < other.0[l] { yes.0[l] } else { no.0[l] };
        }
        out
    }

    #[inline(always)]
    fn least(self, other: Self) -> Self {
        self.zip(other, |a, b| if a < b { a } else { b })
    }

    #[inline(always)]
    fn below(self, other: Self) -> u32 {
        (0..LANES).fold(0, |mask, l| mask | u32::from(self.0[l] < other.0[l]) << l)
    }

    #[inline(always)]
    fn bits(self) -> [u32; LANES] {
        self.0.map(f32::to_bits)
    }

    #[inline(always)]
    fn load_bits(bits: &[u32]) -> Self {
        let mut out = [0.0; LANES];
        for (o, v) in out.iter_mut().zip(&bits[..LANES]) {
            *o = f32::from_bits(*v);
        }
        Self(out)
    }

    #[inline(always)]
    fn store_bits(self, mask: u32, to: &mut [u32]) {
        for (l, to) in to[..LANES].iter_mut().enumerate() {
            *to = if mask >> l & 1 != 0 { self.0[l].to_bits() } else { *to };
        }
    }

    #[inline(always)]
    fn equal(self, other: Self) -> u32 {
        (0..LANES).fold(0, |mask, l| mask | u32::from(self.0[l].to_bits() == other.0[l].to_bits()) << l)
    }

    #[inline(always)]
    fn sum(self, mask: u32) -> f32 {
        (0..LANES).map(|l| if mask >> l & 1 != 0 { self.0[l] } else { 0.0 }).sum()
    }
}

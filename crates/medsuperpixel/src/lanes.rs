//! Blocks of pixels that are worked on together.

/// Pixels of a block.
pub(crate) const LANES: usize = 16;

/// A number for each pixel of a block.
pub(crate) trait Lanes: Copy {
    fn splat(value: f32) -> Self;
    /// The first [`LANES`] numbers.
    fn load(values: &[i16]) -> Self;
    /// 0, 1, 2 and so on.
    fn ramp() -> Self;
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    /// Where this is less than `other`, `yes`, elsewhere `no`.
    fn select_below(self, other: Self, yes: Self, no: Self) -> Self;
    /// Whether any is more than a value.
    fn any_above(self, value: f32) -> bool;
    /// The bits of the numbers, which may stand for something else.
    fn bits(self) -> [u32; LANES];

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
    fn any_above(self, value: f32) -> bool {
        self.0.iter().fold(false, |any, v| any | (*v > value))
    }

    #[inline(always)]
    fn bits(self) -> [u32; LANES] {
        self.0.map(f32::to_bits)
    }
}

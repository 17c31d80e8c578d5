//! What a register of `f32` can do.

/// An instruction set, as a value that proves that the processor has it.
///
/// Unless said otherwise operations work lane by lane and follow IEEE 754. Loads and stores take slices of at least
/// [`LANES`](Simd::LANES) numbers and panic on shorter ones.
pub(crate) trait Simd: Copy {
    /// Numbers in a register, at most [`MAX_LANES`].
    const LANES: usize;
    /// Whether [`hold`](Self::hold) does something.
    const HOLDS: bool = false;
    /// A register of numbers.
    type Vector: Copy;
    /// A register of yes and no.
    type Mask: Copy;

    fn splat(self, value: f32) -> Self::Vector;
    fn load(self, from: &[f32]) -> Self::Vector;
    fn store(self, to: &mut [f32], value: Self::Vector);
    /// Loads all of a slice shorter than a register; the other lanes are `fill`.
    fn load_partial(self, from: &[f32], fill: f32) -> Self::Vector;
    /// Fills a slice shorter than a register with the first lanes.
    fn store_partial(self, to: &mut [f32], value: Self::Vector);

    /// Loads a part; lanes beyond it are `fill`.
    #[inline(always)]
    fn load_part(self, from: &[f32], part: Part, fill: f32) -> Self::Vector {
        let from = &from[part.start..][..part.len];
        if part.len == Self::LANES { self.load(from) } else { self.load_partial(from, fill) }
    }

    /// Stores a part; lanes beyond it are dropped.
    #[inline(always)]
    fn store_part(self, to: &mut [f32], part: Part, value: Self::Vector) {
        let to = &mut to[part.start..][..part.len];
        if part.len == Self::LANES {
            self.store(to, value);
        } else {
            self.store_partial(to, value);
        }
    }

    /// Calls `body` on the parts of a row of `width` numbers: as many as a register holds, and at the end the rest.
    ///
    /// Mark `body` `#[inline(always)]`: inlined twice, it asks nothing about the length within the loop.
    #[inline(always)]
    fn for_each_part(self, width: usize, mut body: impl FnMut(Part)) {
        let mut start = 0;
        while start + Self::LANES <= width {
            body(Part { start, len: Self::LANES });
            start += Self::LANES;
        }
        if start < width {
            body(Part { start, len: width - start });
        }
    }

    /// Where the compiler must have these sums in registers, and may move no load or operation on them past.
    ///
    /// Where a loop is written out, it else loads for later steps first, until the registers do not suffice.
    #[inline(always)]
    fn hold(self, pair: &mut [Self::Vector; 2]) {
        let _ = pair;
    }

    /// Brings the line of memory into the second cache, if there is one: it may lie anywhere.
    #[inline(always)]
    fn prefetch(self, at: *const f32) {
        let _ = at;
    }

    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn div(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn sqrt(self, a: Self::Vector) -> Self::Vector;
    /// `1 / a` within 1 unit in the last place, for `a` from 2^-100 to 2^100.
    fn reciprocal(self, a: Self::Vector) -> Self::Vector;
    /// `a * b + c`, rounded once where the processor can.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// `c - a * b`, rounded once where the processor can.
    fn neg_mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// The smaller; `b` where either is NaN.
    fn min(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// The larger; `b` where either is NaN.
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn abs(self, a: Self::Vector) -> Self::Vector;
    /// The size of `a`, which is not negative, with the sign of `sign`.
    fn copy_sign(self, a: Self::Vector, sign: Self::Vector) -> Self::Vector;
    /// The nearest whole number, where the size is below 2^22.
    fn round(self, a: Self::Vector) -> Self::Vector;
    /// `a * 2^n` for whole `n` from -250 to 250, denormal results included.
    fn scale(self, a: Self::Vector, n: Self::Vector) -> Self::Vector;
    /// `a * a` as a rounded number and what it lacks, for `a` below 2^60 in size.
    fn square(self, a: Self::Vector) -> (Self::Vector, Self::Vector);
    /// `a < b`; no where either is NaN.
    fn less(self, a: Self::Vector, b: Self::Vector) -> Self::Mask;
    /// `a` where yes, `b` where no.
    fn select(self, mask: Self::Mask, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// The sum of the lanes.
    fn sum(self, a: Self::Vector) -> f32;
    /// The largest lane that is not NaN.
    fn largest(self, a: Self::Vector) -> f32;
}

/// Some numbers of a row, at most as many as a register holds.
#[derive(Clone, Copy)]
pub(crate) struct Part {
    start: usize,
    len: usize,
}

/// The most lanes that any register here has.
pub(crate) const MAX_LANES: usize = 16;

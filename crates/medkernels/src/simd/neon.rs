//! NEON registers.
#![allow(unsafe_code)]

use std::arch::aarch64::{
    float32x4_t, int32x4_t, uint32x4_t, vabsq_f32, vaddq_f32, vaddq_s32, vaddvq_f32, vbslq_f32, vcgtq_f32,
    vcltq_f32, vcvtnq_s32_f32, vdivq_f32, vdupq_n_f32, vdupq_n_s32, vdupq_n_u32, vfmaq_f32, vfmsq_f32,
    vld1q_f32, vmaxnmvq_f32, vmulq_f32, vnegq_f32, vreinterpretq_f32_s32, vrndnq_f32, vshlq_n_s32,
    vshrq_n_s32, vsqrtq_f32, vst1q_f32, vsubq_f32, vsubq_s32,
};

use super::Simd;
use super::vector::MAX_LANES;

/// Proof that the processor has NEON.
#[derive(Clone, Copy)]
pub(crate) struct Neon(());

impl Neon {
    /// # Safety
    ///
    /// The processor must have NEON.
    #[inline(always)]
    pub(crate) unsafe fn assume() -> Self {
        Self(())
    }
}

const LANES: usize = 4;
const _: () = assert!(LANES <= MAX_LANES);

impl Neon {
    /// 2^n for `n` from -126 to 127.
    #[inline(always)]
    fn power_of_two(self, n: int32x4_t) -> float32x4_t {
        // SAFETY: by `self`.
        unsafe {
            let biased = vaddq_s32(n, vdupq_n_s32(127));
            vreinterpretq_f32_s32(vshlq_n_s32::<23>(biased))
        }
    }
}

// SAFETY of every block below: `self` proves that the processor has NEON. Where memory is touched, the comment at the
// block says why it may be.
impl Simd for Neon {
    const LANES: usize = LANES;
    type Vector = float32x4_t;
    type Mask = uint32x4_t;

    #[inline(always)]
    fn splat(self, value: f32) -> float32x4_t {
        // SAFETY: by `self`.
        unsafe { vdupq_n_f32(value) }
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> float32x4_t {
        let from = &from[..LANES];
        // SAFETY: by `self`; the slice holds what is read.
        unsafe { vld1q_f32(from.as_ptr()) }
    }

    #[inline(always)]
    fn store(self, to: &mut [f32], value: float32x4_t) {
        let to = &mut to[..LANES];
        // SAFETY: by `self`; the slice holds what is written.
        unsafe { vst1q_f32(to.as_mut_ptr(), value) }
    }

    #[inline(always)]
    fn load_partial(self, from: &[f32], fill: f32) -> float32x4_t {
        let mut lanes = [fill; LANES];
        lanes[..from.len()].copy_from_slice(from);
        self.load(&lanes)
    }

    #[inline(always)]
    fn store_partial(self, to: &mut [f32], value: float32x4_t) {
        let mut lanes = [0.0; LANES];
        self.store(&mut lanes, value);
        to.copy_from_slice(&lanes[..to.len()]);
    }

    #[inline(always)]
    fn add(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: by `self`.
        unsafe { vaddq_f32(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: by `self`.
        unsafe { vsubq_f32(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: by `self`.
        unsafe { vmulq_f32(a, b) }
    }

    #[inline(always)]
    fn div(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: by `self`.
        unsafe { vdivq_f32(a, b) }
    }

    #[inline(always)]
    fn sqrt(self, a: float32x4_t) -> float32x4_t {
        // SAFETY: by `self`.
        unsafe { vsqrtq_f32(a) }
    }

    #[inline(always)]
    fn reciprocal(self, a: float32x4_t) -> float32x4_t {
        // SAFETY: by `self`.
        unsafe { vdivq_f32(vdupq_n_f32(1.0), a) }
    }

    #[inline(always)]
    fn mul_add(self, a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        // SAFETY: by `self`.
        unsafe { vfmaq_f32(c, a, b) }
    }

    #[inline(always)]
    fn neg_mul_add(self, a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        // SAFETY: by `self`.
        unsafe { vfmsq_f32(c, a, b) }
    }

    // Not the instruction: it gives NaN where either is NaN.
    #[inline(always)]
    fn min(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: by `self`.
        unsafe { vbslq_f32(vcltq_f32(a, b), a, b) }
    }

    #[inline(always)]
    fn max(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: by `self`.
        unsafe { vbslq_f32(vcgtq_f32(a, b), a, b) }
    }

    #[inline(always)]
    fn abs(self, a: float32x4_t) -> float32x4_t {
        // SAFETY: by `self`.
        unsafe { vabsq_f32(a) }
    }

    #[inline(always)]
    fn copy_sign(self, a: float32x4_t, sign: float32x4_t) -> float32x4_t {
        // SAFETY: by `self`.
        unsafe { vbslq_f32(vdupq_n_u32(1 << 31), sign, a) }
    }

    #[inline(always)]
    fn round(self, a: float32x4_t) -> float32x4_t {
        // SAFETY: by `self`.
        unsafe { vrndnq_f32(a) }
    }

    #[inline(always)]
    fn scale(self, a: float32x4_t, n: float32x4_t) -> float32x4_t {
        // SAFETY: by `self`.
        unsafe {
            // Two steps: 2^n itself may be denormal, or too large.
            let n = vcvtnq_s32_f32(n);
            let half = vshrq_n_s32::<1>(n);
            let other = vsubq_s32(n, half);
            let a = vmulq_f32(a, self.power_of_two(half));
            vmulq_f32(a, self.power_of_two(other))
        }
    }

    #[inline(always)]
    fn square(self, a: float32x4_t) -> (float32x4_t, float32x4_t) {
        // SAFETY: by `self`.
        unsafe {
            let square = vmulq_f32(a, a);
            (square, vfmaq_f32(vnegq_f32(square), a, a))
        }
    }

    #[inline(always)]
    fn less(self, a: float32x4_t, b: float32x4_t) -> uint32x4_t {
        // SAFETY: by `self`.
        unsafe { vcltq_f32(a, b) }
    }

    #[inline(always)]
    fn select(self, mask: uint32x4_t, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: by `self`.
        unsafe { vbslq_f32(mask, a, b) }
    }

    #[inline(always)]
    fn sum(self, a: float32x4_t) -> f32 {
        // SAFETY: by `self`.
        unsafe { vaddvq_f32(a) }
    }

    #[inline(always)]
    fn largest(self, a: float32x4_t) -> f32 {
        // SAFETY: by `self`.
        unsafe { vmaxnmvq_f32(a) }
    }
}

//! AVX2 and FMA registers.
#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m256, __m256i, _CMP_LT_OQ, _MM_FROUND_NO_EXC, _MM_FROUND_TO_NEAREST_INT, _MM_HINT_T1, _mm_add_ps,
    _mm_add_ss, _mm_cvtss_f32, _mm_max_ps, _mm_max_ss, _mm_movehl_ps, _mm_prefetch, _mm_shuffle_ps,
    _mm256_add_epi32, _mm256_add_ps, _mm256_and_ps, _mm256_andnot_ps, _mm256_blendv_ps,
    _mm256_castps256_ps128, _mm256_castsi256_ps, _mm256_cmp_ps, _mm256_cvtps_epi32, _mm256_div_ps,
    _mm256_extractf128_ps, _mm256_fmadd_ps, _mm256_fmsub_ps, _mm256_fnmadd_ps, _mm256_loadu_ps,
    _mm256_loadu_si256, _mm256_maskload_ps, _mm256_maskstore_ps, _mm256_max_ps, _mm256_min_ps, _mm256_mul_ps,
    _mm256_or_ps, _mm256_round_ps, _mm256_set1_epi32, _mm256_set1_ps, _mm256_slli_epi32, _mm256_sqrt_ps,
    _mm256_srai_epi32, _mm256_storeu_ps, _mm256_sub_epi32, _mm256_sub_ps,
};

use super::Simd;
use super::vector::MAX_LANES;

/// Proof that the processor has AVX2 and FMA.
#[derive(Clone, Copy)]
pub(crate) struct Avx2(());

impl Avx2 {
    /// # Safety
    ///
    /// The processor must have AVX2 and FMA.
    #[inline(always)]
    pub(crate) unsafe fn assume() -> Self {
        Self(())
    }
}

const LANES: usize = 8;
const _: () = assert!(LANES <= MAX_LANES);

impl Avx2 {
    /// Yes for the first lanes, which are fewer than all.
    #[inline(always)]
    fn first(self, lanes: usize) -> __m256i {
        const WINDOW: [i32; 2 * LANES] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
        let window = &WINDOW[LANES - lanes..][..LANES];
        // SAFETY: by `self`; the slice holds what is read.
        unsafe { _mm256_loadu_si256(window.as_ptr().cast()) }
    }

    /// 2^n for `n` from -126 to 127.
    #[inline(always)]
    fn power_of_two(self, n: __m256i) -> __m256 {
        // SAFETY: by `self`.
        unsafe {
            let biased = _mm256_add_epi32(n, _mm256_set1_epi32(127));
            _mm256_castsi256_ps(_mm256_slli_epi32::<23>(biased))
        }
    }
}

// SAFETY of every block below: `self` proves that the processor has AVX2 and FMA. Where memory is touched, the comment
// at the block says why it may be.
impl Simd for Avx2 {
    const LANES: usize = LANES;
    const HOLDS: bool = true;
    type Vector = __m256;
    type Mask = __m256;

    #[inline(always)]
    fn splat(self, value: f32) -> __m256 {
        // SAFETY: by `self`.
        unsafe { _mm256_set1_ps(value) }
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> __m256 {
        let from = &from[..LANES];
        // SAFETY: by `self`; the slice holds what is read.
        unsafe { _mm256_loadu_ps(from.as_ptr()) }
    }

    #[inline(always)]
    fn store(self, to: &mut [f32], value: __m256) {
        let to = &mut to[..LANES];
        // SAFETY: by `self`; the slice holds what is written.
        unsafe { _mm256_storeu_ps(to.as_mut_ptr(), value) }
    }

    #[inline(always)]
    fn load_partial(self, from: &[f32], fill: f32) -> __m256 {
        assert!(from.len() < LANES);
        let mask = self.first(from.len());
        // SAFETY: by `self`; lanes past the slice are masked, and masked lanes are not read.
        unsafe {
            let loaded = _mm256_maskload_ps(from.as_ptr(), mask);
            _mm256_blendv_ps(_mm256_set1_ps(fill), loaded, _mm256_castsi256_ps(mask))
        }
    }

    #[inline(always)]
    fn store_partial(self, to: &mut [f32], value: __m256) {
        assert!(to.len() < LANES);
        // SAFETY: by `self`; lanes past the slice are masked, and masked lanes are not written.
        unsafe { _mm256_maskstore_ps(to.as_mut_ptr(), self.first(to.len()), value) }
    }

    #[inline(always)]
    fn hold(self, pair: &mut [__m256; 2]) {
        // SAFETY: by `self`.
        unsafe { hold(pair) }
    }

    #[inline(always)]
    fn prefetch(self, at: *const f32) {
        // SAFETY: a prefetch reads nothing, and does nothing where there is no memory.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(at.cast()) }
    }

    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: by `self`.
        unsafe { _mm256_add_ps(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: by `self`.
        unsafe { _mm256_sub_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: by `self`.
        unsafe { _mm256_mul_ps(a, b) }
    }

    #[inline(always)]
    fn div(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: by `self`.
        unsafe { _mm256_div_ps(a, b) }
    }

    #[inline(always)]
    fn sqrt(self, a: __m256) -> __m256 {
        // SAFETY: by `self`.
        unsafe { _mm256_sqrt_ps(a) }
    }

    #[inline(always)]
    fn reciprocal(self, a: __m256) -> __m256 {
        // SAFETY: by `self`.
        unsafe { _mm256_div_ps(_mm256_set1_ps(1.0), a) }
    }

    #[inline(always)]
    fn mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: by `self`.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn neg_mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: by `self`.
        unsafe { _mm256_fnmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn min(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: by `self`.
        unsafe { _mm256_min_ps(a, b) }
    }

    #[inline(always)]
    fn max(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: by `self`.
        unsafe { _mm256_max_ps(a, b) }
    }

    #[inline(always)]
    fn abs(self, a: __m256) -> __m256 {
        // SAFETY: by `self`.
        unsafe { _mm256_andnot_ps(_mm256_set1_ps(-0.0), a) }
    }

    #[inline(always)]
    fn copy_sign(self, a: __m256, sign: __m256) -> __m256 {
        // SAFETY: by `self`.
        unsafe { _mm256_or_ps(a, _mm256_and_ps(_mm256_set1_ps(-0.0), sign)) }
    }

    #[inline(always)]
    fn round(self, a: __m256) -> __m256 {
        // SAFETY: by `self`.
        unsafe { _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a) }
    }

    #[inline(always)]
    fn scale(self, a: __m256, n: __m256) -> __m256 {
        // SAFETY: by `self`.
        unsafe {
            // Two steps: 2^n itself may be denormal, or too large.
            let n = _mm256_cvtps_epi32(n);
            let half = _mm256_srai_epi32::<1>(n);
            let other = _mm256_sub_epi32(n, half);
            let a = _mm256_mul_ps(a, self.power_of_two(half));
            _mm256_mul_ps(a, self.power_of_two(other))
        }
    }

    #[inline(always)]
    fn square(self, a: __m256) -> (__m256, __m256) {
        // SAFETY: by `self`.
        unsafe {
            let square = _mm256_mul_ps(a, a);
            (square, _mm256_fmsub_ps(a, a, square))
        }
    }

    #[inline(always)]
    fn less(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: by `self`.
        unsafe { _mm256_cmp_ps::<_CMP_LT_OQ>(a, b) }
    }

    #[inline(always)]
    fn select(self, mask: __m256, a: __m256, b: __m256) -> __m256 {
        // SAFETY: by `self`.
        unsafe { _mm256_blendv_ps(b, a, mask) }
    }

    #[inline(always)]
    fn sum(self, a: __m256) -> f32 {
        // SAFETY: by `self`.
        unsafe {
            let four = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
        }
    }

    #[inline(always)]
    fn largest(self, a: __m256) -> f32 {
        // SAFETY: by `self`.
        unsafe {
            // The first operand's NaN yields the second: none reaches the reduction.
            let a = _mm256_max_ps(a, _mm256_set1_ps(f32::NEG_INFINITY));
            let four = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
            let two = _mm_max_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps::<1>(two, two)))
        }
    }
}

/// See [`Simd::hold`].
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn hold(pair: &mut [__m256; 2]) {
    #[cfg(not(miri))]
    {
        let [mut first, mut second] = *pair;
        // SAFETY: there are no instructions, only registers named in a comment. Not said to leave memory alone, it is passed by no load.
        unsafe {
            std::arch::asm!("/* {0} {1} */", inout(ymm_reg) first, inout(ymm_reg) second, options(nostack, preserves_flags));
        }
        *pair = [first, second];
    }
}

//! The assignment, compiled for wider vectors than every processor has.
//!
//! The code is that of [`crate::assign`], and so are the results, bit for bit. This is the only file with `unsafe`: for
//! instructions that a processor may lack, behind a test that it has them.
#![allow(unsafe_code)]

use crate::assign::{Band, Job, assign};
use crate::lab::lab_row;
use crate::lanes::Portable;
use crate::planes::quantise;
use crate::runs::{Run, row_runs};

/// Instruction sets that the assignment is compiled for. The wider ones are made by [`Vectors::available`] alone, which makes
/// sure that the processor has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Vectors(Set);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    /// What the target always has.
    Baseline,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Vectors {
    /// All that this processor has, the widest last.
    pub(crate) fn available() -> Vec<Self> {
        let mut found = vec![Self(Set::Baseline)];
        #[cfg(target_arch = "x86_64")]
        {
            found.extend(is_x86_feature_detected!("avx2").then_some(Self(Set::Avx2)));
            found.extend(is_x86_feature_detected!("avx512f").then_some(Self(Set::Avx512)));
        }
        found
    }

    /// The widest that this processor has.
    pub(crate) fn widest() -> Self {
        Self::available().last().copied().unwrap_or(Self(Set::Baseline))
    }

    /// Rows of red, green and blue as linear light become L, a and b.
    pub(crate) fn lab_row(self, l: &mut [f32], a: &mut [f32], b: &mut [f32]) {
        match self.0 {
            Set::Baseline => lab_row(l, a, b),
            // SAFETY: the processor has AVX2: `available` found it.
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => unsafe { x86::avx2_lab_row(l, a, b) },
            // SAFETY: the processor has AVX-512F: `available` found it.
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => unsafe { x86::avx512_lab_row(l, a, b) },
        }
    }

    /// Features in fixed point.
    pub(crate) fn quantise(self, values: &[f32], quanta: f32, out: &mut [i16]) {
        match self.0 {
            Set::Baseline => quantise(values, quanta, out),
            // SAFETY: the processor has AVX2: `available` found it.
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => unsafe { x86::avx2_quantise(values, quanta, out) },
            // SAFETY: the processor has AVX-512F: `available` found it.
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => unsafe { x86::avx512_quantise(values, quanta, out) },
        }
    }

    /// Appends the runs of a row of labels.
    pub(crate) fn row_runs(self, row: &[u32], runs: &mut Vec<Run>) {
        match self.0 {
            Set::Baseline => row_runs::<Portable>(row, runs),
            // SAFETY: the processor has AVX2: `available` found it.
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => unsafe { x86::avx2_row_runs(row, runs) },
            // SAFETY: the processor has AVX-512F: `available` found it.
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => unsafe { x86::avx512_row_runs(row, runs) },
        }
    }

    /// Assigns the pixels of a band.
    pub(crate) fn assign(self, job: &Job<'_>, band: &mut Band<'_>) {
        match self.0 {
            Set::Baseline => assign::<Portable>(job, band),
            // SAFETY: the processor has AVX2: `available` found it.
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => unsafe { x86::avx2(job, band) },
            // SAFETY: the processor has AVX-512F: `available` found it.
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => unsafe { x86::avx512(job, band) },
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256, __m256i, __m512, _CMP_LT_OQ, _mm_add_ps, _mm_add_ss, _mm_cvtss_f32, _mm_loadu_si128,
        _mm_movehdup_ps, _mm_movehl_ps, _mm256_add_ps, _mm256_and_ps, _mm256_and_si256, _mm256_blendv_ps,
        _mm256_castps_si256, _mm256_castps256_ps128, _mm256_castsi256_ps, _mm256_cmp_ps, _mm256_cmpeq_epi32,
        _mm256_cvtepi16_epi32, _mm256_cvtepi32_ps, _mm256_extractf128_ps, _mm256_loadu_ps,
        _mm256_loadu_si256, _mm256_maskstore_ps, _mm256_min_ps, _mm256_movemask_ps, _mm256_mul_ps,
        _mm256_set1_epi32, _mm256_set1_ps, _mm256_setr_epi32, _mm256_storeu_si256, _mm256_sub_ps,
        _mm512_add_ps, _mm512_castps_si512, _mm512_cmp_ps_mask, _mm512_cmpeq_epi32_mask,
        _mm512_cvtepi16_epi32, _mm512_cvtepi32_ps, _mm512_loadu_ps, _mm512_mask_blend_ps,
        _mm512_mask_reduce_add_ps, _mm512_mask_storeu_ps, _mm512_min_ps, _mm512_mul_ps, _mm512_set1_ps,
        _mm512_storeu_ps, _mm512_sub_ps,
    };

    use crate::assign::{Band, Job, assign};
    use crate::lab::lab_row;
    use crate::lanes::{LANES, Lanes};
    use crate::planes::quantise;
    use crate::runs::{Run, row_runs};

    const RAMP: [f32; LANES] =
        [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0];

    #[target_feature(enable = "avx2")]
    pub(super) fn avx2(job: &Job<'_>, band: &mut Band<'_>) {
        assign::<Avx2>(job, band);
    }

    #[target_feature(enable = "avx512f")]
    pub(super) fn avx512(job: &Job<'_>, band: &mut Band<'_>) {
        assign::<Avx512>(job, band);
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn avx2_lab_row(l: &mut [f32], a: &mut [f32], b: &mut [f32]) {
        lab_row(l, a, b);
    }

    #[target_feature(enable = "avx512f")]
    pub(super) fn avx512_lab_row(l: &mut [f32], a: &mut [f32], b: &mut [f32]) {
        lab_row(l, a, b);
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn avx2_quantise(values: &[f32], quanta: f32, out: &mut [i16]) {
        quantise(values, quanta, out);
    }

    #[target_feature(enable = "avx512f")]
    pub(super) fn avx512_quantise(values: &[f32], quanta: f32, out: &mut [i16]) {
        quantise(values, quanta, out);
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn avx2_row_runs(row: &[u32], runs: &mut Vec<Run>) {
        row_runs::<Avx2>(row, runs);
    }

    #[target_feature(enable = "avx512f")]
    pub(super) fn avx512_row_runs(row: &[u32], runs: &mut Vec<Run>) {
        row_runs::<Avx512>(row, runs);
    }

    /// Used within [`avx512`] alone.
    #[derive(Clone, Copy)]
    struct Avx512(__m512);

    // SAFETY (all blocks): the instructions are those of AVX-512F, which whoever calls `avx512` has made sure of; addresses are those
    // of 16 numbers, checked by a slice or by the type of an array, and need no alignment.
    impl Lanes for Avx512 {
        #[inline(always)]
        fn splat(value: f32) -> Self {
            Self(unsafe { _mm512_set1_ps(value) })
        }

        #[inline(always)]
        fn load(values: &[i16]) -> Self {
            let values = &values[..LANES];
            Self(unsafe {
                _mm512_cvtepi32_ps(_mm512_cvtepi16_epi32(_mm256_loadu_si256(values.as_ptr().cast())))
            })
        }

        #[inline(always)]
        fn of(values: &[f32; LANES]) -> Self {
            Self(unsafe { _mm512_loadu_ps(values.as_ptr()) })
        }

        #[inline(always)]
        fn ramp() -> Self {
            Self(unsafe { _mm512_loadu_ps(RAMP.as_ptr()) })
        }

        #[inline(always)]
        fn add(self, other: Self) -> Self {
            Self(unsafe { _mm512_add_ps(self.0, other.0) })
        }

        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            Self(unsafe { _mm512_sub_ps(self.0, other.0) })
        }

        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            Self(unsafe { _mm512_mul_ps(self.0, other.0) })
        }

        #[inline(always)]
        fn select_below(self, other: Self, yes: Self, no: Self) -> Self {
            Self(unsafe {
                _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(self.0, other.0), no.0, yes.0)
            })
        }

        #[inline(always)]
        fn least(self, other: Self) -> Self {
            Self(unsafe { _mm512_min_ps(self.0, other.0) })
        }

        #[inline(always)]
        fn below(self, other: Self) -> u32 {
            u32::from(unsafe { _mm512_cmp_ps_mask::<_CMP_LT_OQ>(self.0, other.0) })
        }

        #[inline(always)]
        fn bits(self) -> [u32; LANES] {
            let mut out = [0u32; LANES];
            unsafe { _mm512_storeu_ps(out.as_mut_ptr().cast(), self.0) };
            out
        }

        #[inline(always)]
        fn load_bits(bits: &[u32]) -> Self {
            let bits = &bits[..LANES];
            Self(unsafe { _mm512_loadu_ps(bits.as_ptr().cast()) })
        }

        #[inline(always)]
        fn store_bits(self, mask: u32, to: &mut [u32]) {
            let to = &mut to[..LANES];
            unsafe { _mm512_mask_storeu_ps(to.as_mut_ptr().cast(), mask as u16, self.0) }
        }

        #[inline(always)]
        fn equal(self, other: Self) -> u32 {
            u32::from(unsafe {
                _mm512_cmpeq_epi32_mask(_mm512_castps_si512(self.0), _mm512_castps_si512(other.0))
            })
        }

        #[inline(always)]
        fn sum(self, mask: u32) -> f32 {
            unsafe { _mm512_mask_reduce_add_ps(mask as u16, self.0) }
        }
    }

    /// Used within [`avx2`] alone.
    #[derive(Clone, Copy)]
    struct Avx2(__m256, __m256);

    // SAFETY (all blocks): the instructions are those of AVX2, which whoever calls `avx2` has made sure of; addresses are those of 16
    // numbers, checked by a slice or by the type of an array, and need no alignment.
    impl Lanes for Avx2 {
        #[inline(always)]
        fn splat(value: f32) -> Self {
            let all = unsafe { _mm256_set1_ps(value) };
            Self(all, all)
        }

        #[inline(always)]
        fn load(values: &[i16]) -> Self {
            let (low, high) = values[..LANES].split_at(LANES / 2);
            let half = |v: &[i16]| unsafe {
                _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(_mm_loadu_si128(v.as_ptr().cast())))
            };
            Self(half(low), half(high))
        }

        #[inline(always)]
        fn of(values: &[f32; LANES]) -> Self {
            let (low, high) = values.split_at(LANES / 2);
            unsafe { Self(_mm256_loadu_ps(low.as_ptr()), _mm256_loadu_ps(high.as_ptr())) }
        }

        #[inline(always)]
        fn ramp() -> Self {
            let (low, high) = RAMP.split_at(LANES / 2);
            unsafe { Self(_mm256_loadu_ps(low.as_ptr()), _mm256_loadu_ps(high.as_ptr())) }
        }

        #[inline(always)]
        fn add(self, other: Self) -> Self {
            unsafe { Self(_mm256_add_ps(self.0, other.0), _mm256_add_ps(self.1, other.1)) }
        }

        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            unsafe { Self(_mm256_sub_ps(self.0, other.0), _mm256_sub_ps(self.1, other.1)) }
        }

        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            unsafe { Self(_mm256_mul_ps(self.0, other.0), _mm256_mul_ps(self.1, other.1)) }
        }

        #[inline(always)]
        fn select_below(self, other: Self, yes: Self, no: Self) -> Self {
            let half =
                |a, b, yes, no| unsafe { _mm256_blendv_ps(no, yes, _mm256_cmp_ps::<_CMP_LT_OQ>(a, b)) };
            Self(half(self.0, other.0, yes.0, no.0), half(self.1, other.1, yes.1, no.1))
        }

        #[inline(always)]
        fn least(self, other: Self) -> Self {
            unsafe { Self(_mm256_min_ps(self.0, other.0), _mm256_min_ps(self.1, other.1)) }
        }

        #[inline(always)]
        fn below(self, other: Self) -> u32 {
            let half = |a, b| unsafe { _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_LT_OQ>(a, b)) as u32 };
            half(self.0, other.0) | half(self.1, other.1) << (LANES / 2)
        }

        #[inline(always)]
        fn bits(self) -> [u32; LANES] {
            let mut out = [0u32; LANES];
            let (low, high) = out.split_at_mut(LANES / 2);
            let store = |to: &mut [u32], v: __m256| unsafe {
                let v: __m256i = _mm256_castps_si256(v);
                _mm256_storeu_si256(to.as_mut_ptr().cast(), v);
            };
            store(low, self.0);
            store(high, self.1);
            out
        }

        #[inline(always)]
        fn load_bits(bits: &[u32]) -> Self {
            let (low, high) = bits[..LANES].split_at(LANES / 2);
            unsafe { Self(_mm256_loadu_ps(low.as_ptr().cast()), _mm256_loadu_ps(high.as_ptr().cast())) }
        }

        #[inline(always)]
        fn store_bits(self, mask: u32, to: &mut [u32]) {
            let (low, high) = to[..LANES].split_at_mut(LANES / 2);
            let store = |to: &mut [u32], mask: u32, v: __m256| unsafe {
                _mm256_maskstore_ps(to.as_mut_ptr().cast(), lanes_of(mask), v);
            };
            store(low, mask, self.0);
            store(high, mask >> (LANES / 2), self.1);
        }

        #[inline(always)]
        fn equal(self, other: Self) -> u32 {
            let half = |a, b| unsafe {
                let same = _mm256_cmpeq_epi32(_mm256_castps_si256(a), _mm256_castps_si256(b));
                _mm256_movemask_ps(_mm256_castsi256_ps(same)) as u32
            };
            half(self.0, other.0) | half(self.1, other.1) << (LANES / 2)
        }

        #[inline(always)]
        fn sum(self, mask: u32) -> f32 {
            unsafe {
                let low = _mm256_and_ps(self.0, _mm256_castsi256_ps(lanes_of(mask)));
                let high = _mm256_and_ps(self.1, _mm256_castsi256_ps(lanes_of(mask >> (LANES / 2))));
                let eight = _mm256_add_ps(low, high);
                let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
                let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
                _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
            }
        }
    }

    /// All bits of those of 8 lanes whose bit of a mask is set.
    #[inline(always)]
    fn lanes_of(mask: u32) -> __m256i {
        // SAFETY: as above.
        unsafe {
            let bits = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
            _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(mask as i32), bits), bits)
        }
    }
}

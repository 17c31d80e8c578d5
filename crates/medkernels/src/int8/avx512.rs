//! AVX-512 with VNNI: four products of bytes for each sum.
#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m512, __m512i, _mm512_cvtepi32_ps, _mm512_dpbusd_epi32, _mm512_loadu_si512, _mm512_mullo_epi32,
    _mm512_set1_epi32, _mm512_setzero_si512, _mm512_sub_epi32,
};

use super::dot::Dot;
use crate::simd::Avx512;

// SAFETY of every block below: functions with these are compiled for VNNI, which `Int8Kernels::of` asks the processor for.
impl Dot for Avx512 {
    const GROUP: usize = 4;
    type Sums = __m512i;
    type Weights = __m512i;

    #[inline(always)]
    fn zeros(self) -> __m512i {
        // SAFETY: by `self`.
        unsafe { _mm512_setzero_si512() }
    }

    #[inline(always)]
    unsafe fn weights(self, at: *const i8) -> __m512i {
        // SAFETY: by `self`; the caller vouches for the values.
        unsafe { _mm512_loadu_si512(at.cast()) }
    }

    #[inline(always)]
    fn dot(self, sums: __m512i, row: u32, weights: __m512i) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_dpbusd_epi32(sums, _mm512_set1_epi32(row.cast_signed()), weights) }
    }

    #[inline(always)]
    unsafe fn finish(self, sums: __m512i, zero: i32, columns: *const i32) -> __m512 {
        // SAFETY: by `self`; the caller vouches for the sums.
        unsafe {
            let columns = _mm512_loadu_si512(columns.cast());
            _mm512_cvtepi32_ps(_mm512_sub_epi32(sums, _mm512_mullo_epi32(_mm512_set1_epi32(zero), columns)))
        }
    }
}

//! AVX2: two products of 16 bits for each sum. Products of bytes, of which it adds two up in 16 bits, would not be exact.
#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m256, __m256i, _mm_loadu_si128, _mm256_add_epi32, _mm256_cvtepi8_epi16, _mm256_cvtepi32_ps,
    _mm256_loadu_si256, _mm256_madd_epi16, _mm256_mullo_epi32, _mm256_set1_epi32, _mm256_setzero_si256,
    _mm256_sub_epi32,
};

use super::dot::Dot;
use crate::simd::Avx2;

impl Dot for Avx2 {
    const GROUP: usize = 2;
    type Sums = __m256i;
    type Weights = __m256i;

    #[inline(always)]
    fn zeros(self) -> __m256i {
        // SAFETY: by `self`.
        unsafe { _mm256_setzero_si256() }
    }

    #[inline(always)]
    unsafe fn weights(self, at: *const i8) -> __m256i {
        // SAFETY: by `self`; the caller vouches for the values.
        unsafe { _mm256_cvtepi8_epi16(_mm_loadu_si128(at.cast())) }
    }

    #[inline(always)]
    fn dot(self, sums: __m256i, row: u32, weights: __m256i) -> __m256i {
        // SAFETY: by `self`.
        unsafe {
            let row = _mm256_set1_epi32(row.cast_signed());
            _mm256_add_epi32(sums, _mm256_madd_epi16(row, weights))
        }
    }

    #[inline(always)]
    unsafe fn finish(self, sums: __m256i, zero: i32, columns: *const i32) -> __m256 {
        // SAFETY: by `self`; the caller vouches for the sums.
        unsafe {
            let columns = _mm256_loadu_si256(columns.cast());
            _mm256_cvtepi32_ps(_mm256_sub_epi32(sums, _mm256_mullo_epi32(_mm256_set1_epi32(zero), columns)))
        }
    }
}

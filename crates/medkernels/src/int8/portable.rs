//! Plain Rust: two products of 16 bits for each sum.
#![allow(unsafe_code)]

use super::dot::Dot;
use crate::simd::{Portable, Simd};

const LANES: usize = <Portable as Simd>::LANES;

impl Dot for Portable {
    const GROUP: usize = 2;
    type Sums = [i32; LANES];
    type Weights = [[i8; 2]; LANES];

    #[inline(always)]
    fn zeros(self) -> Self::Sums {
        [0; LANES]
    }

    #[inline(always)]
    unsafe fn weights(self, at: *const i8) -> Self::Weights {
        // SAFETY: the caller vouches for the values; arrays of bytes lie anywhere.
        unsafe { at.cast::<Self::Weights>().read() }
    }

    #[inline(always)]
    fn dot(self, mut sums: Self::Sums, row: u32, weights: Self::Weights) -> Self::Sums {
        // Halves of the word, neither of which is above 255.
        let row = [(row & 0xffff) as i32, (row >> 16) as i32];
        for (sum, weights) in sums.iter_mut().zip(weights) {
            *sum += row[0] * i32::from(weights[0]) + row[1] * i32::from(weights[1]);
        }
        sums
    }

    #[inline(always)]
    unsafe fn finish(self, sums: Self::Sums, zero: i32, columns: *const i32) -> Self::Vector {
        // SAFETY: the caller vouches for the sums.
        let columns = unsafe { std::slice::from_raw_parts(columns, LANES) };
        std::array::from_fn(|lane| sums[lane].wrapping_sub(zero.wrapping_mul(columns[lane])) as f32)
    }
}

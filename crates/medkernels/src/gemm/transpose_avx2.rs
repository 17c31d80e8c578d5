//! Transposing blocks while packing, in registers of AVX2.
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m256, _mm_castps_si128, _mm_movehl_ps, _mm_store_ss, _mm_storel_epi64, _mm_storeu_ps,
    _mm256_castps256_ps128, _mm256_extractf128_ps, _mm256_loadu_ps, _mm256_permute2f128_ps,
    _mm256_setzero_ps, _mm256_shuffle_ps, _mm256_storeu_ps, _mm256_unpackhi_ps, _mm256_unpacklo_ps,
};

use super::transpose;

const LANES: usize = 8;
/// Columns at a time: a line of the cache. The next row may come to lie where the line of this one was.
const LINE: usize = 16;

/// [`transpose`](transpose::transpose) in blocks of 8 x 8.
///
/// # Safety
/// The same, and the processor has AVX2.
#[target_feature(enable = "avx2")]
pub(crate) unsafe fn transpose(
    src: *const f32,
    src_step: usize,
    dst: *mut f32,
    dst_step: usize,
    rows: usize,
    columns: usize,
) {
    let whole = columns / LANES * LANES;
    for line in (0..whole).step_by(LINE) {
        for r in (0..rows).step_by(LANES) {
            for c in (line..whole.min(line + LINE)).step_by(LANES) {
                // SAFETY: the block lies in what the caller vouches for.
                unsafe {
                    let (src, dst) = (src.add(r * src_step + c), dst.add(c * dst_step + r));
                    block(src, src_step, dst, dst_step, (rows - r).min(LANES));
                }
            }
        }
    }
    if whole == columns {
        // Beyond the last column there may be nothing to point to.
        return;
    }
    // SAFETY: the columns lie in what the caller vouches for.
    unsafe {
        transpose::transpose(
            src.add(whole),
            src_step,
            dst.add(whole * dst_step),
            dst_step,
            rows,
            columns - whole,
        );
    }
}

/// 8 columns of at most 8 rows.
///
/// # Safety
/// That of [`transpose`].
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn block(src: *const f32, src_step: usize, dst: *mut f32, dst_step: usize, rows: usize) {
    let mut x = [_mm256_setzero_ps(); LANES];
    for (r, x) in x.iter_mut().enumerate().take(rows) {
        // SAFETY: row `r` has 8 columns here.
        *x = unsafe { _mm256_loadu_ps(src.add(r * src_step)) };
    }
    for (c, x) in in_registers(x).into_iter().enumerate() {
        // SAFETY: there is room for `rows` values.
        unsafe { store(dst.add(c * dst_step), x, rows) };
    }
}

/// The first `length` lanes, at most 8. Masked stores would be slower than several of AMD's.
///
/// # Safety
/// There is room for them.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn store(to: *mut f32, x: __m256, length: usize) {
    if length == LANES {
        // SAFETY: there is room for 8 values.
        return unsafe { _mm256_storeu_ps(to, x) };
    }
    let (mut rest, mut at) = (_mm256_castps256_ps128(x), 0);
    // SAFETY: what is stored are as many values as there is room for: 4, 2 and 1, where the length has them.
    unsafe {
        if length & 4 != 0 {
            _mm_storeu_ps(to, rest);
            (rest, at) = (_mm256_extractf128_ps::<1>(x), 4);
        }
        if length & 2 != 0 {
            _mm_storel_epi64(to.add(at).cast(), _mm_castps_si128(rest));
            at += 2;
            rest = _mm_movehl_ps(rest, rest);
        }
        if length & 1 != 0 {
            _mm_store_ss(to.add(at), rest);
        }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn in_registers(x: [__m256; LANES]) -> [__m256; LANES] {
    let mut pairs = x;
    for i in (0..LANES).step_by(2) {
        pairs[i] = _mm256_unpacklo_ps(x[i], x[i + 1]);
        pairs[i + 1] = _mm256_unpackhi_ps(x[i], x[i + 1]);
    }
    // Of four rows from `i` on: half `l` of `fours[i + c]` is column `4 l + c`.
    let mut fours = x;
    for i in [0, 4] {
        fours[i] = _mm256_shuffle_ps::<0x44>(pairs[i], pairs[i + 2]);
        fours[i + 1] = _mm256_shuffle_ps::<0xee>(pairs[i], pairs[i + 2]);
        fours[i + 2] = _mm256_shuffle_ps::<0x44>(pairs[i + 1], pairs[i + 3]);
        fours[i + 3] = _mm256_shuffle_ps::<0xee>(pairs[i + 1], pairs[i + 3]);
    }
    let mut out = x;
    for c in 0..4 {
        out[c] = _mm256_permute2f128_ps::<0x20>(fours[c], fours[4 + c]);
        out[4 + c] = _mm256_permute2f128_ps::<0x31>(fours[c], fours[4 + c]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_is_transposed_and_nothing_else_is_touched() {
        if !std::arch::is_x86_feature_detected!("avx2") {
            return;
        }
        for (rows, columns) in (1..=17).flat_map(|r| [1, 7, 8, 9, 16, 25, 40].map(|c| (r, c))) {
            let (src_step, dst_step) = (columns + 3, rows + 2);
            let src: Vec<f32> = (0..rows * src_step).map(|i| i as f32).collect();
            let mut dst = vec![-1.0; columns * dst_step];
            // SAFETY: both have room.
            unsafe { transpose(src.as_ptr(), src_step, dst.as_mut_ptr(), dst_step, rows, columns) };
            for (i, &found) in dst.iter().enumerate() {
                let (c, r) = (i / dst_step, i % dst_step);
                let expected = if r < rows { src[r * src_step + c] } else { -1.0 };
                assert_eq!(found, expected, "{rows} x {columns}: {r} {c}");
            }
        }
    }
}

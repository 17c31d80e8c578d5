//! Transposing blocks while packing.
#![allow(unsafe_code)]

/// `dst[c * dst_step + r] = src[r * src_step + c]` for `rows x columns` values.
///
/// # Safety
/// Both pointers are valid for that.
pub(crate) unsafe fn transpose(
    src: *const f32,
    src_step: usize,
    dst: *mut f32,
    dst_step: usize,
    rows: usize,
    columns: usize,
) {
    for c in 0..columns {
        for r in 0..rows {
            // SAFETY: the caller vouches for it.
            unsafe { *dst.add(c * dst_step + r) = *src.add(r * src_step + c) };
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512 {
    use core::arch::x86_64::{
        __m512, _mm512_castpd_ps, _mm512_castps_pd, _mm512_mask_storeu_ps, _mm512_maskz_loadu_ps,
        _mm512_setzero_ps, _mm512_shuffle_f32x4, _mm512_unpackhi_pd, _mm512_unpackhi_ps, _mm512_unpacklo_pd,
        _mm512_unpacklo_ps,
    };

    /// [`transpose`](super::transpose) in blocks of 16 x 16.
    ///
    /// # Safety
    /// The same, and the processor has AVX-512F.
    #[target_feature(enable = "avx512f")]
    pub(crate) unsafe fn transpose(
        src: *const f32,
        src_step: usize,
        dst: *mut f32,
        dst_step: usize,
        rows: usize,
        columns: usize,
    ) {
        for r in (0..rows).step_by(16) {
            for c in (0..columns).step_by(16) {
                let (height, width) = ((rows - r).min(16), (columns - c).min(16));
                // SAFETY: the block lies in what the caller vouches for.
                unsafe {
                    let row = |i: usize| src.add((r + i) * src_step + c);
                    block(row, dst.add(c * dst_step + r), dst_step, height, width);
                }
            }
        }
    }

    /// [`transpose`] of rows that lie anywhere, at most 16, of which `columns` values come at `at` of a panel of as many rows.
    ///
    /// # Safety
    /// Each row has as many values, there is room for the result, and the processor has AVX-512F.
    #[target_feature(enable = "avx512f")]
    pub(crate) unsafe fn gather(rows: &[*const f32], panel: *mut f32, [at, _]: [usize; 2], columns: usize) {
        let dst_step = rows.len();
        // SAFETY: the caller vouches for the room.
        let dst = unsafe { panel.add(at * dst_step) };
        for c in (0..columns).step_by(16) {
            // SAFETY: the block lies in what the caller vouches for.
            unsafe {
                let row = |r: usize| rows[r].add(c);
                block(row, dst.add(c * dst_step), dst_step, rows.len(), (columns - c).min(16));
            }
        }
    }

    /// # Safety
    /// `row` gives the values of each row, as many as `columns`; at most 16 each.
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn block(
        row: impl Fn(usize) -> *const f32,
        dst: *mut f32,
        dst_step: usize,
        rows: usize,
        columns: usize,
    ) {
        let mut x = [_mm512_setzero_ps(); 16];
        let wide = ((1u32 << columns) - 1) as u16;
        let high = ((1u32 << rows) - 1) as u16;
        for (r, x) in x.iter_mut().enumerate().take(rows) {
            // SAFETY: row `r` has `columns` values.
            *x = unsafe { _mm512_maskz_loadu_ps(wide, row(r)) };
        }
        let x = in_registers(x);
        for (c, x) in x.into_iter().enumerate().take(columns) {
            // SAFETY: there is room for `rows` values.
            unsafe { _mm512_mask_storeu_ps(dst.add(c * dst_step), high, x) };
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn in_registers(x: [__m512; 16]) -> [__m512; 16] {
        let mut pairs = x;
        for i in (0..16).step_by(2) {
            pairs[i] = _mm512_unpacklo_ps(x[i], x[i + 1]);
            pairs[i + 1] = _mm512_unpackhi_ps(x[i], x[i + 1]);
        }
        let low = |a, b| _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
        let high = |a, b| _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
        // Of four rows from `i` on: lane of 128 bits `l` of `fours[i + c]` is column `4 l + c`.
        let mut fours = x;
        for i in (0..16).step_by(4) {
            fours[i] = low(pairs[i], pairs[i + 2]);
            fours[i + 1] = high(pairs[i], pairs[i + 2]);
            fours[i + 2] = low(pairs[i + 1], pairs[i + 3]);
            fours[i + 3] = high(pairs[i + 1], pairs[i + 3]);
        }
        let mut out = x;
        for c in 0..4 {
            let even = [
                _mm512_shuffle_f32x4::<0x88>(fours[c], fours[4 + c]),
                _mm512_shuffle_f32x4::<0x88>(fours[8 + c], fours[12 + c]),
            ];
            let odd = [
                _mm512_shuffle_f32x4::<0xdd>(fours[c], fours[4 + c]),
                _mm512_shuffle_f32x4::<0xdd>(fours[8 + c], fours[12 + c]),
            ];
            out[c] = _mm512_shuffle_f32x4::<0x88>(even[0], even[1]);
            out[4 + c] = _mm512_shuffle_f32x4::<0x88>(odd[0], odd[1]);
            out[8 + c] = _mm512_shuffle_f32x4::<0xdd>(even[0], even[1]);
            out[12 + c] = _mm512_shuffle_f32x4::<0xdd>(odd[0], odd[1]);
        }
        out
    }
}

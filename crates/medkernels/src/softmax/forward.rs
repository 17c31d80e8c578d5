//! Softmax of rows, in place.

use super::mask::Mask;
use crate::math::exp_of_negative;
use crate::simd::{Isa, Kernel, MatrixMut, Simd, fold, for_each_block, run};

/// Every row of `values` `[rows, width]` becomes `softmax(scale * row)`.
///
/// The largest number of a row is taken off first, so that nothing overflows. As in PyTorch, a row that holds NaN or
/// inf, or nothing but -inf, becomes NaN.
///
/// ```
/// let mut values = [0.0, 0.0, 1.0, 1.0];
/// medkernels::softmax::softmax_in_place(&mut values, 2, 1.0);
/// assert_eq!(values, [0.5; 4]);
/// ```
///
/// # Panics
///
/// If `values` is not whole rows.
pub fn softmax_in_place(values: &mut [f32], width: usize, scale: f32) {
    softmax(values, width, scale, None, None);
}

/// As [`softmax_in_place`]; `log_sum_exp` `[rows]` receives `ln(sum(e^(scale * row)))`, NaN where the row becomes NaN.
///
/// # Panics
///
/// If `values` is not whole rows, or `log_sum_exp` not one number a row.
pub fn softmax_in_place_with_log_sum_exp(
    values: &mut [f32],
    width: usize,
    scale: f32,
    log_sum_exp: &mut [f32],
) {
    softmax(values, width, scale, None, Some(log_sum_exp));
}

/// As [`softmax_in_place`], of the columns that are not `excluded`; the others become 0.
///
/// `excluded` is `[rows / n, width]` for some whole `n`: each of its rows serves `n` rows of `values` on end. So one mask
/// a sample serves all heads and queries of attention scores `[batch, heads, queries, keys]`. A row of which all is
/// excluded becomes NaN.
///
/// # Panics
///
/// If `values` or `excluded` is not whole rows, or the rows of one not a multiple of the other's.
pub fn masked_softmax_in_place(values: &mut [f32], width: usize, scale: f32, excluded: &[bool]) {
    softmax(values, width, scale, Some(excluded), None);
}

fn softmax(
    values: &mut [f32],
    width: usize,
    scale: f32,
    excluded: Option<&[bool]>,
    log_sum_exp: Option<&mut [f32]>,
) {
    let rows = values.len() / width.max(1);
    assert_eq!(rows * width, values.len(), "whole rows of {width}");
    let mask = excluded.map(|excluded| Mask::new(excluded, width, rows));
    let log_sum_exp = log_sum_exp.map(|data| {
        assert_eq!(data.len(), rows, "one log-sum-exp a row");
        MatrixMut { data, width: 1 }
    });
    let isa = Isa::current();
    let values = MatrixMut { data: values, width };
    for_each_block((values, mask, log_sum_exp), width, |(values, mask, log_sum_exp)| {
        run(isa, Softmax { values, scale, mask, log_sum_exp: log_sum_exp.map(|matrix| matrix.data) });
    });
}

struct Softmax<'a> {
    values: MatrixMut<'a>,
    scale: f32,
    mask: Option<Mask<'a>>,
    log_sum_exp: Option<&'a mut [f32]>,
}

impl Kernel for Softmax<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let rows = self.values.data.chunks_exact_mut(self.values.width.max(1));
        for (index, row) in rows.enumerate() {
            if let Some(mask) = self.mask {
                for (value, &excluded) in row.iter_mut().zip(mask.row(index)) {
                    *value = if excluded { f32::NEG_INFINITY } else { self.scale * *value };
                }
            }
            // Zero times the infinity that fills a register would be NaN.
            if self.mask.is_none() && self.scale == 0.0 {
                row.iter_mut().for_each(|value| *value *= self.scale);
            }
            let scaled = self.mask.is_some() || self.scale == 0.0;
            let scale = if scaled { 1.0 } else { self.scale };
            let (largest, sum) = softmax_row(simd, row, scale);
            if let Some(log_sum_exp) = &mut self.log_sum_exp {
                log_sum_exp[index] = largest + sum.ln();
            }
        }
    }
}

/// The largest scaled number, and the sum of the exponentials of what the others are less.
#[inline(always)]
fn softmax_row<S: Simd>(simd: S, row: &mut [f32], scale: f32) -> (f32, f32) {
    let scales = simd.splat(scale);
    let lowest = simd.splat(f32::NEG_INFINITY);
    // What lies past the end must stay -inf after scaling.
    let fill = if scale < 0.0 { f32::INFINITY } else { f32::NEG_INFINITY };
    let largest = fold(
        simd,
        row,
        fill,
        lowest,
        #[inline(always)]
        |largest, x| simd.max(simd.mul(x, scales), largest),
        #[inline(always)]
        |a, b| simd.max(a, b),
    );
    let largest = simd.largest(largest);

    let offset = simd.splat(-largest);
    let mut sum = simd.splat(0.0);
    simd.for_each_part(
        row.len(),
        #[inline(always)]
        |part| {
            let x = simd.mul_add(simd.load_part(row, part, fill), scales, offset);
            let power = exp_of_negative(simd, x);
            simd.store_part(row, part, power);
            sum = simd.add(sum, power);
        },
    );
    let sum = simd.sum(sum);

    let inverse = simd.splat(1.0 / sum);
    simd.for_each_part(
        row.len(),
        #[inline(always)]
        |part| {
            let power = simd.load_part(row, part, 0.0);
            simd.store_part(row, part, simd.mul(power, inverse));
        },
    );
    (largest, sum)
}

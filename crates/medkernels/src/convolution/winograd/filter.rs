//! Minimal filtering of one axis: which points, and what they make of the three parts of a convolution.
//!
//! `OUT` outputs of a kernel of three taps need but `IN = OUT + 2` products: polynomials are multiplied by their values at `IN - 1` points
//! and at infinity (Toom and Cook; Winograd, "Arithmetic Complexity of Computations", 1980; for networks Lavin and Gray, CVPR 2016). Both axes
//! of an image together need `IN * IN` products for `OUT * OUT` outputs instead of 9 each.

use crate::simd::Simd;

/// Three taps along an axis.
const TAPS: usize = 3;

/// The three linear maps of a way to filter.
pub(super) trait Filter<const IN: usize, const OUT: usize>: Copy + Send + Sync {
    /// What the weights become: `[IN]` of three taps.
    const WEIGHTS: [[f64; TAPS]; IN];

    /// What `IN` pixels become.
    fn input<S: Simd>(self, simd: S, d: [S::Vector; IN]) -> [S::Vector; IN];

    /// The outputs, of the products.
    fn output<S: Simd>(self, simd: S, m: [S::Vector; IN]) -> [S::Vector; OUT];

    /// What a kernel becomes, `[IN * IN]` of `[3 * 3]`.
    fn weights(self, taps: [f64; TAPS * TAPS]) -> [[f64; IN]; IN] {
        let mut rows = [[0.0; TAPS]; IN];
        for (row, factors) in rows.iter_mut().zip(&Self::WEIGHTS) {
            for (column, to) in row.iter_mut().enumerate() {
                *to = (0..TAPS).map(|tap| factors[tap] * taps[tap * TAPS + column]).sum();
            }
        }
        rows.map(|row| {
            Self::WEIGHTS.map(|factors| factors.iter().zip(row).map(|(factor, tap)| factor * tap).sum())
        })
    }
}

/// Two outputs, at the points 0, 1, -1 and infinity. As exact as the sum itself.
#[derive(Clone, Copy)]
pub(super) struct Two;

impl Filter<4, 2> for Two {
    const WEIGHTS: [[f64; TAPS]; 4] = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]];

    #[inline(always)]
    fn input<S: Simd>(self, simd: S, [a, b, c, d]: [S::Vector; 4]) -> [S::Vector; 4] {
        [simd.sub(a, c), simd.add(b, c), simd.sub(c, b), simd.sub(d, b)]
    }

    #[inline(always)]
    fn output<S: Simd>(self, simd: S, [a, b, c, d]: [S::Vector; 4]) -> [S::Vector; 2] {
        [simd.add(a, simd.add(b, c)), simd.add(simd.sub(b, c), d)]
    }
}

/// Four outputs, at the points 0, ±11/16, ±11/8 and infinity.
///
/// With the usual points 0, ±1 and ±2 the largest error is between three and four times as large: these keep the powers
/// of the points, by which sums are multiplied, close to 1. All factors of pixels and products are exact in `f32`.
#[derive(Clone, Copy)]
pub(super) struct Four;

const NEAR: f64 = 0.6875;
const FAR: f64 = 1.375;
const NEAR_2: f64 = NEAR * NEAR;
const FAR_2: f64 = FAR * FAR;
/// `(point - others)` multiplied, over all others but infinity.
const AT_NEAR: f64 = 2.0 * NEAR_2 * (NEAR_2 - FAR_2);
const AT_FAR: f64 = 2.0 * FAR_2 * (FAR_2 - NEAR_2);

impl Filter<6, 4> for Four {
    const WEIGHTS: [[f64; TAPS]; 6] = [
        [1.0 / (NEAR_2 * FAR_2), 0.0, 0.0],
        [1.0 / AT_NEAR, NEAR / AT_NEAR, NEAR_2 / AT_NEAR],
        [1.0 / AT_NEAR, -NEAR / AT_NEAR, NEAR_2 / AT_NEAR],
        [1.0 / AT_FAR, FAR / AT_FAR, FAR_2 / AT_FAR],
        [1.0 / AT_FAR, -FAR / AT_FAR, FAR_2 / AT_FAR],
        [0.0, 0.0, 1.0],
    ];

    #[inline(always)]
    fn input<S: Simd>(self, simd: S, d: [S::Vector; 6]) -> [S::Vector; 6] {
        let (near, far) = (simd.splat(NEAR as f32), simd.splat(FAR as f32));
        let (near_2, far_2) = (simd.splat(NEAR_2 as f32), simd.splat(FAR_2 as f32));
        let (product, sum) = (simd.splat((NEAR_2 * FAR_2) as f32), simd.splat((NEAR_2 + FAR_2) as f32));
        // (x² - far²) x² and, to be multiplied by the point, (x² - far²) x; then the same with `near`.
        let even = [simd.neg_mul_add(far_2, d[2], d[4]), simd.neg_mul_add(near_2, d[2], d[4])];
        let odd = [simd.neg_mul_add(far_2, d[1], d[3]), simd.neg_mul_add(near_2, d[1], d[3])];
        [
            simd.mul_add(product, d[0], simd.neg_mul_add(sum, d[2], d[4])),
            simd.mul_add(near, odd[0], even[0]),
            simd.neg_mul_add(near, odd[0], even[0]),
            simd.mul_add(far, odd[1], even[1]),
            simd.neg_mul_add(far, odd[1], even[1]),
            simd.mul_add(product, d[1], simd.neg_mul_add(sum, d[3], d[5])),
        ]
    }

    #[inline(always)]
    fn output<S: Simd>(self, simd: S, m: [S::Vector; 6]) -> [S::Vector; 4] {
        let sums = [simd.add(m[1], m[2]), simd.add(m[3], m[4])];
        let differences = [simd.sub(m[1], m[2]), simd.sub(m[3], m[4])];
        let last = simd.mul_add(simd.splat((NEAR * NEAR_2) as f32), differences[0], m[5]);
        [
            simd.add(m[0], simd.add(sums[0], sums[1])),
            weighted(simd, [NEAR, FAR], differences),
            weighted(simd, [NEAR_2, FAR_2], sums),
            simd.mul_add(simd.splat((FAR * FAR_2) as f32), differences[1], last),
        ]
    }
}

#[inline(always)]
fn weighted<S: Simd>(simd: S, [near, far]: [f64; 2], [a, b]: [S::Vector; 2]) -> S::Vector {
    simd.mul_add(simd.splat(far as f32), b, simd.mul(simd.splat(near as f32), a))
}

#[cfg(test)]
mod tests {
    use super::{Filter, Four, TAPS, Two};
    use crate::simd::Portable;

    /// Filters one axis; all that is given is a whole number, so that only the method's own roundings are left.
    fn filtered<const IN: usize, const OUT: usize>(filter: impl Filter<IN, OUT>) -> f32 {
        let (d, taps) = (std::array::from_fn(|i| [(i * i % 7) as f32; 8]), [3.0, -2.0, 5.0]);
        let transformed = filter.input(Portable, d);
        let weights: [f64; IN] = factors(filter).map(|row| row.iter().zip(taps).map(|(a, b)| a * b).sum());
        let products = std::array::from_fn(|i| transformed[i].map(|x| x * weights[i] as f32));
        let outputs = filter.output(Portable, products);
        let error = outputs.iter().enumerate().map(|(i, y)| {
            let expected: f32 = (0..TAPS).map(|tap| d[i + tap][0] * taps[tap] as f32).sum();
            assert!(y[0].is_finite());
            (y[0] - expected).abs()
        });
        error.fold(0.0, f32::max)
    }

    fn factors<const IN: usize, const OUT: usize, F: Filter<IN, OUT>>(_: F) -> [[f64; TAPS]; IN] {
        F::WEIGHTS
    }

    #[test]
    fn an_axis_is_convolved() {
        assert_eq!(filtered(Two), 0.0);
        let error = filtered(Four);
        assert!(error < 1e-5, "{error}");
    }
}

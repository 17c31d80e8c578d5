//! Unit quaternions and rotation matrices, as the qform uses them.

use medcore::Matrix3;

/// A quaternion that fills up (b, c, d) to length 1, and whether they were too long for that.
///
/// Below `threshold` the rest is rounding, and the rotation is by 180 degrees (nibabel's rule).
pub(super) fn fill([b, c, d]: [f64; 3], threshold: f64) -> ([f64; 4], bool) {
    let rest = 1.0 - (b * b + c * c + d * d);
    let a = if rest >= threshold { rest.sqrt() } else { 0.0 };
    ([a, b, c, d], rest <= -threshold)
}

/// The rotation of a quaternion of any length but 0, which gives the identity.
pub(super) fn to_matrix(q: [f64; 4]) -> Matrix3 {
    let norm2: f64 = q.iter().map(|x| x * x).sum();
    let s = if norm2 < f64::EPSILON { 0.0 } else { 2.0 / norm2 };
    let [a, b, c, d] = q;
    [
        [1.0 - s * (c * c + d * d), s * (b * c - a * d), s * (b * d + a * c)],
        [s * (b * c + a * d), 1.0 - s * (b * b + d * d), s * (c * d - a * b)],
        [s * (b * d - a * c), s * (c * d + a * b), 1.0 - s * (b * b + c * c)],
    ]
}

/// (b, c, d) of the unit quaternion with a >= 0 of a rotation matrix.
///
/// The largest component comes from a square root, the others from sums and differences of entries: stable for every
/// rotation (Shepperd, 1978).
pub(super) fn from_matrix(m: &Matrix3) -> [f64; 3] {
    let [[xx, xy, xz], [yx, yy, yz], [zx, zy, zz]] = *m;
    // Four times each component times the largest one.
    let candidates = [
        [1.0 + xx + yy + zz, zy - yz, xz - zx, yx - xy],
        [zy - yz, 1.0 + xx - yy - zz, xy + yx, xz + zx],
        [xz - zx, xy + yx, 1.0 - xx + yy - zz, yz + zy],
        [yx - xy, xz + zx, yz + zy, 1.0 - xx - yy + zz],
    ];
    let diagonal: [f64; 4] = std::array::from_fn(|i| candidates[i][i]);
    let largest = (0..4).fold(0, |best, i| if diagonal[i] > diagonal[best] { i } else { best });
    let best = candidates[largest];
    let norm = best.iter().map(|x| x * x).sum::<f64>().sqrt();
    let sign = if best[0] < 0.0 { -1.0 } else { 1.0 };
    [best[1], best[2], best[3]].map(|x| sign * x / norm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matrix_and_quaternion_are_inverse() {
        let mut seed = 1u64;
        let mut next = || {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 33) as f64 / (1u64 << 30) as f64 - 1.0
        };
        let mut cases: Vec<[f64; 4]> = (0..200).map(|_| [next(), next(), next(), next()]).collect();
        cases.extend([[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]);
        cases.extend([[1.0, 0.0, 0.0, 0.0], [0.0, -0.6, 0.0, 0.8], [1e-9, 0.6, -0.8, 0.0]]);
        for q in cases {
            let m = to_matrix(q);
            let (back, too_long) = fill(from_matrix(&m), 1e-15);
            let again = to_matrix(back);
            assert!(!too_long || (1.0 - back.iter().map(|x| x * x).sum::<f64>()).abs() < 1e-14);
            for (x, y) in m.iter().flatten().zip(again.iter().flatten()) {
                assert!((x - y).abs() < 1e-7, "{q:?}: {m:?} {again:?}");
            }
        }
    }

    #[test]
    fn a_long_quaternion_is_told_and_normalised() {
        let (q, too_long) = fill([0.9, 0.0, 0.9], 3e-7);
        assert!(too_long);
        let m = to_matrix(q);
        for (x, y) in m.iter().flatten().zip([0.0, 0.0, 1.0, 0.0, -1.0, 0.0, 1.0, 0.0, 0.0]) {
            assert!((x - y).abs() < 1e-12);
        }
    }
}

//! 3 x 3 linear algebra, just as much as affines need.

/// A 3 x 3 matrix, as rows.
pub type Matrix3 = [[f64; 3]; 3];

pub(crate) fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(crate) fn norm(a: [f64; 3]) -> f64 {
    dot(a, a).sqrt()
}

pub(crate) fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

pub(crate) fn apply(m: &Matrix3, v: [f64; 3]) -> [f64; 3] {
    m.map(|row| dot(row, v))
}

pub(crate) fn column(m: &Matrix3, axis: usize) -> [f64; 3] {
    m.map(|row| row[axis])
}

pub(crate) fn multiply(a: &Matrix3, b: &Matrix3) -> Matrix3 {
    a.map(|row| std::array::from_fn(|c| dot(row, column(b, c))))
}

pub(crate) fn determinant(m: &Matrix3) -> f64 {
    dot(m[0], cross(m[1], m[2]))
}

/// The inverse, unless the columns are (numerically) dependent. The test is relative to the columns' lengths, so that
/// micrometre and metre grids are treated alike.
pub(crate) fn inverse(m: &Matrix3) -> Option<Matrix3> {
    let det = determinant(m);
    let scale: f64 = (0..3).map(|c| norm(column(m, c))).product();
    if !det.is_finite() || scale == 0.0 || det.abs() <= 1e-9 * scale {
        return None;
    }
    let rows = [cross(m[1], m[2]), cross(m[2], m[0]), cross(m[0], m[1])];
    Some(std::array::from_fn(|r| std::array::from_fn(|c| rows[c][r] / det)))
}

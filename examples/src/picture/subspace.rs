//! Leading eigenvectors of a symmetric matrix.
//!
//! Subspace iteration with Rayleigh-Ritz projection (Golub and Van Loan, *Matrix Computations*, section 8.2.4), from a
//! fixed start, on a few vectors more than are wanted.

use ndarray::{Array2, ArrayView2, Axis, s};

/// Vectors more than are wanted: the wanted ones converge at the rate at which these eigenvalues fall behind.
const EXTRA: usize = 8;
/// Residual at which an eigenvector is good, as a part of the largest eigenvalue.
const TOLERANCE: f64 = 1e-9;
/// Eigenvalues so close together that they need more are one plane to the eye.
const MAX_ITERATIONS: usize = 300;
/// Sweeps of Jacobi rotations; they converge quadratically, in 6 to 10.
const MAX_SWEEPS: usize = 40;

/// The `count` largest eigenvalues of a positive semidefinite matrix and their orthonormal eigenvectors as rows, in
/// falling order. `count` is at most the size of the matrix.
pub(super) fn leading_eigenpairs(matrix: &Array2<f64>, count: usize) -> (Vec<f64>, Array2<f64>) {
    let size = matrix.nrows();
    let mut basis = orthonormal(start((count + EXTRA).min(size), size));
    let mut values = vec![];
    let mut vectors = basis.clone();
    for _ in 0..MAX_ITERATIONS {
        let images = basis.dot(matrix);
        let (ritz_values, rotation) = symmetric_eigenpairs(basis.dot(&images.t()));
        vectors = rotation.dot(&basis);
        let images = rotation.dot(&images);
        let residual = largest_residual(&vectors.view(), &images.view(), &ritz_values, count);
        let largest = ritz_values.first().copied().unwrap_or(0.0);
        values = ritz_values;
        if residual <= TOLERANCE * largest {
            break;
        }
        basis = orthonormal(images);
    }
    values.truncate(count);
    (values, vectors.slice_move(s![..count, ..]))
}

/// The largest distance of a vector's image from its multiple, over the first `count`.
fn largest_residual(
    vectors: &ArrayView2<f64>,
    images: &ArrayView2<f64>,
    values: &[f64],
    count: usize,
) -> f64 {
    let pairs = vectors.outer_iter().zip(images.outer_iter()).zip(values).take(count);
    pairs.fold(0.0, |largest: f64, ((vector, image), &value)| {
        let square: f64 = vector.iter().zip(image).map(|(v, i)| (i - value * v).powi(2)).sum();
        largest.max(square.sqrt())
    })
}

/// Rows of numbers in -1..1 without a pattern, the same each time.
fn start(rows: usize, columns: usize) -> Array2<f64> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    Array2::from_shape_simple_fn([rows, columns], || {
        // Knuth's linear congruential generator (The Art of Computer Programming, volume 2, 3.3.4).
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    })
}

/// Gram-Schmidt on rows, of which there are no more than columns. A row that depends on those before it gives way to a
/// unit vector that does not.
fn orthonormal(mut rows: Array2<f64>) -> Array2<f64> {
    let size = rows.ncols();
    for i in 0..rows.nrows() {
        let (done, mut rest) = rows.view_mut().split_at(Axis(0), i);
        let mut row = rest.row_mut(0);
        let before = row.dot(&row);
        let mut square = remove_parts(&mut row, &done.view());
        // The squares of what is left of all unit vectors sum to this many, so that one has its share.
        let share = (size - i) as f64 / size as f64;
        for unit in 0..size {
            if square > 1e-20 * before && square > f64::MIN_POSITIVE || square >= share / 2.0 {
                break;
            }
            row.fill(0.0);
            row[unit] = 1.0;
            square = remove_parts(&mut row, &done.view());
            if square < share / 2.0 {
                square = 0.0;
            }
        }
        let norm = square.sqrt();
        row.mapv_inplace(|value| value / norm);
    }
    rows
}

/// Takes from a row its parts along orthonormal ones, twice for the sake of rounding; the squared norm of what is left.
fn remove_parts(row: &mut ndarray::ArrayViewMut1<f64>, done: &ArrayView2<f64>) -> f64 {
    for _ in 0..2 {
        for other in done.outer_iter() {
            let part = row.dot(&other);
            row.scaled_add(-part, &other);
        }
    }
    row.dot(row)
}

/// All eigenvalues in falling order and the eigenvectors as rows, by cyclic Jacobi rotations (Golub and Van Loan,
/// section 8.5).
fn symmetric_eigenpairs(mut matrix: Array2<f64>) -> (Vec<f64>, Array2<f64>) {
    let size = matrix.nrows();
    let mut vectors = Array2::eye(size);
    for _ in 0..MAX_SWEEPS {
        let off: f64 =
            matrix.indexed_iter().filter(|((i, j), _)| i != j).map(|(_, value)| value * value).sum();
        let all: f64 = matrix.iter().map(|value| value * value).sum();
        if off <= 1e-30 * all {
            break;
        }
        for p in 0..size {
            for q in p + 1..size {
                rotate(&mut matrix, &mut vectors, p, q);
            }
        }
    }
    let mut order: Vec<usize> = (0..size).collect();
    order.sort_by(|&a, &b| matrix[[b, b]].total_cmp(&matrix[[a, a]]));
    (order.iter().map(|&i| matrix[[i, i]]).collect(), vectors.select(Axis(0), &order))
}

/// Makes the elements (p, q) and (q, p) zero.
fn rotate(matrix: &mut Array2<f64>, vectors: &mut Array2<f64>, p: usize, q: usize) {
    let corner = matrix[[p, q]];
    if corner == 0.0 {
        return;
    }
    let slope = (matrix[[q, q]] - matrix[[p, p]]) / (2.0 * corner);
    let tangent = slope.signum() / (slope.abs() + slope.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    let sine = tangent * cosine;
    let turn = |a: &mut f64, b: &mut f64| (*a, *b) = (cosine * *a - sine * *b, sine * *a + cosine * *b);
    for axis in [Axis(0), Axis(1)] {
        turn_pair(matrix, axis, p, q, turn);
    }
    turn_pair(vectors, Axis(0), p, q, turn);
}

fn turn_pair(matrix: &mut Array2<f64>, axis: Axis, p: usize, q: usize, turn: impl Fn(&mut f64, &mut f64)) {
    let (mut head, mut tail) = matrix.view_mut().split_at(axis, q);
    let mut first = head.index_axis_mut(axis, p);
    let mut second = tail.index_axis_mut(axis, 0);
    ndarray::Zip::from(&mut first).and(&mut second).for_each(turn);
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2, array};

    use super::{leading_eigenpairs, orthonormal, symmetric_eigenpairs};

    /// Householder reflections are orthogonal: their rows are eigenvectors known beforehand.
    fn reflection(size: usize) -> Array2<f64> {
        let normal = Array1::from_shape_fn(size, |i| (i as f64 * 1.7).sin() + 0.2);
        let square = normal.dot(&normal);
        Array2::from_shape_fn((size, size), |(i, j)| {
            f64::from(u8::from(i == j)) - 2.0 * normal[i] * normal[j] / square
        })
    }

    fn with_eigenvalues(values: &[f64]) -> (Array2<f64>, Array2<f64>) {
        let vectors = reflection(values.len());
        let matrix = vectors.t().dot(&Array2::from_diag(&Array1::from(values.to_vec()))).dot(&vectors);
        (matrix, vectors)
    }

    fn near(found: &Array2<f64>, expected: &Array2<f64>, tolerance: f64) -> bool {
        found.dim() == expected.dim() && found.iter().zip(expected).all(|(f, e)| (f - e).abs() <= tolerance)
    }

    fn assert_same_direction(found: &Array2<f64>, expected: &Array2<f64>) {
        for (row, expected) in found.outer_iter().zip(expected.outer_iter()) {
            assert!((row.dot(&expected).abs() - 1.0).abs() < 1e-9, "{row} {expected}");
        }
    }

    #[test]
    fn known_eigenvectors_are_found() {
        let values: Vec<f64> = (0..60).map(|i| 50.0 * 0.9_f64.powi(i)).collect();
        let (matrix, vectors) = with_eigenvalues(&values);
        let (found, directions) = leading_eigenpairs(&matrix, 3);
        for (found, expected) in found.iter().zip(&values) {
            assert!((found / expected - 1.0).abs() < 1e-12);
        }
        assert_eq!(directions.nrows(), 3);
        assert_same_direction(&directions, &vectors);
    }

    #[test]
    fn a_matrix_of_low_rank() {
        let mut values = vec![0.0; 30];
        values[..2].copy_from_slice(&[4.0, 1.0]);
        let (matrix, _) = with_eigenvalues(&values);
        let (found, directions) = leading_eigenpairs(&matrix, 4);
        assert!((found[0] - 4.0).abs() < 1e-12 && (found[1] - 1.0).abs() < 1e-12, "{found:?}");
        assert!(found[2].abs() < 1e-12 && found[3].abs() < 1e-12, "{found:?}");
        assert!(near(&directions.dot(&directions.t()), &Array2::eye(4), 1e-12));
    }

    #[test]
    fn equal_eigenvalues_give_an_orthonormal_pair() {
        let (matrix, _) = with_eigenvalues(&[3.0, 3.0, 3.0, 1.0]);
        let (found, directions) = leading_eigenpairs(&matrix, 2);
        assert!(found.iter().all(|value| (value - 3.0).abs() < 1e-12));
        assert!(near(&directions.dot(&directions.t()), &Array2::eye(2), 1e-12));
    }

    #[test]
    fn jacobi_finds_negative_ones_too() {
        let (matrix, vectors) = with_eigenvalues(&[5.0, 2.0, -1.0, -7.0]);
        let (found, directions) = symmetric_eigenpairs(matrix);
        for (found, expected) in found.iter().zip([5.0, 2.0, -1.0, -7.0]) {
            assert!((found - expected).abs() < 1e-12);
        }
        assert_same_direction(&directions, &vectors);
    }

    #[test]
    fn dependent_rows_give_way() {
        for rows in [array![[1.0, 2.0, 2.0], [2.0, 4.0, 4.0], [0.0, 0.0, 0.0]], Array2::zeros((3, 3))] {
            let rows = orthonormal(rows);
            assert!(near(&rows.dot(&rows.t()), &Array2::eye(3), 1e-14), "{rows}");
        }
    }
}

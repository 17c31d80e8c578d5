//! Principal components of features.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};

use super::subspace::leading_eigenpairs;
use super::{Error, Result};

/// The covariance has the square of this many elements.
const MAX_FEATURES: usize = 4096;
/// Rows that are multiplied in f32 before the sum goes on in f64.
const CHUNK: usize = 1024;

/// Principal component analysis: the directions in which features vary most.
///
/// The same rows give the same components each time, and each component points to where its largest coefficient is
/// positive, as in scikit-learn. Features are centred and not scaled.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use medburn_examples::picture::Pca;
/// use ndarray::array;
///
/// let rows = array![[0.0, 1.0], [3.0, 5.0], [6.0, 9.0]];
/// let pca = Pca::fit(&rows.view(), 1, None)?;
/// assert!((pca.variances()[0] - 25.0).abs() < 1e-5);
/// let scores = pca.transform(&rows.view())?;
/// assert!((scores[[2, 0]] - 5.0).abs() < 1e-5);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Pca {
    mean: Array1<f64>,
    components: Array2<f64>,
    variances: Vec<f64>,
    total_variance: f64,
}

impl Pca {
    /// Finds the leading `components` of `rows`, `[n, d]`, from those rows that are `counted` (all when `None`). There are
    /// d components at most.
    ///
    /// One row alone varies in no direction: its components are some orthonormal ones and all variances are 0.
    ///
    /// # Errors
    /// [`Error::Empty`] when no row counts, [`Error::InvalidShape`] when `counted` has another length than `rows`,
    /// [`Error::InvalidSize`] without features or with more than 4,096, [`Error::NotFinite`] for NaN or infinity in a
    /// counted row.
    pub fn fit(rows: &ArrayView2<f32>, components: usize, counted: Option<&[bool]>) -> Result<Self> {
        let counted = counted_rows(rows.nrows(), counted)?;
        if counted.is_empty() {
            return Err(Error::Empty { what: "rows that count" });
        }
        if !(1..=MAX_FEATURES).contains(&rows.ncols()) {
            let limit = MAX_FEATURES * MAX_FEATURES;
            return Err(Error::InvalidSize { what: "the covariance", limit, found: [rows.ncols(); 2] });
        }
        check_finite(rows, &counted)?;

        let mean = mean(rows, &counted);
        let covariance = covariance(rows, &counted, &mean);
        let total_variance = covariance.diag().sum();
        let (variances, mut components) = leading_eigenpairs(&covariance, components.min(rows.ncols()));
        for mut component in components.outer_iter_mut() {
            if points_backwards(&component.view()) {
                component.mapv_inplace(|coefficient| -coefficient);
            }
        }
        // Rounding can bring a variance of nothing below zero.
        let variances = variances.into_iter().map(|variance| variance.max(0.0)).collect();
        Ok(Self { mean, components, variances, total_variance })
    }

    /// Orthonormal rows, `[components, d]`, by falling variance.
    pub fn components(&self) -> ArrayView2<'_, f64> {
        self.components.view()
    }

    /// Variance along each component (with n - 1 in the denominator).
    pub fn variances(&self) -> &[f64] {
        &self.variances
    }

    /// The part of all variance that lies along each component, 0 when nothing varies.
    pub fn explained(&self) -> Vec<f64> {
        let part =
            |variance: &f64| if self.total_variance > 0.0 { variance / self.total_variance } else { 0.0 };
        self.variances.iter().map(part).collect()
    }

    /// Coordinates of `rows`, `[n, d]`, along the components: `[n, components]`.
    ///
    /// # Errors
    /// [`Error::InvalidShape`] when d is not that of the rows it was fitted to.
    pub fn transform(&self, rows: &ArrayView2<f32>) -> Result<Array2<f32>> {
        if rows.ncols() != self.mean.len() {
            return Err(Error::InvalidShape {
                what: "rows",
                expected: format!("[n, {}]", self.mean.len()),
                found: format!("{:?}", rows.shape()),
            });
        }
        let mut scores = Array2::zeros([rows.nrows(), self.components.nrows()]);
        for (rows, mut scores) in
            rows.axis_chunks_iter(Axis(0), CHUNK).zip(scores.axis_chunks_iter_mut(Axis(0), CHUNK))
        {
            let centered = rows.mapv(f64::from) - &self.mean;
            scores.assign(&centered.dot(&self.components.t()).mapv(|score| score as f32));
        }
        Ok(scores)
    }
}

/// The indices of the rows that count.
pub(super) fn counted_rows(rows: usize, counted: Option<&[bool]>) -> Result<Vec<usize>> {
    match counted {
        None => Ok((0..rows).collect()),
        Some(counted) if counted.len() == rows => Ok((0..rows).filter(|&row| counted[row]).collect()),
        Some(counted) => Err(Error::InvalidShape {
            what: "the marks of the rows that count",
            expected: format!("as many as rows ({rows})"),
            found: counted.len().to_string(),
        }),
    }
}

/// That the counted rows hold no NaN and no infinity.
pub(super) fn check_finite(rows: &ArrayView2<f32>, counted: &[usize]) -> Result<()> {
    for &row in counted {
        if let Some(&found) = rows.row(row).iter().find(|value| !value.is_finite()) {
            return Err(Error::NotFinite { what: "features", found, row });
        }
    }
    Ok(())
}

fn mean(rows: &ArrayView2<f32>, counted: &[usize]) -> Array1<f64> {
    let mut sum = Array1::zeros(rows.ncols());
    for &row in counted {
        sum.zip_mut_with(&rows.row(row), |sum: &mut f64, &value| *sum += f64::from(value));
    }
    sum / counted.len() as f64
}

fn covariance(rows: &ArrayView2<f32>, counted: &[usize], mean: &Array1<f64>) -> Array2<f64> {
    let features = rows.ncols();
    let mut sum = Array2::<f64>::zeros([features, features]);
    // To within 1, for the squares not to leave the range of f32.
    let scale = largest_deviation(rows, counted, mean);
    if scale == 0.0 {
        return sum;
    }
    let mut chunk = Array2::<f32>::zeros([CHUNK.min(counted.len()), features]);
    for counted in counted.chunks(CHUNK) {
        for (mut to, &row) in chunk.outer_iter_mut().zip(counted) {
            for ((to, &value), mean) in to.iter_mut().zip(rows.row(row)).zip(mean) {
                *to = ((f64::from(value) - mean) / scale) as f32;
            }
        }
        let filled = chunk.slice(s![..counted.len(), ..]);
        sum.zip_mut_with(&filled.t().dot(&filled), |sum, &product| *sum += f64::from(product));
    }
    let rows = counted.len().saturating_sub(1).max(1);
    sum * (scale * scale / rows as f64)
}

fn largest_deviation(rows: &ArrayView2<f32>, counted: &[usize], mean: &Array1<f64>) -> f64 {
    let mut largest: f64 = 0.0;
    for &row in counted {
        for (&value, mean) in rows.row(row).iter().zip(mean) {
            largest = largest.max((f64::from(value) - mean).abs());
        }
    }
    largest
}

/// Whether the largest coefficient is negative: the first of them where several are as large but for rounding.
fn points_backwards(component: &ArrayView1<f64>) -> bool {
    let largest = component.iter().fold(0.0, |largest: f64, coefficient| largest.max(coefficient.abs()));
    let first = component.iter().find(|coefficient| coefficient.abs() >= largest * (1.0 - 1e-6));
    first.is_some_and(|coefficient| *coefficient < 0.0)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::Pca;
    use crate::picture::Error;

    /// Six features that go together in part; the last does not vary.
    fn rows() -> Array2<f32> {
        Array2::from_shape_fn((40, 6), |(i, j)| {
            let (row, feature) = (i as f64, j as f64);
            if j == 5 {
                return 7.0;
            }
            let offset = if j == 4 { 100.0 } else { 0.0 };
            let wave = (0.7 * row + 1.3 * feature).sin() * (feature + 1.0);
            (wave + (0.31 * row * (feature + 1.0)).cos() + offset) as f32
        })
    }

    fn near(found: &Array2<f64>, expected: &Array2<f64>, tolerance: f64) -> bool {
        found.dim() == expected.dim() && found.iter().zip(expected).all(|(f, e)| (f - e).abs() <= tolerance)
    }

    fn close(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 2e-5 * (1.0 + expected.abs()), "{found} {expected}");
        }
    }

    #[test]
    fn as_in_scikit_learn() {
        // sklearn.decomposition.PCA(3, svd_solver="full") on the rows in float64
        let pca = Pca::fit(&rows().view(), 3, None).unwrap();
        close(pca.variances(), &[17.96558758, 12.155261035, 0.520104159]);
        close(&pca.explained(), &[0.570761577, 0.386169165, 0.01652356]);
        let components = pca.components();
        close(
            &components.row(0).to_vec(),
            &[0.066960234, -0.228692465, -0.439394663, 0.224731571, 0.836447329, 0.0],
        );
        close(
            &components.row(1).to_vec(),
            &[-0.228777999, -0.379418581, 0.400165654, 0.797230333, -0.089405886, 0.0],
        );
        close(
            &components.row(2).to_vec(),
            &[0.688671466, -0.313945225, -0.439237823, 0.220360986, -0.43090739, 0.0],
        );
        let scores = pca.transform(&rows().view()).unwrap().mapv(f64::from);
        close(&scores.row(0).to_vec(), &[-4.941667514, -1.089312174, -0.262474275]);
        close(&scores.row(39).to_vec(), &[4.23816939, -2.465712298, 0.600947946]);
    }

    #[test]
    fn only_counted_rows_count() {
        let mut rows = rows();
        let counted: Vec<bool> = (0..40).map(|row| row % 3 != 0).collect();
        rows[[3, 2]] = f32::NAN;
        let pca = Pca::fit(&rows.view(), 3, Some(&counted)).unwrap();
        close(pca.variances(), &[17.44851677, 12.81916177, 0.538372023]);
        let scores = pca.transform(&rows.view()).unwrap().mapv(f64::from);
        close(&scores.row(0).to_vec(), &[-4.946297319, -1.007740318, -0.131755057]);

        let error = Pca::fit(&rows.view(), 3, None).unwrap_err();
        assert!(matches!(error, Error::NotFinite { row: 3, .. }), "{error}");
        assert!(matches!(Pca::fit(&rows.view(), 3, Some(&counted[1..])), Err(Error::InvalidShape { .. })));
        assert!(matches!(Pca::fit(&rows.view(), 3, Some(&[false; 40])), Err(Error::Empty { .. })));
    }

    #[test]
    fn many_rows_and_features_as_in_scikit_learn() {
        let rows = Array2::from_shape_fn((1500, 80), |(i, j)| {
            let (row, group) = (i as f64, (j % 9) as f64);
            let shared = (0.37 * row * (group + 1.0) + j as f64).sin() * 3.0 / (1.0 + group);
            (shared + (row * row * 0.013 * (j as f64 + 1.0)).sin()) as f32
        });
        let pca = Pca::fit(&rows.view(), 3, None).unwrap();
        close(pca.variances(), &[24.27727431, 17.13933947, 6.36351208]);
        close(&pca.explained(), &[0.23755699, 0.16771116, 0.06226798]);
        close(&pca.components().column(1).to_vec(), &[-0.00567707, 0.00161411, -0.42413726]);
        let scores = pca.transform(&rows.view()).unwrap().mapv(f64::from);
        close(&scores.row(777).to_vec(), &[6.93696178, 0.58422276, 2.71431222]);
        close(&scores.row(1499).to_vec(), &[-7.20024756, -0.10455708, 2.65855984]);
    }

    #[test]
    fn one_row_and_constant_rows_vary_in_no_direction() {
        for rows in [array![[1.0, -2.0, 3.0]], Array2::from_elem((9, 3), 0.1)] {
            let pca = Pca::fit(&rows.view(), 5, None).unwrap();
            assert_eq!(pca.variances(), [0.0; 3]);
            assert_eq!(pca.explained(), [0.0; 3]);
            let gram = pca.components().dot(&pca.components().t());
            assert!(near(&gram, &Array2::eye(3), 1e-12), "{gram}");
            let scores = pca.transform(&rows.view()).unwrap();
            assert!(scores.iter().all(|score| score.abs() < 1e-6), "{scores}");
        }
    }

    #[test]
    fn fewer_features_than_components() {
        let pca = Pca::fit(&array![[0.0, 1.0], [3.0, 5.0], [6.0, 9.0]].view(), 3, None).unwrap();
        assert_eq!(pca.components().shape(), [2, 2]);
        close(pca.variances(), &[25.0, 0.0]);
        close(&pca.components().row(0).to_vec(), &[0.6, 0.8]);
        let none = Pca::fit(&array![[0.0, 1.0]].view(), 0, None).unwrap();
        assert_eq!(none.transform(&array![[0.0, 1.0]].view()).unwrap().shape(), [1, 0]);
    }

    #[test]
    fn huge_and_tiny_numbers() {
        for size in [1e30_f32, 1e-30] {
            let pca = Pca::fit(&array![[0.0, 0.0], [3.0 * size, 4.0 * size]].view(), 1, None).unwrap();
            close(&pca.components().row(0).to_vec(), &[0.6, 0.8]);
            close(&[pca.variances()[0] / f64::from(size).powi(2)], &[12.5]);
        }
    }

    #[test]
    fn shapes_are_checked() {
        let pca = Pca::fit(&rows().view(), 3, None).unwrap();
        let error = pca.transform(&Array2::zeros((4, 5)).view()).unwrap_err();
        assert_eq!(error.to_string(), "rows must be [n, 6], found [4, 5]");
        assert!(matches!(Pca::fit(&Array2::zeros((4, 0)).view(), 1, None), Err(Error::InvalidSize { .. })));
        assert!(matches!(
            Pca::fit(&Array2::zeros((1, 4097)).view(), 1, None),
            Err(Error::InvalidSize { .. })
        ));
        assert!(matches!(Pca::fit(&Array2::zeros((0, 5)).view(), 1, None), Err(Error::Empty { .. })));
    }
}

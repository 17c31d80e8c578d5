//! Differentiable SLIC.

use burn::tensor::module::adaptive_avg_pool2d;
use burn::tensor::{IndexingUpdateOp, Int, Tensor, activation};

use super::cells::{Cells, NEIGHBOURS};

/// Assignments of pixels; between two the centres move.
pub const ITERATIONS: usize = 5;
/// Added to sums of weights before they divide.
const EPSILON: f64 = 1e-16;

/// Rows and columns of about `segments` superpixels that are about square.
pub fn grid_for(segments: usize, [height, width]: [usize; 2]) -> [usize; 2] {
    let (segments, height, width) = (segments as f64, height as f64, width as f64);
    let side =
        |along: f64, across: f64| (segments * along / across).sqrt().floor().clamp(1.0, along) as usize;
    [side(height, width), side(width, height)]
}

/// The weights of pixels in superpixels (SSN, section 4).
#[derive(Debug, Clone)]
pub struct SoftSuperpixels {
    cells: Cells,
    /// Of each pixel in the nine superpixels around it: `[batch, superpixels, places of a cell, 9]`.
    weights: Tensor<4>,
    centers: Tensor<3>,
    size: [usize; 2],
}

impl SoftSuperpixels {
    /// Soft k-means over the features of pixels.
    ///
    /// Centres begin as the means of a regular grid. In each of `iterations`, a pixel gets the weights `softmax(-|f - s|^2)` in the
    /// superpixel of its place on the grid and the eight around it, and zero in all others; then, except after the last, centres
    /// become the weighted means of the features. Takes memory for nine weights a pixel, however many superpixels there are.
    ///
    /// # Shapes
    /// - `features`: `[batch, channels, height, width]`
    ///
    /// # Panics
    /// On an empty grid, and on one with more rows or columns than the image.
    pub fn cluster(features: Tensor<4>, grid: [usize; 2], iterations: usize) -> Self {
        let [batch, channels, height, width] = features.dims();
        assert!(
            grid[0] > 0 && grid[1] > 0 && grid[0] <= height && grid[1] <= width,
            "a grid of {grid:?} superpixels does not fit {height} x {width} pixels"
        );
        let cells = Cells::new([height, width], grid, &features.device());
        // Distances stay the same and lose fewer digits.
        let mean = features.clone().mean_dim(3).mean_dim(2);
        let features = features - mean.clone();
        let mut centers = adaptive_avg_pool2d(features.clone(), grid)
            .reshape([batch, channels, cells.count()])
            .swap_dims(1, 2);
        let pixels = cells.by_cell(features.reshape([batch, channels, height * width]));
        let mut weights = assign(&cells, centers.clone(), pixels.clone());
        for _ in 1..iterations {
            centers = weighted_means(&cells, weights, pixels.clone());
            weights = assign(&cells, centers.clone(), pixels.clone());
        }
        let centers = centers + mean.reshape([batch, 1, channels]);
        Self { cells, weights, centers, size: [height, width] }
    }

    /// The weights `Q`: `[batch, superpixels, pixels]`; those of a pixel sum to 1. All but nine of each pixel are zero: what needs
    /// no such large tensor has the others.
    pub fn assignment(&self) -> Tensor<3> {
        let weights = self.cells.by_pixel(self.weights.clone());
        let [batch, pixels, seen] = weights.dims();
        let count = self.cells.count();
        let nothing = Tensor::zeros([batch, pixels, count], &weights.device());
        // Neighbours that are not there stand for superpixel 0 with a weight of 0.
        let seen = self.cells.seen().unsqueeze_dim::<3>(0).expand([batch, pixels, seen]);
        nothing.scatter(2, seen, weights, IndexingUpdateOp::Add).swap_dims(1, 2)
    }

    /// The features of the centres that the last assignment looked at: `[batch, superpixels, channels]`.
    pub fn centers(&self) -> Tensor<3> {
        self.centers.clone()
    }

    /// The superpixel of largest weight of each pixel: `[batch, height * width]`.
    pub fn labels(&self) -> Tensor<2, Int> {
        let best = self.cells.by_pixel(self.weights.clone()).argmax(2);
        let [batch, pixels, _] = best.dims();
        let seen = self.cells.seen().unsqueeze_dim::<3>(0).expand([batch, pixels, NEIGHBOURS]);
        seen.gather(2, best).squeeze_dim(2)
    }

    /// Values of pixels as their superpixels have them: `Q^T S` with `S = Q v / sum Q`.
    ///
    /// # Shapes
    /// - `values` and output: `[batch, channels, height, width]`
    ///
    /// # Panics
    /// On another batch or size.
    pub fn reconstruct(&self, values: Tensor<4>) -> Tensor<4> {
        let [batch, channels, height, width] = values.dims();
        assert_eq!([height, width], self.size, "values of another size than the superpixels'");
        let means = self.means(values.reshape([batch, channels, height * width]));
        let mixed = self.weights.clone().matmul(self.cells.around(means));
        self.cells.by_pixel(mixed).swap_dims(1, 2).reshape([batch, channels, height, width])
    }

    /// The weighted means of values `[batch, channels, pixels]`: `[batch, superpixels, channels]`.
    pub(super) fn means(&self, values: Tensor<3>) -> Tensor<3> {
        weighted_means(&self.cells, self.weights.clone(), self.cells.by_cell(values))
    }

    /// The number of images.
    pub(super) fn batch(&self) -> usize {
        self.weights.dims()[0]
    }

    /// Height and width of the image.
    pub const fn size(&self) -> [usize; 2] {
        self.size
    }
}

/// `Q v / sum Q`
fn weighted_means(cells: &Cells, weights: Tensor<4>, values: Tensor<4>) -> Tensor<3> {
    // A channel of ones at the end: the sums of the weights.
    let [batch, count, capacity, channels] = values.dims();
    let ones = Tensor::ones([batch, count, capacity, 1], &values.device());
    let sums = cells.gather(weights.swap_dims(2, 3).matmul(Tensor::cat(vec![values, ones], 3)));
    let total = sums.clone().narrow(2, channels, 1);
    sums.narrow(2, 0, channels) / (total + EPSILON)
}

/// `softmax(-|f - s|^2)` over the superpixels that a pixel looks at. `|f|^2` is the same for all of them and left out.
fn assign(cells: &Cells, centers: Tensor<3>, pixels: Tensor<4>) -> Tensor<4> {
    let squares = cells.around(centers.clone().square().sum_dim(2)).swap_dims(2, 3) + cells.hidden();
    let products = pixels.matmul(cells.around(centers * 2.0).swap_dims(2, 3));
    activation::softmax(products - squares, 3) * cells.present()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_are_about_square() {
        assert_eq!(grid_for(100, [200, 200]), [10, 10]);
        assert_eq!(grid_for(100, [100, 400]), [5, 20]);
        assert_eq!(grid_for(100, [3, 3]), [3, 3]);
        assert_eq!(grid_for(100, [1, 1]), [1, 1]);
    }
}

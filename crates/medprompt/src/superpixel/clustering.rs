//! Differentiable SLIC.

use burn::tensor::module::adaptive_avg_pool2d;
use burn::tensor::{Device, Int, Tensor, TensorData, activation};

/// Assignments of pixels; between two the centres move.
pub const ITERATIONS: usize = 5;
/// The squared distance to a centre that a pixel does not look at.
const FAR: f32 = 1e16;
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
    assignment: Tensor<3>,
    centers: Tensor<3>,
    size: [usize; 2],
}

impl SoftSuperpixels {
    /// Soft k-means over the features of pixels.
    ///
    /// Centres begin as the means of a regular grid. In each of `iterations`, a pixel gets the weights `softmax(-|f - s|^2)` in the
    /// superpixel of its place on the grid and the eight around it, and zero in all others; then, except after the last, centres
    /// become the weighted means of the features.
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
        let device = features.device();
        let hidden = outside_neighbours([height, width], grid, &device);
        // Distances stay the same and lose fewer digits.
        let mean = features.clone().mean_dim(3).mean_dim(2);
        let features = features - mean.clone();
        let count = grid[0] * grid[1];
        let mut centers =
            adaptive_avg_pool2d(features.clone(), grid).reshape([batch, channels, count]).swap_dims(1, 2);
        let pixels = features.reshape([batch, channels, height * width]);
        let mut assignment = assign(centers.clone(), pixels.clone(), hidden.clone());
        for _ in 1..iterations {
            centers = weighted_means(assignment.clone(), pixels.clone());
            assignment = assign(centers.clone(), pixels.clone(), hidden.clone());
        }
        let centers = centers + mean.reshape([batch, 1, channels]);
        Self { assignment, centers, size: [height, width] }
    }

    /// The weights `Q`: `[batch, superpixels, pixels]`; those of a pixel sum to 1.
    pub fn assignment(&self) -> Tensor<3> {
        self.assignment.clone()
    }

    /// The features of the centres that the last assignment looked at: `[batch, superpixels, channels]`.
    pub fn centers(&self) -> Tensor<3> {
        self.centers.clone()
    }

    /// The superpixel of largest weight of each pixel: `[batch, height * width]`.
    pub fn labels(&self) -> Tensor<2, Int> {
        self.assignment.clone().argmax(1).squeeze_dim(1)
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
        let means = self.means(values.reshape([batch, channels, height * width]));
        means.swap_dims(1, 2).matmul(self.assignment()).reshape([batch, channels, height, width])
    }

    /// The weighted means of values `[batch, channels, pixels]`: `[batch, superpixels, channels]`.
    pub(super) fn means(&self, values: Tensor<3>) -> Tensor<3> {
        weighted_means(self.assignment(), values)
    }

    /// Height and width of the image.
    pub const fn size(&self) -> [usize; 2] {
        self.size
    }
}

/// `Q v / sum Q`
fn weighted_means(assignment: Tensor<3>, values: Tensor<3>) -> Tensor<3> {
    let weights = assignment.clone().sum_dim(2) + EPSILON;
    assignment.matmul(values.swap_dims(1, 2)) / weights
}

/// `softmax(-|f - s|^2)` over the superpixels that a pixel looks at. `|f|^2` is the same for all of them and left out.
fn assign(centers: Tensor<3>, pixels: Tensor<3>, hidden: Tensor<3>) -> Tensor<3> {
    let squares = centers.clone().square().sum_dim(2);
    activation::softmax(centers.matmul(pixels) * 2.0 - squares - hidden, 1)
}

/// 0 where pixel and superpixel are neighbours on the grid, [`FAR`] elsewhere: `[1, superpixels, pixels]`.
fn outside_neighbours(size: [usize; 2], grid: [usize; 2], device: &Device) -> Tensor<3> {
    // Along one axis: whether cell and pixel are at most one cell apart.
    let near = |axis: usize| {
        let (count, length) = (grid[axis], size[axis]);
        move |cell: usize, pixel: usize| (pixel * count / length).abs_diff(cell) <= 1
    };
    let (row_near, column_near) = (near(0), near(1));
    let pixels = size[0] * size[1];
    let mut values = vec![FAR; grid[0] * grid[1] * pixels];
    for (index, lane) in values.chunks_exact_mut(pixels).enumerate() {
        let (row, column) = (index / grid[1], index % grid[1]);
        for (_, line) in lane.chunks_exact_mut(size[1]).enumerate().filter(|(y, _)| row_near(row, *y)) {
            line.iter_mut().enumerate().filter(|(x, _)| column_near(column, *x)).for_each(|(_, v)| *v = 0.0);
        }
    }
    Tensor::from_data(TensorData::new(values, [1, grid[0] * grid[1], pixels]), device)
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

//! How superpixels learn to follow labels.

use burn::tensor::{Tensor, TensorData};

use super::clustering::SoftSuperpixels;

/// Of the position loss in [`superpixel_loss`].
pub const POSITION_WEIGHT: f64 = 1e-5;
const EPSILON: f64 = 1e-16;

/// Cross-entropy of labels as superpixels have them (SSN, section 4.3): what a superpixel mixes cannot be told apart.
///
/// # Shapes
/// - `labels`: one channel per class, 1 where a pixel is of it, `[batch, classes, height, width]`
/// - output: `[1]`, the mean over the pixels
///
/// # Panics
/// On another batch or size than the superpixels'.
pub fn label_reconstruction_loss(superpixels: &SoftSuperpixels, labels: Tensor<4>) -> Tensor<1> {
    let found = superpixels.reconstruct(labels.clone());
    let found = found.clone() / (found.sum_dim(1) + EPSILON);
    // The weight of a pixel's own class. Clamped where 1e-16 would be too small for f32 beside it.
    let own = (found * labels.clone()).sum_dim(1).clamp_min(EPSILON);
    let labelled = labels.sum_dim(1);
    -(own.log() * labelled.clone()).sum() / labelled.sum().clamp_min(1.0)
}

/// Mean squared distance, per axis and in pixels, between a pixel and the centre of the superpixel that it belongs to most.
pub fn position_loss(superpixels: &SoftSuperpixels) -> Tensor<1> {
    let batch = superpixels.batch();
    let [height, width] = superpixels.size();
    let pixels = height * width;
    let positions: Vec<f32> =
        (0..2 * pixels).map(|i| if i < pixels { i / width } else { (i - pixels) % width } as f32).collect();
    let positions =
        Tensor::<3>::from_data(TensorData::new(positions, [1, 2, pixels]), &superpixels.centers().device());
    let positions = positions.expand([batch, 2, pixels]);
    let centers = superpixels.means(positions.clone());
    let labels = superpixels.labels().unsqueeze_dim::<3>(2).expand([batch, pixels, 2]);
    let own = centers.gather(1, labels);
    (own - positions.swap_dims(1, 2)).square().mean()
}

/// [`label_reconstruction_loss`] + 1e-5 [`position_loss`]: what SSN is trained by.
///
/// # Panics
/// As [`label_reconstruction_loss`].
pub fn superpixel_loss(superpixels: &SoftSuperpixels, labels: Tensor<4>) -> Tensor<1> {
    label_reconstruction_loss(superpixels, labels) + position_loss(superpixels) * POSITION_WEIGHT
}

//! Superpixels as prompts: classical and differentiable, behind one [`SuperpixelSource`].
//!
//! The differentiable ones are "Superpixel Sampling Networks" (SSN; Jampani et al., ECCV 2018, arXiv 1807.10174): a small network
//! makes features of every pixel, and a few iterations of soft k-means among the nine nearest centres give every pixel a weight in
//! each superpixel, through which gradients flow.

mod cells;
mod clustering;
mod lab;
mod loss;
mod maps;
mod mean_image;
mod network;
mod pyramid;
mod readout;
mod source;

pub use clustering::{ITERATIONS, SoftSuperpixels, grid_for};
pub use lab::rgb_to_lab;
pub use loss::{POSITION_WEIGHT, label_reconstruction_loss, position_loss, superpixel_loss};
pub use maps::slic_maps;
pub use mean_image::{boundaries, slic_mean_images};
pub use network::{SuperpixelNetwork, SuperpixelNetworkConfig};
pub use pyramid::SuperpixelPyramid;
pub use readout::{ReadoutConfig, region_means, slic_regions};
pub use source::{SlicConfig, SuperpixelSource};

//! From tokens to boxes.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor};

use crate::layers::linear_relu;

/// Three linear layers with ReLU between them, then a sigmoid: a box per token (section 3.1, "Prediction feed-forward
/// networks").
#[derive(Module, Debug)]
pub struct BoxHead {
    layers: Vec<Linear>,
}

impl BoxHead {
    /// A head with random weights, on tokens of this width.
    pub fn new(width: usize, device: &Device) -> Self {
        let layers = [width, width, 4]
            .into_iter()
            .map(|output| LinearConfig::new(width, output).init(device))
            .collect();
        Self { layers }
    }

    /// # Shapes
    /// - `tokens`: `[batch, tokens, width]`
    /// - output: `[batch, tokens, 4]`: centre x, centre y, width and height, in 0..1 of the image
    ///
    /// # Panics
    /// On other shapes.
    pub fn forward(&self, tokens: Tensor<3>) -> Tensor<3> {
        match self.layers.split_last() {
            Some((last, first)) => {
                sigmoid(last.forward(first.iter().fold(tokens, |x, layer| linear_relu(layer, x))))
            }
            None => sigmoid(tokens),
        }
    }
}

//! Features of pixels for superpixels.

use burn::config::Config;
use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, PaddingConfig2d};
use burn::tensor::{Device, Tensor, TensorData};
use mednn::layers::resize_bilinear;
use mednn::ops::{Activation, batch_norm, conv2d};

use super::clustering::{ITERATIONS, SoftSuperpixels, grid_for};
use super::lab::rgb_to_lab;
use crate::error::{Result, config};

const COLOR_SCALE: f64 = 0.26;
const POSITION_SCALE: f64 = 2.5;
/// Colour and place.
const INPUTS: usize = 5;
const PADDING: PaddingConfig2d = PaddingConfig2d::Explicit(1, 1, 1, 1);

/// Sizes of a [`SuperpixelNetwork`].
#[derive(Config, Debug, PartialEq)]
pub struct SuperpixelNetworkConfig {
    /// About how many superpixels an image has.
    #[config(default = 100)]
    pub segments: usize,
    /// Channels of the convolutions.
    #[config(default = 64)]
    pub width: usize,
    /// Features of a pixel, colour and place included.
    #[config(default = 20)]
    pub features: usize,
}

/// Two convolutions 3x3 without bias, each with batch norm and ReLU.
#[derive(Module, Debug)]
struct Scale {
    convs: [Conv2d; 2],
    norms: [BatchNorm; 2],
}

impl Scale {
    fn new(from: usize, to: usize, device: &Device) -> Self {
        let conv =
            |from| Conv2dConfig::new([from, to], [3, 3]).with_padding(PADDING).with_bias(false).init(device);
        Self { convs: [conv(from), conv(to)], norms: [0, 1].map(|_| BatchNormConfig::new(to).init(device)) }
    }

    fn forward(&self, map: Tensor<4>) -> Tensor<4> {
        self.convs
            .iter()
            .zip(&self.norms)
            .fold(map, |map, (conv, norm)| batch_norm(conv2d(map, conv, None), norm, None, true))
    }
}

/// The network of SSN (section 4.2): three scales side by side, and what goes in.
///
/// Made by [`SuperpixelNetworkConfig::init`]. It is trained by [`superpixel_loss`](super::superpixel_loss), or through what is made of
/// the superpixels.
#[derive(Module, Debug)]
pub struct SuperpixelNetwork {
    scales: [Scale; 3],
    pool: MaxPool2d,
    output: Conv2d,
    segments: usize,
}

impl SuperpixelNetworkConfig {
    /// A network with random weights.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) for sizes that cannot be.
    pub fn init(&self, device: &Device) -> Result<SuperpixelNetwork> {
        self.validate()?;
        let width = self.width;
        Ok(SuperpixelNetwork {
            scales: [INPUTS, width, width].map(|from| Scale::new(from, width, device)),
            pool: MaxPool2dConfig::new([3, 3]).with_strides([2, 2]).with_padding(PADDING).init(),
            output: Conv2dConfig::new([3 * width + INPUTS, self.features - INPUTS], [3, 3])
                .with_padding(PADDING)
                .init(device),
            segments: self.segments,
        })
    }

    /// Checks the sizes.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) with the field that cannot be.
    pub fn validate(&self) -> Result<()> {
        for (field, least, found) in [
            ("segments", 1, self.segments),
            ("width", 1, self.width),
            ("features", INPUTS + 1, self.features),
        ] {
            if !(least..=65_536).contains(&found) {
                return Err(config(field, format!("{least} to 65536"), found));
            }
        }
        Ok(())
    }
}

impl SuperpixelNetwork {
    /// Divides colour images.
    ///
    /// # Shapes
    /// - `images`: sRGB from 0 to 1, `[batch, 3, height, width]`
    ///
    /// # Panics
    /// On another number of channels.
    pub fn forward(&self, images: Tensor<4>) -> SoftSuperpixels {
        let [_, _, height, width] = images.dims();
        let grid = grid_for(self.segments, [height, width]);
        let inputs = inputs(rgb_to_lab(images), grid);
        SoftSuperpixels::cluster(self.features(inputs), grid, ITERATIONS)
    }

    /// The features of pixels `[batch, features, height, width]` from scaled colour and place `[batch, 5, height, width]`; these
    /// are the last five.
    ///
    /// # Panics
    /// On another number of channels.
    pub fn features(&self, inputs: Tensor<4>) -> Tensor<4> {
        let [_, _, height, width] = inputs.dims();
        let [first, second, third] = &self.scales;
        let fine = first.forward(inputs.clone());
        let middle = second.forward(self.pool.forward(fine.clone()));
        let coarse = third.forward(self.pool.forward(middle.clone()));
        let up = |map| resize_bilinear(map, [height, width]);
        let all = Tensor::cat(vec![inputs.clone(), fine, up(middle), up(coarse)], 1);
        let learned = conv2d(all, &self.output, Some(Activation::Relu));
        Tensor::cat(vec![learned, inputs], 1)
    }
}

/// Colour and place on one scale: `.26 color` and `2.5 max(rows / height, columns / width) (y, x)`.
fn inputs(colors: Tensor<4>, grid: [usize; 2]) -> Tensor<4> {
    let [batch, _, height, width] = colors.dims();
    let scale = POSITION_SCALE * (grid[0] as f64 / height as f64).max(grid[1] as f64 / width as f64);
    let place = |of: fn(usize, usize) -> usize| {
        (0..height * width).map(move |i| (of(i, width) as f64 * scale) as f32)
    };
    let places: Vec<f32> = place(|i, width| i / width).chain(place(|i, width| i % width)).collect();
    let places = Tensor::<4>::from_data(TensorData::new(places, [1, 2, height, width]), &colors.device());
    Tensor::cat(vec![colors * COLOR_SCALE, places.expand([batch, 2, height, width])], 1)
}

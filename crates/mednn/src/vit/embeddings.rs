//! From pixels to tokens.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Initializer, PaddingConfig2d};
use burn::tensor::{Device, Tensor};

use super::config::VitConfig;
use crate::layers::{TableInterpolation, interpolate_table, map_to_tokens};
use crate::ops::{channels_last, conv2d};

/// Patches, class token, register tokens and positions.
#[derive(Module, Debug)]
pub struct VitEmbeddings {
    patch: Conv2d,
    cls_token: Param<Tensor<3>>,
    register_tokens: Option<Param<Tensor<3>>>,
    positions: Param<Tensor<3>>,
    table_side: usize,
    #[module(skip)]
    interpolation: TableInterpolation,
}

impl VitEmbeddings {
    pub(super) fn new(config: &VitConfig, device: &Device) -> Self {
        let width = config.hidden_size;
        let side = config.patch_size;
        let token = Initializer::Normal { mean: 0.0, std: 0.02 };
        Self {
            patch: Conv2dConfig::new([config.num_channels, width], [side, side])
                .with_stride([side, side])
                .with_padding(PaddingConfig2d::Valid)
                .init(device),
            cls_token: token.init([1, 1, width], device),
            register_tokens: (config.num_register_tokens > 0)
                .then(|| token.init([1, config.num_register_tokens, width], device)),
            positions: token.init([1, config.table_side().pow(2) + 1, width], device),
            table_side: config.table_side(),
            interpolation: config.position_interpolation,
        }
    }

    /// Tokens of a batch of images, and the grid `[rows, columns]` of the patches.
    ///
    /// Rows and columns of pixels beyond the last whole patch are dropped, as in transformers. Positions are resized
    /// to the grid; class token and patches get one, registers do not.
    ///
    /// # Shapes
    /// - `images`: `[batch, channels, height, width]`
    /// - output: `[batch, 1 + registers + patches, width]`
    ///
    /// # Panics
    /// On other shapes, and on images smaller than a patch.
    pub fn forward(&self, images: Tensor<4>) -> (Tensor<3>, [usize; 2]) {
        let patches = conv2d(channels_last(images), &self.patch, None);
        let [batch, width, rows, columns] = patches.dims();
        let (patches, _) = map_to_tokens(patches);
        let (cls_position, patch_positions) = self.positions_for([rows, columns]);
        let cls = (self.cls_token.val() + cls_position).expand([batch, 1, width]);
        let patches = patches + patch_positions;
        let tokens = match &self.register_tokens {
            Some(registers) => {
                let registers = registers.val();
                let count = registers.dims()[1];
                vec![cls, registers.expand([batch, count, width]), patches]
            }
            None => vec![cls, patches],
        };
        (Tensor::cat(tokens, 1), [rows, columns])
    }

    /// Positions of the class token `[1, 1, width]` and of a grid of patches `[1, rows * columns, width]`.
    fn positions_for(&self, grid: [usize; 2]) -> (Tensor<3>, Tensor<3>) {
        let table = self.positions.val();
        let [_, length, width] = table.dims();
        let cls = table.clone().narrow(1, 0, 1);
        let patches = table.narrow(1, 1, length - 1).reshape([length - 1, width]);
        let side = [self.table_side; 2];
        let patches = interpolate_table(patches, side, grid, self.interpolation);
        (cls, patches.unsqueeze::<3>())
    }
}

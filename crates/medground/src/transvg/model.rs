//! The model.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::{Bool, Device, Int, Tensor};
use mednn::detr::{BoxHead, DetrEncoder};
use mednn::ops::linear;
use mednn::text::TextModel;

use super::config::TransVgConfig;
use crate::vision::{ImageFeatures, VisionBackbone};

/// TransVG; see the [module documentation](super) for the shapes.
///
/// Made by [`TransVgConfig::init`] with random weights.
#[derive(Module, Debug)]
pub struct TransVg {
    pub(super) backbone: VisionBackbone,
    pub(super) projection: Conv2d,
    pub(super) encoder: Option<DetrEncoder>,
    pub(super) visual_projection: Linear,
    pub(super) text: TextModel,
    pub(super) text_projection: Linear,
    pub(super) regression_token: Param<Tensor<2>>,
    pub(super) positions: Param<Tensor<2>>,
    pub(super) fusion: DetrEncoder,
    pub(super) box_head: BoxHead,
}

/// A box for each phrase, and what the fusion was given.
#[derive(Debug, Clone)]
pub struct TransVgOutput {
    /// `[batch, 4]`: centre x, centre y, width and height, in 0..1 of the square.
    pub boxes: Tensor<2>,
    /// The tokens of the phrase as they enter the fusion: `[batch, text tokens, width]`.
    pub text: Tensor<3>,
}

impl TransVg {
    pub(super) fn new(config: &TransVgConfig, device: &Device) -> Self {
        let width = config.fusion.width;
        let inner = config.encoder.as_ref().map_or(width, |encoder| encoder.width);
        let text = config.text.init(device);
        let table = Initializer::Normal { mean: 0.0, std: 1.0 };
        let tokens = 1 + config.text_tokens + config.image_tokens();
        Self {
            backbone: config.vision.init(device),
            projection: Conv2dConfig::new([config.vision.width(), inner], [1, 1]).init(device),
            encoder: config.encoder.as_ref().map(|encoder| encoder.init_encoder(device)),
            visual_projection: LinearConfig::new(inner, width).init(device),
            text_projection: LinearConfig::new(text.width(), width).init(device),
            text,
            regression_token: table.init([1, width], device),
            positions: table.init([tokens, width], device),
            fusion: config.fusion.init_encoder(device),
            box_head: BoxHead::new(width, device),
        }
    }

    /// The tokens of a batch of images in their squares.
    ///
    /// # Shapes
    /// - `images`: `[batch, channels, size, size]`
    /// - `pixels`: `[batch, size, size]`, true where a pixel is real
    ///
    /// # Panics
    /// On other shapes.
    pub fn encode_images(&self, images: Tensor<4>, pixels: Tensor<3, Bool>) -> ImageFeatures {
        self.encode_map(self.backbone.forward(images), pixels)
    }

    /// [`encode_images`](Self::encode_images) from what the backbone makes of the images.
    ///
    /// # Shapes
    /// - `map`: `[batch, width of the backbone, size / stride, size / stride]`
    ///
    /// # Panics
    /// On other shapes.
    pub fn encode_map(&self, map: Tensor<4>, pixels: Tensor<3, Bool>) -> ImageFeatures {
        let features = ImageFeatures::of_map(self.projection.forward(map), pixels);
        let tokens = match &self.encoder {
            Some(encoder) => {
                encoder.forward(features.tokens, features.positions.clone(), Some(features.valid.clone()))
            }
            None => features.tokens,
        };
        ImageFeatures { tokens: linear(tokens, &self.visual_projection, None), ..features }
    }

    /// One box for each pair of an image and a phrase.
    ///
    /// # Shapes
    /// - `ids`, `valid`: `[batch, text tokens]`
    ///
    /// # Panics
    /// On other shapes, and on ids that are not in the word table.
    pub fn forward(
        &self,
        images: &ImageFeatures,
        ids: Tensor<2, Int>,
        valid: Tensor<2, Bool>,
    ) -> TransVgOutput {
        self.forward_encoded(images, self.text.forward(ids, Some(valid.clone())), valid)
    }

    /// [`forward`](Self::forward) from what the text encoder makes of the phrases.
    ///
    /// # Shapes
    /// - `text`: `[batch, text tokens, width of the text encoder]`
    /// - `valid`: `[batch, text tokens]`
    ///
    /// # Panics
    /// On other shapes.
    pub fn forward_encoded(
        &self,
        images: &ImageFeatures,
        text: Tensor<3>,
        valid: Tensor<2, Bool>,
    ) -> TransVgOutput {
        let text = linear(text, &self.text_projection, None);
        let [batch, _, width] = text.dims();
        let token = self.regression_token.val().unsqueeze::<3>().expand([batch, 1, width]);
        let real = Tensor::<2>::ones([batch, 1], &text.device());
        let seen = Tensor::cat(vec![real, valid.float(), images.valid.clone().float()], 1).greater_elem(0.5);
        let tokens = Tensor::cat(vec![token, text.clone(), images.tokens.clone()], 1);
        let fused = self.fusion.forward(tokens, self.positions.val().unsqueeze::<3>(), Some(seen));
        let boxes = self.box_head.forward(fused.narrow(1, 0, 1)).reshape([batch, 4]);
        TransVgOutput { boxes, text }
    }

    /// What sees the image.
    pub const fn backbone(&self) -> &VisionBackbone {
        &self.backbone
    }

    /// What reads the phrase.
    pub const fn text(&self) -> &TextModel {
        &self.text
    }

    /// With another backbone and text encoder of the same widths, such as pre-trained ones.
    #[must_use]
    pub fn with_encoders(self, backbone: VisionBackbone, text: TextModel) -> Self {
        Self { backbone, text, ..self }
    }

    /// Keeps the backbone as it is while the rest trains.
    #[must_use]
    pub fn freeze_vision(self) -> Self {
        Self { backbone: self.backbone.freeze(), ..self }
    }

    /// Keeps the text encoder as it is while the rest trains.
    #[must_use]
    pub fn freeze_text(self) -> Self {
        Self { text: self.text.freeze(), ..self }
    }
}

//! The detection transformer.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::{Bool, Device, Tensor};

use super::box_head::BoxHead;
use super::config::DetrConfig;
use super::decoder::{DetrDecoder, DetrMemory};
use super::encoder::DetrEncoder;
use super::output::{DetrDetections, DetrOutput};
use super::positions::{downsample_mask, sine_positions};
use crate::bridge::read_f32;
use crate::error::{Error, Result};
use crate::resnet::ResNet;

/// Backbone, encoder and decoder; see the [module documentation](super) for the shapes.
///
/// Made by [`DetrConfig::init`] with random weights or by [`Detr::from_pretrained`].
#[derive(Module, Debug)]
pub struct Detr {
    backbone: ResNet,
    projection: Conv2d,
    encoder: DetrEncoder,
    decoder: DetrDecoder,
    query_positions: Param<Tensor<2>>,
}

impl Detr {
    pub(super) fn new(config: &DetrConfig, device: &Device) -> Self {
        let width = config.encoder.width;
        Self {
            backbone: config.backbone.init(device),
            projection: Conv2dConfig::new([config.backbone.hidden_sizes[3], width], [1, 1]).init(device),
            encoder: config.encoder.init_encoder(device),
            decoder: config.decoder.init_decoder(device),
            query_positions: Initializer::Normal { mean: 0.0, std: 1.0 }
                .init([config.num_queries, width], device),
        }
    }

    /// Encodes a padded batch of normalised images.
    ///
    /// # Shapes
    /// - `images`: `[batch, channels, height, width]`
    /// - `valid`: `[batch, height, width]`, true where a pixel is real, false where it is padding; none when there is
    ///   no padding
    ///
    /// # Errors
    /// [`Error::Shape`] on other shapes, and when the real part of an image is so small that no token is of it;
    /// [`Error::Readback`] when the mask cannot be read.
    pub fn encode(&self, images: Tensor<4>, valid: Option<Tensor<3, Bool>>) -> Result<DetrOutput> {
        let found = images.dims();
        let [batch, channels, height, width] = found;
        if channels != self.backbone.channels() || found.contains(&0) {
            let expected = format!("[batch > 0, {}, height > 0, width > 0]", self.backbone.channels());
            return Err(Error::Shape { what: "images", expected, found: found.to_vec() });
        }
        if let Some(valid) = &valid
            && valid.dims() != [batch, height, width]
        {
            let expected = format!("{:?} of the images", [batch, height, width]);
            return Err(Error::Shape {
                what: "the mask of real pixels",
                expected,
                found: valid.dims().to_vec(),
            });
        }
        let output = self.forward(images, valid);
        if let Some(valid) = output.valid() {
            every_row_has_one(valid)?;
        }
        Ok(output)
    }

    /// Encodes a batch without checking it. An image without a real token gives queries that mean nothing.
    ///
    /// # Shapes
    /// As [`encode`](Self::encode).
    ///
    /// # Panics
    /// On other shapes.
    pub fn forward(&self, images: Tensor<4>, valid: Option<Tensor<3, Bool>>) -> DetrOutput {
        let (memory, grid) = self.encode_memory(images, valid);
        let (queries, positions) = self.queries(memory.tokens.dims()[0]);
        let queries = self.decoder.forward(queries, positions, &memory);
        DetrOutput { queries, memory, grid }
    }

    /// The queries after each layer of the decoder, for auxiliary losses; see [`DetrDecoder::forward_each`].
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    pub fn forward_each(&self, images: Tensor<4>, valid: Option<Tensor<3, Bool>>) -> Vec<Tensor<3>> {
        let (memory, _) = self.encode_memory(images, valid);
        let (queries, positions) = self.queries(memory.tokens.dims()[0]);
        self.decoder.forward_each(queries, positions, &memory)
    }

    /// Backbone, projection and encoder: what the decoder looks at, and its rows and columns.
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    pub fn encode_memory(
        &self,
        images: Tensor<4>,
        valid: Option<Tensor<3, Bool>>,
    ) -> (DetrMemory, [usize; 2]) {
        let maps = self.projection.forward(self.backbone.forward(images).feature_map());
        let [batch, width, rows, columns] = maps.dims();
        let valid = valid.map(|valid| downsample_mask(valid, [rows, columns]));
        let all = || Tensor::<3>::ones([1, rows, columns], &maps.device()).greater_elem(0.5);
        let positions = sine_positions(valid.clone().unwrap_or_else(all), width);
        let valid = valid.map(|valid| valid.reshape([batch, rows * columns]));
        let tokens = maps.reshape([batch, width, rows * columns]).swap_dims(1, 2);
        let tokens = self.encoder.forward(tokens, positions.clone(), valid.clone());
        (DetrMemory { tokens, positions, valid }, [rows, columns])
    }

    /// Queries that are zero, and their learned positions.
    fn queries(&self, batch: usize) -> (Tensor<3>, Tensor<3>) {
        let positions = self.query_positions.val().unsqueeze::<3>();
        let [_, count, width] = positions.dims();
        (Tensor::zeros([batch, count, width], &positions.device()), positions.expand([batch, count, width]))
    }

    /// The residual network.
    pub const fn backbone(&self) -> &ResNet {
        &self.backbone
    }

    /// The transformer encoder.
    pub const fn encoder(&self) -> &DetrEncoder {
        &self.encoder
    }

    /// The transformer decoder.
    pub const fn decoder(&self) -> &DetrDecoder {
        &self.decoder
    }

    /// Keeps the backbone's stem and first `stages` stages as they are; see [`ResNet::freeze_through`].
    #[must_use]
    pub fn freeze_backbone_through(self, stages: usize) -> Self {
        Self { backbone: self.backbone.freeze_through(stages), ..self }
    }

    /// Folds the backbone's batch norms for inference; see [`ResNet::fold_batch_norm`].
    #[must_use]
    pub fn fold_batch_norm(self) -> Self {
        Self { backbone: self.backbone.fold_batch_norm(), ..self }
    }
}

/// A [`Detr`] with its heads: what transformers calls `DetrForObjectDetection`.
///
/// Made by [`DetrConfig::init_detector`] with random weights or by [`DetrDetector::from_pretrained`].
#[derive(Module, Debug)]
pub struct DetrDetector {
    detr: Detr,
    class_head: Linear,
    box_head: BoxHead,
}

impl DetrDetector {
    pub(super) fn new(config: &DetrConfig, device: &Device) -> Self {
        let width = config.encoder.width;
        Self {
            detr: Detr::new(config, device),
            class_head: LinearConfig::new(width, config.num_labels + 1).init(device),
            box_head: BoxHead::new(width, device),
        }
    }

    /// A class and a box for each query, of a padded batch of normalised images.
    ///
    /// # Shapes
    /// As [`Detr::encode`].
    ///
    /// # Errors
    /// As [`Detr::encode`].
    pub fn detect(&self, images: Tensor<4>, valid: Option<Tensor<3, Bool>>) -> Result<DetrDetections> {
        Ok(self.heads(self.detr.encode(images, valid)?.queries()))
    }

    /// [`detect`](Self::detect) without checks.
    ///
    /// # Panics
    /// On other shapes.
    pub fn forward(&self, images: Tensor<4>, valid: Option<Tensor<3, Bool>>) -> DetrDetections {
        self.heads(self.detr.forward(images, valid).queries())
    }

    /// Class and box of queries that have been through the decoder.
    ///
    /// # Shapes
    /// - `queries`: `[batch, queries, width]`
    ///
    /// # Panics
    /// On other shapes.
    pub fn heads(&self, queries: Tensor<3>) -> DetrDetections {
        DetrDetections {
            logits: self.class_head.forward(queries.clone()),
            boxes: self.box_head.forward(queries),
        }
    }

    /// The model under the heads.
    pub const fn detr(&self) -> &Detr {
        &self.detr
    }

    /// Keeps the backbone's stem and first `stages` stages as they are; see [`ResNet::freeze_through`].
    #[must_use]
    pub fn freeze_backbone_through(self, stages: usize) -> Self {
        Self { detr: self.detr.freeze_backbone_through(stages), ..self }
    }

    /// Folds the backbone's batch norms for inference; see [`ResNet::fold_batch_norm`].
    #[must_use]
    pub fn fold_batch_norm(self) -> Self {
        Self { detr: self.detr.fold_batch_norm(), ..self }
    }
}

/// An image that is padding alone has nothing to attend to.
fn every_row_has_one(valid: Tensor<2, Bool>) -> Result<()> {
    let counts = read_f32(valid.float().sum_dim(1))?;
    match counts.iter().position(|&count| count == 0.0) {
        None => Ok(()),
        Some(image) => Err(Error::Shape {
            what: "the mask of real pixels",
            expected: "at least one token of real pixels [image, tokens]".to_string(),
            found: vec![image, 0],
        }),
    }
}

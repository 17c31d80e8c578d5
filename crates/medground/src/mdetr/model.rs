//! The model, and the names of its published weights.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::softmax;
use burn::tensor::{Bool, Device, Int, Tensor};
use mednn::detr::BoxHead;
use mednn::weights::{KeyMap, Strictness, WeightReport, WeightSource, WeightWriter, load};

use super::config::MdetrConfig;
use crate::error::Result;
use crate::model::parts::Reports;
use crate::model::{CROSS_MODAL_IGNORED, CrossModalTransformer};
use crate::vision::ImageFeatures;

/// MDETR; see the [module documentation](super) for the shapes.
///
/// Made by [`MdetrConfig::init`] with random weights.
#[derive(Module, Debug)]
pub struct Mdetr {
    transformer: CrossModalTransformer,
    heads: Heads,
}

#[derive(Module, Debug)]
struct Heads {
    tokens: Linear,
    boxes: BoxHead,
    align_image: Linear,
    align_text: Linear,
}

/// What one layer of the decoder says; the last is the result, the others are for auxiliary losses.
#[derive(Debug, Clone)]
pub struct MdetrOutput {
    /// `[batch, queries, slots + 1]` logits, the last of *no object*.
    pub logits: Tensor<3>,
    /// `[batch, queries, 4]`: centre x, centre y, width and height, in 0..1 of the square.
    pub boxes: Tensor<3>,
    /// Of length 1: `[batch, queries, alignment width]`.
    pub query_alignment: Tensor<3>,
    /// Of length 1: `[batch, text tokens, alignment width]`.
    pub text_alignment: Tensor<3>,
}

impl MdetrOutput {
    /// `1 - P(no object)`: `[batch, queries]`.
    pub fn scores(&self) -> Tensor<2> {
        let [batch, queries, classes] = self.logits.dims();
        let nothing = softmax(self.logits.clone(), 2).narrow(2, classes - 1, 1);
        nothing.reshape([batch, queries]) * -1.0 + 1.0
    }
}

/// MDETR's own names of its heads.
const HEADS: KeyMap = KeyMap {
    layers: &[&[
        ("tokens", "class_embed"),
        ("boxes.layers.*", "bbox_embed.layers.*"),
        ("align_image", "contrastive_align_projection_image"),
        ("align_text", "contrastive_align_projection_text"),
    ]],
    prefixes: &[],
    ignored: &[],
};

impl Mdetr {
    pub(super) fn new(config: &MdetrConfig, device: &Device) -> Self {
        let width = config.transformer.encoder.width;
        let linear = |outputs| LinearConfig::new(width, outputs).init(device);
        Self {
            transformer: CrossModalTransformer::new(&config.transformer, device),
            heads: Heads {
                tokens: linear(config.token_slots + 1),
                boxes: BoxHead::new(width, device),
                align_image: linear(config.alignment_width),
                align_text: linear(config.alignment_width),
            },
        }
    }

    /// The tokens of a batch of images; see [`CrossModalTransformer::encode_images`].
    ///
    /// # Panics
    /// On other shapes.
    pub fn encode_images(&self, images: Tensor<4>, pixels: Tensor<3, Bool>) -> ImageFeatures {
        self.transformer.encode_images(images, pixels)
    }

    /// What each layer of the decoder says of each pair of an image and a phrase, first to last.
    ///
    /// # Shapes
    /// - `ids`, `valid`: `[batch, length]`
    ///
    /// # Panics
    /// On other shapes, and on ids that are not in the word table.
    pub fn forward_each(
        &self,
        images: &ImageFeatures,
        ids: Tensor<2, Int>,
        valid: Tensor<2, Bool>,
    ) -> Vec<MdetrOutput> {
        let text = self.transformer.text().forward(ids, Some(valid.clone()));
        self.forward_each_encoded(images, text, valid)
    }

    /// [`forward_each`](Self::forward_each) from what the text encoder makes of the phrases.
    ///
    /// # Shapes
    /// - `text`: `[batch, length, width of the text encoder]`
    /// - `valid`: `[batch, length]`
    ///
    /// # Panics
    /// On other shapes.
    pub fn forward_each_encoded(
        &self,
        images: &ImageFeatures,
        text: Tensor<3>,
        valid: Tensor<2, Bool>,
    ) -> Vec<MdetrOutput> {
        let output = self.transformer.forward_encoded(images, text, valid);
        let text = unit(self.heads.align_text.forward(output.text));
        let say = |queries: Tensor<3>| MdetrOutput {
            logits: self.heads.tokens.forward(queries.clone()),
            boxes: self.heads.boxes.forward(queries.clone()),
            query_alignment: unit(self.heads.align_image.forward(queries)),
            text_alignment: text.clone(),
        };
        output.queries.into_iter().map(say).collect()
    }

    /// All but the heads.
    pub const fn transformer(&self) -> &CrossModalTransformer {
        &self.transformer
    }

    /// With other parts before the heads, such as frozen or pre-trained ones.
    #[must_use]
    pub fn map_transformer(self, f: impl FnOnce(CrossModalTransformer) -> CrossModalTransformer) -> Self {
        Self { transformer: f(self.transformer), ..self }
    }

    /// From an opened source of weights under the published names, strictly.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config), and [`Error::Network`](crate::Error::Network) when a key is missing, unused or of
    /// another shape.
    pub fn from_source(
        config: &MdetrConfig,
        mut source: WeightSource,
        device: &Device,
    ) -> Result<(Self, WeightReport)> {
        config.validate()?;
        let Self { transformer, heads } = Self::new(config, device);
        let mut reports = Reports::default();
        let transformer = transformer.load(&config.transformer, &mut source, &mut reports)?;
        let heads = reports.keep(load(heads, &mut source, &HEADS, Strictness::AllowUnused)?);
        let report = reports.finish(&source, CROSS_MODAL_IGNORED)?;
        Ok((Self { transformer, heads }, report))
    }

    /// Adds the weights to a file, by the published names.
    ///
    /// # Errors
    /// [`Error::Network`](crate::Error::Network) when the device fails.
    pub fn add_weights(&self, config: &MdetrConfig, writer: &mut WeightWriter) -> Result<()> {
        self.transformer.add_weights(&config.transformer, writer)?;
        Ok(writer.add("", &self.heads, &HEADS)?)
    }
}

/// Vectors scaled to length 1, as PyTorch's `normalize` does.
pub(crate) fn unit(x: Tensor<3>) -> Tensor<3> {
    let length = x.clone().powi_scalar(2).sum_dim(2).clamp_min(1e-24).sqrt();
    x / length
}

//! The model, and the names of its weights.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::softmax;
use burn::tensor::{Bool, Device, Int, Tensor};
use mednn::detr::BoxHead;
use mednn::weights::{KeyMap, Strictness, WeightReport, WeightSource, WeightWriter, load};

use super::config::GeneralisedGrounderConfig;
use crate::error::Result;
use crate::model::parts::Reports;
use crate::model::{CROSS_MODAL_IGNORED, CrossModalTransformer};
use crate::vision::ImageFeatures;

/// The generalised grounder; see the [module documentation](super).
///
/// Made by [`GeneralisedGrounderConfig::init`] with random weights.
#[derive(Module, Debug)]
pub struct GeneralisedGrounder {
    transformer: CrossModalTransformer,
    heads: Heads,
}

#[derive(Module, Debug)]
struct Heads {
    groundable: Linear,
    boxes: BoxHead,
}

/// What one layer of the decoder says; the last is the result, the others are for auxiliary losses.
#[derive(Debug, Clone)]
pub struct GeneralisedGrounderOutput {
    /// `[batch, queries, 2]` logits: nothing, something.
    pub logits: Tensor<3>,
    /// `[batch, queries, 4]`: centre x, centre y, width and height, in 0..1 of the square.
    pub boxes: Tensor<3>,
}

impl GeneralisedGrounderOutput {
    /// The probability that a query stands for something: `[batch, queries]`.
    pub fn scores(&self) -> Tensor<2> {
        let [batch, queries, _] = self.logits.dims();
        softmax(self.logits.clone(), 2).narrow(2, 1, 1).reshape([batch, queries])
    }
}

/// The heads' names follow MDETR's.
const HEADS: KeyMap = KeyMap {
    layers: &[&[("groundable", "groundability"), ("boxes.layers.*", "bbox_embed.layers.*")]],
    prefixes: &[],
    ignored: &[],
};

impl GeneralisedGrounder {
    pub(super) fn new(config: &GeneralisedGrounderConfig, device: &Device) -> Self {
        let width = config.transformer.encoder.width;
        Self {
            transformer: CrossModalTransformer::new(&config.transformer, device),
            heads: Heads {
                groundable: LinearConfig::new(width, 2).init(device),
                boxes: BoxHead::new(width, device),
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
    ) -> Vec<GeneralisedGrounderOutput> {
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
    ) -> Vec<GeneralisedGrounderOutput> {
        let say = |queries: Tensor<3>| GeneralisedGrounderOutput {
            logits: self.heads.groundable.forward(queries.clone()),
            boxes: self.heads.boxes.forward(queries),
        };
        self.transformer.forward_encoded(images, text, valid).queries.into_iter().map(say).collect()
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

    /// From an opened source of weights, strictly; the names are MDETR's, and `groundability` for the two-way head.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config), and [`Error::Network`](crate::Error::Network) when a key is missing, unused or of
    /// another shape.
    pub fn from_source(
        config: &GeneralisedGrounderConfig,
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

    /// Adds the weights to a file.
    ///
    /// # Errors
    /// [`Error::Network`](crate::Error::Network) when the device fails.
    pub fn add_weights(&self, config: &GeneralisedGrounderConfig, writer: &mut WeightWriter) -> Result<()> {
        self.transformer.add_weights(&config.transformer, writer)?;
        Ok(writer.add("", &self.heads, &HEADS)?)
    }
}

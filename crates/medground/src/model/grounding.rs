//! Any of the models.

use burn::module::Module;
use burn::tensor::{Bool, Device, Tensor};
use mednn::text::TextModel;
use mednn::weights::{WeightReport, WeightSource, WeightWriter};

use super::config::GroundingConfig;
use crate::error::{Error, Result};
use crate::grounder::GeneralisedGrounder;
use crate::mdetr::Mdetr;
use crate::text::PhraseBatch;
use crate::transvg::TransVg;
use crate::vision::{ImageFeatures, VisionBackbone};

/// One of the models.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // one per program
pub enum GroundingModel {
    /// One box for each phrase.
    TransVg(TransVg),
    /// Scored boxes, and the tokens they are of.
    Mdetr(Mdetr),
    /// No box, one or many.
    Generalised(GeneralisedGrounder),
}

/// Boxes of a batch of phrases before any is left out.
#[derive(Debug, Clone)]
pub struct CandidateBoxes {
    /// `[batch, candidates, 4]`: centre x, centre y, width and height, in 0..1 of the square.
    pub boxes: Tensor<3>,
    /// `[batch, candidates]`, 0 to 1. TransVG does not score its box: always 1.
    pub scores: Tensor<2>,
}

impl GroundingModel {
    /// From an opened source of weights, strictly.
    ///
    /// # Errors
    /// [`Error::Config`], and [`Error::Network`] when a key is missing, unused or of another shape.
    pub fn from_source(
        config: &GroundingConfig,
        source: WeightSource,
        device: &Device,
    ) -> Result<(Self, WeightReport)> {
        Ok(match config {
            GroundingConfig::TransVg(config) => {
                let (model, report) = TransVg::from_source(config, source, device)?;
                (Self::TransVg(model), report)
            }
            GroundingConfig::Mdetr(config) => {
                let (model, report) = Mdetr::from_source(config, source, device)?;
                (Self::Mdetr(model), report)
            }
            GroundingConfig::Generalised(config) => {
                let (model, report) = GeneralisedGrounder::from_source(config, source, device)?;
                (Self::Generalised(model), report)
            }
        })
    }

    /// Adds the weights to a file, by the published names.
    ///
    /// # Errors
    /// [`Error::Config`] when the configuration is of another model; [`Error::Network`] when the device fails.
    pub fn add_weights(&self, config: &GroundingConfig, writer: &mut WeightWriter) -> Result<()> {
        match (self, config) {
            (Self::TransVg(model), GroundingConfig::TransVg(config)) => model.add_weights(config, writer),
            (Self::Mdetr(model), GroundingConfig::Mdetr(config)) => model.add_weights(config, writer),
            (Self::Generalised(model), GroundingConfig::Generalised(config)) => {
                model.add_weights(config, writer)
            }
            _ => Err(Error::Config {
                field: "model_type",
                expected: "that of the model".to_string(),
                found: "another".to_string(),
            }),
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
        match self {
            Self::TransVg(model) => model.encode_images(images, pixels),
            Self::Mdetr(model) => model.encode_images(images, pixels),
            Self::Generalised(model) => model.encode_images(images, pixels),
        }
    }

    /// [`encode_images`](Self::encode_images) from what the backbone makes of the images.
    ///
    /// # Shapes
    /// - `map`: `[batch, width of the backbone, size / stride, size / stride]`
    ///
    /// # Panics
    /// On other shapes.
    pub fn encode_map(&self, map: Tensor<4>, pixels: Tensor<3, Bool>) -> ImageFeatures {
        match self {
            Self::TransVg(model) => model.encode_map(map, pixels),
            Self::Mdetr(model) => model.transformer().encode_map(map, pixels),
            Self::Generalised(model) => model.transformer().encode_map(map, pixels),
        }
    }

    /// The boxes of each pair of an image and a phrase.
    ///
    /// # Panics
    /// On other shapes, and on ids that are not in the word table.
    pub fn candidates(&self, images: &ImageFeatures, phrases: &PhraseBatch) -> CandidateBoxes {
        let (ids, valid) = (phrases.ids.clone(), phrases.valid.clone());
        let none = || CandidateBoxes {
            boxes: Tensor::zeros([images.images(), 0, 4], &images.tokens.device()),
            scores: Tensor::zeros([images.images(), 0], &images.tokens.device()),
        };
        match self {
            Self::TransVg(model) => {
                let boxes = model.forward(images, ids, valid).boxes;
                let scores = Tensor::ones([boxes.dims()[0], 1], &boxes.device());
                CandidateBoxes { boxes: boxes.unsqueeze_dim(1), scores }
            }
            Self::Mdetr(model) => match model.forward_each(images, ids, valid).pop() {
                Some(last) => CandidateBoxes { scores: last.scores(), boxes: last.boxes },
                None => none(),
            },
            Self::Generalised(model) => match model.forward_each(images, ids, valid).pop() {
                Some(last) => CandidateBoxes { scores: last.scores(), boxes: last.boxes },
                None => none(),
            },
        }
    }

    /// Whether boxes have scores that say something.
    pub const fn scores_boxes(&self) -> bool {
        !matches!(self, Self::TransVg(_))
    }

    /// What sees the image.
    pub const fn backbone(&self) -> &VisionBackbone {
        match self {
            Self::TransVg(model) => model.backbone(),
            Self::Mdetr(model) => model.transformer().backbone(),
            Self::Generalised(model) => model.transformer().backbone(),
        }
    }

    /// What reads the phrase.
    pub const fn text(&self) -> &TextModel {
        match self {
            Self::TransVg(model) => model.text(),
            Self::Mdetr(model) => model.transformer().text(),
            Self::Generalised(model) => model.transformer().text(),
        }
    }

    /// With another backbone and text encoder of the same widths, such as pre-trained ones.
    #[must_use]
    pub fn with_encoders(self, backbone: VisionBackbone, text: TextModel) -> Self {
        match self {
            Self::TransVg(model) => Self::TransVg(model.with_encoders(backbone, text)),
            Self::Mdetr(model) => Self::Mdetr(model.map_transformer(|t| t.with_encoders(backbone, text))),
            Self::Generalised(model) => {
                Self::Generalised(model.map_transformer(|t| t.with_encoders(backbone, text)))
            }
        }
    }

    /// Keeps the backbone as it is while the rest trains.
    #[must_use]
    pub fn freeze_vision(self) -> Self {
        match self {
            Self::TransVg(model) => Self::TransVg(model.freeze_vision()),
            Self::Mdetr(model) => Self::Mdetr(model.map_transformer(|t| t.freeze_vision())),
            Self::Generalised(model) => Self::Generalised(model.map_transformer(|t| t.freeze_vision())),
        }
    }

    /// Keeps the text encoder as it is while the rest trains.
    #[must_use]
    pub fn freeze_text(self) -> Self {
        match self {
            Self::TransVg(model) => Self::TransVg(model.freeze_text()),
            Self::Mdetr(model) => Self::Mdetr(model.map_transformer(|t| t.freeze_text())),
            Self::Generalised(model) => Self::Generalised(model.map_transformer(|t| t.freeze_text())),
        }
    }
}

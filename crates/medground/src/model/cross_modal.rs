//! Image and phrase through one encoder, and a decoder over both: the body of MDETR and of the generalised grounder.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Dropout, DropoutConfig, Initializer, Linear, LinearConfig};
use burn::tensor::{Bool, Device, Int, Tensor};
use mednn::detr::{DetrDecoder, DetrEncoder, DetrMemory, DetrTransformerConfig};
use mednn::layers::{LayerNorm, LayerNormConfig};
use mednn::ops::linear;
use mednn::text::{TextConfig, TextModel};
use mednn::weights::{KeyMap, Strictness, WeightSource, WeightWriter, load_part};

use super::parts::{Reports, add_backbone, add_text, load_backbone, load_text};
use crate::error::{Error, Result};
use crate::vision::{ImageFeatures, VisionBackbone, VisionBackboneConfig};

/// Sizes of a [`CrossModalTransformer`].
#[derive(Debug, Clone, PartialEq)]
pub struct CrossModalConfig {
    /// What sees the image.
    pub vision: VisionBackboneConfig,
    /// What reads the phrase.
    pub text: TextConfig,
    /// The encoder over image and text.
    pub encoder: DetrTransformerConfig,
    /// The decoder over the queries, of the encoder's width.
    pub decoder: DetrTransformerConfig,
    /// Learned queries: the most boxes that a phrase can have.
    pub queries: usize,
    /// Side of the square in pixels.
    pub image_size: usize,
    /// Tokens of a phrase, special ones included.
    pub text_tokens: usize,
}

impl CrossModalConfig {
    /// DETR's layers around a backbone and a text encoder: width 256, 6 layers each; 640 pixels.
    pub fn new(vision: VisionBackboneConfig, text: TextConfig, queries: usize) -> Self {
        let layers = DetrTransformerConfig::new().with_attention_dropout(0.1).with_activation_dropout(0.1);
        let (encoder, decoder) = (layers.clone(), layers);
        Self { vision, text, encoder, decoder, queries, image_size: 640, text_tokens: 256 }
    }

    /// Checks that the sizes make a model.
    ///
    /// # Errors
    /// [`Error::Config`] and [`Error::Network`] with the field that does not.
    pub fn validate(&self) -> Result<()> {
        self.vision.validate()?;
        self.encoder.validate()?;
        self.decoder.validate()?;
        let stride = self.vision.stride();
        let wrong = |field, expected: String, found: usize| {
            Err(Error::Config { field, expected, found: found.to_string() })
        };
        if self.image_size == 0 || self.image_size > 1 << 13 || !self.image_size.is_multiple_of(stride) {
            return wrong("image_size", format!("a multiple of {stride} up to 8192"), self.image_size);
        }
        if !(3..=512).contains(&self.text_tokens) {
            return wrong("text_tokens", "3 to 512".to_string(), self.text_tokens);
        }
        if self.queries == 0 || self.queries > 1 << 12 {
            return wrong("queries", "1 to 4096".to_string(), self.queries);
        }
        if self.decoder.width != self.encoder.width {
            let expected = format!("that of the encoder, {}", self.encoder.width);
            return wrong("decoder.width", expected, self.decoder.width);
        }
        if !self.encoder.width.is_multiple_of(4) {
            return wrong("encoder.width", "a multiple of 4".to_string(), self.encoder.width);
        }
        Ok(())
    }
}

/// Linear layer, layer norm, dropout: from the width of the text encoder to that of the transformer.
#[derive(Module, Debug)]
struct Resizer {
    fc: Linear,
    norm: LayerNorm,
    dropout: Dropout,
}

/// Backbone and text encoder, one encoder over the tokens of both, and a decoder of learned queries.
///
/// Tokens of the image carry sine positions, those of the text none. The decoder looks at all of them.
#[derive(Module, Debug)]
pub struct CrossModalTransformer {
    backbone: VisionBackbone,
    projection: Conv2d,
    text: TextModel,
    resizer: Resizer,
    encoder: DetrEncoder,
    decoder: DetrDecoder,
    query_positions: Param<Tensor<2>>,
}

/// What the decoder says, and the text as the encoder left it.
#[derive(Debug, Clone)]
pub struct CrossModalOutput {
    /// The queries after each layer of the decoder, first to last: `[batch, queries, width]`.
    pub queries: Vec<Tensor<3>>,
    /// The tokens of the phrase after the encoder: `[batch, text tokens, width]`.
    pub text: Tensor<3>,
}

/// The names that MDETR publishes for what belongs to no other model.
const OWN: KeyMap = KeyMap {
    layers: &[&[
        ("projection", "input_proj"),
        ("resizer.fc", "transformer.resizer.fc"),
        ("resizer.norm", "transformer.resizer.layer_norm"),
        ("query_positions", "query_embed.weight"),
    ]],
    prefixes: &[],
    ignored: &[],
};

const BACKBONE: &str = "backbone.0.body.";
const ENCODER: &str = "transformer.encoder.";
const DECODER: &str = "transformer.decoder.";
const TEXT: &str = "transformer.text_encoder.";

/// The parts that [`OWN`] names, as a module of their own.
#[derive(Module, Debug)]
struct OwnParts {
    projection: Conv2d,
    resizer: Resizer,
    query_positions: Param<Tensor<2>>,
}

impl CrossModalTransformer {
    pub(crate) fn new(config: &CrossModalConfig, device: &Device) -> Self {
        let width = config.encoder.width;
        let text = config.text.init(device);
        let resizer = Resizer {
            fc: LinearConfig::new(text.width(), width).init(device),
            norm: LayerNormConfig::new(width).with_epsilon(1e-12).init(device),
            dropout: DropoutConfig::new(config.encoder.dropout).init(),
        };
        Self {
            backbone: config.vision.init(device),
            projection: Conv2dConfig::new([config.vision.width(), width], [1, 1]).init(device),
            text,
            resizer,
            encoder: config.encoder.init_encoder(device),
            decoder: config.decoder.init_decoder(device),
            query_positions: Initializer::Normal { mean: 0.0, std: 1.0 }
                .init([config.queries, width], device),
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
        ImageFeatures::of_map(self.projection.forward(map), pixels)
    }

    /// The queries of each pair of an image and a phrase.
    ///
    /// # Shapes
    /// - `ids`, `valid`: `[batch, length]`
    ///
    /// # Panics
    /// On other shapes, and on ids that are not in the word table.
    pub fn forward(
        &self,
        images: &ImageFeatures,
        ids: Tensor<2, Int>,
        valid: Tensor<2, Bool>,
    ) -> CrossModalOutput {
        self.forward_encoded(images, self.text.forward(ids, Some(valid.clone())), valid)
    }

    /// [`forward`](Self::forward) from what the text encoder makes of the phrases.
    ///
    /// # Shapes
    /// - `text`: `[batch, length, width of the text encoder]`
    /// - `valid`: `[batch, length]`
    ///
    /// # Panics
    /// On other shapes.
    pub fn forward_encoded(
        &self,
        images: &ImageFeatures,
        text: Tensor<3>,
        valid: Tensor<2, Bool>,
    ) -> CrossModalOutput {
        let text = linear(text, &self.resizer.fc, None);
        let text = self.resizer.dropout.forward(self.resizer.norm.forward(text));
        let [batch, length, width] = text.dims();
        let image_tokens = images.tokens.dims()[1];
        let seen = Tensor::cat(vec![images.valid.clone().float(), valid.float()], 1).greater_elem(0.5);
        let nowhere = Tensor::zeros([batch, length, width], &text.device());
        let positions = Tensor::cat(vec![images.positions.clone(), nowhere], 1);
        let tokens = Tensor::cat(vec![images.tokens.clone(), text], 1);
        let tokens = self.encoder.forward(tokens, positions.clone(), Some(seen.clone()));
        let text = tokens.clone().narrow(1, image_tokens, length);
        let memory = DetrMemory { tokens, positions, valid: Some(seen) };
        let places = self.query_positions.val().unsqueeze::<3>();
        let [_, queries, _] = places.dims();
        let places = places.expand([batch, queries, width]);
        let start = Tensor::zeros([batch, queries, width], &places.device());
        CrossModalOutput { queries: self.decoder.forward_each(start, places, &memory), text }
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

    /// Loads all but the heads.
    pub(crate) fn load(
        self,
        config: &CrossModalConfig,
        source: &mut WeightSource,
        reports: &mut Reports,
    ) -> Result<Self> {
        config.validate()?;
        source.split_in_proj()?;
        torch_decoder_names(source);
        let exact = Strictness::Exact;
        let backbone = reports.keep(load_backbone(self.backbone, &config.vision, source, BACKBONE)?);
        let text = reports.keep(load_text(self.text, &config.text, source, TEXT)?);
        let map = config.encoder.torch_encoder_key_map();
        let encoder = reports.keep(load_part(self.encoder, source, map, ENCODER, exact)?);
        let map = config.decoder.torch_decoder_key_map();
        let decoder = reports.keep(load_part(self.decoder, source, map, DECODER, exact)?);
        let own = OwnParts {
            projection: self.projection,
            resizer: self.resizer,
            query_positions: self.query_positions,
        };
        let own = reports.keep(mednn::weights::load(own, source, &OWN, Strictness::AllowUnused)?);
        let OwnParts { projection, resizer, query_positions } = own;
        Ok(Self { backbone, projection, text, resizer, encoder, decoder, query_positions })
    }

    pub(crate) fn add_weights(&self, config: &CrossModalConfig, writer: &mut WeightWriter) -> Result<()> {
        add_backbone(writer, BACKBONE, &self.backbone, &config.vision)?;
        add_text(writer, TEXT, &self.text, &config.text)?;
        writer.add(ENCODER, &self.encoder, config.encoder.torch_encoder_key_map())?;
        writer.add(DECODER, &self.decoder, config.decoder.torch_decoder_key_map())?;
        let own = OwnParts {
            projection: self.projection.clone(),
            resizer: self.resizer.clone(),
            query_positions: self.query_positions.clone(),
        };
        Ok(writer.add("", &own, &OWN)?)
    }
}

/// Keys of the text encoder that have no use.
pub(crate) const IGNORED: &[&str] = &["transformer.text_encoder.pooler.", "transformer.CLS."];

/// MDETR's decoder calls the cross attention `cross_attn_image`, and skips `norm2`: to the names of PyTorch's decoder.
fn torch_decoder_names(source: &mut WeightSource) {
    let skips = source.keys().any(|key| key.starts_with(DECODER) && key.contains(".norm4."));
    source.rename(|key| {
        key.starts_with(DECODER)
            .then(|| key.replace(".cross_attn_image.", ".multihead_attn."))
            .filter(|new| new != key)
    });
    if skips {
        for (old, new) in [(".norm3.", ".norm2."), (".norm4.", ".norm3.")] {
            source
                .rename(|key| (key.starts_with(DECODER) && key.contains(old)).then(|| key.replace(old, new)));
        }
    }
}

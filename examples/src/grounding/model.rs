//! The grounder that training begins with.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use clap::{Args, ValueEnum};
use medground::PhraseGrounder;
use medground::grounder::GeneralisedGrounderConfig;
use medground::mdetr::MdetrConfig;
use medground::model::{CrossModalConfig, GroundingConfig};
use medground::transvg::TransVgConfig;
use medground::vision::{ImagePreprocessor, Intensity, VisionBackbone, VisionBackboneConfig};
use mednn::Vit;
use mednn::detr::DetrTransformerConfig;
use mednn::text::{TextConfig, TextModel, Tokenizer};
use mednn::weights::{Strictness, WeightSource, load};

use super::vocabulary::word_tokenizer;
use crate::error::{Error, Result};

/// Which model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModelKind {
    /// One box for each phrase.
    Transvg,
    /// Scored boxes, and the tokens they are of.
    Mdetr,
    /// No box, one or many.
    Generalised,
}

/// What the grounder is made of. One of --init, --config, or --vision with --text.
#[derive(Args, Debug, Clone)]
pub struct ModelArgs {
    /// Folder of a grounder to go on from.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["config", "vision", "text"])]
    pub init: Option<PathBuf>,
    /// The config.json of a grounder, of any size; random weights, but for --vision and --text.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder of a pre-trained backbone (ViT, DINOv2, ResNet).
    #[arg(long, value_name = "FOLDER")]
    pub vision: Option<PathBuf>,
    /// Folder of a pre-trained text encoder (BERT, RoBERTa, ModernBERT), with its tokeniser.
    #[arg(long, value_name = "FOLDER")]
    pub text: Option<PathBuf>,
    /// Folder with a tokenizer.json, with --config; without it that of --text, or one of the words of the phrases.
    #[arg(long, value_name = "FOLDER")]
    pub tokenizer: Option<PathBuf>,
    /// The model, without --config.
    #[arg(long, value_enum, default_value = "transvg")]
    pub model: ModelKind,
    /// Side of the square that images are put into, in pixels, without --config.
    #[arg(long, default_value_t = 224)]
    pub size: usize,
    /// Tokens of a phrase, special ones included, without --config; longer phrases are cut off.
    #[arg(long, default_value_t = 24)]
    pub tokens: usize,
    /// Layers of the fusion, without --config.
    #[arg(long, default_value_t = 3)]
    pub layers: usize,
    /// Width of the fusion, without --config.
    #[arg(long, default_value_t = 128)]
    pub width: usize,
    /// Inner width of the fusion, without --config; by default twice the width.
    #[arg(long)]
    pub ffn: Option<usize>,
    /// Grey values that become 0 and 1 for all images, such as `-1000,1000` HU; by default each image's lowest and highest.
    #[arg(long, value_delimiter = ',', allow_hyphen_values = true, value_name = "LOW,HIGH")]
    pub range: Vec<f64>,
}

impl ModelArgs {
    /// The grounder; random weights follow from the seed. `phrases` are for a tokeniser, where there is none.
    ///
    /// # Errors
    /// [`Error::Unfit`] when arguments are missing or do not go together; as [`PhraseGrounder::new`] and the readers of its parts.
    pub fn build<'a>(
        &self,
        phrases: impl Iterator<Item = &'a str>,
        seed: u64,
        device: &Device,
    ) -> Result<PhraseGrounder> {
        if let Some(folder) = &self.init {
            return Ok(PhraseGrounder::from_pretrained(folder, device)?);
        }
        let config = self.grounding_config()?;
        device.seed(seed);
        let mut model = config.init(device);
        let (backbone, text) = (model.backbone().clone(), model.text().clone());
        let backbone = match &self.vision {
            Some(folder) => load_backbone(folder, config.vision(), device)?,
            None => backbone,
        };
        let text = match &self.text {
            Some(folder) => TextModel::from_pretrained(folder, device)?,
            None => text,
        };
        model = model.with_encoders(backbone, text);
        let tokenizer = match self.tokenizer.as_ref().or(self.text.as_ref()) {
            Some(folder) => Tokenizer::from_pretrained(folder)?,
            None => word_tokenizer(phrases)?,
        };
        let radiograph = ImagePreprocessor::radiograph(config.image_size());
        let preprocessor = match self.range.as_slice() {
            [] => radiograph,
            &[low, high] => ImagePreprocessor { intensity: Intensity::Range { low, high }, ..radiograph },
            other => {
                let (expected, found) = ("a low and a high value".to_string(), format!("{other:?}"));
                return Err(Error::Unfit { what: "--range", expected, found });
            }
        };
        Ok(PhraseGrounder::new(config, model, tokenizer, preprocessor, device)?)
    }

    fn grounding_config(&self) -> Result<GroundingConfig> {
        if let Some(path) = &self.config {
            return Ok(GroundingConfig::from_json(&read(path)?)?);
        }
        let (Some(vision), Some(text)) = (&self.vision, &self.text) else {
            return Err(Error::Unfit {
                what: "the model",
                expected: "--init, --config, or --vision and --text".to_string(),
                found: "none of them".to_string(),
            });
        };
        let vision = VisionBackboneConfig::from_hugging_face(&read(&vision.join("config.json"))?)?;
        let text = TextConfig::from_hugging_face(&read(&text.join("config.json"))?)?;
        let layers = DetrTransformerConfig::new()
            .with_num_layers(self.layers)
            .with_width(self.width)
            .with_heads((self.width / 32).max(1))
            .with_ffn(self.ffn.unwrap_or(2 * self.width));
        let config = match self.model {
            ModelKind::Transvg => GroundingConfig::TransVg(TransVgConfig {
                encoder: (!vision.is_transformer()).then(|| layers.clone()),
                fusion: layers,
                image_size: self.size,
                text_tokens: self.tokens,
                ..TransVgConfig::new(vision, text)
            }),
            ModelKind::Mdetr => GroundingConfig::Mdetr(MdetrConfig {
                token_slots: self.tokens,
                alignment_width: 64,
                transformer: self.cross_modal(vision, text, layers, 10),
            }),
            ModelKind::Generalised => GroundingConfig::Generalised(GeneralisedGrounderConfig {
                transformer: self.cross_modal(vision, text, layers, 5),
            }),
        };
        config.validate()?;
        Ok(config)
    }

    fn cross_modal(
        &self,
        vision: VisionBackboneConfig,
        text: TextConfig,
        layers: DetrTransformerConfig,
        queries: usize,
    ) -> CrossModalConfig {
        CrossModalConfig {
            encoder: layers.clone(),
            decoder: layers,
            image_size: self.size,
            text_tokens: self.tokens,
            ..CrossModalConfig::new(vision, text, queries)
        }
    }
}

/// A backbone with the weights of a folder, frozen where the grounder's configuration freezes it.
fn load_backbone(folder: &Path, config: &VisionBackboneConfig, device: &Device) -> Result<VisionBackbone> {
    let found = VisionBackboneConfig::from_hugging_face(&read(&folder.join("config.json"))?)?;
    if found.width() != config.width() || found.stride() != config.stride() {
        let [expected, found] =
            [config, &found].map(|c| format!("width {} and stride {}", c.width(), c.stride()));
        return Err(Error::Unfit { what: "--vision", expected, found });
    }
    match config.init(device) {
        VisionBackbone::ResNet(resnet) => {
            let mut source = WeightSource::open(folder.join("model.safetensors"))?;
            let (resnet, _) = load(resnet, &mut source, found.key_map(), Strictness::Exact)?;
            Ok(VisionBackbone::ResNet(resnet))
        }
        VisionBackbone::Vit(_) => Ok(VisionBackbone::Vit(Vit::from_pretrained(folder, device)?)),
    }
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|source| Error::Io { path: path.to_path_buf(), source })
}

//! Folders of SegFormers, as Hugging Face transformers reads and writes them.

use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;
use mednn::Mit;
use mednn::segformer::{DecodeHead, Segformer, SegformerConfig};
use mednn::weights::{Precision, WeightWriter};
use serde::{Deserialize, Serialize};

use super::adaptation::Adaptation;
use super::backbone::{Backbone, BackboneConfig};
use super::config::{IMAGENET_MEAN, IMAGENET_STD, SegmentationConfig};
use super::decoder::Decoder;
use super::segmentation_model::SegmentationModel;
use super::weights::write_whole;
use crate::error::{Error, Result, config as config_error};

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";
const PREPROCESSOR: &str = "preprocessor_config.json";

/// Encoder and head under the names that [`Segformer`] gives them.
#[derive(Module, Debug)]
struct Parts {
    encoder: Mit,
    head: DecodeHead,
}

/// What of transformers' `preprocessor_config.json` matters here.
#[derive(Serialize, Deserialize)]
struct Normalisation {
    #[serde(default = "mean")]
    image_mean: [f64; 3],
    #[serde(default = "std")]
    image_std: [f64; 3],
}

const fn mean() -> [f64; 3] {
    IMAGENET_MEAN
}

const fn std() -> [f64; 3] {
    IMAGENET_STD
}

impl SegmentationModel {
    /// Writes a Mix Transformer with SegFormer's decoder as a folder that transformers loads too: `config.json`,
    /// `preprocessor_config.json` and `model.safetensors`. The folder is made where it is missing.
    ///
    /// # Errors
    /// [`Error::Config`] for another backbone, and for what such a folder has no place for: prompts, LoRA, a head for
    /// details, a readout; [`Error::Io`];
    /// [`Error::Network`] when the device fails.
    pub fn save_segformer(&self, folder: impl AsRef<Path>, precision: Precision) -> Result<()> {
        if !matches!(self.config.adaptation, Adaptation::Full | Adaptation::HeadOnly) {
            let found = format!("{:?}", self.config.adaptation);
            return Err(config_error("adaptation", "full or head_only, for a whole SegFormer", found));
        }
        if self.detail.is_some() {
            return Err(config_error("detail", "none, for a whole SegFormer", "a head for details"));
        }
        if self.config.readout.is_some() {
            return Err(config_error("readout", "none, for a whole SegFormer", "a readout"));
        }
        // Running statistics lag a step behind in a model in training; this brings them up to date.
        let model = self.valid();
        let (Backbone::Mit(encoder), Decoder::Segformer(head), BackboneConfig::Mit(mit)) =
            (model.backbone, model.decoder, &self.config.backbone)
        else {
            return Err(config_error("backbone", "a Mix Transformer", "another one"));
        };
        let config = SegformerConfig::new(mit.clone(), self.config.decoder_width, self.config.classes)
            .with_classifier_dropout_prob(self.config.dropout);
        let mut writer = WeightWriter::new(precision);
        writer.add("", &Parts { encoder, head }, config.key_map())?;
        let normalisation =
            Normalisation { image_mean: self.config.image_mean, image_std: self.config.image_std };
        let normalisation = serde_json::to_string_pretty(&normalisation)
            .map_err(|source| Error::Syntax { what: PREPROCESSOR.to_string(), source })?;
        let folder = folder.as_ref();
        std::fs::create_dir_all(folder).map_err(|source| Error::Io { path: folder.to_path_buf(), source })?;
        write_whole(&folder.join(CONFIG), config.to_hugging_face().as_bytes())?;
        write_whole(&folder.join(PREPROCESSOR), normalisation.as_bytes())?;
        Ok(writer.write(folder.join(WEIGHTS))?)
    }

    /// Reads a folder that [`save_segformer`](Self::save_segformer) wrote, or a published SegFormer; without a
    /// `preprocessor_config.json`, images are normalised as those of ImageNet. All of it is trained where it is trained further.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Syntax`], [`Error::Config`]; [`Error::Network`] when weights are missing, left over or of other shapes.
    pub fn from_segformer(folder: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let folder = folder.as_ref();
        let read = |name: &str| {
            let path = folder.join(name);
            std::fs::read_to_string(&path).map_err(|source| Error::Io { path, source })
        };
        let published = SegformerConfig::from_hugging_face(&read(CONFIG)?)?;
        let normalisation =
            if folder.join(PREPROCESSOR).exists() { read(PREPROCESSOR)? } else { "{}".to_string() };
        let Normalisation { image_mean, image_std } = serde_json::from_str(&normalisation)
            .map_err(|source| Error::Syntax { what: PREPROCESSOR.to_string(), source })?;
        let (encoder, head) = Segformer::from_pretrained(folder, device)?.into_parts();
        let config = SegmentationConfig::new(
            BackboneConfig::Mit(published.encoder),
            Adaptation::Full,
            published.num_labels,
        )
        .with_decoder_width(published.decoder_hidden_size)
        .with_dropout(published.classifier_dropout_prob)
        .with_image_mean(image_mean)
        .with_image_std(image_std);
        config.validate()?;
        Ok(Self {
            backbone: Backbone::Mit(encoder),
            prompts: None,
            tokens: None,
            superpixels: None,
            decoder: Decoder::Segformer(head),
            detail: None,
            config,
        })
    }
}

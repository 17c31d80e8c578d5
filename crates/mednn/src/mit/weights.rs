//! Names of the published weights, and loading them.

use std::path::Path;

use burn::tensor::Device;

use super::config::MitConfig;
use super::model::Mit;
use crate::error::{Error, Result};
use crate::weights::{self, KeyMap, Strictness, WeightReport, WeightSource};

/// The table of layers, behind a prefix of the module path and one of the published name: a segmentation model holds
/// the same layers inside.
macro_rules! layers {
    ($ours:literal, $theirs:literal) => {
        $crate::mit::layers!(@ $ours, $theirs,
            "stages.*.patch_embed.projection" => "encoder.patch_embeddings.*.proj",
            "stages.*.patch_embed.norm" => "encoder.patch_embeddings.*.layer_norm",
            "stages.*.blocks.*.norm1" => "encoder.block.*.*.layer_norm_1",
            "stages.*.blocks.*.attention.query" => "encoder.block.*.*.attention.self.query",
            "stages.*.blocks.*.attention.key" => "encoder.block.*.*.attention.self.key",
            "stages.*.blocks.*.attention.value" => "encoder.block.*.*.attention.self.value",
            "stages.*.blocks.*.attention.reduction.conv" => "encoder.block.*.*.attention.self.sr",
            "stages.*.blocks.*.attention.reduction.norm" => "encoder.block.*.*.attention.self.layer_norm",
            "stages.*.blocks.*.attention.output" => "encoder.block.*.*.attention.output.dense",
            "stages.*.blocks.*.norm2" => "encoder.block.*.*.layer_norm_2",
            "stages.*.blocks.*.mlp.input" => "encoder.block.*.*.mlp.dense1",
            "stages.*.blocks.*.mlp.depthwise" => "encoder.block.*.*.mlp.dwconv.dwconv",
            "stages.*.blocks.*.mlp.output" => "encoder.block.*.*.mlp.dense2",
            "stages.*.norm" => "encoder.layer_norm.*",
        )
    };
    (@ $ours:literal, $theirs:literal, $($path:literal => $name:literal),+ $(,)?) => {
        &[$((concat!($ours, $path), concat!($theirs, $name))),+]
    };
}
pub(crate) use layers;

/// transformers' `SegformerModel`, alone or inside a model with a head.
const MIT: KeyMap = KeyMap {
    layers: &[layers!("", "")],
    prefixes: &["segformer."],
    // Of the heads that checkpoints with an encoder come with.
    ignored: &["classifier.", "decode_head."],
};

impl MitConfig {
    /// The names under which weights of this architecture are published.
    pub const fn key_map(&self) -> &'static KeyMap {
        &MIT
    }
}

impl Mit {
    /// From a folder with a Hugging Face `config.json` and `model.safetensors`, strictly; heads are left out.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::ConfigSyntax`], [`Error::Config`], [`Error::WeightFormat`], and
    /// [`Error::Weights`] when a key is missing, unused or of another shape.
    pub fn from_pretrained(folder: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let folder = folder.as_ref();
        let path = folder.join("config.json");
        let config = std::fs::read_to_string(&path).map_err(|source| Error::Io { path, source })?;
        let source = WeightSource::open(folder.join("model.safetensors"))?;
        Self::from_source(&config, source, device).map(|(mit, _)| mit)
    }

    /// From the text of a `config.json` and an opened source of weights (a file, or bytes), strictly; with the report of
    /// which key went where.
    ///
    /// # Errors
    /// As [`from_pretrained`](Self::from_pretrained).
    pub fn from_source(
        config_json: &str,
        mut source: WeightSource,
        device: &Device,
    ) -> Result<(Self, WeightReport)> {
        let config = MitConfig::from_hugging_face(config_json)?;
        weights::load(config.init(device), &mut source, config.key_map(), Strictness::Exact)
    }
}

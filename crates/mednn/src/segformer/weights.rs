//! Names of the published weights, and loading them.

use std::path::Path;

use burn::tensor::Device;

use super::config::SegformerConfig;
use super::model::Segformer;
use crate::error::{Error, Result};
use crate::mit::layers;
use crate::weights::{self, KeyMap, Strictness, WeightReport, WeightSource};

/// transformers' `SegformerForSemanticSegmentation`.
const SEGFORMER: KeyMap = KeyMap {
    layers: &[
        layers!("encoder.", "segformer."),
        &[
            ("head.projections.*", "decode_head.linear_c.*.proj"),
            ("head.fuse", "decode_head.linear_fuse"),
            ("head.norm", "decode_head.batch_norm"),
            ("head.classifier", "decode_head.classifier"),
        ],
    ],
    prefixes: &[],
    ignored: &["decode_head.batch_norm.num_batches_tracked"],
};

impl SegformerConfig {
    /// The names under which weights of this architecture are published.
    pub const fn key_map(&self) -> &'static KeyMap {
        &SEGFORMER
    }
}

impl Segformer {
    /// From a folder with a Hugging Face `config.json` and `model.safetensors`, strictly.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::ConfigSyntax`], [`Error::Config`], [`Error::WeightFormat`], and
    /// [`Error::Weights`] when a key is missing, unused or of another shape.
    pub fn from_pretrained(folder: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let folder = folder.as_ref();
        let path = folder.join("config.json");
        let config = std::fs::read_to_string(&path).map_err(|source| Error::Io { path, source })?;
        let source = WeightSource::open(folder.join("model.safetensors"))?;
        Self::from_source(&config, source, device).map(|(model, _)| model)
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
        let config = SegformerConfig::from_hugging_face(config_json)?;
        weights::load(config.init(device), &mut source, config.key_map(), Strictness::Exact)
    }
}

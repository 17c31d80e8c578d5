//! Names of the published weights, and loading them.

use std::path::Path;

use burn::tensor::Device;

use super::config::{VitConfig, VitFamily};
use super::model::Vit;
use crate::error::{Error, Result};
use crate::weights::{self, KeyMap, Strictness, WeightReport, WeightSource};

/// Layers that all share under one name.
const COMMON: &[(&str, &str)] = &[
    ("embeddings.patch", "embeddings.patch_embeddings.projection"),
    ("embeddings.cls_token", "embeddings.cls_token"),
    ("embeddings.register_tokens", "embeddings.register_tokens"),
    ("embeddings.positions", "embeddings.position_embeddings"),
    ("blocks.*.attention.query", "encoder.layer.*.attention.attention.query"),
    ("blocks.*.attention.key", "encoder.layer.*.attention.attention.key"),
    ("blocks.*.attention.value", "encoder.layer.*.attention.attention.value"),
    ("blocks.*.attention.output", "encoder.layer.*.attention.output.dense"),
    ("norm", "layernorm"),
];

const DINOV2_BLOCK: &[(&str, &str)] = &[
    ("blocks.*.norm1", "encoder.layer.*.norm1"),
    ("blocks.*.scale1", "encoder.layer.*.layer_scale1"),
    ("blocks.*.norm2", "encoder.layer.*.norm2"),
    ("blocks.*.scale2", "encoder.layer.*.layer_scale2"),
];

/// transformers' `ViTModel`: ViT and DINO.
const VIT: KeyMap = KeyMap {
    layers: &[
        COMMON,
        &[
            ("blocks.*.norm1", "encoder.layer.*.layernorm_before"),
            ("blocks.*.norm2", "encoder.layer.*.layernorm_after"),
            ("blocks.*.mlp.input", "encoder.layer.*.intermediate.dense"),
            ("blocks.*.mlp.output", "encoder.layer.*.output.dense"),
        ],
    ],
    prefixes: &["vit."],
    // The pooler is a further layer that transformers adds, untrained in DINO; the rest is of pre-training and heads.
    ignored: &["pooler.", "classifier.", "embeddings.mask_token"],
};

/// transformers' `Dinov2Model` and `Dinov2WithRegistersModel`.
const DINOV2: KeyMap = KeyMap {
    layers: &[
        COMMON,
        DINOV2_BLOCK,
        &[
            ("blocks.*.mlp.input", "encoder.layer.*.mlp.fc1"),
            ("blocks.*.mlp.output", "encoder.layer.*.mlp.fc2"),
        ],
    ],
    prefixes: &["dinov2.", "dinov2_with_registers."],
    ignored: &["embeddings.mask_token", "classifier."],
};

/// As [`DINOV2`], with the gated feed-forward network.
const DINOV2_SWIGLU: KeyMap = KeyMap {
    layers: &[
        COMMON,
        DINOV2_BLOCK,
        &[
            ("blocks.*.mlp.input", "encoder.layer.*.mlp.weights_in"),
            ("blocks.*.mlp.output", "encoder.layer.*.mlp.weights_out"),
        ],
    ],
    ..DINOV2
};

impl VitConfig {
    /// The names under which weights of this architecture are published.
    pub const fn key_map(&self) -> &'static KeyMap {
        match (self.family, self.use_swiglu_ffn) {
            (VitFamily::Vit, _) => &VIT,
            (VitFamily::Dinov2, false) => &DINOV2,
            (VitFamily::Dinov2, true) => &DINOV2_SWIGLU,
        }
    }
}

impl Vit {
    /// From a folder with a Hugging Face `config.json` and `model.safetensors`, strictly.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::ConfigSyntax`], [`Error::Config`], [`Error::WeightFormat`], and
    /// [`Error::Weights`] when a key is missing, unused or of another shape.
    pub fn from_pretrained(folder: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let folder = folder.as_ref();
        let config = read_text(&folder.join("config.json"))?;
        let source = WeightSource::open(folder.join("model.safetensors"))?;
        Self::from_source(&config, source, device).map(|(vit, _)| vit)
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
        let config = VitConfig::from_hugging_face(config_json)?;
        weights::load(config.init(device), &mut source, config.key_map(), Strictness::Exact)
    }
}

fn read_text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|source| Error::Io { path: path.to_path_buf(), source })
}

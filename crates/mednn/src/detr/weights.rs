//! Names of the published weights, and loading them.

use std::path::Path;

use burn::tensor::Device;

use super::config::{DetrConfig, DetrTransformerConfig};
use super::model::{Detr, DetrDetector};
use crate::error::{Error, Result};
use crate::resnet::ResNetNames;
use crate::resnet::weights::{BATCHES_SEEN, torchvision_tables, transformers_tables};
use crate::weights::{self, KeyMap, Strictness, WeightReport, WeightSource};

/// The table of everything but the backbone; `$ours` and `$theirs` come before each path.
macro_rules! detr_table {
    ($ours:literal, $theirs:literal) => {
        &[
            (concat!($ours, "projection"), concat!($theirs, "input_projection")),
            (concat!($ours, "query_positions"), concat!($theirs, "query_position_embeddings.weight")),
            attention!($ours, $theirs, "encoder", "attention", "self_attn", "query", "q_proj"),
            attention!($ours, $theirs, "encoder", "attention", "self_attn", "key", "k_proj"),
            attention!($ours, $theirs, "encoder", "attention", "self_attn", "value", "v_proj"),
            attention!($ours, $theirs, "encoder", "attention", "self_attn", "output", "out_proj"),
            layer!($ours, $theirs, "encoder", "attention_norm", "self_attn_layer_norm"),
            layer!($ours, $theirs, "encoder", "mlp.input", "fc1"),
            layer!($ours, $theirs, "encoder", "mlp.output", "fc2"),
            layer!($ours, $theirs, "encoder", "mlp_norm", "final_layer_norm"),
            attention!($ours, $theirs, "decoder", "self_attention", "self_attn", "query", "q_proj"),
            attention!($ours, $theirs, "decoder", "self_attention", "self_attn", "key", "k_proj"),
            attention!($ours, $theirs, "decoder", "self_attention", "self_attn", "value", "v_proj"),
            attention!($ours, $theirs, "decoder", "self_attention", "self_attn", "output", "out_proj"),
            layer!($ours, $theirs, "decoder", "self_attention_norm", "self_attn_layer_norm"),
            attention!($ours, $theirs, "decoder", "cross_attention", "encoder_attn", "query", "q_proj"),
            attention!($ours, $theirs, "decoder", "cross_attention", "encoder_attn", "key", "k_proj"),
            attention!($ours, $theirs, "decoder", "cross_attention", "encoder_attn", "value", "v_proj"),
            attention!($ours, $theirs, "decoder", "cross_attention", "encoder_attn", "output", "out_proj"),
            layer!($ours, $theirs, "decoder", "cross_attention_norm", "encoder_attn_layer_norm"),
            layer!($ours, $theirs, "decoder", "mlp.input", "fc1"),
            layer!($ours, $theirs, "decoder", "mlp.output", "fc2"),
            layer!($ours, $theirs, "decoder", "mlp_norm", "final_layer_norm"),
            (concat!($ours, "decoder.norm"), concat!($theirs, "decoder.layernorm")),
        ]
    };
}

macro_rules! layer {
    ($ours:literal, $theirs:literal, $stack:literal, $our:literal, $their:literal) => {
        (concat!($ours, $stack, ".layers.*.", $our), concat!($theirs, $stack, ".layers.*.", $their))
    };
}

macro_rules! attention {
    ($ours:literal, $theirs:literal, $stack:literal, $our:literal, $their:literal, $part:literal, $proj:literal) => {
        (
            concat!($ours, $stack, ".layers.*.", $our, ".", $part),
            concat!($theirs, $stack, ".layers.*.", $their, ".", $proj),
        )
    };
}

/// The heads of `DetrForObjectDetection`.
const HEADS: &[(&str, &str)] =
    &[("class_head", "class_labels_classifier"), ("box_head.layers.*", "bbox_predictor.layers.*")];

/// transformers' `DetrModel` with a backbone of timm; alone, or in a `DetrForObjectDetection`.
const DETR_TIMM: KeyMap = KeyMap {
    layers: torchvision_tables!("backbone.", "backbone.conv_encoder.model.", detr_table!("", "")),
    prefixes: &["model."],
    ignored: &["class_labels_classifier.", "bbox_predictor.", BATCHES_SEEN],
};

/// The same with a backbone of transformers.
const DETR: KeyMap = KeyMap {
    layers: transformers_tables!("backbone.", "backbone.conv_encoder.model.", detr_table!("", "")),
    ..DETR_TIMM
};

/// transformers' `DetrForObjectDetection` with a backbone of timm.
const DETECTOR_TIMM: KeyMap = KeyMap {
    layers: torchvision_tables!(
        "detr.backbone.",
        "model.backbone.conv_encoder.model.",
        detr_table!("detr.", "model."),
        HEADS
    ),
    prefixes: &[],
    ignored: &[BATCHES_SEEN],
};

/// The same with a backbone of transformers.
const DETECTOR: KeyMap = KeyMap {
    layers: transformers_tables!(
        "detr.backbone.",
        "model.backbone.conv_encoder.model.",
        detr_table!("detr.", "model."),
        HEADS
    ),
    ..DETECTOR_TIMM
};

/// The layers of PyTorch's `TransformerEncoder`, by which DETR, TransVG and MDETR publish theirs; fused projections
/// split.
const TORCH_ENCODER: KeyMap = KeyMap {
    layers: &[&[
        ("layers.*.attention.query", "layers.*.self_attn.q_proj"),
        ("layers.*.attention.key", "layers.*.self_attn.k_proj"),
        ("layers.*.attention.value", "layers.*.self_attn.v_proj"),
        ("layers.*.attention.output", "layers.*.self_attn.out_proj"),
        ("layers.*.attention_norm", "layers.*.norm1"),
        ("layers.*.mlp.input", "layers.*.linear1"),
        ("layers.*.mlp.output", "layers.*.linear2"),
        ("layers.*.mlp_norm", "layers.*.norm2"),
    ]],
    prefixes: &[],
    ignored: &[],
};

/// Those of its `TransformerDecoder`.
const TORCH_DECODER: KeyMap = KeyMap {
    layers: &[&[
        ("layers.*.self_attention.query", "layers.*.self_attn.q_proj"),
        ("layers.*.self_attention.key", "layers.*.self_attn.k_proj"),
        ("layers.*.self_attention.value", "layers.*.self_attn.v_proj"),
        ("layers.*.self_attention.output", "layers.*.self_attn.out_proj"),
        ("layers.*.self_attention_norm", "layers.*.norm1"),
        ("layers.*.cross_attention.query", "layers.*.multihead_attn.q_proj"),
        ("layers.*.cross_attention.key", "layers.*.multihead_attn.k_proj"),
        ("layers.*.cross_attention.value", "layers.*.multihead_attn.v_proj"),
        ("layers.*.cross_attention.output", "layers.*.multihead_attn.out_proj"),
        ("layers.*.cross_attention_norm", "layers.*.norm2"),
        ("layers.*.mlp.input", "layers.*.linear1"),
        ("layers.*.mlp.output", "layers.*.linear2"),
        ("layers.*.mlp_norm", "layers.*.norm3"),
        ("norm", "norm"),
    ]],
    prefixes: &[],
    ignored: &[],
};

impl DetrTransformerConfig {
    /// The names of PyTorch's `TransformerEncoder`, for [`weights::load_part`] of one (`"transformer.encoder."` of DETR's
    /// and MDETR's own files, `"vl_transformer."` of TransVG's), after [`WeightSource::split_in_proj`].
    pub const fn torch_encoder_key_map(&self) -> &'static KeyMap {
        &TORCH_ENCODER
    }

    /// The names of PyTorch's `TransformerDecoder`, likewise.
    pub const fn torch_decoder_key_map(&self) -> &'static KeyMap {
        &TORCH_DECODER
    }
}

impl DetrConfig {
    /// The names under which weights of a [`Detr`] are published: those of `DetrModel`.
    pub const fn key_map(&self) -> &'static KeyMap {
        match self.backbone.names {
            ResNetNames::Torchvision => &DETR_TIMM,
            ResNetNames::Transformers => &DETR,
        }
    }

    /// The names under which weights of a [`DetrDetector`] are published: those of `DetrForObjectDetection`.
    pub const fn detector_key_map(&self) -> &'static KeyMap {
        match self.backbone.names {
            ResNetNames::Torchvision => &DETECTOR_TIMM,
            ResNetNames::Transformers => &DETECTOR,
        }
    }
}

impl Detr {
    /// From a folder with `config.json` and `model.safetensors` as transformers publishes them, strictly; heads are
    /// left out.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::ConfigSyntax`], [`Error::Config`], [`Error::WeightFormat`], and [`Error::Weights`] when
    /// a key is missing, unused or of another shape.
    pub fn from_pretrained(folder: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let (config, source) = open(folder.as_ref())?;
        Self::from_source(&config, source, device).map(|(detr, _)| detr)
    }

    /// From the text of a `config.json` and an opened source of weights (a file, or bytes), strictly; with the report
    /// of which key went where.
    ///
    /// # Errors
    /// As [`from_pretrained`](Self::from_pretrained).
    pub fn from_source(
        config_json: &str,
        mut source: WeightSource,
        device: &Device,
    ) -> Result<(Self, WeightReport)> {
        let config = DetrConfig::from_hugging_face(config_json)?;
        weights::load(config.init(device), &mut source, config.key_map(), Strictness::Exact)
    }
}

impl DetrDetector {
    /// From a folder with `config.json` and `model.safetensors` as transformers publishes them, strictly.
    ///
    /// # Errors
    /// As [`Detr::from_pretrained`].
    pub fn from_pretrained(folder: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let (config, source) = open(folder.as_ref())?;
        Self::from_source(&config, source, device).map(|(detector, _)| detector)
    }

    /// As [`Detr::from_source`], with the heads.
    ///
    /// # Errors
    /// As [`Detr::from_pretrained`].
    pub fn from_source(
        config_json: &str,
        mut source: WeightSource,
        device: &Device,
    ) -> Result<(Self, WeightReport)> {
        let config = DetrConfig::from_hugging_face(config_json)?;
        let map = config.detector_key_map();
        weights::load(config.init_detector(device), &mut source, map, Strictness::Exact)
    }
}

fn open(folder: &Path) -> Result<(String, WeightSource)> {
    let path = folder.join("config.json");
    let config = std::fs::read_to_string(&path).map_err(|source| Error::Io { path, source })?;
    Ok((config, WeightSource::open(folder.join("model.safetensors"))?))
}

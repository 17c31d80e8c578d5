//! Names of the published weights, and loading them.

use std::path::Path;

use burn::tensor::Device;

use super::config::{ResNetConfig, ResNetNames};
use super::model::ResNet;
use crate::error::{Error, Result};
use crate::weights::{self, KeyMap, Strictness, WeightReport, WeightSource};

/// The table of one stage under torchvision's names; `$ours` and `$theirs` come before each path.
macro_rules! torchvision_stage {
    ($ours:literal, $theirs:literal, $index:literal, $layer:literal) => {
        &[
            (
                concat!($ours, "stages.", $index, ".blocks.*.convs.0.conv"),
                concat!($theirs, $layer, ".*.conv1"),
            ),
            (concat!($ours, "stages.", $index, ".blocks.*.convs.0.norm"), concat!($theirs, $layer, ".*.bn1")),
            (
                concat!($ours, "stages.", $index, ".blocks.*.convs.1.conv"),
                concat!($theirs, $layer, ".*.conv2"),
            ),
            (concat!($ours, "stages.", $index, ".blocks.*.convs.1.norm"), concat!($theirs, $layer, ".*.bn2")),
            (
                concat!($ours, "stages.", $index, ".blocks.*.convs.2.conv"),
                concat!($theirs, $layer, ".*.conv3"),
            ),
            (concat!($ours, "stages.", $index, ".blocks.*.convs.2.norm"), concat!($theirs, $layer, ".*.bn3")),
            (
                concat!($ours, "stages.", $index, ".blocks.*.shortcut.conv"),
                concat!($theirs, $layer, ".*.downsample.0"),
            ),
            (
                concat!($ours, "stages.", $index, ".blocks.*.shortcut.norm"),
                concat!($theirs, $layer, ".*.downsample.1"),
            ),
        ]
    };
}

/// The tables of a residual network under torchvision's names, and those of what it is part of.
macro_rules! torchvision_tables {
    ($ours:literal, $theirs:literal $(, $more:expr)*) => {
        &[
            &[
                (concat!($ours, "stem.conv"), concat!($theirs, "conv1")),
                (concat!($ours, "stem.norm"), concat!($theirs, "bn1")),
            ],
            $crate::resnet::weights::torchvision_stage!($ours, $theirs, "0", "layer1"),
            $crate::resnet::weights::torchvision_stage!($ours, $theirs, "1", "layer2"),
            $crate::resnet::weights::torchvision_stage!($ours, $theirs, "2", "layer3"),
            $crate::resnet::weights::torchvision_stage!($ours, $theirs, "3", "layer4"),
            $($more),*
        ]
    };
}

/// The same under transformers' names.
macro_rules! transformers_tables {
    ($ours:literal, $theirs:literal $(, $more:expr)*) => {
        &[
            &[
                (concat!($ours, "stem.conv"), concat!($theirs, "embedder.embedder.convolution")),
                (concat!($ours, "stem.norm"), concat!($theirs, "embedder.embedder.normalization")),
                (
                    concat!($ours, "stages.*.blocks.*.convs.*.conv"),
                    concat!($theirs, "encoder.stages.*.layers.*.layer.*.convolution"),
                ),
                (
                    concat!($ours, "stages.*.blocks.*.convs.*.norm"),
                    concat!($theirs, "encoder.stages.*.layers.*.layer.*.normalization"),
                ),
                (
                    concat!($ours, "stages.*.blocks.*.shortcut.conv"),
                    concat!($theirs, "encoder.stages.*.layers.*.shortcut.convolution"),
                ),
                (
                    concat!($ours, "stages.*.blocks.*.shortcut.norm"),
                    concat!($theirs, "encoder.stages.*.layers.*.shortcut.normalization"),
                ),
            ],
            $($more),*
        ]
    };
}

pub(crate) use {torchvision_stage, torchvision_tables, transformers_tables};

/// How many batches PyTorch's batch norm has seen: of no use, as its momentum is fixed.
pub(crate) const BATCHES_SEEN: &str = "*.num_batches_tracked";

/// torchvision and timm. Backbones of other models load with [`weights::load_part`].
const TORCHVISION: KeyMap =
    KeyMap { layers: torchvision_tables!("", ""), prefixes: &[], ignored: &["fc.", BATCHES_SEEN] };

/// transformers' `ResNetModel`, `ResNetBackbone` and `ResNetForImageClassification`.
const TRANSFORMERS: KeyMap = KeyMap {
    layers: transformers_tables!("", ""),
    prefixes: &["resnet."],
    ignored: &["classifier.", BATCHES_SEEN],
};

impl ResNetConfig {
    /// The names under which weights of this architecture are published.
    pub const fn key_map(&self) -> &'static KeyMap {
        match self.names {
            ResNetNames::Torchvision => &TORCHVISION,
            ResNetNames::Transformers => &TRANSFORMERS,
        }
    }
}

impl ResNet {
    /// From a folder with `config.json` and `model.safetensors` as transformers or timm publish them, strictly.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::ConfigSyntax`], [`Error::Config`], [`Error::WeightFormat`], and [`Error::Weights`] when
    /// a key is missing, unused or of another shape.
    pub fn from_pretrained(folder: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let path = folder.as_ref().join("config.json");
        let config = std::fs::read_to_string(&path).map_err(|source| Error::Io { path, source })?;
        let source = WeightSource::open(folder.as_ref().join("model.safetensors"))?;
        Self::from_source(&config, source, device).map(|(resnet, _)| resnet)
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
        let config = ResNetConfig::from_hugging_face(config_json)?;
        weights::load(config.init(device), &mut source, config.key_map(), Strictness::Exact)
    }
}

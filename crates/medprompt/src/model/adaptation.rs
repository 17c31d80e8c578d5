//! Ways to adapt a backbone to a task.

use burn::config::Config;
use serde::{Deserialize, Serialize};

use crate::error::{Result, config};
use crate::prompts::VisualPromptsConfig;
use crate::superpixel::{SlicConfig, SuperpixelPyramid, SuperpixelSource};

/// What is trained beside the decoder. In all but [`Adaptation::Full`] the backbone's own parameters are frozen.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Adaptation {
    /// Nothing: the decoder alone.
    HeadOnly,
    /// Explicit visual prompts: EVP on high frequencies, MVP on superpixels.
    VisualPrompts {
        /// What the hand-crafted branch sees.
        input: PromptInput,
        /// Sizes.
        prompts: VisualPromptsConfig,
    },
    /// Learned tokens in every block of a vision transformer (VPT-Deep).
    PromptTokens {
        /// Tokens per block.
        count: usize,
    },
    /// Low-rank changes of the query and value weights of every attention.
    Lora(LoraConfig),
    /// The whole backbone.
    Full,
}

/// The image of hand-crafted features that visual prompts are made of.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PromptInput {
    /// The image without its low frequencies, as in EVP; see [`high_pass`](crate::high_pass()).
    HighPass {
        /// The part of the spectrum that is removed: EVP's tau, 0.25.
        ratio: f64,
    },
    /// The image as the means of its superpixels, as in MVP.
    Superpixels(SuperpixelSource),
    /// Means, texture and borders of superpixels; see [`slic_maps`](crate::superpixel::slic_maps). Ours.
    SuperpixelMaps(SlicConfig),
    /// The image as the means of its superpixels at several scales; three channels each. Ours.
    SuperpixelPyramid(SuperpixelPyramid),
    /// The image as it is, and after it as in [`SuperpixelPyramid`](Self::SuperpixelPyramid). Ours.
    ImageAndPyramid(SuperpixelPyramid),
    /// The image as it is: what hand-crafted features are to be compared with.
    Image,
}

impl PromptInput {
    /// EVP's: a quarter of the spectrum removed.
    pub const fn high_pass() -> Self {
        Self::HighPass { ratio: 0.25 }
    }

    /// Channels of the image that is made.
    pub const fn channels(&self) -> usize {
        match self {
            Self::SuperpixelPyramid(pyramid) => 3 * pyramid.segments.len(),
            Self::ImageAndPyramid(pyramid) => 3 + 3 * pyramid.segments.len(),
            _ => 3,
        }
    }

    /// Superpixels of several sizes, where there are such.
    pub(super) const fn pyramid(&self) -> Option<&SuperpixelPyramid> {
        match self {
            Self::SuperpixelPyramid(pyramid) | Self::ImageAndPyramid(pyramid) => Some(pyramid),
            _ => None,
        }
    }

    pub(super) fn validate(&self) -> Result<()> {
        match self {
            Self::HighPass { ratio } if !(0.0..=1.0).contains(ratio) => Err(config("ratio", "0 to 1", ratio)),
            Self::HighPass { .. } | Self::Image => Ok(()),
            Self::SuperpixelPyramid(pyramid) | Self::ImageAndPyramid(pyramid) => pyramid.validate(),
            Self::Superpixels(SuperpixelSource::Slic(slic)) | Self::SuperpixelMaps(slic) => slic.validate(),
            Self::Superpixels(SuperpixelSource::Network(network)) => network.validate(),
        }
    }
}

/// Sizes of low-rank adaptation ("LoRA", Hu et al., arXiv 2106.09685, section 4): `W + alpha / rank A B`.
#[derive(Config, Debug, PartialEq)]
pub struct LoraConfig {
    /// Columns of A and rows of B.
    #[config(default = 4)]
    pub rank: usize,
    /// Numerator of the scale.
    #[config(default = 8.0)]
    pub alpha: f64,
}

impl Adaptation {
    /// EVP as published: high frequencies, `r = 4`.
    pub fn evp() -> Self {
        Self::VisualPrompts { input: PromptInput::high_pass(), prompts: VisualPromptsConfig::new() }
    }

    /// MVP: superpixels, `r = 4`, attention.
    pub fn mvp(source: SuperpixelSource) -> Self {
        Self::VisualPrompts {
            input: PromptInput::Superpixels(source),
            prompts: VisualPromptsConfig::new().with_gated(true),
        }
    }

    /// Whether the backbone's own parameters are trained.
    pub const fn trains_backbone(&self) -> bool {
        matches!(self, Self::Full)
    }

    pub(super) fn validate(&self) -> Result<()> {
        match self {
            Self::VisualPrompts { input, prompts } => {
                let expected = input.channels();
                if prompts.channels != expected {
                    let rule = format!("{expected}, as the image of hand-crafted features has");
                    return Err(config("channels", rule, prompts.channels));
                }
                input.validate()
            }
            Self::PromptTokens { count } if !(1..=4096).contains(count) => {
                Err(config("count", "1 to 4096", count))
            }
            Self::Lora(lora) if !(1..=4096).contains(&lora.rank) => {
                Err(config("rank", "1 to 4096", lora.rank))
            }
            Self::Lora(lora) if !lora.alpha.is_finite() => {
                Err(config("alpha", "a finite number", lora.alpha))
            }
            _ => Ok(()),
        }
    }
}

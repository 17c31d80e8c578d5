//! All prompts of a backbone.

use burn::config::Config;
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use mednn::{MitConfig, VitConfig};

use super::handcrafted::{HandcraftedBranch, PatchGeometry};
use super::stage::StagePrompts;
use crate::error::{Result, config};

/// Sizes of [`VisualPrompts`].
#[derive(Config, Debug, PartialEq)]
pub struct VisualPromptsConfig {
    /// The width of a stage in widths of its prompts: EVP's `r`.
    #[config(default = 4)]
    pub scale: usize,
    /// Whether attention weights the prompts: MVP's adaptive attention; `false` is EVP.
    #[config(default = false)]
    pub gated: bool,
    /// Channels of the image of hand-crafted features.
    #[config(default = 3)]
    pub channels: usize,
}

/// What prompts must know of the stages of a backbone.
struct Stages {
    widths: Vec<usize>,
    depths: Vec<usize>,
    patches: Vec<PatchGeometry>,
}

/// The hand-crafted branch and the prompts of every stage; see the [module documentation](super).
///
/// A Mix Transformer has four stages; a vision transformer is one stage, whose class and register tokens get no prompt.
#[derive(Module, Debug)]
pub struct VisualPrompts {
    handcrafted: HandcraftedBranch,
    stages: Vec<StagePrompts>,
}

impl VisualPromptsConfig {
    /// Random prompts for a Mix Transformer.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) when the scale does not divide every width, or there is no channel.
    pub fn init_mit(&self, backbone: &MitConfig, device: &Device) -> Result<VisualPrompts> {
        backbone.validate()?;
        let patches = backbone.patch_sizes.into_iter().zip(backbone.strides);
        self.init(
            Stages {
                widths: backbone.hidden_sizes.to_vec(),
                depths: backbone.depths.to_vec(),
                patches: patches
                    .map(|(kernel, stride)| PatchGeometry { kernel, stride, padding: kernel / 2 })
                    .collect(),
            },
            device,
        )
    }

    /// Random prompts for a vision transformer.
    ///
    /// # Errors
    /// As [`init_mit`](Self::init_mit).
    pub fn init_vit(&self, backbone: &VitConfig, device: &Device) -> Result<VisualPrompts> {
        let side = backbone.patch_size;
        self.init(
            Stages {
                widths: vec![backbone.hidden_size],
                depths: vec![backbone.num_hidden_layers],
                patches: vec![PatchGeometry { kernel: side, stride: side, padding: 0 }],
            },
            device,
        )
    }

    fn init(&self, stages: Stages, device: &Device) -> Result<VisualPrompts> {
        let scale = self.scale;
        if scale == 0 || stages.widths.iter().any(|width| !width.is_multiple_of(scale)) {
            return Err(config("scale", format!("a divisor of the widths {:?}", stages.widths), scale));
        }
        if !(1..=64).contains(&self.channels) {
            return Err(config("channels", "1 to 64", self.channels));
        }
        let inner: Vec<usize> = stages.widths.iter().map(|width| width / scale).collect();
        let sizes = stages.widths.iter().zip(&inner).zip(&stages.depths);
        Ok(VisualPrompts {
            handcrafted: HandcraftedBranch::new(self.channels, &inner, &stages.patches, device),
            stages: sizes
                .map(|((&width, &inner), &depth)| StagePrompts::new(width, inner, depth, self.gated, device))
                .collect(),
        })
    }
}

impl VisualPrompts {
    /// `H_i` of all stages; see [`HandcraftedBranch::forward`].
    pub fn handcrafted(&self, image: Tensor<4>) -> Vec<Tensor<3>> {
        self.handcrafted.forward(image)
    }

    /// The hand-crafted branch.
    pub const fn handcrafted_branch(&self) -> &HandcraftedBranch {
        &self.handcrafted
    }

    /// The prompts of the stages, finest first.
    pub fn stages(&self) -> &[StagePrompts] {
        &self.stages
    }

    /// The same without attention: EVP.
    pub fn without_gates(self) -> Self {
        let stages = self.stages.into_iter().map(StagePrompts::without_gate).collect();
        Self { stages, ..self }
    }
}

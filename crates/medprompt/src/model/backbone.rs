//! The backbones that can be adapted.

use burn::module::{Lora, Module, ModuleVisitor, Param, ParamGroup};
use burn::tensor::{Device, Tensor};
use mednn::layers::tokens_to_map;
use mednn::mit::Mit;
use mednn::vit::Vit;
use mednn::{MitConfig, VitConfig};
use serde::{Deserialize, Serialize};

use super::adaptation::LoraConfig;
use super::weights::ParameterPath;
use crate::error::{Error, Result, config};
use crate::prompts::{PromptTokens, StagePrompts, VisualPrompts};

/// Blocks of a vision transformer whose tokens the decoder sees.
const TAPS: usize = 4;

/// Which backbone a model has, and its sizes.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BackboneConfig {
    /// A Mix Transformer.
    Mit(MitConfig),
    /// A vision transformer, such as a DINOv2.
    Vit(VitConfig),
}

/// A backbone. Its published weights load as [`Mit::from_pretrained`] and [`Vit::from_pretrained`] do.
#[derive(Module, Debug)]
#[non_exhaustive]
// One per model: nothing is gained by another allocation.
#[allow(clippy::large_enum_variant)]
pub enum Backbone {
    /// A Mix Transformer.
    Mit(Mit),
    /// A vision transformer.
    Vit(Vit),
}

/// What prompts add to a backbone.
#[derive(Clone, Copy)]
pub(super) enum Prompted<'a> {
    Nothing,
    Visual(&'a VisualPrompts, &'a [Tensor<3>]),
    Tokens(&'a PromptTokens),
}

impl BackboneConfig {
    /// A backbone with random weights.
    pub fn init(&self, device: &Device) -> Backbone {
        match self {
            Self::Mit(config) => Backbone::Mit(config.init(device)),
            Self::Vit(config) => Backbone::Vit(config.init(device)),
        }
    }

    /// From the text of a transformers `config.json`.
    ///
    /// # Errors
    /// [`Error::Syntax`] without a `model_type`; [`Error::Network`] when it is neither a SegFormer's nor a vision transformer's.
    pub fn from_hugging_face(json: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Kind {
            model_type: String,
        }
        let kind: Kind = serde_json::from_str(json)
            .map_err(|source| Error::Syntax { what: "config.json".to_string(), source })?;
        Ok(match kind.model_type.as_str() {
            "segformer" => Self::Mit(MitConfig::from_hugging_face(json)?),
            _ => Self::Vit(VitConfig::from_hugging_face(json)?),
        })
    }

    pub(super) fn validate(&self) -> Result<()> {
        match self {
            Self::Mit(config) => config.validate()?,
            Self::Vit(config) => config.validate()?,
        }
        match self.channels() {
            3 => Ok(()),
            found => Err(config("num_channels", "3: models take colour images", found)),
        }
    }

    const fn channels(&self) -> usize {
        match self {
            Self::Mit(config) => config.num_channels,
            Self::Vit(config) => config.num_channels,
        }
    }
}

impl Backbone {
    /// What images must be multiples of, in pixels, and at least.
    pub const fn side_multiple(&self) -> usize {
        match self {
            Self::Mit(_) => 1,
            Self::Vit(vit) => vit.patch_size(),
        }
    }

    /// The shortest side of an image, in pixels.
    pub const fn min_side(&self) -> usize {
        match self {
            Self::Mit(mit) => mit.min_side(),
            Self::Vit(vit) => vit.patch_size(),
        }
    }

    /// Whether it is of this configuration.
    pub(super) fn fits(&self, config: &BackboneConfig) -> bool {
        match (self, config) {
            (Self::Mit(mit), BackboneConfig::Mit(config)) => {
                let depths = [0, 1, 2, 3].map(|stage| mit.stages()[stage].blocks().len());
                mit.widths() == config.hidden_sizes
                    && depths == config.depths
                    && mit.channels() == config.num_channels
            }
            (Self::Vit(vit), BackboneConfig::Vit(config)) => {
                vit.width() == config.hidden_size
                    && vit.blocks().len() == config.num_hidden_layers
                    && vit.patch_size() == config.patch_size
                    && vit.channels() == config.num_channels
            }
            _ => false,
        }
    }

    /// With adapters on the query and value weights; everything else frozen.
    pub(super) fn with_lora(self, lora: &LoraConfig) -> Self {
        let mut attention = AttentionWeights::default();
        self.visit(&mut attention);
        let group = ParamGroup::from_paths(attention.found);
        self.freeze().apply_lora(Lora::new(lora.rank, lora.alpha).set_param_group(group))
    }

    /// Four feature maps, finest first; those of a vision transformer are all of one size, shallowest first.
    pub(super) fn forward(&self, images: Tensor<4>, prompted: Prompted<'_>) -> [Tensor<4>; 4] {
        match self {
            Self::Mit(mit) => mit_maps(mit, images, prompted),
            Self::Vit(vit) => vit_maps(vit, images, prompted),
        }
    }
}

/// Paths of the weights that LoRA adapts.
#[derive(Default)]
struct AttentionWeights {
    path: ParameterPath,
    found: Vec<String>,
}

impl ModuleVisitor for AttentionWeights {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, _param: &Param<Tensor<D>>) {
        let path = self.path.to_string();
        if path.ends_with(".query.weight") || path.ends_with(".value.weight") {
            self.found.push(path);
        }
    }
}

fn mit_maps(mit: &Mit, images: Tensor<4>, prompted: Prompted<'_>) -> [Tensor<4>; 4] {
    let mut map = images;
    [0, 1, 2, 3].map(|index| {
        let stage = &mit.stages()[index];
        let (embedded, grid) = stage.patch_embed().forward(map.clone());
        let prompts = StagePrompter::new(prompted, index, &embedded);
        let tokens = stage
            .blocks()
            .iter()
            .enumerate()
            .fold(embedded, |tokens, (j, block)| block.forward(prompts.add(j, tokens), grid));
        map = tokens_to_map(stage.norm().forward(tokens), grid);
        map.clone()
    })
}

fn vit_maps(vit: &Vit, images: Tensor<4>, prompted: Prompted<'_>) -> [Tensor<4>; 4] {
    let (embedded, grid) = vit.embed(images);
    let [_, count, _] = embedded.dims();
    let patches = grid[0] * grid[1];
    let prompts = StagePrompter::new(prompted, 0, &embedded.clone().narrow(1, count - patches, patches));
    let depth = vit.blocks().len();
    let mut tokens = embedded;
    let mut maps = Vec::with_capacity(depth);
    for (j, block) in vit.blocks().iter().enumerate() {
        tokens = match prompted {
            Prompted::Tokens(learned) => PromptTokens::drop(block.forward(learned.append(j, tokens)), count),
            _ => block.forward(prompts.add(j, tokens)),
        };
        maps.push(tokens.clone());
    }
    // The ends of four equal parts.
    [1, 2, 3, 4].map(|part| {
        let tokens = maps[(depth * part).div_ceil(TAPS) - 1].clone();
        tokens_to_map(vit.norm().forward(tokens).narrow(1, count - patches, patches), grid)
    })
}

/// Adds the prompts of one stage, where there are any.
struct StagePrompter<'a> {
    prompts: Option<(&'a StagePrompts, Tensor<3>)>,
}

impl<'a> StagePrompter<'a> {
    /// `embedded`: the patch embedding `[batch, patches, width]`.
    fn new(prompted: Prompted<'a>, stage: usize, embedded: &Tensor<3>) -> Self {
        let Prompted::Visual(prompts, handcrafted) = prompted else { return Self { prompts: None } };
        let stage_prompts = &prompts.stages()[stage];
        let features = stage_prompts.features(handcrafted[stage].clone(), embedded.clone());
        Self { prompts: Some((stage_prompts, features)) }
    }

    /// The tokens that block `block` sees; tokens before the patches get no prompt.
    fn add(&self, block: usize, tokens: Tensor<3>) -> Tensor<3> {
        let Some((stage, features)) = &self.prompts else { return tokens };
        let prompt = stage.prompt(block, features.clone());
        let [batch, count, width] = tokens.dims();
        let before = count - prompt.dims()[1];
        if before == 0 {
            return tokens + prompt;
        }
        let nothing = Tensor::zeros([batch, before, width], &tokens.device());
        tokens + Tensor::cat(vec![nothing, prompt], 1)
    }
}

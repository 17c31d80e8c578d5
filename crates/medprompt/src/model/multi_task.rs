//! One backbone for several tasks.

use std::collections::BTreeSet;

use burn::config::Config;
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use mednn::layers::resize_bilinear;
use serde::{Deserialize, Serialize};

use super::adaptation::Adaptation;
use super::adapted_backbone::AdaptedBackbone;
use super::backbone::{Backbone, BackboneConfig};
use super::config::{IMAGENET_MEAN, IMAGENET_STD, SegmentationConfig};
use super::decoder::Decoder;
use super::segmentation_model::{SegmentationModel, trained_parameters};
use crate::error::{Error, Result, config};
use crate::prompts::{PromptTokens, VisualPrompts};
use crate::superpixel::{SoftSuperpixels, SuperpixelNetwork};

/// A task of a [`MultiTaskModel`].
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct TaskConfig {
    /// Its name: letters, digits, `-` and `_`.
    pub name: String,
    /// Channels of its logits, as [`SegmentationConfig::classes`].
    pub classes: usize,
}

impl TaskConfig {
    /// A task.
    pub fn new(name: impl Into<String>, classes: usize) -> Self {
        Self { name: name.into(), classes }
    }
}

/// Backbone, adaptation and tasks of a [`MultiTaskModel`]; fields as in [`SegmentationConfig`].
///
/// Serialises to JSON; it is part of the files of trained weights.
#[derive(Config, Debug, PartialEq)]
pub struct MultiTaskConfig {
    /// The backbone that all tasks share.
    pub backbone: BackboneConfig,
    /// What is trained beside the decoders, for all tasks together.
    pub adaptation: Adaptation,
    /// The tasks, each with a decoder of its own.
    pub tasks: Vec<TaskConfig>,
    /// Width of the decoders.
    #[config(default = 256)]
    pub decoder_width: usize,
    /// Dropout before the classifiers.
    #[config(default = 0.1)]
    pub dropout: f64,
    /// Subtracted from each channel of images from 0 to 1.
    #[config(default = "IMAGENET_MEAN")]
    pub image_mean: [f64; 3],
    /// Divides each channel.
    #[config(default = "IMAGENET_STD")]
    pub image_std: [f64; 3],
}

impl MultiTaskConfig {
    /// Checks that the parts make a model.
    ///
    /// # Errors
    /// [`Error::Config`] for no task, a name twice or of other characters; as [`SegmentationConfig::validate`].
    pub fn validate(&self) -> Result<()> {
        if self.tasks.is_empty() {
            return Err(config("tasks", "at least one", "none"));
        }
        let mut names = BTreeSet::new();
        for task in &self.tasks {
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            if task.name.is_empty() || !task.name.chars().all(allowed) || !names.insert(&task.name) {
                let rule = "names of letters, digits, - and _, each once";
                return Err(config("tasks", rule, format!("{:?}", task.name)));
            }
            self.alone(task).validate()?;
        }
        Ok(())
    }

    /// As JSON.
    pub fn to_json(&self) -> String {
        // Numbers, strings and maps with string keys always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// From JSON.
    ///
    /// # Errors
    /// [`Error::Syntax`], and as [`validate`](Self::validate).
    pub fn from_json(json: &str) -> Result<Self> {
        let what = || "the configuration of a model for several tasks".to_string();
        let found: Self =
            serde_json::from_str(json).map_err(|source| Error::Syntax { what: what(), source })?;
        found.validate()?;
        Ok(found)
    }

    /// A model around a backbone, as [`SegmentationConfig::init`] makes one for a single task.
    ///
    /// # Errors
    /// As [`validate`](Self::validate) and [`SegmentationConfig::init`].
    pub fn init(&self, backbone: Backbone, device: &Device) -> Result<MultiTaskModel> {
        self.validate()?;
        let [first, others @ ..] = self.tasks.as_slice() else {
            return Err(config("tasks", "at least one", "none"));
        };
        let SegmentationModel { backbone, prompts, tokens, superpixels, decoder, .. } =
            self.alone(first).init(backbone, device)?;
        let others = others.iter().map(|task| self.alone(task).decoder(device));
        let decoders = std::iter::once(decoder).chain(others).collect();
        Ok(MultiTaskModel { backbone, prompts, tokens, superpixels, decoders, config: self.clone() })
    }

    /// The configuration of a model for one of the tasks.
    fn alone(&self, task: &TaskConfig) -> SegmentationConfig {
        SegmentationConfig {
            backbone: self.backbone.clone(),
            adaptation: self.adaptation.clone(),
            classes: task.classes,
            decoder_width: self.decoder_width,
            dropout: self.dropout,
            image_mean: self.image_mean,
            image_std: self.image_std,
            readout: None,
            detail: None,
        }
    }
}

/// One backbone and one set of prompts, with a decoder for each of several tasks.
///
/// What is shared learns from all tasks; a decoder from its own alone. Made by [`MultiTaskConfig::init`] and trained by
/// [`Trainer::step_tasks`](crate::training::Trainer::step_tasks); [`task`](Self::task) gives a [`SegmentationModel`] of one task.
///
/// ```
/// use medprompt::{Adaptation, BackboneConfig};
/// use medprompt::model::{MultiTaskConfig, TaskConfig};
/// # use mednn::MitConfig;
/// # let device = mednn::Backend::Flex.open()?.device().clone();
/// let tasks = vec![TaskConfig::new("nuclei", 1), TaskConfig::new("organs", 5)];
/// let backbone = BackboneConfig::Mit(MitConfig::b0());
/// let config = MultiTaskConfig::new(backbone.clone(), Adaptation::evp(), tasks);
/// let model = config.init(backbone.init(&device), &device)?;
/// let images = burn::tensor::Tensor::zeros([1, 3, 64, 64], &device);
/// assert_eq!(model.segment("organs", images)?.dims(), [1, 5, 64, 64]);
/// # Ok::<(), medprompt::Error>(())
/// ```
#[derive(Module, Debug)]
pub struct MultiTaskModel {
    pub(super) backbone: Backbone,
    prompts: Option<VisualPrompts>,
    tokens: Option<PromptTokens>,
    superpixels: Option<SuperpixelNetwork>,
    decoders: Vec<Decoder>,
    #[module(skip)]
    pub(super) config: MultiTaskConfig,
}

impl MultiTaskModel {
    /// Logits of images for one task.
    ///
    /// # Shapes
    /// - `images`: from 0 to 1, `[batch, 3, height, width]`
    /// - output: `[batch, classes of the task, height, width]`
    ///
    /// # Errors
    /// [`Error::Config`] for a task that is not there; as [`SegmentationModel::segment`].
    pub fn segment(&self, task: &str, images: Tensor<4>) -> Result<Tensor<4>> {
        let task = self.index(task)?;
        self.adapted().check(&images)?;
        let guides = self.guides(&images)?;
        Ok(self.forward(task, images, guides))
    }

    /// Images of hand-crafted features, as [`SegmentationModel::guides`]: the same for all tasks.
    ///
    /// # Errors
    /// As [`SegmentationModel::segment`].
    pub fn guides(&self, images: &Tensor<4>) -> Result<Option<Tensor<4>>> {
        self.guides_from(images, self.superpixels(images).as_ref())
    }

    /// The same of the superpixels that the network has made of these images.
    pub(crate) fn guides_from(
        &self,
        images: &Tensor<4>,
        superpixels: Option<&SoftSuperpixels>,
    ) -> Result<Option<Tensor<4>>> {
        self.adapted().guides(images, superpixels)
    }

    /// The superpixels of the network that tasks share, as [`SegmentationModel::superpixels`].
    pub fn superpixels(&self, images: &Tensor<4>) -> Option<SoftSuperpixels> {
        self.adapted().superpixels(images)
    }

    /// Logits of images for the task of an index, without checking them.
    ///
    /// # Shapes
    /// - `images`, `guides`: as [`SegmentationModel::forward`] takes them
    /// - output: `[batch, classes of the task, height, width]`
    ///
    /// # Panics
    /// On shapes that [`segment`](Self::segment) refuses, and on an index that is not below the number of tasks.
    pub fn forward(&self, task: usize, images: Tensor<4>, guides: Option<Tensor<4>>) -> Tensor<4> {
        let [_, _, height, width] = images.dims();
        let maps = self.adapted().forward(images, guides);
        resize_bilinear(self.decoders[task].forward(maps), [height, width])
    }

    /// Checks images for [`forward`](Self::forward).
    ///
    /// # Errors
    /// [`Error::Shape`].
    pub fn check(&self, images: &Tensor<4>) -> Result<()> {
        self.adapted().check(images)
    }

    /// A model of one task, which shares the weights of this one until either is trained.
    ///
    /// # Errors
    /// [`Error::Config`] for a task that is not there.
    pub fn task(&self, name: &str) -> Result<SegmentationModel> {
        let index = self.index(name)?;
        Ok(SegmentationModel {
            backbone: self.backbone.clone(),
            prompts: self.prompts.clone(),
            tokens: self.tokens.clone(),
            superpixels: self.superpixels.clone(),
            decoder: self.decoders[index].clone(),
            detail: None,
            config: self.config.alone(&self.config.tasks[index]),
        })
    }

    /// Which task has a name.
    ///
    /// # Errors
    /// [`Error::Config`] when none has.
    pub fn index(&self, name: &str) -> Result<usize> {
        let names = || self.tasks().iter().map(|task| task.name.as_str());
        let found = names().position(|known| known == name);
        found
            .ok_or_else(|| config("task", format!("one of {}", names().collect::<Vec<_>>().join(", ")), name))
    }

    /// The tasks.
    pub fn tasks(&self) -> &[TaskConfig] {
        &self.config.tasks
    }

    /// The configuration it was made by.
    pub const fn config(&self) -> &MultiTaskConfig {
        &self.config
    }

    /// The backbone.
    pub const fn backbone(&self) -> &Backbone {
        &self.backbone
    }

    /// The visual prompts, if the adaptation has them.
    pub const fn prompts(&self) -> Option<&VisualPrompts> {
        self.prompts.as_ref()
    }

    /// The decoders, in the order of the tasks.
    pub fn decoders(&self) -> &[Decoder] {
        &self.decoders
    }

    /// How many numbers training changes by gradients.
    pub fn trained_parameters(&self) -> usize {
        trained_parameters(self)
    }

    const fn adapted(&self) -> AdaptedBackbone<'_> {
        AdaptedBackbone {
            backbone: &self.backbone,
            prompts: self.prompts.as_ref(),
            tokens: self.tokens.as_ref(),
            superpixels: self.superpixels.as_ref(),
            adaptation: &self.config.adaptation,
            image_mean: self.config.image_mean,
            image_std: self.config.image_std,
        }
    }
}

//! Arguments that say what is learnt from, and what learns.

use std::path::PathBuf;

use burn::tensor::Device;
use clap::{Args, ValueEnum};
use mednn::MitConfig;
use medprompt::data::{Classes, Split, split_by_group, subset_by_group};
use medprompt::inference::{Preprocessor, SegmentOptions, Usage};
use medprompt::model::{DetailConfig, MultiTaskConfig, TaskConfig};
use medprompt::prompts::VisualPromptsConfig;
use medprompt::superpixel::{
    ReadoutConfig, SlicConfig, SuperpixelNetworkConfig, SuperpixelPyramid, SuperpixelSource,
};
use medprompt::training::{Augmentation, Loss, TrainingConfig};
use medprompt::{Adaptation, Backbone, BackboneConfig, PromptInput, SegmentationConfig};
use serde::Serialize;

use super::coco_folder::read_coco;
use super::item::{Cutting, Item};
use super::manifest::{Manifest, Side};
use super::pairs::read_pairs;
use super::settings::whole;
use super::slices::{SlicePlane, Slicing, read_volumes};
use crate::error::{Error, Result};
use crate::picture::evenly_spaced;

/// What the files are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataKind {
    /// Images (PNG, JPEG) and PNG masks with equal names, in two folders.
    #[default]
    Folder,
    /// Images (PNG, JPEG) in a folder, and a file of annotations in COCO's format.
    Coco,
    /// Volumes and label maps with equal names (NIfTI, NRRD, MetaImage), in two folders; or one file each.
    Nifti,
}

/// The data.
#[derive(Args, Debug, Clone, Serialize)]
pub struct DataArgs {
    /// What the files are.
    #[arg(long, value_enum, default_value_t)]
    pub kind: DataKind,
    /// Folder of the images, or of the volumes.
    #[arg(long)]
    pub images: PathBuf,
    /// Folder of the masks, or of the label maps; the file of annotations.
    #[arg(long)]
    pub masks: PathBuf,
    /// CSV with the columns id, and split (train, val) or patient or both; what is not in it is left out.
    #[arg(long)]
    pub manifest: Option<PathBuf>,
    /// Number of classes, background included, whose indices the masks hold; without it and --labels, all but 0 is one class.
    #[arg(long, conflicts_with = "labels")]
    pub classes: Option<usize>,
    /// Values of the masks that are a class, as in 1,2+3: class 1 is value 1, class 2 is 2 and 3, all else is background.
    #[arg(long)]
    pub labels: Option<String>,
    /// What the classes are called, the background left out, as in liver,spleen; COCO's categories are called as in their file.
    #[arg(long, value_delimiter = ',')]
    #[serde(skip)]
    pub names: Vec<String>,
    /// For COCO: regions of several objects that nobody told apart count too.
    #[arg(long)]
    pub crowds: bool,
    /// Share of the images (patients, volumes) that is held out, where the manifest does not say.
    #[arg(long, default_value_t = 0.2)]
    pub held_out: f64,
    /// At most so many held-out items are scored, evenly spaced.
    #[arg(long)]
    pub held_out_limit: Option<usize>,
    /// Part of the training images (patients, volumes) that is used.
    #[arg(long, default_value_t = 1.0)]
    #[serde(skip)]
    pub fraction: f64,
    /// Images with a longer side are made smaller.
    #[arg(long)]
    pub max_side: Option<usize>,
    /// Continues images that are not square by zeros.
    #[arg(long)]
    pub square: bool,
    /// Cuts images into squares of this side.
    #[arg(long)]
    pub tile: Option<usize>,
    /// At most so many tiles of an image.
    #[arg(long, requires = "tile")]
    pub tiles: Option<usize>,
    /// For volumes: how slices lie.
    #[arg(long, value_enum, default_value_t)]
    pub plane: SlicePlane,
    /// For volumes: the values that become black and white, as in -160,240; without it, percentiles.
    #[arg(long, value_delimiter = ',', allow_hyphen_values = true)]
    pub window: Vec<f32>,
    /// For volumes: slices of background alone count too.
    #[arg(long)]
    pub empty_slices: bool,
    /// For volumes: so many neighbouring slices are held out or trained on as one, in place of the whole volume.
    #[arg(long)]
    pub block: Option<usize>,
}

/// Items on both sides.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// To learn from.
    pub training: Vec<Item>,
    /// To score on.
    pub held_out: Vec<Item>,
    /// Channels of the logits of a model for them.
    pub channels: usize,
    /// Names of the classes, the background first; empty where they are not known.
    pub class_names: Vec<String>,
}

impl DataArgs {
    /// The classes of the masks.
    ///
    /// # Errors
    /// [`Error::Unfit`] for labels that are no numbers, [`Error::Segmentation`] for classes that cannot be.
    pub fn classes(&self) -> Result<Classes> {
        let classes = match (&self.labels, self.classes) {
            (Some(labels), _) => Classes::Groups(labels.split(',').map(values).collect::<Result<_>>()?),
            (None, Some(count)) if count > 1 => Classes::Indices(count),
            _ => Classes::Foreground,
        };
        classes.validate()?;
        Ok(classes)
    }

    /// Reads all items and splits them; `seed` chooses what is held out, where the manifest does not say.
    ///
    /// # Errors
    /// As [`read_pairs`] and [`read_volumes`]; [`Error::Unfit`] when one side is empty.
    pub fn read(&self, seed: u64) -> Result<Dataset> {
        let manifest = self.manifest.as_deref().map(Manifest::read).transpose()?;
        let classes = self.classes()?;
        let cutting = self.cutting();
        let mut names = self.names.clone();
        let mut channels = classes.channels();
        let items = match self.kind {
            DataKind::Coco => {
                let (items, categories) =
                    read_coco(&self.images, &self.masks, manifest.as_ref(), self.crowds, &cutting)?;
                channels = if categories.len() > 1 { categories.len() + 1 } else { 1 };
                names = if names.is_empty() { categories } else { names };
                items
            }
            DataKind::Folder => read_pairs(&self.images, &self.masks, manifest.as_ref(), &classes, &cutting)?,
            DataKind::Nifti => {
                let slicing = self.slicing()?;
                read_volumes(&self.images, &self.masks, manifest.as_ref(), &classes, &slicing, &cutting)?
            }
        };
        let Split { training, held_out } = self.split(&items, seed)?;
        let chosen: Vec<usize> = match self.held_out_limit {
            Some(limit) => evenly_spaced(held_out.len(), limit).into_iter().map(|i| held_out[i]).collect(),
            None => held_out,
        };
        let take = |indices: &[usize]| indices.iter().map(|&i| items[i].clone()).collect::<Vec<_>>();
        let class_names = with_background(names, channels)?;
        let found = Dataset { training: take(&training), held_out: take(&chosen), channels, class_names };
        if found.training.is_empty() || found.held_out.is_empty() {
            return Err(Error::Unfit {
                what: "the split",
                expected: "items to train on and items to score on".into(),
                found: format!("{} and {}", found.training.len(), found.held_out.len()),
            });
        }
        Ok(found)
    }

    /// What tells these data from others; not what classes are called, nor the part that is trained on.
    pub fn settings(&self) -> serde_json::Value {
        let manifest = self.manifest.as_deref().map(whole);
        let whole = Self { images: whole(&self.images), masks: whole(&self.masks), manifest, ..self.clone() };
        // Fails for paths that are no text alone.
        serde_json::to_value(whole).unwrap_or_default()
    }

    /// The same wherever the files lie.
    pub fn settings_without_paths(&self) -> serde_json::Value {
        let mut settings = self.settings();
        if let Some(fields) = settings.as_object_mut() {
            fields.retain(|name, _| !["images", "masks", "manifest"].contains(&name.as_str()));
        }
        settings
    }

    /// How images and slices are cut to size.
    pub fn cutting(&self) -> Cutting {
        Cutting { max_side: self.max_side, square: self.square, tile: self.tile, tiles: self.tiles }
    }

    /// How volumes become slices.
    ///
    /// # Errors
    /// [`Error::Unfit`] for a window that is none.
    pub fn slicing(&self) -> Result<Slicing> {
        let (plane, window) = (self.plane, self.window()?);
        Ok(Slicing { plane, window, empty: self.empty_slices, block: self.block })
    }

    /// How a model is to be used that saw these data as squares of `size` pixels: values, orientation and scale as they were.
    ///
    /// # Errors
    /// As [`slicing`](Self::slicing).
    pub fn usage(&self, size: usize, class_names: Vec<String>) -> Result<Usage> {
        let options =
            SegmentOptions::new().with_window(size).with_resizing(Some(self.cutting().resizing(size)));
        let options = match self.kind {
            DataKind::Folder | DataKind::Coco => options,
            DataKind::Nifti => {
                let slicing = self.slicing()?;
                options
                    .with_preprocessor(Preprocessor::new().with_intensity(slicing.intensity()))
                    .with_orientation(Some(slicing.plane.orientation().to_string()))
            }
        };
        Ok(Usage::new(options).with_class_names(class_names))
    }

    fn window(&self) -> Result<Option<[f32; 2]>> {
        match self.window[..] {
            [] => Ok(None),
            [low, high] if low < high && low.is_finite() && high.is_finite() => Ok(Some([low, high])),
            _ => Err(Error::Unfit {
                what: "--window",
                expected: "a low and a high value, as in -160,240".into(),
                found: format!("{:?}", self.window),
            }),
        }
    }

    fn split(&self, items: &[Item], seed: u64) -> Result<Split> {
        let sides: Vec<Option<Side>> = items.iter().map(|item| item.source.side).collect();
        if sides.iter().all(Option::is_none) {
            let groups: Vec<&str> = items.iter().map(|item| item.source.group.as_str()).collect();
            return Ok(split_by_group(&groups, self.held_out, seed)?);
        }
        let of = |side| (0..items.len()).filter(|i| sides[*i] == Some(side)).collect();
        Ok(Split { training: of(Side::Training), held_out: of(Side::HeldOut) })
    }
}

impl Dataset {
    /// The training items of a part of the groups.
    ///
    /// # Errors
    /// [`Error::Segmentation`] for a fraction that cannot be.
    pub fn fraction(&self, fraction: f64, seed: u64) -> Result<Vec<Item>> {
        let groups: Vec<&str> = self.training.iter().map(|item| item.source.group.as_str()).collect();
        let chosen = subset_by_group(&groups, fraction, seed)?;
        Ok(chosen.into_iter().map(|i| self.training[i].clone()).collect())
    }
}

/// Names of all classes of a model with so many logits, or none.
fn with_background(names: Vec<String>, channels: usize) -> Result<Vec<String>> {
    let classes = channels.max(2);
    match names.len() {
        0 => Ok(Vec::new()),
        named if named + 1 == classes => Ok(std::iter::once("background".to_string()).chain(names).collect()),
        named => Err(Error::Unfit {
            what: "--names",
            expected: format!("{}, one for each class but the background", classes - 1),
            found: named.to_string(),
        }),
    }
}

fn values(text: &str) -> Result<Vec<u32>> {
    let number = |text: &str| {
        text.trim().parse().map_err(|_| Error::Unfit {
            what: "--labels",
            expected: "numbers, as in 1,2+3".into(),
            found: text.into(),
        })
    };
    text.split('+').map(number).collect()
}

/// Ways to adapt, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Arm {
    /// The decoder alone.
    None,
    /// Visual prompts from high frequencies: EVP.
    Fft,
    /// Visual prompts from SLIC superpixels.
    Slic,
    /// Visual prompts from means, texture and borders of SLIC superpixels.
    Maps,
    /// Visual prompts from a superpixel sampling network.
    Ssn,
    /// Prompt tokens.
    Tokens,
    /// Low-rank adaptation.
    Lora,
    /// All weights.
    Full,
}

/// What reaches the logits at the resolution of the image, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Detail {
    /// The image itself.
    Image,
    /// High frequencies.
    Fft,
    /// Means of SLIC superpixels.
    Slic,
    /// Means, texture and borders of SLIC superpixels.
    Maps,
    /// Means of SLIC superpixels at several scales.
    Pyramid,
    /// The same, with the decoder's features averaged over the superpixels too.
    Pooled,
    /// The image itself and all that `pooled` has.
    Both,
}

impl Arm {
    /// Its name on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_string())
    }
}

/// The model.
#[derive(Args, Debug, Clone)]
pub struct ModelArgs {
    /// Folder of a published backbone (config.json, model.safetensors), or of a config.json alone for random weights; without it, a small
    /// random Mix Transformer.
    #[arg(long)]
    pub backbone: Option<PathBuf>,
    /// EVP's r: the width of the backbone in widths of the prompts.
    #[arg(long, default_value_t = 4)]
    pub reduction: usize,
    /// Attention on prompts from superpixels (MVP).
    #[arg(long)]
    pub gated: bool,
    /// About how many superpixels an image has.
    #[arg(long, default_value_t = 100)]
    pub segments: usize,
    /// SLIC's compactness.
    #[arg(long, default_value_t = 10.0)]
    pub compactness: f64,
    /// What reaches the logits at the resolution of the image.
    #[arg(long, value_enum)]
    pub detail: Option<Detail>,
    /// How much the mean logits of a superpixel count beside those of the pixel, from 0 to 1.
    #[arg(long)]
    pub readout: Option<f64>,
    /// About how many superpixels the levels of a pyramid have.
    #[arg(long, value_delimiter = ',', default_value = "600,150,40")]
    pub pyramid: Vec<usize>,
    /// Channels of the head for details.
    #[arg(long, default_value_t = 16)]
    pub detail_width: usize,
    /// Width of the decoder.
    #[arg(long, default_value_t = 128)]
    pub decoder_width: usize,
    /// Dropout before the classifier.
    #[arg(long, default_value_t = 0.1)]
    pub dropout: f64,
}

impl ModelArgs {
    /// The backbone with its configuration and name.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Segmentation`].
    pub fn backbone(&self, device: &Device) -> Result<(Backbone, BackboneConfig, String)> {
        let (config, name) = self.backbone_config()?;
        let backbone = match &self.backbone {
            Some(folder) if folder.join("model.safetensors").exists() => {
                Backbone::from_pretrained(folder, device)?
            }
            _ => config.init(device),
        };
        Ok((backbone, config, name))
    }

    /// The configuration of the backbone, and its name.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Segmentation`].
    pub fn backbone_config(&self) -> Result<(BackboneConfig, String)> {
        let Some(folder) = &self.backbone else {
            return Ok((BackboneConfig::Mit(small_mit()), "random Mix Transformer".into()));
        };
        let path = folder.join("config.json");
        let json = std::fs::read_to_string(&path).map_err(|source| Error::Io { path, source })?;
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok((BackboneConfig::from_hugging_face(&json)?, name))
    }

    /// The model of an arm.
    pub fn config(
        &self,
        backbone: BackboneConfig,
        arm: Arm,
        detail: Option<Detail>,
        readout: Option<f64>,
        channels: usize,
    ) -> SegmentationConfig {
        let readout = readout.map(|weight| ReadoutConfig::new().with_slic(self.slic()).with_weight(weight));
        SegmentationConfig::new(backbone, self.adaptation(arm), channels)
            .with_decoder_width(self.decoder_width)
            .with_dropout(self.dropout)
            .with_readout(readout)
            .with_detail(detail.map(|detail| {
                DetailConfig::new(self.input(detail))
                    .with_pooled(matches!(detail, Detail::Pooled | Detail::Both))
                    .with_width(self.detail_width)
            }))
    }

    /// One model of an arm for several tasks.
    ///
    /// # Errors
    /// [`Error::Unfit`] with details or a readout, which such models do not have.
    pub fn multi_task(
        &self,
        backbone: BackboneConfig,
        arm: Arm,
        tasks: Vec<TaskConfig>,
    ) -> Result<MultiTaskConfig> {
        if self.detail.is_some() || self.readout.is_some() {
            return Err(Error::Unfit {
                what: "a model for several tasks",
                expected: "neither --detail nor --readout".into(),
                found: "one of them".into(),
            });
        }
        let config = MultiTaskConfig::new(backbone, self.adaptation(arm), tasks)
            .with_decoder_width(self.decoder_width)
            .with_dropout(self.dropout);
        config.validate()?;
        Ok(config)
    }

    fn slic(&self) -> SlicConfig {
        SlicConfig::new().with_segments(self.segments).with_compactness(self.compactness)
    }

    fn levels(&self) -> SuperpixelPyramid {
        SuperpixelPyramid::new().with_segments(self.pyramid.clone()).with_compactness(self.compactness)
    }

    fn input(&self, detail: Detail) -> PromptInput {
        match detail {
            Detail::Image => PromptInput::Image,
            Detail::Fft => PromptInput::high_pass(),
            Detail::Slic => PromptInput::Superpixels(SuperpixelSource::Slic(self.slic())),
            Detail::Maps => PromptInput::SuperpixelMaps(self.slic()),
            Detail::Pyramid | Detail::Pooled => PromptInput::SuperpixelPyramid(self.levels()),
            Detail::Both => PromptInput::ImageAndPyramid(self.levels()),
        }
    }

    fn adaptation(&self, arm: Arm) -> Adaptation {
        let prompts = VisualPromptsConfig::new().with_scale(self.reduction);
        let slic = self.slic();
        let superpixels = |source| Adaptation::VisualPrompts {
            input: PromptInput::Superpixels(source),
            prompts: prompts.clone().with_gated(self.gated),
        };
        match arm {
            Arm::None => Adaptation::HeadOnly,
            Arm::Fft => {
                Adaptation::VisualPrompts { input: PromptInput::high_pass(), prompts: prompts.clone() }
            }
            Arm::Slic => superpixels(SuperpixelSource::Slic(slic)),
            Arm::Maps => {
                let prompts = prompts.clone().with_gated(self.gated);
                Adaptation::VisualPrompts { input: PromptInput::SuperpixelMaps(slic), prompts }
            }
            Arm::Ssn => superpixels(SuperpixelSource::Network(
                SuperpixelNetworkConfig::new().with_segments(self.segments),
            )),
            Arm::Tokens => Adaptation::PromptTokens { count: 10 },
            Arm::Lora => Adaptation::Lora(medprompt::model::LoraConfig::new()),
            Arm::Full => Adaptation::Full,
        }
    }
}

/// 1.1 million parameters with its decoder of width 128: what a CPU trains in minutes.
fn small_mit() -> MitConfig {
    MitConfig::new([16, 32, 80, 128], [2, 2, 2, 2]).with_num_attention_heads([1, 2, 5, 8])
}

/// Losses by name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossName {
    /// Cross-entropy.
    CrossEntropy,
    /// Cross-entropy in which all classes weigh the same.
    Balanced,
    /// Soft intersection over union.
    Iou,
    /// Dice.
    Dice,
    /// Focal loss.
    Focal,
    /// Cross-entropy and soft intersection over union.
    CrossEntropyIou,
    /// Cross-entropy and Dice.
    #[default]
    CrossEntropyDice,
}

impl LossName {
    /// The loss.
    pub fn loss(self) -> Loss {
        match self {
            Self::CrossEntropy => Loss::CrossEntropy,
            Self::Balanced => Loss::BalancedCrossEntropy,
            Self::Iou => Loss::SoftIou,
            Self::Dice => Loss::Dice,
            Self::Focal => Loss::Focal { gamma: 2.0, alpha: None },
            Self::CrossEntropyIou => Loss::cross_entropy_and_iou(),
            Self::CrossEntropyDice => Loss::cross_entropy_and_dice(),
        }
    }
}

/// The steps.
#[derive(Args, Debug, Clone, Serialize)]
pub struct StepArgs {
    /// Side of the images that the model sees, in pixels.
    #[arg(long, default_value_t = 224)]
    pub size: usize,
    /// Images of a step.
    #[arg(long, default_value_t = 8)]
    pub batch: usize,
    /// Highest learning rate; it falls along half a cosine.
    #[arg(long, default_value_t = 5e-4)]
    #[serde(skip)]
    pub learning_rate: f64,
    /// The learning rate where all weights are trained, in comparisons of arms.
    #[arg(long, default_value_t = 1e-4)]
    #[serde(skip)]
    pub full_learning_rate: f64,
    /// What becomes small.
    #[arg(long, value_enum, default_value_t)]
    pub loss: LossName,
    /// Weight of the loss of superpixels (with `ssn`): they then follow the labels, and not only what helps the prompts.
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub superpixel_loss: Option<f64>,
    /// What is cut out for a step is from this part of the largest fitting square up to all of it.
    #[arg(long, default_value_t = 0.7)]
    pub min_zoom: f64,
    /// No mirror images and quarter turns, for what has an upper and a left side.
    #[arg(long)]
    pub upright: bool,
}

impl StepArgs {
    /// The learning rate of an arm.
    pub fn rate(&self, arm: Arm) -> f64 {
        if arm == Arm::Full { self.full_learning_rate } else { self.learning_rate }
    }

    /// A training of so many steps in all.
    pub fn training(&self, steps: usize, rate: f64, seed: u64) -> TrainingConfig {
        TrainingConfig::new(steps)
            .with_batch(self.batch)
            .with_learning_rate(rate)
            .with_loss(self.loss.loss())
            .with_superpixel_weight(self.superpixel_loss)
            .with_seed(seed)
    }

    /// The random changes.
    pub fn augmentation(&self) -> Augmentation {
        Augmentation::new([self.size, self.size])
            .with_min_zoom(self.min_zoom)
            .with_flips(!self.upright)
            .with_quarter_turns(!self.upright)
    }
}

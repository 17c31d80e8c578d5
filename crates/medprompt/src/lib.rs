//! Segmentation that learns from little, on a frozen backbone.
//!
//! A backbone that was trained on many images, a [Mix Transformer](mednn::mit) or a [vision transformer](mednn::vit) such as DINOv2,
//! stays as it is. What is trained is a decoder, and something small that adapts the backbone: as a rule explicit visual prompts
//! ([`prompts`]), which are made of the image's high frequencies (EVP, arXiv 2303.10883) or of its superpixels (after MVP, arXiv 2404.01127).
//! Only that is saved: a file of a few MB that names its backbone and checks its hash.
//!
//! | concept | where |
//! |---|---|
//! | backbone, adaptation, decoder | [`SegmentationConfig`], [`SegmentationModel`] |
//! | several tasks over one backbone | [`MultiTaskConfig`], [`MultiTaskModel`] |
//! | ways to adapt: none, prompts, prompt tokens, LoRA, all | [`Adaptation`] |
//! | visual prompts: EVP, and MVP's attention | [`prompts`] |
//! | high frequencies | [`high_pass`](high_pass()) |
//! | superpixels: SLIC, and differentiable ones (SSN) | [`superpixel`] |
//! | losses, augmentation, optimiser, exact resume | [`training`] |
//! | images and volumes of any size, clicks and boxes | [`inference`] |
//! | models used as they were trained: values, orientation, scale, names | [`inference::Usage`] |
//! | annotations, classes and splits of data sets | [`data`] |
//! | files of what was trained | [`TrainedWeights`], [`SegmentationModel::save_segformer`] |
//!
//! ```
//! use burn::tensor::Tensor;
//! use medprompt::{Adaptation, BackboneConfig, SegmentationConfig};
//! use mednn::MitConfig;
//! # if let Ok(opened) = mednn::Backend::Flex.open() {
//! # let device = opened.device();
//! let config = SegmentationConfig::new(BackboneConfig::Mit(MitConfig::b0()), Adaptation::evp(), 1);
//! // Random here; `Backbone::from_pretrained` loads published weights.
//! let backbone = config.backbone.init(device);
//! let model = config.init(backbone, device)?;
//! let logits = model.segment(Tensor::zeros([1, 3, 64, 64], device))?;
//! assert_eq!(logits.dims(), [1, 1, 64, 64]);
//! # }
//! # Ok::<(), medprompt::Error>(())
//! ```

pub mod data;
mod error;
mod high_pass;
pub mod inference;
pub mod model;
pub mod prompts;
mod resample;
pub mod superpixel;
pub mod training;

pub use error::{Error, Result};
pub use high_pass::{high_pass, high_pass_batch, high_pass_line};
pub use inference::PromptSegmenter;
pub use model::{
    Adaptation, Backbone, BackboneConfig, MultiTaskConfig, MultiTaskModel, MultiTaskWeights, PromptInput,
    SegmentationConfig, SegmentationModel, TrainedWeights,
};

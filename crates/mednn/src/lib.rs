//! Neural networks on [burn](https://burn.dev) for medical images.
//!
//! | concept | where |
//! |---|---|
//! | choosing a device by name | [`Backend`], [`OpenDevice`] |
//! | volumes and images to tensors and back | [`bridge`] |
//! | published weights, strictly | [`weights`] |
//! | vision transformers: ViT, DINO, DINOv2 | [`vit`] |
//! | residual networks: ResNet-18 to 152 | [`resnet`] |
//! | detection transformers: DETR and its parts | [`detr`] |
//! | Mix Transformers, MiT-B0 to B5 | [`mit`] |
//! | SegFormer: semantic segmentation | [`segformer`] |
//! | BERT, on token ids or on embeddings | [`bert`] |
//! | RoBERTa | [`roberta`] |
//! | ModernBERT | [`modernbert`] |
//! | phrases to vectors, by any of the three | [`text`] (tokenisers: Cargo feature `text`) |
//! | shared layers | [`layers`] |
//! | optimisers, to train (Cargo feature `optim`) | `optim` |
//! | operations with a faster form on the CPU | [`ops`] |
//! | inference in 8 bits on the CPU | [`int8`] |
//!
//! No backend is compiled in by default: an application enables `flex`, `ndarray`, `wgpu` or `cuda`. Library code takes a
//! `&Device` and never picks one.

pub mod bert;
pub mod bridge;
pub mod detr;
mod device;
mod error;
pub mod int8;
pub mod layers;
pub mod mit;
pub mod modernbert;
pub mod ops;
#[cfg(feature = "optim")]
pub mod optim;
pub mod resnet;
pub mod roberta;
pub mod segformer;
pub mod text;
pub mod vit;
pub mod weights;

/// The burn that this crate is built on: its types are in the signatures here.
pub use burn;
pub use device::{Backend, OpenDevice};
pub use error::{Error, Result};
pub use mit::{Mit, MitConfig, MitOutput};
pub use segformer::{Segformer, SegformerConfig, SegformerOutput};
pub use vit::{Vit, VitConfig, VitOutput};

//! Neural networks on [burn](https://burn.dev) for medical images.
//!
//! | concept | where |
//! |---|---|
//! | choosing a device by name | [`Backend`], [`OpenDevice`] |
//! | volumes and images to tensors and back | [`bridge`] |
//! | published weights, strictly | [`weights`] |
//! | vision transformers: ViT, DINO, DINOv2 | [`vit`] |
//! | BERT, on token ids or on embeddings | [`bert`] |
//! | RoBERTa | [`roberta`] |
//! | ModernBERT | [`modernbert`] |
//! | phrases to vectors, by any of the three | [`text`] (tokenisers: Cargo feature `text`) |
//! | shared layers | [`layers`] |
//!
//! No backend is compiled in by default: an application enables `flex`, `ndarray`, `wgpu` or `cuda`. Library code takes a
//! `&Device` and never picks one.

pub mod bert;
pub mod bridge;
mod device;
mod error;
pub mod layers;
pub mod modernbert;
pub mod roberta;
pub mod text;
pub mod vit;
pub mod weights;

/// The burn that this crate is built on: its types are in the signatures here.
pub use burn;
pub use device::{Backend, OpenDevice};
pub use error::{Error, Result};
pub use vit::{Vit, VitConfig, VitOutput};

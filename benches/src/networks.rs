//! The networks that `bench-network` runs, each with what goes in.

use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use clap::ValueEnum;
use mednn::bert::{Bert, BertConfig, BertEncoder};
use mednn::resnet::ResNet;
use mednn::weights::{self, Strictness, WeightSource};
use mednn::{Segformer, Vit};

use crate::error::{Error, Result};
use crate::tensors;

/// Which network a folder holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Network {
    /// ViT, DINO, DINOv2: images to tokens.
    Vit,
    /// SegFormer: images to logits.
    Segformer,
    /// BERT: token ids to tokens.
    Bert,
    /// BERT without words, as over the slices of a study: embeddings to tokens.
    Sequence,
    /// ResNet: images to the mean of the last map.
    Resnet,
}

/// A network, its input, and the way from there to `[batch, ..]` of `D` axes.
#[derive(Debug)]
pub struct Workload<M, I, const D: usize> {
    /// The network.
    pub model: M,
    /// What it is given in every run.
    pub input: I,
    /// One forward pass, which refuses input that does not fit.
    pub forward: fn(&M, &I) -> mednn::Result<Tensor<D>>,
}

impl<M: Module, I, const D: usize> Workload<M, I, D> {
    /// Runs the network.
    ///
    /// # Errors
    /// [`Error::Network`] when the input does not fit.
    pub fn run(&self) -> Result<Tensor<D>> {
        Ok((self.forward)(&self.model, &self.input)?)
    }
}

/// Reads a vision transformer and `pixel_values`.
///
/// # Errors
/// [`Error::Network`] on weights that do not fit, and as [`tensors::read`].
pub fn vit(folder: &Path, input: &Path, device: &Device) -> Result<Workload<Vit, Tensor<4>, 3>> {
    let model = Vit::from_pretrained(folder, device)?;
    let input = tensors::read(input, "pixel_values", device)?;
    Ok(Workload { model, input, forward: |vit, images| Ok(vit.encode(images.clone())?.tokens()) })
}

/// Reads a SegFormer and `pixel_values`.
///
/// # Errors
/// As [`vit`].
pub fn segformer(folder: &Path, input: &Path, device: &Device) -> Result<Workload<Segformer, Tensor<4>, 4>> {
    let model = Segformer::from_pretrained(folder, device)?;
    let input = tensors::read(input, "pixel_values", device)?;
    Ok(Workload {
        model,
        input,
        forward: |segformer, images| Ok(segformer.segment(images.clone())?.logits()),
    })
}

/// Reads a BERT and `input_ids`. With `map` the table of words stays in its file.
///
/// # Errors
/// As [`vit`].
pub fn bert(
    folder: &Path,
    input: &Path,
    map: bool,
    device: &Device,
) -> Result<Workload<Bert, Tensor<2, Int>, 3>> {
    let model = if map { bert_of_mapped(folder, device)? } else { Bert::from_pretrained(folder, device)? };
    let input = tensors::read_integers(input, "input_ids", device)?;
    Ok(Workload { model, input, forward: |bert, ids| Ok(bert.forward(ids.clone(), None, None)) })
}

#[allow(unsafe_code)]
fn bert_of_mapped(folder: &Path, device: &Device) -> Result<Bert> {
    let path = folder.join("config.json");
    let config = std::fs::read_to_string(&path).map_err(Error::io(&path))?;
    // SAFETY: the files of a benchmark are its own.
    let source = unsafe { WeightSource::map(folder.join("model.safetensors")) }?;
    Ok(Bert::from_source(&config, source, device)?.0)
}

/// Reads a BERT without its words, and `inputs_embeds`.
///
/// # Errors
/// As [`vit`].
pub fn sequence(folder: &Path, input: &Path, device: &Device) -> Result<Workload<BertEncoder, Tensor<3>, 3>> {
    let path = folder.join("config.json");
    let config = BertConfig::from_hugging_face(&std::fs::read_to_string(&path).map_err(Error::io(&path))?)?;
    let mut source = WeightSource::open(folder.join("model.safetensors"))?;
    let (model, _) = weights::load(config.init(device), &mut source, config.key_map(), Strictness::Exact)?;
    let input = tensors::read(input, "inputs_embeds", device)?;
    Ok(Workload { model, input, forward: |encoder, slices| Ok(encoder.forward(slices.clone(), None)) })
}

/// Reads a ResNet and `pixel_values`. With `fold`, batch norms are folded into the convolutions: for inference.
///
/// # Errors
/// As [`vit`].
pub fn resnet(
    folder: &Path,
    input: &Path,
    device: &Device,
    fold: bool,
) -> Result<Workload<ResNet, Tensor<4>, 2>> {
    let model = ResNet::from_pretrained(folder, device)?;
    let model = if fold { model.fold_batch_norm() } else { model };
    let input = tensors::read(input, "pixel_values", device)?;
    Ok(Workload { model, input, forward: |resnet, images| Ok(resnet.encode(images.clone())?.pooled()) })
}

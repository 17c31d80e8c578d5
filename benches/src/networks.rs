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

/// How weights are read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reading {
    /// Tables of words stay in their file.
    pub map: bool,
    /// Linear layers are in 8 bits, but for those of a decode head: they are folded into each other before anything is multiplied with them.
    pub int8: bool,
}

impl Reading {
    /// The text of the `config.json` of a folder, and its weights.
    fn open(self, folder: &Path) -> Result<(String, WeightSource)> {
        let path = folder.join("config.json");
        let config = std::fs::read_to_string(&path).map_err(Error::io(&path))?;
        let path = folder.join("model.safetensors");
        #[allow(unsafe_code)]
        // SAFETY: the files of a benchmark are its own.
        let source = if self.map { unsafe { WeightSource::map(path) }? } else { WeightSource::open(path)? };
        let source = if self.int8 { source.in_int8(|key| !key.starts_with("decode_head")) } else { source };
        Ok((config, source))
    }
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
pub fn vit(
    folder: &Path,
    input: &Path,
    reading: Reading,
    device: &Device,
) -> Result<Workload<Vit, Tensor<4>, 3>> {
    let (config, source) = reading.open(folder)?;
    let (model, _) = Vit::from_source(&config, source, device)?;
    let input = tensors::read(input, "pixel_values", device)?;
    Ok(Workload { model, input, forward: |vit, images| Ok(vit.encode(images.clone())?.tokens()) })
}

/// Reads a SegFormer and `pixel_values`.
///
/// # Errors
/// As [`vit`].
pub fn segformer(
    folder: &Path,
    input: &Path,
    reading: Reading,
    device: &Device,
) -> Result<Workload<Segformer, Tensor<4>, 4>> {
    let (config, source) = reading.open(folder)?;
    let (model, _) = Segformer::from_source(&config, source, device)?;
    let input = tensors::read(input, "pixel_values", device)?;
    Ok(Workload {
        model,
        input,
        forward: |segformer, images| Ok(segformer.segment(images.clone())?.logits()),
    })
}

/// Reads a BERT and `input_ids`.
///
/// # Errors
/// As [`vit`].
pub fn bert(
    folder: &Path,
    input: &Path,
    reading: Reading,
    device: &Device,
) -> Result<Workload<Bert, Tensor<2, Int>, 3>> {
    let (config, source) = reading.open(folder)?;
    let (model, _) = Bert::from_source(&config, source, device)?;
    let input = tensors::read_integers(input, "input_ids", device)?;
    Ok(Workload { model, input, forward: |bert, ids| Ok(bert.forward(ids.clone(), None, None)) })
}

/// Reads a BERT without its words, and `inputs_embeds`.
///
/// # Errors
/// As [`vit`].
pub fn sequence(
    folder: &Path,
    input: &Path,
    reading: Reading,
    device: &Device,
) -> Result<Workload<BertEncoder, Tensor<3>, 3>> {
    let (config, mut source) = reading.open(folder)?;
    let config = BertConfig::from_hugging_face(&config)?;
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

//! Teaching the sequence model by masked embedding modelling.

use burn::grad_clipping::GradientClippingConfig;
use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Bool, Device, Tensor, TensorData};
use mednn::bert::{BertConfig, BertEncoder};
use mednn::bridge::{array_to_tensor, read_f32};
use mednn::optim::AdamWConfig;
use medslice::{masked_modelling, pad_sequences};
use ndarray::{Array2, s};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::error::Result;
use crate::progress;

/// How the sequence model learns.
#[derive(Debug, Clone)]
pub struct SequenceTraining {
    /// Optimiser steps.
    pub steps: usize,
    /// Sequences per step.
    pub batch: usize,
    /// Learning rate.
    pub learning_rate: f64,
}

/// Trains a sequence model on the slice features `[slices, width]` of several series; each step sees random stretches of them,
/// at random strides and in either direction. Prints the loss beside that of repeating the mean slice.
///
/// # Errors
/// [`Error::Network`](crate::Error::Network) when the device fails.
pub fn train_sequence(
    config: &BertConfig,
    series: &[Array2<f32>],
    settings: &SequenceTraining,
    device: &Device,
) -> Result<BertEncoder> {
    let autodiff = device.clone().autodiff();
    let mut rng = StdRng::seed_from_u64(1);
    let mut model = config.init(&autodiff);
    let mut optimizer =
        AdamWConfig::new().init().with_grad_clipping(GradientClippingConfig::Norm(1.0).init());
    let bar = progress::bar(settings.steps, "sequence");
    let (mut sum, mut mean_sum, mut count) = (0.0, 0.0, 0);
    for step in 0..settings.steps {
        let drawn: Vec<Array2<f32>> = (0..settings.batch).map(|_| stretch(series, &mut rng)).collect();
        let tensors: Vec<Tensor<2>> = drawn.iter().map(|a| array_to_tensor(a, &autodiff)).collect();
        let (features, valid) = pad_sequences(&tensors, &autodiff);
        let hidden = draw_hidden(&drawn, features.dims()[1], &mut rng, &autodiff);
        let input = masked_modelling::hide(features.clone(), hidden.clone());
        let restored = model.forward(input, Some(valid.clone()));
        let loss = masked_modelling::loss(restored, features.clone(), hidden.clone());
        let weight = valid.float().unsqueeze_dim::<3>(2);
        let mean = (features.clone().sum_dim(1) / weight.sum_dim(1)).expand(features.dims());
        mean_sum += read_f32(masked_modelling::loss(mean, features, hidden))?[0];
        sum += read_f32(loss.clone())?[0];
        count += 1;
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        let rate = settings.learning_rate * (1.0 - step as f64 / settings.steps as f64).max(0.02);
        model = optimizer.step(rate, model, gradients);
        bar.inc(1);
        if (step + 1) % 100 == 0 || step + 1 == settings.steps {
            let (ours, mean) = (sum / count as f32, mean_sum / count as f32);
            bar.suspend(|| {
                println!("step {:4}: hidden slices off by {ours:.2} (mean slice {mean:.2})", step + 1)
            });
            (sum, mean_sum, count) = (0.0, 0.0, 0);
        }
    }
    bar.finish_and_clear();
    Ok(model.valid())
}

/// A random stretch of a random series, forwards or backwards, with a stride of 1 to 3.
fn stretch(series: &[Array2<f32>], rng: &mut StdRng) -> Array2<f32> {
    const LONGEST: usize = 96;
    let whole = &series[rng.random_range(0..series.len())];
    let stride = rng.random_range(1..=3usize).min(whole.nrows().div_ceil(8).max(1));
    let possible = whole.nrows().div_ceil(stride);
    let length = rng.random_range(possible.min(8)..=possible.min(LONGEST));
    let start = rng.random_range(0..=(whole.nrows() - ((length - 1) * stride + 1)));
    let end = start + (length - 1) * stride + 1;
    let mut part = whole.slice(s![start..end;stride, ..]).to_owned();
    if rng.random_bool(0.5) {
        part.invert_axis(ndarray::Axis(0));
    }
    part.as_standard_layout().into_owned()
}

/// Which slices are hidden `[batch, longest]`: each with MS-VLM's probability, and at least one per batch.
fn draw_hidden(
    sequences: &[Array2<f32>],
    longest: usize,
    rng: &mut StdRng,
    device: &Device,
) -> Tensor<2, Bool> {
    let mut hidden = vec![false; sequences.len() * longest];
    for (row, sequence) in hidden.chunks_exact_mut(longest).zip(sequences) {
        for slice in &mut row[..sequence.nrows()] {
            *slice = rng.random_bool(masked_modelling::MASK_PROBABILITY);
        }
    }
    hidden[0] |= !hidden.contains(&true);
    Tensor::from_data(TensorData::new(hidden, [sequences.len(), longest]), device)
}

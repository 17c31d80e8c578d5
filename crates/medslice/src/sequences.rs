//! Batches of sequences of unequal length.

use burn::tensor::{Bool, Device, Tensor, TensorData};

/// Sequences `[length, width]` as one batch, filled up with zeros, and where it is real.
///
/// # Shapes
/// - output: `[batch, longest, width]` and `[batch, longest]`, true where an element is real
///
/// # Panics
/// When there is no sequence or their widths differ.
pub fn pad_sequences(sequences: &[Tensor<2>], device: &Device) -> (Tensor<3>, Tensor<2, Bool>) {
    let lengths: Vec<usize> = sequences.iter().map(|s| s.dims()[0]).collect();
    let longest = lengths.iter().copied().max().unwrap_or(0);
    let padded = sequences.iter().map(|sequence| {
        let [length, width] = sequence.dims();
        if length == longest {
            return sequence.clone();
        }
        Tensor::cat(vec![sequence.clone(), Tensor::zeros([longest - length, width], device)], 0)
    });
    let batch = Tensor::stack(padded.collect(), 0);
    let valid: Vec<bool> = lengths.iter().flat_map(|&length| (0..longest).map(move |i| i < length)).collect();
    (batch, Tensor::from_data(TensorData::new(valid, [lengths.len(), longest]), device))
}

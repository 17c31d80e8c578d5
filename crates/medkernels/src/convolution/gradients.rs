//! Gradients of convolutions.
#![allow(unsafe_code)]

use rayon::prelude::*;

use super::conv2d::Conv2d;
use super::patches::{Patches, TransposedPatches};
use crate::gemm::raw::multiply;
use crate::gemm::{Epilogue, Matrix, gemm};
use crate::sizes::product;

/// The gradient of the input of [`conv2d`](super::conv2d).
///
/// # Shapes
/// - `gradient`: `[batch, outputs, height, width]`, that of the output; `weight` as there
/// - `to`: `[batch, channels, height, width]`, that of the input
///
/// # Panics
/// When the lengths do not fit each other.
pub fn conv2d_input_gradient(gradient: &[f32], weight: &[f32], sizes: &Conv2d, to: &mut [f32]) {
    let Some(problem) = Problem::new(to.len(), gradient.len(), weight.len(), sizes) else {
        return to.fill(0.0);
    };
    let Problem { depth, outputs, pixels, image } = problem;
    let weight = Matrix::new(weight, outputs, depth).transposed();
    let mut columns = vec![0.0; if sizes.is_pointwise() { 0 } else { depth * pixels }];
    for (gradient, to) in gradient.chunks_exact(outputs * pixels).zip(to.chunks_exact_mut(image)) {
        let gradient = Matrix::new(gradient, outputs, pixels);
        if sizes.is_pointwise() {
            gemm(weight, gradient, &Epilogue::default(), to);
        } else {
            gemm(weight, gradient, &Epilogue::default(), &mut columns);
            let taps = depth / sizes.channels * pixels;
            let channel = sizes.size[0] * sizes.size[1];
            let patches = Patches::of(sizes);
            to.par_chunks_mut(channel).zip(columns.par_chunks(taps)).for_each(|(to, columns)| {
                to.fill(0.0);
                patches.add_channel(columns, to);
            });
        }
    }
}

/// The gradient of the weight of [`conv2d`](super::conv2d), summed over the batch.
///
/// # Shapes
/// - `input` as there; `gradient`: `[batch, outputs, height, width]`, that of the output
/// - `to`: `[outputs, channels, kernel height, kernel width]`, that of the weight
///
/// # Panics
/// When the lengths do not fit each other.
pub fn conv2d_weight_gradient(input: &[f32], gradient: &[f32], sizes: &Conv2d, to: &mut [f32]) {
    let Some(problem) = Problem::new(input.len(), gradient.len(), to.len(), sizes) else {
        return to.fill(0.0);
    };
    let Problem { depth, outputs, pixels, image } = problem;
    let mut sum = vec![0.0; to.len()];
    for (index, (input, gradient)) in
        input.chunks_exact(image).zip(gradient.chunks_exact(outputs * pixels)).enumerate()
    {
        let epilogue = Epilogue { residual: (index > 0).then_some(&*sum), ..Epilogue::default() };
        let gradient = Matrix::new(gradient, outputs, pixels);
        if sizes.is_pointwise() {
            gemm(gradient, Matrix::new(input, depth, pixels).transposed(), &epilogue, to);
        } else {
            // SAFETY: the input is as long as the sizes say.
            unsafe {
                let patches = TransposedPatches(Patches::new(input, *sizes));
                multiply(&gradient, &patches, [outputs, pixels, depth], &epilogue, to);
            };
        }
        sum.copy_from_slice(to);
    }
}

struct Problem {
    depth: usize,
    outputs: usize,
    pixels: usize,
    image: usize,
}

impl Problem {
    /// `None` where a factor is empty.
    fn new(input: usize, gradient: usize, weight: usize, sizes: &Conv2d) -> Option<Self> {
        sizes.check();
        let (depth, pixels, image) = (sizes.depth(), sizes.pixels(), sizes.image());
        if input == 0 || gradient == 0 || weight == 0 || pixels == 0 {
            return None;
        }
        assert!(weight.is_multiple_of(depth), "{weight} weights of kernels of {depth}");
        assert!(input.is_multiple_of(image), "{input} values of images of {image}");
        let outputs = weight / depth;
        assert_eq!(
            gradient,
            product(&[input / image, outputs, pixels]),
            "values of the gradient of the output"
        );
        Some(Self { depth, outputs, pixels, image })
    }
}

//! A bias and the activation after it, in one pass.

use super::Activation;
use super::function::{Function, with_function};
use crate::simd::{Isa, Kernel, MatrixMut, Simd, for_each_block, run};

impl Activation {
    /// `values = activation(values + bias)` in each row of `values` `[rows, bias.len()]`.
    ///
    /// # Panics
    ///
    /// If `values` is not whole rows.
    pub fn add_bias_in_place(self, values: &mut [f32], bias: &[f32]) {
        let width = bias.len();
        assert_eq!(values.len() / width.max(1) * width, values.len(), "whole rows of {width}");
        let isa = Isa::current();
        let rows = MatrixMut { data: values, width };
        for_each_block(rows, width, |values| {
            let values = values.data;
            with_function!(self, function => run(isa, AddBias { function, values, bias }));
        });
    }
}

struct AddBias<'a, F> {
    function: F,
    values: &'a mut [f32],
    bias: &'a [f32],
}

impl<F: Function> Kernel for AddBias<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for row in self.values.chunks_exact_mut(self.bias.len().max(1)) {
            simd.for_each_part(
                row.len(),
                #[inline(always)]
                |part| {
                    let bias = simd.load_part(self.bias, part, 0.0);
                    let x = simd.add(simd.load_part(row, part, 0.0), bias);
                    simd.store_part(row, part, self.function.value(simd, x));
                },
            );
        }
    }
}

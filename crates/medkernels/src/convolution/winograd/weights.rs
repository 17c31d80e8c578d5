//! Weights as the products of minimal filtering read them.
#![allow(unsafe_code)]

use std::fmt;

use super::filter::{Filter, Four, Two};
use super::size::TileSize;
use crate::gemm::PackedMatrix;
use crate::gemm::raw::{KernelSet, Line, as_floats, floats};
use crate::threads::{Shared, for_each};

/// A matrix `[channels, outputs]` for each place in a tile, each in panels as wide as a tile of the product.
#[derive(Clone)]
pub(in crate::convolution) struct FilteredWeights {
    values: Vec<Line>,
    pub(super) kernels: &'static KernelSet,
    pub(super) channels: usize,
    pub(super) outputs: usize,
    size: TileSize,
}

impl FilteredWeights {
    /// Of weights `[3 * 3 * channels, outputs]`.
    pub(in crate::convolution) fn new(matrix: &PackedMatrix, channels: usize, size: TileSize) -> Self {
        match size {
            TileSize::Two => Self::filtered(Two, matrix, channels, size),
            TileSize::Four => Self::filtered(Four, matrix, channels, size),
        }
    }

    fn filtered<const IN: usize, const OUT: usize, F: Filter<IN, OUT>>(
        filter: F,
        matrix: &PackedMatrix,
        channels: usize,
        size: TileSize,
    ) -> Self {
        let (kernels, outputs) = (matrix.kernels(), matrix.columns());
        let panels = outputs.div_ceil(kernels.columns);
        let length = IN * IN * panels * channels * kernels.columns;
        let mut values = vec![Line::ZERO; length.div_ceil(16)];
        let weights = Self { values: Vec::new(), kernels, channels, outputs, size };
        let to = Shared(as_floats(&mut values).as_mut_ptr());
        for_each(panels, |panel| {
            for channel in 0..channels {
                let taps: [&[f32]; 9] =
                    std::array::from_fn(|tap| matrix.panel_row(tap * channels + channel, panel));
                for column in 0..kernels.columns {
                    let weight = filter.weights(taps.map(|tap| f64::from(tap[column])));
                    for (place, &weight) in weight.as_flattened().iter().enumerate() {
                        let at = weights.offset(place, panel) + channel * kernels.columns + column;
                        // SAFETY: each panel of each place has a part of its own, as long as the channels are many.
                        unsafe { *to.at(at) = weight as f32 };
                    }
                }
            }
        });
        Self { values, ..weights }
    }

    pub(in crate::convolution) const fn size(&self) -> TileSize {
        self.size
    }

    pub(in crate::convolution) const fn bytes(&self) -> usize {
        self.values.len() * size_of::<Line>()
    }

    /// Where a panel of the matrix of a place begins.
    const fn offset(&self, place: usize, panel: usize) -> usize {
        let width = self.kernels.columns;
        (place * self.outputs.div_ceil(width) + panel) * width * self.channels
    }

    /// A panel of the matrix of a place.
    pub(super) fn panel(&self, place: usize, panel: usize) -> &[f32] {
        &floats(&self.values)[self.offset(place, panel)..][..self.kernels.columns * self.channels]
    }
}

impl fmt::Debug for FilteredWeights {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("FilteredWeights").field("size", &self.size).finish_non_exhaustive()
    }
}

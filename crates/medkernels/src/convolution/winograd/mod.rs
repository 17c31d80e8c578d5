//! Convolution with kernels of 3 x 3 by fewer products ("minimal filtering", after Winograd).
//!
//! Tiles of the outputs are made out of tiles of the input that overlap. Transformed, both become products of matrices, one for each place in a tile:
//! `[tiles, channels]` times `[channels, outputs]`. What is transformed lives block by block, in the second cache where it fits.
#![allow(unsafe_code)]

mod filter;
mod grid;
mod input;
mod output;
mod size;
#[cfg(test)]
mod tests;
mod weights;

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::conv2d::Conv2d;
use crate::gemm::Epilogue;
use crate::gemm::raw::{
    Cuts, Finish, KernelSet, Rows, Tile, cuts, finish, with_scratch, with_shared_scratch,
};
use crate::simd::{Isa, run};
use crate::threads::{Shared, for_each};
use filter::{Filter, Four, Two};
use grid::Grid;
use input::TransformInput;
use output::TransformOutput;
pub(super) use size::TileSize;
pub(super) use weights::FilteredWeights;

/// The most rows of a tile of a product, of any instruction set.
const MOST_ROWS: usize = 16;
/// Tiles of a block: the weights are read again for each.
const BLOCK: usize = 32;
/// Columns whose products are kept before they become outputs.
const COLUMNS: usize = 32;
/// Channels that a thread transforms at a time where several share a tile.
const CHANNELS: usize = 64;
/// Values of transformed tiles up to which they are shared: 16 MiB.
const MOST_SHARED: usize = 4 * 1024 * 1024;
/// Multiplications below which another thread does not pay.
const WORTH_A_THREAD: usize = 1 << 19;

/// Some outputs next to each other, counted over all images: the first, and how many.
pub(super) type Run = (usize, usize);

/// Convolves images `[batch, height, width, channels]` with a kernel of 3 x 3, of stride and dilation 1.
///
/// Returns the outputs of tiles in which something was not finite. A tile shares its sums, so that such a value is in all of its outputs: they must be
/// made again in another way.
///
/// # Safety
/// The weights are for the current instruction set; input, epilogue and output are as long as the sizes say.
pub(super) unsafe fn convolve(
    input: &[f32],
    weights: &FilteredWeights,
    sizes: &Conv2d,
    epilogue: &Epilogue<'_>,
    output: &mut [f32],
) -> Vec<Run> {
    // SAFETY: the same contract.
    unsafe {
        match weights.size() {
            TileSize::Two => Convolution::new(Two, input, weights, sizes, epilogue, output).all(),
            TileSize::Four => Convolution::new(Four, input, weights, sizes, epilogue, output).all(),
        }
    }
}

struct Convolution<'a, F, const IN: usize, const OUT: usize> {
    filter: F,
    isa: Isa,
    kernels: &'static KernelSet,
    grid: Grid,
    weights: &'a FilteredWeights,
    input: *const f32,
    zeros: Vec<f32>,
    tiles: usize,
    finish: Finish,
    output: *mut f32,
    spoilt: Mutex<Vec<usize>>,
    of: PhantomData<(&'a [f32], &'a mut [f32])>,
}

// SAFETY: the input is only read, and each output is written by one thread.
unsafe impl<F: Sync, const IN: usize, const OUT: usize> Sync for Convolution<'_, F, IN, OUT> {}

impl<'a, F: Filter<IN, OUT>, const IN: usize, const OUT: usize> Convolution<'a, F, IN, OUT> {
    fn new(
        filter: F,
        input: &'a [f32],
        weights: &'a FilteredWeights,
        sizes: &Conv2d,
        epilogue: &'a Epilogue<'_>,
        output: &'a mut [f32],
    ) -> Self {
        let grid = Grid::new(sizes, OUT);
        let image = sizes.channels * sizes.size[0] * sizes.size[1];
        Self {
            filter,
            isa: Isa::current(),
            kernels: weights.kernels,
            grid,
            weights,
            input: input.as_ptr(),
            zeros: vec![0.0; sizes.channels],
            tiles: input.len() / image.max(1) * grid.tiles(),
            finish: finish(epilogue),
            output: output.as_mut_ptr(),
            spoilt: Mutex::default(),
            of: PhantomData,
        }
    }

    /// # Safety
    /// As [`convolve`].
    unsafe fn all(self) -> Vec<Run> {
        if self.tiles == 0 {
            return Vec::new();
        }
        let work = self.tiles * IN * IN * self.weights.channels * self.weights.outputs;
        let threads = rayon::current_num_threads().min(work / WORTH_A_THREAD).max(1);
        let blocks = self.blocks(self.tiles.div_ceil(BLOCK).max(threads.min(self.tiles / BLOCK)));
        // SAFETY: the same contract.
        unsafe {
            if blocks.len() >= threads || self.transformed(self.tiles) > MOST_SHARED {
                self.block_by_block(&blocks);
            } else {
                self.by_columns(&blocks, threads);
            }
        }
        self.runs()
    }

    fn blocks(&self, parts: usize) -> Cuts {
        cuts(self.tiles, parts, self.kernels.rows())
    }

    /// Values from a panel of a place to that of the next one. An odd number of lines, so that places do not meet in the cache.
    fn place_step(&self) -> usize {
        ((self.kernels.rows() * self.weights.channels).div_ceil(16) | 1) * 16
    }

    /// Values of so many tiles, transformed.
    fn transformed(&self, tiles: usize) -> usize {
        tiles.div_ceil(self.kernels.rows()) * IN * IN * self.place_step()
    }

    /// Columns of products that are made before they become outputs.
    fn columns_at_once(&self) -> usize {
        COLUMNS.next_multiple_of(self.kernels.columns)
    }

    fn products(&self, tiles: usize) -> usize {
        tiles * IN * IN * self.columns_at_once()
    }

    fn column_panels(&self) -> usize {
        self.weights.outputs.div_ceil(self.kernels.columns)
    }

    /// Each thread transforms the tiles of a block and multiplies with all weights.
    ///
    /// # Safety
    /// As [`convolve`].
    unsafe fn block_by_block(&self, blocks: &Cuts) {
        for_each(blocks.len(), |block| {
            let (first, count) = blocks[block];
            with_scratch([self.transformed(count), self.products(count)], |[tiles, products]| {
                // SAFETY: the buffers are as large; this block is that of one thread.
                unsafe {
                    self.transform(first..first + count, 0..self.weights.channels, tiles.as_mut_ptr());
                    self.multiply(first..first + count, 0..self.column_panels(), tiles, products);
                }
            });
        });
    }

    /// All threads transform the tiles, and multiply them with some columns of the weights each.
    ///
    /// # Safety
    /// As [`convolve`].
    unsafe fn by_columns(&self, blocks: &Cuts, threads: usize) {
        let (rows, panel) = (self.kernels.rows(), self.transformed(1));
        let parts = self.weights.channels.div_ceil(CHANNELS);
        let columns = cuts(self.column_panels(), (2 * threads).div_ceil(blocks.len()), 1);
        with_shared_scratch([self.transformed(self.tiles)], |[tiles]| {
            let to = Shared(tiles.as_mut_ptr());
            for_each(self.tiles.div_ceil(rows) * parts, |task| {
                let (first, channel) = (task / parts * rows, task % parts * CHANNELS);
                let channels = channel..(channel + CHANNELS).min(self.weights.channels);
                // SAFETY: the buffer is as large; each task fills a part of its own.
                unsafe {
                    let to = to.at(task / parts * panel);
                    self.transform(first..(first + rows).min(self.tiles), channels, to);
                }
            });
            for_each(blocks.len() * columns.len(), |task| {
                let (first, count) = blocks[task / columns.len()];
                let (column, width) = columns[task % columns.len()];
                let tiles = &tiles[first / rows * panel..];
                with_scratch([self.products(count)], |[products]| {
                    // SAFETY: these columns of this block are those of one thread.
                    unsafe { self.multiply(first..first + count, column..column + width, tiles, products) };
                });
            });
        });
    }

    /// # Safety
    /// There is room for the transformed tiles, which begin with a panel.
    unsafe fn transform(&self, tiles: Range<usize>, channels: Range<usize>, to: *mut f32) {
        let rows = self.kernels.rows();
        for first in tiles.clone().step_by(rows) {
            // SAFETY: the caller vouches for the room.
            let to = unsafe { to.add(self.transformed(first - tiles.start)) };
            let panel = TransformInput {
                filter: self.filter,
                grid: &self.grid,
                input: self.input,
                zeros: &self.zeros,
                tiles: first..(first + rows).min(tiles.end),
                channels: channels.clone(),
                to,
                step: self.place_step(),
            };
            run(self.isa, panel);
        }
    }

    /// Multiplies transformed tiles with some panels of columns, and makes the outputs.
    ///
    /// # Safety
    /// The tiles are transformed, `products` is as large as they want, and nobody else writes to these outputs.
    unsafe fn multiply(
        &self,
        tiles: Range<usize>,
        panels: Range<usize>,
        transformed: &[f32],
        products: &mut [f32],
    ) {
        let (width, step) = (self.kernels.columns, self.columns_at_once());
        let mut spoilt = Vec::new();
        for first in panels.clone().step_by(step / width) {
            let end = (first + step / width).min(panels.end);
            for place in 0..IN * IN {
                for panel in first..end {
                    let next = if panel + 1 < end {
                        self.weights.panel(place, panel + 1).as_ptr()
                    } else if place + 1 < IN * IN {
                        self.weights.panel(place + 1, first).as_ptr()
                    } else {
                        std::ptr::null()
                    };
                    let to = products[place * step + (panel - first) * width..].as_mut_ptr();
                    // SAFETY: the tiles are transformed, and their products have room.
                    unsafe { self.panel(tiles.len(), transformed, (place, panel), next, to) };
                }
            }
            let outputs = TransformOutput {
                filter: self.filter,
                grid: &self.grid,
                tiles: tiles.clone(),
                products: products.as_ptr(),
                step,
                columns: first * width..(end * width).min(self.weights.outputs),
                finish: &self.finish,
                output: self.output,
                outputs: self.weights.outputs,
                spoilt: &mut spoilt,
            };
            run(self.isa, outputs);
        }
        if !spoilt.is_empty() {
            self.spoilt.lock().unwrap_or_else(PoisonError::into_inner).append(&mut spoilt);
        }
    }

    /// The product of one place of all tiles with a panel of columns.
    ///
    /// # Safety
    /// As [`multiply`](Self::multiply).
    unsafe fn panel(
        &self,
        tiles: usize,
        transformed: &[f32],
        (place, panel): (usize, usize),
        next: *const f32,
        to: *mut f32,
    ) {
        let (rows, width, depth) = (self.kernels.rows(), self.kernels.columns, self.weights.channels);
        let weights = self.weights.panel(place, panel);
        let step = IN * IN * self.columns_at_once();
        for first in (0..tiles).step_by(rows) {
            let height = rows.min(tiles - first);
            let left = &transformed[self.transformed(first) + place * self.place_step()..];
            // Each product asks for a part of the panel that comes next.
            let ahead = first / rows * depth * 16;
            let fetches = !next.is_null() && ahead < weights.len();
            // SAFETY: the caller vouches for the tiles and the room; the weights are as wide as a tile.
            unsafe {
                let to = (to.add(first * step), step);
                let product = Tile {
                    ahead: if fetches { next.wrapping_add(ahead) } else { std::ptr::null() },
                    ..Tile::new(depth, (left.as_ptr(), Rows::InGroups), weights.as_ptr(), to, width)
                };
                self.kernels.multiply(height, &product);
            }
        }
    }

    /// The outputs of the tiles that are spoilt.
    fn runs(self) -> Vec<Run> {
        let mut spoilt = self.spoilt.into_inner().unwrap_or_else(PoisonError::into_inner);
        spoilt.sort_unstable();
        spoilt.dedup();
        let runs = |tile| {
            let place = self.grid.place(tile);
            let [rows, columns] = self.grid.inside(place);
            (0..rows).map(move |row| (self.grid.output(place, row, 0), columns))
        };
        spoilt.into_iter().flat_map(runs).collect()
    }
}

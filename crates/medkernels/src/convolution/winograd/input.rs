//! From pixels to the left-hand sides of the products.
#![allow(unsafe_code)]

use std::ops::Range;

use super::MOST_ROWS;
use super::filter::Filter;
use super::grid::Grid;
use crate::gemm::raw::{load_first, store_first};
use crate::simd::{Kernel, Simd};

/// As many tiles as a tile of the product has rows, transformed and packed for it: for each place in a tile a panel `[tiles, channels]` in
/// [groups](crate::gemm::raw::Rows::InGroups).
pub(super) struct TransformInput<'a, F, const IN: usize, const OUT: usize> {
    pub(super) filter: F,
    pub(super) grid: &'a Grid,
    /// Of all images.
    pub(super) input: *const f32,
    /// As many as there are channels.
    pub(super) zeros: &'a [f32],
    pub(super) tiles: Range<usize>,
    /// From a multiple of the registers' size on.
    pub(super) channels: Range<usize>,
    /// The panel of the first place.
    pub(super) to: *mut f32,
    /// From one panel to the next.
    pub(super) step: usize,
}

/// The pixels that a tile sees.
type Seen<const IN: usize> = [[*const f32; IN]; IN];

impl<F: Filter<IN, OUT>, const IN: usize, const OUT: usize> TransformInput<'_, F, IN, OUT> {
    fn seen(&self, tile: usize) -> Seen<IN> {
        let place = self.grid.place(tile);
        std::array::from_fn(|row| {
            std::array::from_fn(|column| match self.grid.pixel(place, row, column) {
                // Within the input, whose pixels they are.
                Some(pixel) => self.input.wrapping_add(pixel * self.zeros.len()),
                None => self.zeros.as_ptr(),
            })
        })
    }

    /// Transforms `width` channels of a tile.
    ///
    /// # Safety
    /// They lie in the pixels, and there is room for them at `to`.
    #[inline(always)]
    unsafe fn transform<S: Simd>(
        &self,
        simd: S,
        seen: &Seen<IN>,
        channel: usize,
        width: usize,
        to: *mut f32,
    ) {
        // Loops fill the arrays: what closures do is not compiled for the instruction set.
        let mut turned = [[simd.splat(0.0); IN]; IN];
        for x in 0..IN {
            let mut column = [simd.splat(0.0); IN];
            for (y, pixel) in column.iter_mut().enumerate() {
                // SAFETY: the caller vouches for the channels.
                *pixel = unsafe { load_first(simd, seen[y][x].add(channel), width) };
            }
            for (row, value) in turned.iter_mut().zip(self.filter.input(simd, column)) {
                row[x] = value;
            }
        }
        for (y, row) in turned.into_iter().enumerate() {
            for (x, value) in self.filter.input(simd, row).into_iter().enumerate() {
                // SAFETY: the caller vouches for the room.
                unsafe { store_first(simd, to.add((y * IN + x) * self.step), width, value) };
            }
        }
    }
}

impl<F: Filter<IN, OUT>, const IN: usize, const OUT: usize> Kernel for TransformInput<'_, F, IN, OUT> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (height, depth) = (self.tiles.len(), self.zeros.len());
        let mut all = [[[std::ptr::null(); IN]; IN]; MOST_ROWS];
        for (seen, tile) in all.iter_mut().zip(self.tiles.clone()) {
            *seen = self.seen(tile);
        }
        // Two registers at a time, so that lines of the cache are used up.
        for first in self.channels.clone().step_by(2 * S::LANES) {
            for (row, seen) in all[..height].iter().enumerate() {
                let end = (first + 2 * S::LANES).min(self.channels.end);
                for channel in (first..end).step_by(S::LANES) {
                    let width = S::LANES.min(depth - channel);
                    // SAFETY: the channels lie in the pixels, and in the panels.
                    unsafe {
                        let to = self.to.add(channel * height + row * width);
                        if width == S::LANES {
                            self.transform(simd, seen, channel, S::LANES, to);
                        } else {
                            self.transform(simd, seen, channel, width, to);
                        }
                    }
                }
            }
        }
    }
}

//! Attention within a window, in blocks: time and memory grow with the length, not with its square.

use burn::tensor::{Bool, Device, Tensor, TensorData};

use crate::ops::attention;

/// A sequence cut into blocks as wide as the window reaches to one side. A block's queries see three blocks of keys: the one
/// before, their own and the one after.
#[derive(Debug, Clone)]
pub(super) struct LocalWindow {
    reach: usize,
    blocks: usize,
    /// `[batch * blocks, heads, reach, 3 * reach]`, true where a key is not to be seen.
    mask: Tensor<4, Bool>,
}

impl LocalWindow {
    /// For sequences `[batch, length]` whose tokens see `reach` tokens to each side; `valid` is true where a token is real.
    pub(super) fn new(
        [batch, length]: [usize; 2],
        heads: usize,
        reach: usize,
        valid: Option<Tensor<2, Bool>>,
        device: &Device,
    ) -> Self {
        let blocks = length.div_ceil(reach);
        let shape = [1, blocks, reach, 3 * reach];
        let outside = rule(length, reach, |query, key| key >= length || query.abs_diff(key) > reach);
        let outside: Tensor<4, Bool> = Tensor::from_data(TensorData::new(outside, shape), device);
        let mask = match valid {
            None => outside.repeat(&[batch, 1, 1, 1]),
            Some(valid) => {
                let keys = neighbourhoods(valid.float().reshape([batch, length, 1, 1]), reach, blocks);
                let padding = keys.lower_elem(0.5).reshape([batch, blocks, 1, 3 * reach]);
                // Padding sees itself, so that no row of the softmax is empty.
                let other = rule(length, reach, |query, key| query != key);
                let other = Tensor::from_data(TensorData::new(other, shape), device);
                let hidden = padding.repeat(&[1, 1, reach, 1]).bool_and(other.repeat(&[batch, 1, 1, 1]));
                hidden.bool_or(outside.repeat(&[batch, 1, 1, 1]))
            }
        };
        let mask = mask.reshape([batch * blocks, 1, reach, 3 * reach]).repeat(&[1, heads, 1, 1]);
        Self { reach, blocks, mask }
    }

    /// # Shapes
    /// - `query`, `key`, `value` and output: `[batch, length, heads, head_width]`
    pub(super) fn attend(&self, query: Tensor<4>, key: Tensor<4>, value: Tensor<4>) -> Tensor<4> {
        let [batch, length, heads, width] = query.dims();
        let (reach, blocks) = (self.reach, self.blocks);
        let query = pad(query, 0, blocks * reach - length).reshape([batch * blocks, reach, heads, width]);
        let near = |x| neighbourhoods(x, reach, blocks).swap_dims(1, 2);
        let mask = Some(self.mask.clone());
        let context = attention(query.swap_dims(1, 2), near(key), near(value), mask);
        context.swap_dims(1, 2).reshape([batch, blocks * reach, heads, width]).narrow(1, 0, length)
    }
}

/// One value per block, query of the block and key around it: `[blocks, reach, 3 * reach]`. Keys before the sequence are
/// masked, and are given the position `usize::MAX`.
fn rule(length: usize, reach: usize, masked: impl Fn(usize, usize) -> bool) -> Vec<bool> {
    let queries = length.div_ceil(reach) * reach;
    (0..queries)
        .flat_map(|query| (0..3 * reach).map(move |key| (query, query / reach * reach + key)))
        .map(|(query, key)| masked(query, key.checked_sub(reach).unwrap_or(usize::MAX)))
        .collect()
}

/// The three blocks around each: `[batch, length, heads, width]` to `[batch * blocks, 3 * reach, heads, width]`, with zeros
/// beyond the ends.
fn neighbourhoods(x: Tensor<4>, reach: usize, blocks: usize) -> Tensor<4> {
    let [batch, length, heads, width] = x.dims();
    let padded = pad(x, reach, (blocks + 1) * reach - length);
    let shifted = (0..3).map(|shift| {
        padded.clone().narrow(1, shift * reach, blocks * reach).reshape([batch * blocks, reach, heads, width])
    });
    Tensor::cat(shifted.collect(), 1)
}

/// Zeros before and after a sequence.
fn pad(x: Tensor<4>, before: usize, after: usize) -> Tensor<4> {
    let [batch, _, heads, width] = x.dims();
    let device = x.device();
    let zeros = |length| (length > 0).then(|| Tensor::zeros([batch, length, heads, width], &device));
    let parts: Vec<_> = [zeros(before), Some(x), zeros(after)].into_iter().flatten().collect();
    Tensor::cat(parts, 1)
}

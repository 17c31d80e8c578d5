//! Views of queries, keys and values.

/// `[batch, heads, tokens, width]` values anywhere in a slice, those of a token and head next to each other.
#[derive(Debug, Clone, Copy)]
pub struct Heads<'a> {
    data: &'a [f32],
    shape: [usize; 4],
    strides: [usize; 3],
}

impl<'a> Heads<'a> {
    /// Value `w` of a token is `data[batch * strides[0] + head * strides[1] + token * strides[2] + w]`. For `[batch, tokens, heads,
    /// width]` in order that is `[tokens * heads * width, width, heads * width]`.
    ///
    /// # Panics
    /// When a value would lie beyond `data`.
    pub fn new(data: &'a [f32], shape: [usize; 4], strides: [usize; 3]) -> Self {
        if shape.iter().all(|&n| n > 0) {
            let last = (0..3).try_fold(shape[3] - 1, |at, axis| {
                (shape[axis] - 1).checked_mul(strides[axis]).and_then(|step| step.checked_add(at))
            });
            assert!(
                last.is_some_and(|last| last < data.len()),
                "{shape:?} with strides {strides:?} in {} values",
                data.len()
            );
        }
        Self { data, shape, strides }
    }

    /// `[batch, heads, tokens, width]`
    pub const fn shape(&self) -> [usize; 4] {
        self.shape
    }

    pub(super) const fn token_stride(&self) -> usize {
        self.strides[2]
    }

    /// The values of a head from its first token on.
    pub(super) fn head(&self, batch: usize, head: usize) -> &'a [f32] {
        &self.data[batch * self.strides[0] + head * self.strides[1]..]
    }
}

/// Which keys a query does not see: `[batch, heads, queries, keys]` anywhere in a slice, true (not 0) where hidden. A stride of 0
/// repeats a value along its axis.
#[derive(Debug, Clone, Copy)]
pub struct Mask<'a> {
    data: &'a [u8],
    shape: [usize; 4],
    strides: [usize; 4],
}

impl<'a> Mask<'a> {
    /// # Panics
    /// When an element would lie beyond `data`.
    pub fn new(data: &'a [u8], shape: [usize; 4], strides: [usize; 4]) -> Self {
        if shape.iter().all(|&n| n > 0) {
            let last = (0..4).try_fold(0usize, |at, axis| {
                (shape[axis] - 1).checked_mul(strides[axis]).and_then(|step| step.checked_add(at))
            });
            assert!(last.is_some_and(|last| last < data.len()), "a mask {shape:?} with strides {strides:?}");
        }
        Self { data, shape, strides }
    }

    /// `[batch, heads, queries, keys]`
    pub const fn shape(&self) -> [usize; 4] {
        self.shape
    }

    /// Puts minus infinity where the keys (rows of `scores`, `step` wide) are hidden from the queries from `first` on.
    pub(super) fn hide(
        &self,
        [batch, head, first]: [usize; 3],
        scores: &mut [f32],
        step: usize,
        queries: usize,
    ) {
        let at = batch * self.strides[0] + head * self.strides[1] + first * self.strides[2];
        for (key, row) in scores.chunks_exact_mut(step).enumerate() {
            let at = at + key * self.strides[3];
            if self.strides[2] == 0 {
                if self.data[at] != 0 {
                    row.fill(f32::NEG_INFINITY);
                }
            } else {
                for (query, score) in row[..queries].iter_mut().enumerate() {
                    if self.data[at + query * self.strides[2]] != 0 {
                        *score = f32::NEG_INFINITY;
                    }
                }
            }
        }
    }
}

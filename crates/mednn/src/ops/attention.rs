//! Scaled dot-product attention.

use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Bool, Tensor, module};

/// `softmax(q kᵀ / sqrt(width)) v` ("Attention Is All You Need", section 3.2.1).
///
/// # Shapes
/// - `query`: `[batch, heads, queries, width]`; `key`, `value`: `[batch, heads, keys, width]`
/// - `mask`: `[batch, heads, queries, keys]`, or 1 in place of any of them for all, true where a key is *not* to be seen. A query that may see none gives values that mean nothing.
/// - output: `[batch, heads, queries, width]`
///
/// # Panics
/// On other shapes.
pub fn attention(
    query: Tensor<4>,
    key: Tensor<4>,
    value: Tensor<4>,
    mask: Option<Tensor<4, Bool>>,
) -> Tensor<4> {
    #[cfg(feature = "kernels")]
    if super::kernels::usable(&query) {
        return super::kernels::attention(query, key, value, mask);
    }
    module::attention(query, key, value, mask, None, AttentionModuleOptions::default())
}

//! Rows of a table.

use burn::tensor::{Int, Tensor};

/// The row of `table` of each number, such as the vectors of words.
///
/// # Shapes
/// - `table`: `[rows, width]`; `ids`: `[batch, length]`; output: `[batch, length, width]`
///
/// # Panics
/// On numbers that are not of a row.
pub fn embedding(table: Tensor<2>, ids: Tensor<2, Int>) -> Tensor<3> {
    #[cfg(feature = "kernels")]
    if super::kernels::usable(&table) && table.is_autodiff() {
        return super::kernels::embedding(table, ids);
    }
    burn::tensor::module::embedding(table, ids)
}

//! Softmax over the rows of a matrix, forward and backward.

mod backward;
mod forward;
mod mask;

pub use backward::softmax_backward;
pub use forward::{masked_softmax_in_place, softmax_in_place, softmax_in_place_with_log_sum_exp};

//! Attention that never stores the matrix of scores.

mod backward;
mod columns;
mod forward;
mod heads;

pub use backward::attention_backward;
pub use forward::attention;
pub use heads::{Heads, Mask};

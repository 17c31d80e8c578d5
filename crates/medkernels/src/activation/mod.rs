//! Activations of slices, forward and backward.

mod bias;
mod function;
mod gated;
pub(crate) mod register;

pub use function::Activation;

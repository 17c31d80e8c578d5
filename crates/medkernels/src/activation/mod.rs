//! Activations of slices, forward and backward.

mod function;
pub(crate) mod register;

pub use function::Activation;

//! Steps of optimisers: one pass over a parameter, its gradient and what the optimiser remembers of it, all in place.
//!
//! A step reads and writes every parameter of a network once, which memory bounds: made of separate operations it would go through
//! memory several times.

mod adamw;
mod sgd;

pub use adamw::AdamW;
pub use sgd::Sgd;

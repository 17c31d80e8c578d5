//! Optimisers whose step is one pass over a parameter.
//!
//! burn makes a step of AdamW of about twelve operations, each of which goes through memory. [`AdamW`] and [`Sgd`] are burn's
//! [`Optimizer`](burn::optim::Optimizer)s, so that they take their place: in a [`ModuleOptimizer`](burn::optim::ModuleOptimizer), with groups
//! and rates of their own, gradient clipping and records. On burn's `flex` device with `f32` values a step is a kernel of `medkernels` that
//! writes into the memory of the parameter and of what the optimiser remembers; elsewhere it is made of burn's operations and gives the same to
//! rounding.
//!
//! A parameter that somebody else holds too (a clone of the module, a pass whose graph is still there) is copied first. So give the module away:
//!
//! ```
//! # #[cfg(feature = "flex")] {
//! use burn::nn::LinearConfig;
//! use burn::optim::GradientsParams;
//! use burn::tensor::{Device, Tensor};
//! use mednn::optim::AdamWConfig;
//!
//! let device = Device::flex().autodiff();
//! let mut model = LinearConfig::new(4, 2).init(&device);
//! let mut optimizer = AdamWConfig::new().with_weight_decay(0.05).init();
//! let loss = model.forward(Tensor::<2>::ones([3, 4], &device)).square().mean();
//! let gradients = GradientsParams::from_grads(loss.backward(), &model);
//! model = optimizer.step(1e-3, model, gradients);
//! # }
//! ```
//!
//! | | keeps what it remembers by |
//! |---|---|
//! | [`AdamWConfig::init`], [`SgdConfig::init`] | id of the parameter, in burn's records |
//! | [`AdamWByPath`] | path of the parameter in the module, for checkpoints of one's own |

mod adamw;
mod by_path;
mod sgd;

pub use adamw::{AdamW, AdamWConfig, Moments};
pub use by_path::AdamWByPath;
pub use sgd::{Sgd, SgdConfig, SgdState};

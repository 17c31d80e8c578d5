//! Elementary functions of `f32`.
//!
//! Every function is written once over registers of any width. None of them needs a table or branches.

mod elementwise;
mod erf;
mod exp;
mod logistic;
mod normal;
mod polynomial;
mod tanh;

pub use elementwise::{erf_in_place, erf_into, exp_in_place, exp_into, tanh_in_place, tanh_into};
pub(crate) use erf::erf;
pub(crate) use exp::{exp, exp_of_negative};
pub(crate) use logistic::{sigmoid, sigmoid_and_rest};
pub(crate) use normal::{normal_cdf, normal_cdf_and_pdf};
pub(crate) use tanh::tanh;

//! Elementary functions of `f32`.
//!
//! Every function is written once over registers of any width; `avx512` and `avx2` name them for code that works on
//! registers itself, such as the last step of a matrix product. None of them needs a table or branches.

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
mod elementwise;
mod erf;
mod exp;
mod logistic;
mod normal;
mod polynomial;
#[cfg(test)]
mod reference;
mod tanh;

pub use elementwise::{erf_in_place, erf_into, exp_in_place, exp_into, tanh_in_place, tanh_into};
pub(crate) use erf::erf;
pub(crate) use exp::{exp, exp_of_negative};
pub(crate) use logistic::{sigmoid, sigmoid_and_rest};
pub(crate) use normal::{normal_cdf, normal_cdf_and_pdf};
#[cfg(test)]
pub(crate) use reference::reference;
pub(crate) use tanh::tanh;

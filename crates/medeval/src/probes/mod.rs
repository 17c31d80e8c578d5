//! What frozen features know.
//!
//! Features are `[items, features]`, labels are classes 0, 1 ... one for each item.
//!
//! | question | function |
//! |---|---|
//! | can a linear model read the classes | [`LinearProbe`], over [`RidgeRegression`] or [`LogisticRegression`] |
//! | are neighbours of the same class | [`KnnProbe`] |
//! | are classes apart, in the features as they are | [`silhouette`] (cosine), [`Scatter`] |
//! | do two encoders see alike | [`linear_cka`], [`linear_cka_debiased`] |
//! | does text on an image sway the encoder | [`overlay_shift`], [`flips`], [`overlay_predictability`] |
//!
//! Features must be finite and at most 1e100 in size ([`Error::NotFinite`](crate::Error::NotFinite),
//! [`Error::OutOfRange`](crate::Error::OutOfRange)).
//!
//! Settings (regularisation, k) are chosen on validation items, never on those that are reported.

mod cholesky;
mod cka;
mod knn_probe;
mod lbfgs;
mod linear_probe;
mod logistic_regression;
mod normalize;
mod overlay_bias;
mod ridge_regression;
mod scatter;
mod silhouette;
mod standardizer;

pub use cka::{linear_cka, linear_cka_debiased};
pub use knn_probe::KnnProbe;
pub use linear_probe::{LinearModel, LinearProbe, LinearProbeOptions};
pub use logistic_regression::LogisticRegression;
pub use normalize::l2_normalize;
pub use overlay_bias::{Flips, OverlayShift, flips, overlay_predictability, overlay_shift};
pub use ridge_regression::RidgeRegression;
pub use scatter::Scatter;
pub use silhouette::silhouette;
pub use standardizer::Standardizer;

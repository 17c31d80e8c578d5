//! What training makes small.

use burn::tensor::{Tensor, activation};
use serde::{Deserialize, Serialize};

use crate::error::{Result, config, shape};

/// A loss of segmentation.
///
/// Logits of one channel are of foreground or background (a sigmoid); those of more are of classes, the first of which is the background
/// (a softmax). Losses of overlap leave the background out; they are means over images and classes.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Loss {
    /// The mean cross-entropy of the pixels.
    CrossEntropy,
    /// Cross-entropy in which every class that an image has weighs the same as a whole. With one channel the two weights of an image are
    /// each the share of the other class, as EVP has them: together they are largest where both are as large, and an image without
    /// foreground, or of nothing else, counts for nothing.
    BalancedCrossEntropy,
    /// `1 - (I + 1) / (U + 1)` with soft intersection and union.
    SoftIou,
    /// `1 - (2 I + 1) / (sum p + sum y + 1)` (V-Net, arXiv 1606.04797).
    Dice,
    /// `(1 - p)^gamma` times cross-entropy (arXiv 1708.02002).
    Focal {
        /// How little easy pixels count: 2.
        gamma: f64,
        /// Weight of the foreground, `1 - alpha` being that of the background; for one channel only.
        alpha: Option<f64>,
    },
    /// A weighted sum.
    Sum(Vec<(f64, Loss)>),
}

/// Added to both sides of fractions of overlap, so that an empty image found empty costs nothing.
const SMOOTH: f64 = 1.0;

impl Loss {
    /// Cross-entropy and soft IoU: EVP's for most tasks.
    pub fn cross_entropy_and_iou() -> Self {
        Self::Sum(vec![(1.0, Self::CrossEntropy), (1.0, Self::SoftIou)])
    }

    /// Cross-entropy and Dice, the usual pair of medical segmentation.
    pub fn cross_entropy_and_dice() -> Self {
        Self::Sum(vec![(1.0, Self::CrossEntropy), (1.0, Self::Dice)])
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) for weights and exponents that are negative or not finite, for an `alpha` outside of 0 to 1
    /// and for an empty sum.
    pub fn validate(&self) -> Result<()> {
        let positive = |field, v: f64| {
            if v.is_finite() && v >= 0.0 { Ok(()) } else { Err(config(field, "finite and at least 0", v)) }
        };
        match self {
            Self::Focal { gamma, alpha } => {
                positive("gamma", *gamma)?;
                match alpha {
                    Some(alpha) if !(0.0..=1.0).contains(alpha) => Err(config("alpha", "0 to 1", alpha)),
                    _ => Ok(()),
                }
            }
            Self::Sum(parts) if parts.is_empty() => Err(config("loss", "at least one part", "none")),
            Self::Sum(parts) => parts.iter().try_for_each(|(weight, part)| {
                positive("weight", *weight)?;
                part.validate()
            }),
            _ => Ok(()),
        }
    }

    /// The loss of a batch, `[1]`.
    ///
    /// # Shapes
    /// - `logits`: `[batch, channels, height, width]`
    /// - `targets`: 1 where a pixel is of a class and 0 elsewhere, of the same shape; see [`Batch`](super::Batch)
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) when the shapes differ.
    pub fn checked(&self, logits: Tensor<4>, targets: Tensor<4>) -> Result<Tensor<1>> {
        let (expected, found) = (logits.dims(), targets.dims());
        if expected != found {
            return Err(shape("targets", format!("the shape of the logits, {expected:?}"), &found));
        }
        Ok(self.forward(logits, targets))
    }

    /// As [`checked`](Self::checked), without checking.
    ///
    /// # Panics
    /// When the shapes differ.
    pub fn forward(&self, logits: Tensor<4>, targets: Tensor<4>) -> Tensor<1> {
        match self {
            Self::CrossEntropy => cross_entropy(logits, targets).mean(),
            Self::BalancedCrossEntropy => {
                let weights = balance(targets.clone());
                (cross_entropy(logits, targets) * weights).mean()
            }
            Self::SoftIou => {
                let Overlap { both, sum } = Overlap::new(logits, targets);
                let union = sum - both.clone();
                ((both + SMOOTH) / (union + SMOOTH)).neg().mean() + 1.0
            }
            Self::Dice => {
                let Overlap { both, sum } = Overlap::new(logits, targets);
                ((both * 2.0 + SMOOTH) / (sum + SMOOTH)).neg().mean() + 1.0
            }
            Self::Focal { gamma, alpha } => focal(logits, targets, *gamma, *alpha),
            Self::Sum(parts) => {
                let device = logits.device();
                parts.iter().fold(Tensor::zeros([1], &device), |sum, (weight, part)| {
                    sum + part.forward(logits.clone(), targets.clone()) * *weight
                })
            }
        }
    }
}

/// Of every pixel: `[batch, 1, height, width]`.
fn cross_entropy(logits: Tensor<4>, targets: Tensor<4>) -> Tensor<4> {
    if logits.dims()[1] > 1 {
        return (activation::log_softmax(logits, 1) * targets).sum_dim(1).neg();
    }
    // max(x, 0) - x y + ln(1 + exp(-|x|))
    let softplus = logits.clone().abs().neg().exp().log1p();
    logits.clone().clamp_min(0.0) - logits * targets + softplus
}

/// Weights of pixels: of mean about 1 in an image of several classes; for one channel the share of the other class.
fn balance(targets: Tensor<4>) -> Tensor<4> {
    let share = targets.clone().mean_dim(3).mean_dim(2);
    if targets.dims()[1] == 1 {
        let background = targets.clone().neg() + 1.0;
        return targets * (share.clone().neg() + 1.0) + background * share;
    }
    let present = share.clone().greater_elem(0.0).float();
    let count = present.clone().sum_dim(1);
    let weights = present / (share.clamp_min(1e-12) * count);
    (targets * weights).sum_dim(1)
}

fn focal(logits: Tensor<4>, targets: Tensor<4>, gamma: f64, alpha: Option<f64>) -> Tensor<1> {
    let entropy = cross_entropy(logits, targets.clone());
    let missed = (entropy.clone().neg().exp().neg() + 1.0).clamp(0.0, 1.0);
    let loss = power(missed, gamma) * entropy;
    match alpha {
        Some(alpha) if targets.dims()[1] == 1 => {
            (loss * (targets * (2.0 * alpha - 1.0) + (1.0 - alpha))).mean()
        }
        _ => loss.mean(),
    }
}

/// `x^gamma` of numbers from 0 to 1, with a gradient that is finite at 0.
fn power(x: Tensor<4>, gamma: f64) -> Tensor<4> {
    if gamma == 2.0 { x.square() } else { x.clamp_min(1e-12).powf_scalar(gamma as f32) }
}

/// Soft overlap per image and class, without the background: `[batch, classes]`.
struct Overlap {
    both: Tensor<2>,
    sum: Tensor<2>,
}

impl Overlap {
    fn new(logits: Tensor<4>, targets: Tensor<4>) -> Self {
        let [batch, channels, height, width] = logits.dims();
        let (probabilities, first) = match channels {
            1 => (activation::sigmoid(logits), 0),
            _ => (activation::softmax(logits, 1), 1),
        };
        let classes = channels - first;
        let total = |x: Tensor<4>| {
            let x = x.narrow(1, first, classes).reshape([batch, classes, height * width]);
            x.sum_dim(2).squeeze_dim::<2>(2)
        };
        Self {
            both: total(probabilities.clone() * targets.clone()),
            sum: total(probabilities) + total(targets),
        }
    }
}

//! How sure a number is, and whether two groups differ.
//!
//! | question | function |
//! |---|---|
//! | how far could this number be off | [`Bootstrap::interval`], whole [`Clusters`] (patients) drawn again |
//! | is one model better than another on the same items | [`paired_difference`], [`Outcome`]; [`wilcoxon_signed_rank`] |
//! | do two groups differ | [`mann_whitney_u`], with its rank-biserial correlation |
//! | which of many tests hold | [`benjamini_hochberg`] |

mod bootstrap;
mod clusters;
mod mann_whitney;
mod multiple_testing;
mod normal;
mod paired;
mod quantile;
mod rank;
mod wilcoxon;

pub use bootstrap::{Bootstrap, Interval};
pub use clusters::Clusters;
pub use mann_whitney::{MannWhitney, TestMethod, mann_whitney_u};
pub use multiple_testing::benjamini_hochberg;
pub use paired::{Outcome, PairedDifference, paired_difference};
pub(crate) use quantile::quantile;
pub use rank::mid_ranks;
pub use wilcoxon::{WilcoxonSignedRank, wilcoxon_signed_rank};

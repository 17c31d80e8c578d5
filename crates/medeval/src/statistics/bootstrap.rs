//! Confidence intervals by resampling.

use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};
use rayon::prelude::*;

use super::clusters::Clusters;
use super::quantile::quantile;
use crate::check;
use crate::error::{Error, Result};

/// A number and where it may lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The statistic of all items.
    pub estimate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Share of resamples between the ends, such as 0.95.
    pub level: f64,
    /// Resamples for which the statistic is not defined, left out of the interval.
    pub undefined: usize,
}

/// Percentile bootstrap that draws whole clusters with replacement (Efron and Tibshirani 1993, chapters 8 and 13).
///
/// The same seed gives the same interval on every machine and with any number of threads: each resample has a ChaCha8 stream of
/// its own, and ChaCha is a published standard.
///
/// ```
/// use medeval::statistics::{Bootstrap, Clusters};
/// let scores = [0.7, 0.9, 0.8, 0.6, 0.9, 0.8];
/// let patients = Clusters::of(&["a", "a", "b", "c", "c", "d"]);
/// let mean = |items: &[usize]| Some(items.iter().map(|&i| scores[i]).sum::<f64>() / items.len() as f64);
/// let interval = Bootstrap::default().interval(&patients, mean)?;
/// assert!(interval.low < interval.estimate && interval.estimate < interval.high);
/// # Ok::<(), medeval::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bootstrap {
    /// How often items are drawn.
    pub resamples: usize,
    /// Share of resamples between the ends, above 0 and below 1.
    pub level: f64,
    /// Seed of the random numbers.
    pub seed: u64,
}

impl Default for Bootstrap {
    /// 2000 resamples, 95 %, seed 0.
    fn default() -> Self {
        Self { resamples: 2000, level: 0.95, seed: 0 }
    }
}

impl Bootstrap {
    /// The statistic of all items with its percentile interval.
    ///
    /// `statistic` gets the indices of the items drawn, an item as often as it was drawn, and says `None` where it is not defined
    /// (an AUC when one class was drawn).
    ///
    /// # Errors
    /// [`Error::TooFew`] without clusters or resamples, [`Error::OutOfRange`] for a level that is not between 0 and 1,
    /// [`Error::Undefined`] when the statistic is not defined for all items or for any resample.
    pub fn interval(
        &self,
        clusters: &Clusters,
        statistic: impl Fn(&[usize]) -> Option<f64> + Sync,
    ) -> Result<Interval> {
        check::at_least("clusters", 1, clusters.count())?;
        check::at_least("resamples", 1, self.resamples)?;
        if !(self.level > 0.0 && self.level < 1.0) {
            return Err(Error::OutOfRange {
                what: "the level of an interval",
                expected: "above 0 and below 1",
                found: self.level,
            });
        }
        let defined = |value: Option<f64>| value.filter(|v| v.is_finite());
        let all: Vec<usize> = (0..clusters.items()).collect();
        let undefined = |reason| Error::Undefined { what: "the statistic", reason };
        let estimate = defined(statistic(&all)).ok_or_else(|| undefined("not for all items"))?;
        let draws = (0..self.resamples as u64).into_par_iter();
        let values: Vec<f64> = draws
            .map_init(Vec::new, |items, resample| {
                self.draw(clusters, resample, items);
                defined(statistic(items))
            })
            .flatten_iter()
            .collect();
        let left_out = self.resamples - values.len();
        let tail = (1.0 - self.level) / 2.0;
        let end = |share: f64| quantile(values.clone(), share).ok_or_else(|| undefined("for no resample"));
        let (low, high) = (end(tail)?, end(1.0 - tail)?);
        Ok(Interval { estimate, low, high, level: self.level, undefined: left_out })
    }

    /// As many clusters as there are, drawn with replacement.
    fn draw(&self, clusters: &Clusters, resample: u64, items: &mut Vec<usize>) {
        let mut seed = [0u8; 32];
        seed[..8].copy_from_slice(&self.seed.to_le_bytes());
        seed[8..16].copy_from_slice(&resample.to_le_bytes());
        let mut random = ChaCha8Rng::from_seed(seed);
        items.clear();
        for _ in 0..clusters.count() {
            items.extend(clusters.members(below(&mut random, clusters.count())));
        }
    }
}

/// A whole number from 0 to `count - 1` from one 64-bit draw (Lemire 2019, without rejection: the bias is below 2^-40 for any
/// number of clusters that fits memory).
fn below(random: &mut ChaCha8Rng, count: usize) -> usize {
    ((u128::from(random.next_u64()) * count as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_random_numbers_never_change() {
        let clusters = Clusters::singletons(10);
        let mut items = Vec::new();
        Bootstrap { seed: 7, ..Bootstrap::default() }.draw(&clusters, 3, &mut items);
        assert_eq!(items, [2, 1, 1, 5, 0, 7, 8, 4, 0, 7]);
    }

    #[test]
    fn threads_do_not_matter() {
        let values: Vec<f64> = (0..50).map(|i| f64::from(i * i % 17)).collect();
        let mean = |items: &[usize]| Some(items.iter().map(|&i| values[i]).sum::<f64>() / items.len() as f64);
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Bootstrap::default().interval(&Clusters::singletons(50), mean).unwrap())
        };
        assert_eq!(run(1), run(3));
        let other = Bootstrap { seed: 1, ..Bootstrap::default() };
        assert_ne!(run(1), other.interval(&Clusters::singletons(50), mean).unwrap());
    }

    #[test]
    fn clusters_are_drawn_whole() {
        let clusters = Clusters::of(&["a", "b", "a", "c", "b"]);
        let mut items = Vec::new();
        for resample in 0..50 {
            Bootstrap::default().draw(&clusters, resample, &mut items);
            let count = |item: usize| items.iter().filter(|i| **i == item).count();
            assert_eq!(count(0), count(2));
            assert_eq!(count(1), count(4));
            assert_eq!(count(0) + count(1) + count(3), 3);
        }
    }

    #[test]
    fn undefined_resamples_are_counted() {
        let clusters = Clusters::singletons(4);
        let only_with_first = |items: &[usize]| items.contains(&0).then_some(1.0);
        let found = Bootstrap::default().interval(&clusters, only_with_first).unwrap();
        let share = found.undefined as f64 / 2000.0;
        assert!((share - 0.75f64.powi(4)).abs() < 0.05, "{share}");
        let never = Bootstrap::default().interval(&clusters, |_| None);
        assert!(matches!(never, Err(Error::Undefined { .. })));
        let level = Bootstrap { level: 1.0, ..Bootstrap::default() }.interval(&clusters, |_| Some(0.0));
        assert!(matches!(level, Err(Error::OutOfRange { .. })));
        let nobody = Bootstrap::default().interval(&Clusters::singletons(0), |_| Some(0.0));
        assert!(matches!(nobody, Err(Error::TooFew { .. })));
    }
}

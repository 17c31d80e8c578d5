//! When to stop.

use serde::{Deserialize, Serialize};

/// Watches a score, such as the mean Dice of validation, of which more is better.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
pub struct EarlyStopping {
    patience: usize,
    /// Written as its bits: numbers as text may come back one digit off, and training that is resumed must go on to the bit.
    #[serde(with = "bits")]
    best: Option<f64>,
    since: usize,
}

mod bits {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[allow(clippy::ref_option)] // serde's signature
    pub(super) fn serialize<S: Serializer>(score: &Option<f64>, to: S) -> Result<S::Ok, S::Error> {
        score.map(f64::to_bits).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
        let bits: Option<u64> = Option::deserialize(from)?;
        Ok(bits.map(f64::from_bits).filter(|score| !score.is_nan()))
    }
}

impl EarlyStopping {
    /// Stops after `patience` scores in a row that are no better than the best.
    pub const fn new(patience: usize) -> Self {
        Self { patience, best: None, since: 0 }
    }

    /// Takes a score; true when it is the best so far, and the model worth keeping. NaN never is.
    pub fn observe(&mut self, score: f64) -> bool {
        let better = !score.is_nan() && self.best.is_none_or(|best| score > best);
        if better {
            (self.best, self.since) = (Some(score), 0);
        } else {
            self.since = self.since.saturating_add(1);
        }
        better
    }

    /// Whether it is time to stop.
    pub const fn is_over(&self) -> bool {
        self.since >= self.patience && self.patience > 0
    }

    /// The best score so far.
    pub const fn best(&self) -> Option<f64> {
        self.best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_when_nothing_gets_better() {
        let mut stopping = EarlyStopping::new(2);
        assert!(!stopping.observe(f64::NAN));
        assert!(stopping.observe(0.5));
        assert!(!stopping.observe(0.5));
        assert!(!stopping.is_over());
        assert!(stopping.observe(0.6));
        assert!(!stopping.observe(0.1));
        assert!(!stopping.observe(f64::NAN));
        assert!(stopping.is_over());
        assert_eq!(stopping.best(), Some(0.6));
    }

    #[test]
    fn scores_come_back_to_the_bit() {
        for score in [0.905_244_735_679_126_8, 1.0 / 3.0, -0.0, f64::MIN_POSITIVE] {
            let mut stopping = EarlyStopping::new(1);
            stopping.observe(score);
            let text = serde_json::to_string(&stopping).unwrap();
            let mut read: EarlyStopping = serde_json::from_str(&text).unwrap();
            assert_eq!(read.best().map(f64::to_bits), Some(score.to_bits()));
            assert!(!read.observe(score));
        }
        let new = EarlyStopping::new(3);
        assert_eq!(
            serde_json::from_str::<EarlyStopping>(&serde_json::to_string(&new).unwrap()).unwrap(),
            new
        );
    }
}

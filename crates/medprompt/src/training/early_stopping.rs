//! When to stop.

use serde::{Deserialize, Serialize};

/// Watches a score, such as the mean Dice of validation, of which more is better.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
pub struct EarlyStopping {
    patience: usize,
    best: Option<f64>,
    since: usize,
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
}

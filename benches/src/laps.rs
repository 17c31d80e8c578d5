//! Time per kind of work.

use std::time::Instant;

use burn::tensor::Device;

use crate::error::Result;

/// A stopwatch that sums up laps by name. Every lap waits for the device first, so that work is booked where it was asked for.
#[derive(Debug)]
pub struct Laps {
    device: Device,
    since: Instant,
    sums: Vec<(&'static str, f64)>,
}

impl Laps {
    /// Starts the first lap.
    ///
    /// # Errors
    /// [`Error::Network`](crate::Error::Network) when the device fails.
    pub fn start(device: &Device) -> Result<Self> {
        synchronize(device)?;
        Ok(Self { device: device.clone(), since: Instant::now(), sums: Vec::new() })
    }

    /// Ends a lap and starts the next.
    ///
    /// # Errors
    /// [`Error::Network`](crate::Error::Network) when the device fails.
    pub fn lap(&mut self, name: &'static str) -> Result<()> {
        synchronize(&self.device)?;
        let now = Instant::now();
        let seconds = now.duration_since(self.since).as_secs_f64();
        match self.sums.iter_mut().find(|(n, _)| *n == name) {
            Some((_, sum)) => *sum += seconds,
            None => self.sums.push((name, seconds)),
        }
        self.since = now;
        Ok(())
    }

    /// Seconds by name, in the order in which the names first came.
    pub fn into_sums(self) -> Vec<(&'static str, f64)> {
        self.sums
    }
}

/// Waits for the device.
///
/// # Errors
/// [`Error::Network`](crate::Error::Network) when it fails.
pub fn synchronize(device: &Device) -> Result<()> {
    Ok(device.sync().map_err(|e| mednn::Error::Readback { reason: e.to_string() })?)
}

/// The median; the mean of the middle two of an even number; NaN of none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.len() % 2, values.get(middle)) {
        (1, Some(value)) => *value,
        (_, Some(upper)) => values.get(middle - 1).map_or(f64::NAN, |lower| (lower + upper) / 2.0),
        (_, None) => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(vec![7.0]), 7.0);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn laps_of_one_name_are_summed_up() {
        let mut laps = Laps::start(&Device::flex()).unwrap();
        for name in ["a", "b", "a"] {
            laps.lap(name).unwrap();
        }
        let names: Vec<_> = laps.into_sums().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a", "b"]);
    }
}

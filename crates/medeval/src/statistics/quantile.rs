//! Quantiles.

/// The value below which a share of the values lies, by linear interpolation between neighbours (numpy's default; type 7 of
/// Hyndman and Fan 1996); `None` without values. They must not be NaN.
pub(crate) fn quantile(mut values: Vec<f64>, share: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let place = share * last as f64;
    let (below, between) = (place.floor() as usize, place.fract());
    let (_, &mut low, above) = values.select_nth_unstable_by(below.min(last), f64::total_cmp);
    let high = above.iter().copied().fold(f64::INFINITY, f64::min);
    Some(if between == 0.0 || low == high { low } else { low + between * (high - low) })
}

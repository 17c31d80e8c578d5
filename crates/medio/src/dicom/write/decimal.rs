//! Decimal strings (DS, PS3.5 6.2).

/// The most characters of a decimal string.
const LONGEST: usize = 16;

/// The decimal string of at most 16 characters that comes closest to a finite number.
pub(in crate::dicom) fn text(value: f64) -> String {
    let exact = value.to_string();
    if exact.len() <= LONGEST {
        return exact;
    }
    let fixed = (0..LONGEST).map(|digits| format!("{value:.digits$}"));
    let exponent = (0..LONGEST).map(|digits| format!("{value:.digits$e}"));
    let error = |text: &String| text.parse().map_or(f64::INFINITY, |back: f64| (back - value).abs());
    fixed
        .chain(exponent)
        .filter(|text| text.len() <= LONGEST)
        .min_by(|a, b| error(a).total_cmp(&error(b)))
        .unwrap_or(exact)
}

/// What a reader makes of [`text`].
pub(in crate::dicom) fn rounded(value: f64) -> f64 {
    text(value).parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_characters_at_most() {
        for value in [0.1 + 0.2, -1.0 / 3.0, 1e300 / 7.0, -1e-300 / 7.0, -123_456.789_012_345_67, 2e-5 / 3.0]
        {
            let found = text(value);
            assert!(found.len() <= 16, "{found}");
            assert!((rounded(value) - value).abs() <= value.abs() * 1e-8, "{found}");
        }
        assert_eq!(text(-1.0 / 3.0), "-0.3333333333333");
        assert_eq!(text(5.0), "5");
        assert_eq!(text(-170.1875), "-170.1875");
    }
}

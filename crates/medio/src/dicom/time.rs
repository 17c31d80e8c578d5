//! Dates and times (PS3.5 6.2: DA, TM and DT).

const DAY: f64 = 24.0 * 3600.0;

/// A point in time on the calendar that a file uses, to the microsecond.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(super) struct Moment {
    /// Since 1970-01-01.
    seconds: f64,
}

impl Moment {
    /// From a date (DA) and a time (TM).
    pub(super) fn new(date: &str, time: &str) -> Option<Self> {
        Some(Self { seconds: parse_date(date)? * DAY + parse_time(time)? })
    }

    /// From a date and time (DT) with at least a date and an hour. One with an offset from UTC is brought to the zone of the
    /// file's other times (TimezoneOffsetFromUTC, in seconds); where the file does not say that, it is taken to be theirs.
    pub(super) fn parse(text: &str, zone: Option<f64>) -> Option<Self> {
        let text = text.trim();
        let at = text.find(['+', '-']).unwrap_or(text.len());
        let (local, offset) = text.split_at_checked(at)?;
        let moment = Self::new(local.get(..8)?, local.get(8..)?)?;
        Some(match zone.zip(zone_of(offset)) {
            Some((zone, own)) => moment.plus(zone - own),
            None => moment,
        })
    }

    pub(super) fn seconds_since(self, earlier: Self) -> f64 {
        self.seconds - earlier.seconds
    }

    pub(super) fn seconds_of_day(self) -> f64 {
        self.seconds.rem_euclid(DAY)
    }

    pub(super) fn order(self, other: Self) -> std::cmp::Ordering {
        self.seconds.total_cmp(&other.seconds)
    }

    pub(super) fn plus(self, seconds: f64) -> Self {
        Self { seconds: self.seconds + seconds }
    }
}

/// Seconds since midnight of a time (TM): `HH`, `HHMM`, `HHMMSS` or `HHMMSS.FFFFFF`; the colons of old files are read too.
pub(super) fn parse_time(text: &str) -> Option<f64> {
    let digits: String = text.trim().chars().filter(|c| *c != ':').collect();
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    if !matches!(whole.len(), 2 | 4 | 6) || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let part = |at: usize| whole.get(at..at + 2).map_or(Some(0.0), |two| two.parse::<f64>().ok());
    let (hours, minutes, seconds) = (part(0)?, part(2)?, part(4)?);
    let fraction: f64 = if fraction.is_empty() { 0.0 } else { format!("0.{fraction}").parse().ok()? };
    // 60 is a leap second.
    let valid = hours < 24.0 && minutes < 60.0 && seconds <= 60.0;
    valid.then_some(hours * 3600.0 + minutes * 60.0 + seconds + fraction)
}

/// Seconds of an offset from UTC, `+HHMM` or `-HHMM`.
pub(super) fn zone_of(text: &str) -> Option<f64> {
    let (sign, digits) = text.split_at_checked(1)?;
    let sign = match sign {
        "+" => 1.0,
        "-" => -1.0,
        _ => return None,
    };
    (digits.len() == 4).then(|| parse_time(digits)).flatten().map(|seconds| sign * seconds)
}

/// Days since 1970-01-01 of a date (DA): `YYYYMMDD`; the points of old files are read too.
fn parse_date(text: &str) -> Option<f64> {
    let digits: String = text.trim().chars().filter(|c| *c != '.').collect();
    if digits.len() != 8 || !is_digits(&digits) {
        return None;
    }
    let number = |from: usize, to: usize| digits.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years that begin in March, so that the leap day is the last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some((365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468) as f64)
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_the_calendar() {
        for (date, days) in [
            ("19700101", 0.0),
            ("19700301", 59.0),
            ("20000229", 11016.0),
            ("20241231", 20088.0),
            ("1969.12.31", -1.0),
        ] {
            assert_eq!(parse_date(date), Some(days), "{date}");
        }
        for wrong in ["", "2024", "20241301", "2024-01-01", "20240100", "+0240101"] {
            assert_eq!(parse_date(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn times_of_the_day() {
        for (time, seconds) in [("00", 0.0), ("1015", 36900.0), ("101501.5", 36901.5), ("10:15:01", 36901.0)]
        {
            assert_eq!(parse_time(time), Some(seconds), "{time}");
        }
        for wrong in ["", "1", "24", "1060", "10150", "-10500", "101501.x", "10 1501"] {
            assert_eq!(parse_time(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn date_times() {
        let moment = Moment::parse("20240301003000.250000+0100", None).unwrap();
        assert_eq!(moment.seconds_since(Moment::new("20240229", "2330").unwrap()), 3600.25);
        assert_eq!(moment.seconds_of_day(), 1800.25);
        // Half past eleven in UTC is half past midnight an hour east.
        let utc = Moment::parse("20240229233000.250000+0000", zone_of("+0100")).unwrap();
        assert_eq!(utc.seconds_since(moment), 0.0);
        assert_eq!(
            [zone_of("-0530"), zone_of("0530"), zone_of("+5"), zone_of("")],
            [Some(-19_800.0), None, None, None]
        );
        assert_eq!(Moment::parse("202403", None), None);
        assert_eq!(Moment::parse("20240301é0", None), None);
    }
}

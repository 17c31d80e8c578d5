//! Dates and times as DICOM writes them (DA and TM, PS3.5 6.2).

use std::time::{SystemTime, UNIX_EPOCH};

/// A date and a time of day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::dicom) struct Stamp {
    /// `YYYYMMDD`.
    pub(in crate::dicom) date: String,
    /// `HHMMSS`.
    pub(in crate::dicom) time: String,
}

/// The date and time at an offset from UTC, given as TimezoneOffsetFromUTC has it (`+0130`); UTC where there is none.
pub(in crate::dicom) fn stamp(time: SystemTime, offset: Option<&str>) -> Stamp {
    let since = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(0),
        Err(before) => -i64::try_from(before.duration().as_secs()).unwrap_or(0),
    };
    let local = since.saturating_add(offset.and_then(offset_seconds).unwrap_or(0));
    let (days, second) = (local.div_euclid(86_400), local.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    Stamp {
        date: format!("{year:04}{month:02}{day:02}"),
        time: format!("{:02}{:02}{:02}", second / 3600, second / 60 % 60, second % 60),
    }
}

fn offset_seconds(text: &str) -> Option<i64> {
    let (sign, digits) = text.trim().split_at_checked(1)?;
    let sign = match sign {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let digits: i64 = (digits.len() == 4).then(|| digits.parse().ok())??;
    Some(sign * (digits / 100 * 3600 + digits % 100 * 60))
}

/// The date of a day counted from 1970-01-01 in the Gregorian calendar, from 0001 to 9999.
fn civil(days: i64) -> (i64, i64, i64) {
    // Years are counted from March, so that the leap day is the last one of its year.
    let days = days.clamp(-719_162, 2_932_896) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn known_instants() {
        let at = |seconds, offset| {
            let Stamp { date, time } = stamp(UNIX_EPOCH + Duration::from_secs(seconds), offset);
            format!("{date} {time}")
        };
        assert_eq!(at(0, None), "19700101 000000");
        assert_eq!(at(951_782_399, None), "20000228 235959");
        assert_eq!(at(951_782_400, None), "20000229 000000");
        assert_eq!(at(1_709_251_199, None), "20240229 235959");
        assert_eq!(at(1_709_251_199, Some("+0130")), "20240301 012959");
        assert_eq!(at(0, Some("-0500")), "19691231 190000");
        assert_eq!(at(0, Some("odd")), "19700101 000000");
        let before = stamp(UNIX_EPOCH - Duration::from_secs(1), None);
        assert_eq!((before.date.as_str(), before.time.as_str()), ("19691231", "235959"));
    }
}

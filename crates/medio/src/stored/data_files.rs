//! Names of data files in a header.

use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};

/// More files than any scan has slices.
const MAX_FILES: i128 = 1 << 16;

/// The path of a data file that a header names, relative to the header's folder.
///
/// # Errors
/// [`Error::Invalid`] for a name that leads out of the folder, unless `anywhere`. Symbolic links are followed.
pub(crate) fn beside(header: &Path, name: &str, anywhere: bool) -> Result<PathBuf> {
    let below = Path::new(name).components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
    if name.is_empty() || !(below || anywhere) {
        return Err(Error::Invalid {
            path: header.into(),
            what: "name of a data file",
            expected: "a file in the header's folder or below (the option `data_anywhere` allows others)"
                .into(),
            found: format!("{name:?}"),
        });
    }
    Ok(header.parent().unwrap_or(Path::new("")).join(name))
}

/// The names that a pattern with one `%d` (or `%i`, `%u`, with a width) makes of the numbers from `first` to `last`.
pub(crate) fn numbered(header: &Path, pattern: &str, [first, last, step]: [i64; 3]) -> Result<Vec<String>> {
    let invalid = |what, expected: &str, found: String| {
        Err(Error::Invalid { path: header.into(), what, expected: expected.into(), found })
    };
    let Some(pattern) = Pattern::parse(pattern) else {
        return invalid("pattern of data files", "one %d with at most a width", format!("{pattern:?}"));
    };
    let [start, end, by] = [first, last, step].map(i128::from);
    let count = if by == 0 { 0 } else { (end - start) / by + 1 };
    if !(1..=MAX_FILES).contains(&count) || (end - start) * by < 0 {
        let expected = "first, last and step of 1 to 65536 files";
        return invalid("numbers of data files", expected, format!("{first} {last} {step}"));
    }
    Ok((0..count).map(|n| pattern.with(start + n * by)).collect())
}

struct Pattern {
    before: String,
    after: String,
    width: usize,
    zeros: bool,
}

impl Pattern {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = [String::new(), String::new()];
        let (mut width, mut zeros, mut seen) = (0, false, false);
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            let [before, after] = &mut parts;
            let part = if seen { after } else { before };
            if letter != '%' {
                part.push(letter);
                continue;
            }
            let digits: String = letters.clone().take_while(char::is_ascii_digit).collect();
            letters = letters.as_str().get(digits.len()..)?.chars();
            match letters.next()? {
                '%' if digits.is_empty() => part.push('%'),
                'd' | 'i' | 'u' if !seen && digits.len() <= 3 => {
                    zeros = digits.starts_with('0');
                    width = if digits.is_empty() { 0 } else { digits.parse().ok()? };
                    seen = true;
                }
                _ => return None,
            }
        }
        let [before, after] = parts;
        (seen && width <= 64).then_some(Self { before, after, width, zeros })
    }

    fn with(&self, number: i128) -> String {
        let Self { before, after, width, zeros } = self;
        if *zeros {
            format!("{before}{number:0width$}{after}")
        } else {
            format!("{before}{number:width$}{after}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_count_as_printf_does() {
        let names = |pattern, numbers| numbered(Path::new("h"), pattern, numbers);
        assert_eq!(names("a%03d.raw", [8, 12, 2]).unwrap(), ["a008.raw", "a010.raw", "a012.raw"]);
        assert_eq!(names("100%%_%d", [1, 0, -1]).unwrap(), ["100%_1", "100%_0"]);
        for bad in ["a", "%d%d", "%s", "%", "%999d", "%*d", "%-3d"] {
            assert!(names(bad, [1, 2, 1]).is_err(), "{bad}");
        }
        for bad in [[1, 2, 0], [2, 1, 1], [1, i64::MAX, 1], [i64::MIN, i64::MAX, 1]] {
            assert!(names("%d", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_stay_below_the_header() {
        let at = |name, anywhere| beside(Path::new("folder/a.nhdr"), name, anywhere);
        assert_eq!(at("./b/c.raw", false).unwrap(), Path::new("folder/./b/c.raw"));
        for bad in ["../c.raw", "/etc/passwd", "b/../../c.raw", ""] {
            assert!(at(bad, false).is_err(), "{bad}");
        }
        assert_eq!(at("../c.raw", true).unwrap(), Path::new("folder/../c.raw"));
    }
}

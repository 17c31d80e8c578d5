//! Clicks, boxes and scribbles as text: rows and columns in pixels, from 0.

use medprompt::inference::Interaction;

use crate::error::{Error, Result};

/// `ROW,COLUMN`: the object is here.
///
/// # Errors
/// [`Error::Unfit`] for another text.
pub fn click(text: &str) -> Result<Interaction> {
    Ok(Interaction::Click(point(text)?))
}

/// `ROW,COLUMN`: the object is not here.
///
/// # Errors
/// As [`click`].
pub fn exclude(text: &str) -> Result<Interaction> {
    Ok(Interaction::Exclude(point(text)?))
}

/// `ROW,COLUMN,ROW,COLUMN`: first pixel, and one past the last, of a box.
///
/// # Errors
/// As [`click`].
pub fn bounding_box(text: &str) -> Result<Interaction> {
    let [top, left, bottom, right] =
        numbers(text, "a box as ROW,COLUMN,ROW,COLUMN: its first pixel, and one past its last")?;
    Ok(Interaction::Box { start: [top, left], end: [bottom, right] })
}

/// `ROW,COLUMN ROW,COLUMN ...`: straight lines from point to point.
///
/// # Errors
/// As [`click`].
pub fn scribble(text: &str) -> Result<Interaction> {
    let points = text.split_whitespace().map(point).collect::<Result<Vec<_>>>()?;
    let mut all: Vec<[usize; 2]> = points.first().copied().into_iter().collect();
    for pair in points.windows(2) {
        all.extend(line(pair[0], pair[1]));
    }
    Ok(Interaction::Scribble(all))
}

/// The points after the first one of a straight line.
fn line(from: [usize; 2], to: [usize; 2]) -> Vec<[usize; 2]> {
    let steps = from[0].abs_diff(to[0]).max(from[1].abs_diff(to[1]));
    let along = |axis: usize, step: usize| {
        let (from, to) = (from[axis] as f64, to[axis] as f64);
        (from + (to - from) * step as f64 / steps as f64).round() as usize
    };
    (1..=steps).map(|step| [along(0, step), along(1, step)]).collect()
}

fn point(text: &str) -> Result<[usize; 2]> {
    numbers(text, "a point as ROW,COLUMN")
}

/// Far beyond any picture; keeps a line between two points short.
const FARTHEST: usize = 1 << 20;

fn numbers<const N: usize>(text: &str, expected: &str) -> Result<[usize; N]> {
    let found: Option<Vec<usize>> =
        text.split(',').map(|n| n.trim().parse().ok().filter(|n| *n <= FARTHEST)).collect();
    found.and_then(|n| n.try_into().ok()).ok_or_else(|| Error::Unfit {
        what: "an interaction",
        expected: expected.to_string(),
        found: text.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_interactions() {
        assert_eq!(click("3,4").unwrap(), Interaction::Click([3, 4]));
        assert_eq!(exclude(" 3, 4 ").unwrap(), Interaction::Exclude([3, 4]));
        assert_eq!(bounding_box("1,2,30,40").unwrap(), Interaction::Box { start: [1, 2], end: [30, 40] });
        let path = vec![[0, 0], [1, 1], [1, 2], [2, 3], [1, 3]];
        assert_eq!(scribble("0,0 2,3 1,3").unwrap(), Interaction::Scribble(path));
        assert_eq!(scribble("5,5").unwrap(), Interaction::Scribble(vec![[5, 5]]));
    }

    #[test]
    fn other_texts_are_refused() {
        for wrong in ["", "3", "3,4,5", "-1,2", "a,b", "1.5,2", "9999999999,2"] {
            assert!(matches!(click(wrong), Err(Error::Unfit { .. })), "{wrong}");
        }
        assert!(bounding_box("1,2,3").is_err());
        assert!(scribble("1,2 3").is_err());
    }
}

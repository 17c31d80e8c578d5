//! Orientation codes: towards which side of the patient each array axis runs.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;
use crate::matrix::{self, Matrix3};

/// A direction along one axis of the patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Towards the patient's right.
    Right,
    /// Towards the patient's left.
    Left,
    /// Towards the front.
    Anterior,
    /// Towards the back.
    Posterior,
    /// Towards the head.
    Superior,
    /// Towards the feet.
    Inferior,
}

impl Direction {
    /// The letter: R, L, A, P, S or I.
    pub const fn letter(self) -> char {
        match self {
            Self::Right => 'R',
            Self::Left => 'L',
            Self::Anterior => 'A',
            Self::Posterior => 'P',
            Self::Superior => 'S',
            Self::Inferior => 'I',
        }
    }

    /// The other way along the same axis.
    pub const fn opposite(self) -> Self {
        match self {
            Self::Right => Self::Left,
            Self::Left => Self::Right,
            Self::Anterior => Self::Posterior,
            Self::Posterior => Self::Anterior,
            Self::Superior => Self::Inferior,
            Self::Inferior => Self::Superior,
        }
    }

    /// Which axis of LPS it lies along: 0 for right/left, 1 for anterior/posterior, 2 for superior/inferior.
    pub const fn lps_axis(self) -> usize {
        match self {
            Self::Right | Self::Left => 0,
            Self::Anterior | Self::Posterior => 1,
            Self::Superior | Self::Inferior => 2,
        }
    }

    /// +1 when it runs along the positive axis of LPS, else -1.
    pub const fn lps_sign(self) -> f64 {
        match self {
            Self::Left | Self::Posterior | Self::Superior => 1.0,
            Self::Right | Self::Anterior | Self::Inferior => -1.0,
        }
    }

    const fn from_lps(axis: usize, positive: bool) -> Self {
        match (axis, positive) {
            (0, true) => Self::Left,
            (0, false) => Self::Right,
            (1, true) => Self::Posterior,
            (1, false) => Self::Anterior,
            (_, true) => Self::Superior,
            (_, false) => Self::Inferior,
        }
    }

    fn from_letter(letter: char) -> Option<Self> {
        [Self::Right, Self::Left, Self::Anterior, Self::Posterior, Self::Superior, Self::Inferior]
            .into_iter()
            .find(|d| d.letter() == letter.to_ascii_uppercase())
    }
}

/// Towards which side of the patient columns, rows and slices run, in this order.
///
/// The letters name the side that a growing index approaches, as in nibabel: the usual axial DICOM stack is `"LPS"`
/// (columns to the left, rows to the back, slices to the head) and the usual NIfTI file `"RAS"`. Some
/// other tools name the side that an axis comes from; there, the same stack is called RAI.
///
/// ```
/// use medcore::Orientation;
/// let o: Orientation = "RAS".parse()?;
/// assert_eq!(o, Orientation::RAS);
/// assert!("RLS".parse::<Orientation>().is_err());
/// # Ok::<(), medcore::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Orientation([Direction; 3]);

impl Orientation {
    /// Columns to the left, rows to the back, slices to the head.
    pub const LPS: Self = Self([Direction::Left, Direction::Posterior, Direction::Superior]);
    /// Columns to the right, rows to the front, slices to the head.
    pub const RAS: Self = Self([Direction::Right, Direction::Anterior, Direction::Superior]);

    /// From the directions of columns, rows and slices.
    ///
    /// # Errors
    /// [`Error::InvalidOrientation`] unless each axis of the patient occurs once.
    pub fn new(directions: [Direction; 3]) -> Result<Self, Error> {
        let mut seen = [false; 3];
        for d in directions {
            seen[d.lps_axis()] = true;
        }
        if seen == [true; 3] {
            Ok(Self(directions))
        } else {
            Err(Error::InvalidOrientation { found: directions.iter().map(|d| d.letter()).collect() })
        }
    }

    /// The directions of columns, rows and slices.
    pub const fn directions(self) -> [Direction; 3] {
        self.0
    }

    /// The orientation closest to a linear map from voxels to LPS: each voxel axis is given the patient axis it runs
    /// along most, such that none is given twice.
    pub(crate) fn closest(voxel_to_lps: &Matrix3) -> Self {
        let unit: [[f64; 3]; 3] = std::array::from_fn(|axis| {
            let c = matrix::column(voxel_to_lps, axis);
            c.map(|x| x / matrix::norm(c))
        });
        let mut best = (f64::NEG_INFINITY, PERMUTATIONS[0]);
        for permutation in PERMUTATIONS {
            let score = (0..3).map(|axis| unit[axis][permutation[axis]].abs()).sum::<f64>();
            // The margin keeps the choice stable where two are equal but for rounding.
            if score > best.0 + 1e-9 {
                best = (score, permutation);
            }
        }
        Self(std::array::from_fn(|axis| {
            let lps = best.1[axis];
            Direction::from_lps(lps, unit[axis][lps] >= 0.0)
        }))
    }
}

const PERMUTATIONS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

impl FromStr for Orientation {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid = || Error::InvalidOrientation { found: text.chars().take(16).collect() };
        let directions: Vec<_> = text.chars().map_while(Direction::from_letter).collect();
        if text.chars().count() != 3 {
            return Err(invalid());
        }
        Self::new(directions.try_into().map_err(|_| invalid())?).map_err(|_| invalid())
    }
}

impl TryFrom<&str> for Orientation {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self, Error> {
        text.parse()
    }
}

impl fmt::Display for Orientation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|d| write!(f, "{}", d.letter()))
    }
}

impl fmt::Debug for Orientation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forty_eight_codes_survive_text() {
        let mut seen = std::collections::HashSet::new();
        for p in PERMUTATIONS {
            for signs in 0..8 {
                let o = Orientation(std::array::from_fn(|a| Direction::from_lps(p[a], signs >> a & 1 == 0)));
                assert_eq!(o.to_string().parse::<Orientation>().unwrap(), o);
                seen.insert(o);
            }
        }
        assert_eq!(seen.len(), 48);
    }

    #[test]
    fn bad_codes_are_refused() {
        for bad in ["", "LP", "LPSS", "LLS", "LRS", "XYZ", "L P"] {
            assert!(matches!(bad.parse::<Orientation>(), Err(Error::InvalidOrientation { .. })), "{bad}");
        }
    }
}

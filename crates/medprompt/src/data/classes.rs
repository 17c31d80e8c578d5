//! From the values of a mask file to classes.

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, config};

/// What the values of masks mean. Value 0 is always the background.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Classes {
    /// Every other value is the foreground: masks of 0 and 255, and numbers of instances.
    Foreground,
    /// Values are classes, all below this number.
    Indices(usize),
    /// Class `i + 1` is the values of list `i`; others are background.
    Groups(Vec<Vec<u32>>),
}

impl Classes {
    /// How many classes there are, background included.
    pub fn count(&self) -> usize {
        match self {
            Self::Foreground => 2,
            Self::Indices(count) => *count,
            Self::Groups(groups) => groups.len() + 1,
        }
    }

    /// Channels of the logits of a model for these: 1 for foreground or not.
    pub fn channels(&self) -> usize {
        if self.count() == 2 { 1 } else { self.count() }
    }

    /// Checks that they are 2 to 65536, and that no value is in two groups.
    ///
    /// # Errors
    /// [`Error::Config`].
    pub fn validate(&self) -> Result<()> {
        if !(2..=65_536).contains(&self.count()) {
            return Err(config("classes", "2 to 65536, background included", self.count()));
        }
        let Self::Groups(groups) = self else { return Ok(()) };
        let mut seen = std::collections::BTreeSet::from([0]);
        for group in groups {
            if group.is_empty() {
                return Err(config("classes", "at least one value each", "a class of none"));
            }
            for value in group {
                if !seen.insert(*value) {
                    return Err(config("classes", "each value above 0, in one class", value));
                }
            }
        }
        Ok(())
    }

    /// The classes of a mask `[row, column]`.
    ///
    /// # Errors
    /// [`Error::Class`] for an index that is no class.
    pub fn apply(&self, values: ArrayView2<'_, u32>) -> Result<Array2<u16>> {
        match self {
            Self::Foreground => Ok(values.mapv(|value| u16::from(value != 0))),
            Self::Indices(classes) => {
                let largest = values.iter().max().copied().unwrap_or(0) as usize;
                if largest >= *classes {
                    return Err(Error::Class { classes: *classes, found: largest });
                }
                Ok(values.mapv(|value| value as u16))
            }
            Self::Groups(groups) => Ok(values.mapv(|value| {
                let place = (value != 0).then(|| groups.iter().position(|group| group.contains(&value)));
                place.flatten().map_or(0, |place| place as u16 + 1)
            })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn values_become_classes() {
        let values = array![[0, 1, 2], [700, 2, 3]];
        assert_eq!(Classes::Foreground.apply(values.view()).unwrap(), array![[0, 1, 1], [1, 1, 1]]);
        let groups = Classes::Groups(vec![vec![2, 700], vec![1]]);
        assert_eq!(groups.apply(values.view()).unwrap(), array![[0, 2, 1], [1, 1, 0]]);
        let error = Classes::Indices(4).apply(values.view()).unwrap_err();
        assert!(matches!(error, Error::Class { classes: 4, found: 700 }));
        assert_eq!(Classes::Indices(701).apply(values.view()).unwrap()[[1, 0]], 700);
        assert_eq!((Classes::Foreground.channels(), groups.channels()), (1, 3));
    }

    #[test]
    fn classes_that_cannot_be_are_refused() {
        for wrong in [
            Classes::Indices(1),
            Classes::Indices(70_000),
            Classes::Groups(vec![]),
            Classes::Groups(vec![vec![1], vec![]]),
            Classes::Groups(vec![vec![1], vec![2, 1]]),
            Classes::Groups(vec![vec![0]]),
        ] {
            assert!(matches!(wrong.validate(), Err(Error::Config { field: "classes", .. })), "{wrong:?}");
        }
        Classes::Groups(vec![vec![3], vec![1, 2]]).validate().unwrap();
    }
}

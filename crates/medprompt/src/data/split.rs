//! Which samples are trained on.

use std::collections::BTreeMap;

use crate::error::{Result, config, shape};
use crate::training::Random;

/// Streams of random numbers.
const HELD_OUT: u64 = 1;
const SUBSET: u64 = 2;

/// Indices of samples, ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// To train on.
    pub training: Vec<usize>,
    /// To score on.
    pub held_out: Vec<usize>,
}

/// Holds out about `share` of the groups, at least one, with all their samples: a patient is on one side only.
///
/// `groups` names the group of each sample: a patient, or a file. The same seed gives the same groups in whatever order samples are.
///
/// ```
/// let split = medprompt::data::split_by_group(&["a", "a", "b", "c"], 0.3, 0)?;
/// assert_eq!(split.training.len() + split.held_out.len(), 4);
/// # Ok::<(), medprompt::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) with fewer than two groups, [`Error::Config`](crate::Error::Config) unless `share` is above 0 and
/// below 1.
pub fn split_by_group<S: AsRef<str>>(groups: &[S], share: f64, seed: u64) -> Result<Split> {
    if !(share > 0.0 && share < 1.0) {
        return Err(config("share", "above 0 and below 1", share));
    }
    let members = members(groups);
    if members.len() < 2 {
        return Err(shape("groups", "at least two, to train on and to hold out", &[members.len()]));
    }
    let count = ((members.len() as f64 * share).round() as usize).clamp(1, members.len() - 1);
    let order = Random::new(seed, HELD_OUT).permutation(members.len());
    let take = |places: &[usize]| {
        let mut found: Vec<usize> = places.iter().flat_map(|&place| members[place].iter().copied()).collect();
        found.sort_unstable();
        found
    };
    Ok(Split { training: take(&order[count..]), held_out: take(&order[..count]) })
}

/// The samples of about `fraction` of the groups, at least one group; with one seed, smaller fractions are parts of larger ones.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) without a sample, [`Error::Config`](crate::Error::Config) unless `fraction` is above 0 and at most 1.
pub fn subset_by_group<S: AsRef<str>>(groups: &[S], fraction: f64, seed: u64) -> Result<Vec<usize>> {
    if !(fraction > 0.0 && fraction <= 1.0) {
        return Err(config("fraction", "above 0, at most 1", fraction));
    }
    if groups.is_empty() {
        return Err(shape("groups", "at least one", &[0]));
    }
    let members = members(groups);
    let count = ((members.len() as f64 * fraction).round() as usize).clamp(1, members.len());
    let order = Random::new(seed, SUBSET).permutation(members.len());
    let mut found: Vec<usize> =
        order[..count].iter().flat_map(|&place| members[place].iter().copied()).collect();
    found.sort_unstable();
    Ok(found)
}

/// The samples of each group, in the order of the names.
fn members<S: AsRef<str>>(groups: &[S]) -> Vec<Vec<usize>> {
    let mut found: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, group) in groups.iter().enumerate() {
        found.entry(group.as_ref()).or_default().push(index);
    }
    found.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    fn groups() -> Vec<String> {
        (0..60).map(|i| format!("patient {}", i / 3)).collect()
    }

    #[test]
    fn groups_are_on_one_side() {
        let groups = groups();
        let Split { training, held_out } = split_by_group(&groups, 0.25, 3).unwrap();
        assert_eq!((training.len(), held_out.len()), (45, 15));
        assert!(held_out.iter().all(|h| training.iter().all(|t| groups[*t] != groups[*h])));
        assert_eq!(split_by_group(&groups, 0.25, 3).unwrap().held_out, held_out);
        assert_ne!(split_by_group(&groups, 0.25, 4).unwrap().held_out, held_out);
        let (least, most) =
            (split_by_group(&groups, 1e-9, 0).unwrap(), split_by_group(&groups, 0.999, 0).unwrap());
        assert_eq!((least.held_out.len(), most.training.len()), (3, 3));
    }

    #[test]
    fn smaller_subsets_are_parts_of_larger_ones() {
        let groups = groups();
        let subset = |fraction| subset_by_group(&groups, fraction, 1).unwrap();
        let (small, large) = (subset(0.1), subset(0.5));
        assert_eq!((small.len(), large.len(), subset(1.0).len(), subset(1e-6).len()), (6, 30, 60, 3));
        assert!(small.iter().all(|i| large.contains(i)));
    }

    #[test]
    fn what_cannot_be_split_is_refused() {
        assert!(matches!(split_by_group(&["a", "a"], 0.5, 0), Err(Error::Shape { what: "groups", .. })));
        assert!(matches!(split_by_group::<&str>(&[], 0.5, 0), Err(Error::Shape { .. })));
        assert!(matches!(subset_by_group::<&str>(&[], 0.5, 0), Err(Error::Shape { .. })));
        for wrong in [0.0, 1.0, -0.5, f64::NAN] {
            assert!(matches!(
                split_by_group(&["a", "b"], wrong, 0),
                Err(Error::Config { field: "share", .. })
            ));
        }
        for wrong in [0.0, 1.1, f64::NAN] {
            assert!(matches!(
                subset_by_group(&["a"], wrong, 0),
                Err(Error::Config { field: "fraction", .. })
            ));
        }
    }
}

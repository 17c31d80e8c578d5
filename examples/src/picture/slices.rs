//! Which slices of a volume to show.

/// At most `at_most` of the indices `0..count`, as evenly spaced as whole numbers can be, with the first and the last.
///
/// One alone is the middle one, which shows more of a volume than its end.
///
/// ```
/// use medburn_examples::picture::evenly_spaced;
///
/// assert_eq!(evenly_spaced(100, 4), [0, 33, 66, 99]);
/// assert_eq!(evenly_spaced(3, 8), [0, 1, 2]);
/// ```
pub fn evenly_spaced(count: usize, at_most: usize) -> Vec<usize> {
    if count <= at_most {
        return (0..count).collect();
    }
    if at_most == 1 {
        return vec![count / 2];
    }
    let steps = at_most.saturating_sub(1);
    // In 128 bits, for no product of two sizes to overflow.
    (0..at_most)
        .map(|i| ((i as u128 * (count - 1) as u128 + steps as u128 / 2) / steps as u128) as usize)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::evenly_spaced;

    #[test]
    fn the_ends_are_there_and_the_steps_differ_by_one_at_most() {
        for count in 2..60 {
            for at_most in 2..=count {
                let chosen = evenly_spaced(count, at_most);
                assert_eq!(chosen.len(), at_most);
                assert_eq!((chosen[0], chosen[at_most - 1]), (0, count - 1));
                let steps: Vec<usize> = chosen.windows(2).map(|pair| pair[1] - pair[0]).collect();
                let (least, most) = (steps.iter().min().unwrap(), steps.iter().max().unwrap());
                assert!(*least >= 1 && most - least <= 1, "{count} {at_most} {chosen:?}");
            }
        }
    }

    #[test]
    fn few_and_many() {
        assert!(evenly_spaced(0, 5).is_empty());
        assert!(evenly_spaced(5, 0).is_empty());
        assert_eq!(evenly_spaced(9, 1), [4]);
        assert_eq!(evenly_spaced(1, 1), [0]);
        assert_eq!(evenly_spaced(usize::MAX, 3), [0, (usize::MAX - 1) / 2, usize::MAX - 1]);
    }
}

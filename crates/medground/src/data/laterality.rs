//! Left and right in words.

/// The side that a phrase names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Laterality {
    /// Neither.
    None,
    /// Left alone.
    Left,
    /// Right alone.
    Right,
    /// Both, or "bilateral".
    Both,
}

/// Words of a side, with the word of the other side in its place.
const WORDS: [(&str, &str); 6] = [
    ("left", "right"),
    ("leftward", "rightward"),
    ("leftwards", "rightwards"),
    ("lefts", "rights"),
    ("sinistral", "dextral"),
    ("levo", "dextro"),
];
/// Abbreviations that reports use, in upper case only: "l" and "r" alone are too often something else.
const ABBREVIATIONS: [(&str, &str); 6] =
    [("LUL", "RUL"), ("LLL", "RLL"), ("LML", "RML"), ("LLZ", "RLZ"), ("LUZ", "RUZ"), ("LMZ", "RMZ")];
const BOTH: [&str; 3] = ["bilateral", "bilaterally", "both"];

impl Laterality {
    /// The side that a phrase names, by its words.
    ///
    /// ```
    /// use medground::data::Laterality;
    /// assert_eq!(Laterality::of("Left-sided effusion"), Laterality::Left);
    /// assert_eq!(Laterality::of("RLL pneumonia"), Laterality::Right);
    /// assert_eq!(Laterality::of("leftover contrast"), Laterality::None);
    /// ```
    pub fn of(phrase: &str) -> Self {
        let (mut left, mut right) = (false, false);
        for word in phrase.split(|c: char| !c.is_alphanumeric()) {
            let lower = word.to_lowercase();
            let both = BOTH.contains(&lower.as_str());
            left |= both
                || WORDS.iter().any(|(l, _)| *l == lower)
                || ABBREVIATIONS.iter().any(|(l, _)| *l == word);
            right |= both
                || WORDS.iter().any(|(_, r)| *r == lower)
                || ABBREVIATIONS.iter().any(|(_, r)| *r == word);
        }
        match (left, right) {
            (true, true) => Self::Both,
            (true, false) => Self::Left,
            (false, true) => Self::Right,
            (false, false) => Self::None,
        }
    }

    /// The phrase with left and right exchanged, for an image that is mirrored; case is kept, and mirroring twice gives the phrase
    /// back.
    ///
    /// ```
    /// use medground::data::Laterality;
    /// assert_eq!(Laterality::mirror("Left apex, LUL; right base"), "Right apex, RUL; left base");
    /// ```
    pub fn mirror(phrase: &str) -> String {
        let mut mirrored = String::with_capacity(phrase.len());
        let mut rest = phrase;
        while !rest.is_empty() {
            let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
            mirrored.push_str(&other(&rest[..end]));
            rest = &rest[end..];
            let gap = rest.find(char::is_alphanumeric).unwrap_or(rest.len());
            mirrored.push_str(&rest[..gap]);
            rest = &rest[gap..];
        }
        mirrored
    }
}

/// The word of the other side, in the same case; other words as they are.
fn other(word: &str) -> String {
    let swap = |pairs: &[(&'static str, &'static str)], word: &str| {
        let pair = pairs.iter().find(|(l, r)| *l == word || *r == word);
        pair.map(|(l, r)| if *l == word { *r } else { *l })
    };
    if let Some(abbreviation) = swap(&ABBREVIATIONS, word) {
        return abbreviation.to_string();
    }
    let Some(found) = swap(&WORDS, &word.to_lowercase()) else { return word.to_string() };
    if word.chars().all(char::is_uppercase) {
        found.to_uppercase()
    } else if word.starts_with(char::is_uppercase) {
        found[..1].to_uppercase() + &found[1..]
    } else {
        found.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_exchanged_whole() {
        assert_eq!(
            Laterality::mirror("LEFT lung, Right heart; bright leftover"),
            "RIGHT lung, Left heart; bright leftover"
        );
        assert_eq!(Laterality::mirror("left-sided RLL"), "right-sided LLL");
        for phrase in ["", "left", "größer links? Right!", "LUL and right hilum, bilateral"] {
            assert_eq!(Laterality::mirror(&Laterality::mirror(phrase)), phrase);
        }
    }

    #[test]
    fn the_mirrored_phrase_names_the_other_side() {
        for phrase in ["left lung", "RUL mass", "Right-sided effusion", "both lungs", "heart"] {
            let expected = match Laterality::of(phrase) {
                Laterality::Left => Laterality::Right,
                Laterality::Right => Laterality::Left,
                same => same,
            };
            assert_eq!(Laterality::of(&Laterality::mirror(phrase)), expected, "{phrase}");
        }
        assert_eq!(Laterality::of("left and right"), Laterality::Both);
        assert_eq!(Laterality::of("bilateral opacities"), Laterality::Both);
    }
}

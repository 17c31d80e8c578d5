//! Reports into sentences.

use std::ops::Range;

/// A sentence and where it is in its report, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence<'a> {
    /// Its text, without white space around it.
    pub text: &'a str,
    /// Its bytes in the report.
    pub span: Range<usize>,
}

/// Words whose full stop does not end a sentence.
const ABBREVIATIONS: [&str; 12] =
    ["dr", "mr", "mrs", "ms", "st", "vs", "approx", "ca", "no", "fig", "e.g", "i.e"];

/// The sentences of a report: they end at `.`, `!`, `?` or `;` before white space, and at line breaks that a blank line or a list
/// item follows. Decimal points ("1.5 cm"), numbers of a list ("2. Heart normal") and a few abbreviations ("Dr.", "e.g.") end none.
///
/// ```
/// use medground::text::sentences;
/// let report = "FINDINGS: Small left effusion, 1.5 cm.  No pneumothorax.\n2. Heart enlarged.";
/// let found: Vec<_> = sentences(report).into_iter().map(|s| s.text).collect();
/// assert_eq!(found, ["FINDINGS: Small left effusion, 1.5 cm.", "No pneumothorax.", "2. Heart enlarged."]);
/// ```
pub fn sentences(report: &str) -> Vec<Sentence<'_>> {
    let mut found = Vec::new();
    let mut start = 0;
    for (at, c) in report.char_indices() {
        let end = at + c.len_utf8();
        let (before, after) = (&report[start..at], &report[end..]);
        let ends = match c {
            '!' | '?' | ';' => after.chars().next().is_none_or(char::is_whitespace),
            '.' => after.chars().next().is_none_or(char::is_whitespace) && !is_abbreviation(before),
            '\n' => begins_anew(after),
            _ => false,
        };
        if ends {
            push(report, start..end, &mut found);
            start = end;
        }
    }
    push(report, start..report.len(), &mut found);
    found
}

/// Whether a full stop after this text belongs to its last word: an abbreviation, an initial, or the number of a list item.
fn is_abbreviation(before: &str) -> bool {
    let word = before.rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default();
    let alone = before.trim() == word;
    let lower = word.to_lowercase();
    ABBREVIATIONS.contains(&lower.as_str())
        || (alone && !word.is_empty() && word.chars().all(|c| c.is_ascii_digit()))
}

/// Whether a line break before this text ends a sentence: a blank line, a list item or a heading follows.
fn begins_anew(after: &str) -> bool {
    let line = after.split('\n').next().unwrap_or_default();
    let text = line.trim_start();
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    let numbered = digits > 0 && text[digits..].starts_with(['.', ')']);
    let heading = text.split_once(':').is_some_and(|(head, _)| {
        !head.is_empty() && head.chars().all(|c| c.is_uppercase() || c.is_whitespace())
    });
    text.is_empty() || text.starts_with(['-', '*', '•']) || numbered || heading
}

fn push<'a>(report: &'a str, span: Range<usize>, found: &mut Vec<Sentence<'a>>) {
    let part = &report[span.clone()];
    let text = part.trim();
    if !text.chars().any(char::is_alphanumeric) {
        return;
    }
    let start = span.start + (part.len() - part.trim_start().len());
    found.push(Sentence { text, span: start..start + text.len() });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(report: &str) -> Vec<&str> {
        for sentence in sentences(report) {
            assert_eq!(&report[sentence.span.clone()], sentence.text);
        }
        sentences(report).into_iter().map(|s| s.text).collect()
    }

    #[test]
    fn sentences_keep_their_places() {
        assert_eq!(texts("Heart normal. Lungs clear"), ["Heart normal.", "Lungs clear"]);
        assert_eq!(
            texts("Rundherd, 2.5 cm, größer; Erguß links."),
            ["Rundherd, 2.5 cm, größer;", "Erguß links."]
        );
        assert_eq!(texts("Read by Dr. Who. No change?"), ["Read by Dr. Who.", "No change?"]);
    }

    #[test]
    fn lists_and_wrapped_lines() {
        let report = "IMPRESSION:\n1. Left lower\nlobe pneumonia.\n2. Effusion\n- small\n\nComment";
        let expected = ["IMPRESSION:", "1. Left lower\nlobe pneumonia.", "2. Effusion", "- small", "Comment"];
        assert_eq!(texts(report), expected);
    }

    #[test]
    fn nothing_to_read() {
        assert!(sentences("").is_empty());
        assert!(sentences(" \n .. ; \t").is_empty());
    }
}

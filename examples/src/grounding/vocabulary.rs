//! A tokeniser for small models, made of the phrases that they learn.

use std::collections::BTreeSet;

use mednn::text::Tokenizer;
use serde_json::{Map, Value, json};

use crate::error::Result;

/// Special tokens: their ids are their places.
const SPECIAL: [&str; 4] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"];

/// Words in lower case, each a token, of some phrases; other words are unknown. Sorted, so that the same phrases give the same ids.
pub(super) fn word_tokenizer<'a>(phrases: impl Iterator<Item = &'a str>) -> Result<Tokenizer> {
    let mut words = BTreeSet::new();
    for phrase in phrases {
        let lower = phrase.to_lowercase();
        let mut word = String::new();
        // As the pre-tokeniser "BertPreTokenizer" cuts: white space parts, punctuation stands alone.
        for c in lower.chars().chain([' ']) {
            if c.is_alphanumeric() {
                word.push(c);
                continue;
            }
            if !word.is_empty() {
                words.insert(std::mem::take(&mut word));
            }
            if !c.is_whitespace() {
                words.insert(c.to_string());
            }
        }
    }
    let tokens = SPECIAL.into_iter().map(str::to_string).chain(words);
    let vocabulary: Map<String, Value> =
        tokens.enumerate().map(|(id, token)| (token, Value::from(id))).collect();
    let added = |(id, content): (usize, &str)| {
        json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
               "normalized": false, "special": true})
    };
    let special = |id: &str| json!({"SpecialToken": {"id": id, "type_id": 0}});
    let template = |ids: [usize; 2]| {
        let [cls, sep] = ids;
        json!({
            "[CLS]": {"id": "[CLS]", "ids": [cls], "tokens": ["[CLS]"]},
            "[SEP]": {"id": "[SEP]", "ids": [sep], "tokens": ["[SEP]"]},
        })
    };
    let sequence = |id: &str, type_id: usize| json!({"Sequence": {"id": id, "type_id": type_id}});
    let file = json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": SPECIAL.into_iter().enumerate().map(added).collect::<Vec<_>>(),
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                       "strip_accents": false, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [special("[CLS]"), sequence("A", 0), special("[SEP]")],
            "pair": [special("[CLS]"), sequence("A", 0), special("[SEP]"), sequence("B", 1), special("[SEP]")],
            "special_tokens": template([2, 3]),
        },
        "decoder": null,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]"},
    });
    Ok(Tokenizer::from_bytes(file.to_string().into_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_a_token() {
        let tokenizer =
            word_tokenizer(["Left lung", "right lung.", "left-sided opacity"].into_iter()).unwrap();
        let ids = |phrase: &str| tokenizer.tokenize(phrase, 16).unwrap().ids;
        assert_eq!(ids("left lung"), ids("LEFT  lung"));
        assert_eq!(ids("left lung").len(), 4);
        assert_ne!(ids("left lung"), ids("right lung"));
        assert_eq!(ids("hip lung")[1], 1, "unknown words");
        assert_eq!(ids("right lung, left")[3], 1, "unknown punctuation");
        assert_eq!(ids("left-sided").len(), 5);
        // Four special ones, and: - . left lung opacity right sided.
        assert_eq!(tokenizer.largest_id(), 4 + 7 - 1);
        assert_eq!(tokenizer.pad_token(), 0);
    }
}

//! Phrases to vectors: tokens and numbers as transformers', and what cannot be encoded is refused.

use std::path::Path;

use burn::tensor::{Device, Tensor};
use mednn::text::{MAX_PHRASE_BYTES, TextConfig, TextEncoder, Tokenizer, Tokens, Truncation};
use mednn::weights::{Precision, WeightSource};
use mednn::{Error, bridge::read_f32};
use serde_json::Value;

use crate::common::{Golden, fixture, relative_difference};

const CASES: [&str; 4] = ["bert", "bert_cased", "roberta", "modernbert"];

fn json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn encoder(case: &str) -> TextEncoder {
    TextEncoder::from_pretrained(fixture("text").join(case), &Device::flex()).unwrap()
}

/// A `tokenizer.json` of the fixtures, changed.
fn changed(case: &str, change: impl Fn(&mut Value)) -> Vec<u8> {
    let mut value = json(&fixture("text").join(case).join("tokenizer.json"));
    change(&mut value);
    value.to_string().into_bytes()
}

fn expected(golden: &Value) -> (&str, Vec<u32>, Vec<[usize; 2]>) {
    let ids = golden["ids"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect();
    let end = |pair: &Value, at: usize| pair[at].as_u64().unwrap() as usize;
    let offsets = golden["offsets"].as_array().unwrap().iter().map(|o| [end(o, 0), end(o, 1)]).collect();
    (golden["phrase"].as_str().unwrap(), ids, offsets)
}

#[test]
fn tokens_and_offsets_are_those_of_transformers() {
    for case in CASES {
        let folder = fixture("text").join(case);
        let tokenizer = Tokenizer::from_pretrained(&folder).unwrap();
        let golden = json(&folder.join("golden.json"));
        for (list, limit) in [("phrases", 1000), ("truncated", 6)] {
            let phrases = golden[list].as_array().unwrap();
            assert_eq!(phrases.len(), 15);
            for (golden, whole) in phrases.iter().zip(golden["phrases"].as_array().unwrap()) {
                let (phrase, ids, offsets) = expected(golden);
                let total = whole["ids"].as_array().unwrap().len();
                assert_eq!(
                    tokenizer.tokenize(phrase, limit).unwrap(),
                    Tokens { ids, offsets, total },
                    "{case} {phrase:?}"
                );
            }
        }
    }
}

#[test]
fn vectors_are_those_of_transformers() {
    for case in CASES {
        let folder = fixture("text").join(case);
        let mut golden = Golden::open(folder.join("golden.safetensors"));
        let phrases = json(&folder.join("golden.json"));
        let phrases: Vec<&str> = (0..4).map(|i| phrases["phrases"][i]["phrase"].as_str().unwrap()).collect();
        let encoding = encoder(case).encode(&phrases).unwrap();
        let mask = golden.tensor::<2>("mask", &Device::flex());
        assert_eq!(read_f32(encoding.mask().float()).unwrap(), read_f32(mask.clone()).unwrap());
        // Padding means nothing; zero on both sides.
        let mask = mask.unsqueeze_dim::<3>(2);
        let expected = golden.tensor::<3>("output", &Device::flex()) * mask.clone();
        let difference = relative_difference(encoding.tokens() * mask, expected);
        assert!(difference < 5e-6, "{case}: {difference:e}");
        assert!(encoding.truncated().is_empty());
    }
}

#[test]
fn a_phrase_does_not_depend_on_its_batch() {
    for case in CASES {
        let encoder = encoder(case);
        let long = "degenerative changes of the thoracic spine, and the lungs are clear";
        let alone = encoder.encode(&["The left lung is clear."]).unwrap();
        let among = encoder.encode(&[long, "The left lung is clear."]).unwrap();
        let row = |x: Tensor<2>| x.narrow(0, 1, 1);
        for (found, expected) in [(row(among.mean()), alone.mean()), (row(among.cls()), alone.cls())] {
            let difference = relative_difference(found, expected);
            assert!(difference < 1e-5, "{case}: {difference:e}");
        }
    }
}

#[test]
fn the_mean_is_over_real_tokens_only() {
    let encoding = encoder("bert").encode(&["a", "The heart is ENLARGED."]).unwrap();
    let tokens = read_f32(encoding.tokens().narrow(0, 0, 1).narrow(1, 0, 3)).unwrap();
    let mean: Vec<f32> = (0..16).map(|i| (tokens[i] + tokens[16 + i] + tokens[32 + i]) / 3.0).collect();
    let found = read_f32(encoding.mean().narrow(0, 0, 1)).unwrap();
    assert!(found.iter().zip(&mean).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?} {mean:?}");
}

#[test]
fn spans_find_their_tokens() {
    // [CLS] left p ##l ##e ... effusion [SEP], in characters: a letter of two bytes stands before.
    let phrase = "\u{e9} left pleural effusion";
    let encoding = encoder("bert").encode(&[phrase, "a"]).unwrap();
    let offsets = &encoding.offsets()[0];
    for (start, end) in [(0, 1), (2, 6), (7, 14), (15, 23), (2, 14), (8, 9)] {
        let tokens = encoding.tokens_of(0, start..end).unwrap();
        assert!(offsets[tokens.start][0] <= start && offsets[tokens.end - 1][1] >= end, "{start} {end}");
        assert!(offsets[tokens.start][1] > start && offsets[tokens.end - 1][0] < end, "{start} {end}");
    }
    for (row, span) in [(0, 3..3), (0, 23..40), (0, 1..2), (1, 1..9), (2, 0..1)] {
        assert_eq!(encoding.tokens_of(row, span.clone()), None, "{row} {span:?}");
    }
}

#[test]
fn long_phrases_are_cut_off_and_said_to_be() {
    let words = "heart ".repeat(10_000);
    for case in CASES {
        let encoder = encoder(case);
        let encoding = encoder.encode(&["left lung", &words, "a"]).unwrap();
        let [.., length, _] = encoding.tokens().dims();
        assert_eq!(length, encoder.max_length());
        let [Truncation { phrase: 1, kept, total }] = *encoding.truncated() else {
            panic!("{:?}", encoding.truncated())
        };
        assert!(kept == length && total > 10_000, "{kept} {total}");
        let short = encoder.with_max_length(5).unwrap().encode(&[&words]).unwrap();
        assert_eq!(short.tokens().dims(), [1, 5, 16]);
        assert_eq!(short.offsets()[0].len(), 5);
    }
}

#[test]
fn what_is_no_phrase_is_refused() {
    let encoder = encoder("bert");
    assert!(matches!(encoder.encode(&[]), Err(Error::Shape { what: "phrases", .. })));
    let refused = |phrase: &str| match encoder.encode(&["the heart", phrase]) {
        Err(Error::Phrase { index: 1, source }) => *source,
        other => panic!("{other:?}"),
    };
    for empty in ["", "  ", "\n\t", "\u{a0}", "\u{0}\u{200b}"] {
        assert!(matches!(refused(empty), Error::EmptyPhrase), "{empty:?}");
    }
    let most = "a".repeat(MAX_PHRASE_BYTES);
    assert!(encoder.encode(&[&most]).is_ok());
    assert!(matches!(refused(&(most + "a")), Error::PhraseTooLong { .. }));
    // A word longer than WordPiece takes is one unknown token.
    assert_eq!(encoder.encode(&[&"heart".repeat(100)]).unwrap().tokens().dims(), [1, 3, 16]);
}

#[test]
fn limits_are_those_of_the_positions() {
    for (case, most) in [("bert", 128), ("roberta", 128), ("modernbert", 256)] {
        let encoder = encoder(case);
        assert_eq!(encoder.max_length(), most, "{case}");
        for bad in [0, 2, most + 1] {
            let error = encoder.clone().with_max_length(bad).unwrap_err();
            assert!(matches!(error, Error::Config { field: "max_length", .. }), "{error}");
        }
        assert_eq!(encoder.with_max_length(3).unwrap().max_length(), 3);
    }
}

#[test]
fn a_tokeniser_of_another_model_is_refused() {
    let folder = fixture("text/bert");
    let config = std::fs::read_to_string(folder.join("config.json")).unwrap();
    let source = || WeightSource::open(folder.join("model.safetensors")).unwrap();
    let with = |bytes: Vec<u8>| {
        TextEncoder::from_source(&config, source(), Tokenizer::from_bytes(bytes)?, &Device::flex())
    };
    let rows = 300;
    let error = with(changed("bert", |json| json["model"]["vocab"]["zebra"] = rows.into())).unwrap_err();
    assert!(matches!(error, Error::Vocabulary { largest: 300, .. }), "{error}");

    for token in ["[CLS]", "[SEP]", "[PAD]"] {
        let without = changed("bert", |json| {
            json["model"]["vocab"].as_object_mut().unwrap().remove(token);
            json["added_tokens"].as_array_mut().unwrap().retain(|added| added["content"] != token);
        });
        let error = with(without).unwrap_err();
        assert!(
            matches!(&error, Error::SpecialToken { token: found, .. } if found.contains(token)),
            "{error}"
        );
    }
    let error = with(changed("bert", |json| json["post_processor"] = Value::Null)).unwrap_err();
    assert!(matches!(error, Error::SpecialToken { .. }), "{error}");

    // RoBERTa's positions go by the id of padding.
    let folder = fixture("text/roberta");
    let config = std::fs::read_to_string(folder.join("config.json")).unwrap();
    let config = config.replace("\"pad_token_id\": 1", "\"pad_token_id\": 4");
    let source = WeightSource::open(folder.join("model.safetensors")).unwrap();
    let tokenizer = Tokenizer::from_pretrained(&folder).unwrap();
    let error = TextEncoder::from_source(&config, source, tokenizer, &Device::flex()).unwrap_err();
    assert!(matches!(error, Error::Config { field: "pad_token_id", .. }), "{error}");
}

#[test]
fn damaged_tokenisers_are_refused() {
    let whole = std::fs::read(fixture("text/bert/tokenizer.json")).unwrap();
    for length in [0, 1, 100, whole.len() / 2, whole.len() - 1] {
        let error = Tokenizer::from_bytes(whole[..length].to_vec()).unwrap_err();
        assert!(matches!(error, Error::Tokenizer { .. }), "{error}");
    }
    for bytes in [&b"{}"[..], b"null", b"\xff\xfe", b"[1, 2]"] {
        assert!(matches!(Tokenizer::from_bytes(bytes.to_vec()), Err(Error::Tokenizer { .. })));
    }
    // Without a token for unknown words, a phrase with one cannot be encoded.
    let without = changed("bert", |json| {
        json["model"]["vocab"].as_object_mut().unwrap().remove("[UNK]");
        json["added_tokens"].as_array_mut().unwrap().retain(|added| added["content"] != "[UNK]");
    });
    let tokenizer = Tokenizer::from_bytes(without).unwrap();
    assert!(tokenizer.tokenize("heart", 10).is_ok());
    assert!(matches!(tokenizer.tokenize("\u{809d}", 10), Err(Error::Tokenizer { .. })));
}

#[test]
fn folders_without_their_files_say_which() {
    let folder = tempfile::tempdir().unwrap();
    let open = || TextEncoder::from_pretrained(folder.path(), &Device::flex()).unwrap_err();
    assert!(matches!(open(), Error::Io { path, .. } if path.ends_with("config.json")));
    let copy = |name: &str| std::fs::copy(fixture("text/bert").join(name), folder.path().join(name)).unwrap();
    copy("config.json");
    let error = open();
    assert!(matches!(error, Error::NoTokenizer { .. }) && error.to_string().contains("no tokenizer.json"));
    copy("tokenizer.json");
    assert!(matches!(open(), Error::Io { path, .. } if path.ends_with("model.safetensors")));
    let other = r#"{"model_type": "t5"}"#;
    let error = TextConfig::from_hugging_face(other).unwrap_err();
    assert!(error.to_string().contains("found t5"), "{error}");
    assert!(matches!(TextConfig::from_hugging_face("{}"), Err(Error::Config { field: "model_type", .. })));
}

#[test]
fn what_is_saved_loads_again() {
    let device = Device::flex();
    for case in CASES {
        let encoder = encoder(case);
        let folder = tempfile::tempdir().unwrap();
        encoder.save_pretrained(folder.path(), Precision::F32).unwrap();
        let again = TextEncoder::from_pretrained(folder.path(), &device).unwrap();
        let vectors = |encoder: &TextEncoder| read_f32(encoder.encode(&["left lung"]).unwrap().tokens());
        assert_eq!(vectors(&again).unwrap(), vectors(&encoder).unwrap(), "{case}");
        assert_eq!(again.config(), encoder.config(), "{case}");
        // Key by key what transformers wrote.
        let open = |folder: &Path| WeightSource::open(folder.join("model.safetensors")).unwrap();
        let (mut ours, mut theirs) = (open(folder.path()), open(&fixture("text").join(case)));
        let keys: Vec<String> = theirs.keys().map(str::to_string).collect();
        assert_eq!(ours.keys().collect::<Vec<_>>(), keys, "{case}");
        for key in keys {
            assert_eq!(ours.read_f32(&key).unwrap(), theirs.read_f32(&key).unwrap(), "{case} {key}");
        }
    }
}

/// With `MEDBURN_MINILM` naming a folder with the real all-MiniLM-L6-v2 (`config.json`, `model.safetensors`, `tokenizer.json`)
/// and what `fixtures/text/reference.py` writes of it with transformers (`reference.json`, `reference.safetensors`).
#[test]
fn a_real_checkpoint_agrees_with_its_reference() {
    let Ok(folder) = std::env::var("MEDBURN_MINILM") else { return };
    let folder = Path::new(&folder);
    let device = Device::flex();
    let encoder = TextEncoder::from_pretrained(folder, &device).unwrap();
    let mut golden = Golden::open(folder.join("reference.safetensors"));
    let reference = json(&folder.join("reference.json"));
    let phrases: Vec<_> = reference.as_array().unwrap().iter().map(expected).collect();
    for (phrase, ids, offsets) in &phrases {
        let tokens = encoder.tokenizer().tokenize(phrase, encoder.max_length()).unwrap();
        assert_eq!((&tokens.ids, &tokens.offsets), (ids, offsets), "{phrase}");
    }
    let encoding = encoder.encode(&phrases.iter().map(|p| p.0).collect::<Vec<_>>()).unwrap();
    let mask = encoding.mask().float().unsqueeze_dim::<3>(2);
    let tokens = relative_difference(
        encoding.tokens() * mask.clone(),
        golden.tensor::<3>("last_hidden", &device) * mask,
    );
    let mean = relative_difference(encoding.mean(), golden.tensor("mean", &device));
    println!("{} phrases: tokens differ by {tokens:e}, means by {mean:e}", phrases.len());
    assert!(tokens < 1e-5 && mean < 1e-5, "{tokens:e} {mean:e}");
}

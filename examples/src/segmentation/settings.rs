//! What a training was made with, to tell it from another.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Characters of a value in a message.
const SHOWN: usize = 60;

/// Settings by the names of their parts, as JSON.
#[derive(Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(transparent)]
pub struct Settings(BTreeMap<String, Value>);

impl Settings {
    /// With a part.
    pub fn with(mut self, part: &str, settings: impl Serialize) -> Self {
        // Numbers, texts and lists always serialise.
        self.0.insert(part.to_string(), serde_json::to_value(settings).unwrap_or_default());
        self
    }

    /// Without some parts.
    pub fn without(&self, parts: &[&str]) -> Self {
        let kept = self.0.iter().filter(|(part, _)| !parts.contains(&part.as_str()));
        Self(kept.map(|(part, value)| (part.clone(), value.clone())).collect())
    }

    /// What is otherwise in another training, as in `steps.size 48 in place of 32`.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        for part in self.0.keys().chain(other.0.keys()).collect::<BTreeSet<_>>() {
            compare(part, self.0.get(part), other.0.get(part), &mut found);
        }
        found
    }
}

fn compare(path: &str, own: Option<&Value>, other: Option<&Value>, found: &mut Vec<String>) {
    match (own, other) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            for key in a.keys().chain(b.keys()).collect::<BTreeSet<_>>() {
                compare(&format!("{path}.{key}"), a.get(key), b.get(key), found);
            }
        }
        (own, other) if own == other => {}
        (own, other) => found.push(format!("{path} {} in place of {}", shown(other), shown(own))),
    }
}

fn shown(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => "nothing".to_string(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// The same for every way to write a path that is there.
pub(super) fn whole(path: &Path) -> std::path::PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_named() {
        let a =
            Settings::default().with("seed", 1).with("steps", serde_json::json!({"size": 32, "batch": 4}));
        let b = Settings::default()
            .with("arm", "slic")
            .with("seed", 1)
            .with("steps", serde_json::json!({"size": 48, "batch": 4}));
        assert!(a.differences(&a).is_empty());
        assert_eq!(a.differences(&b), ["arm slic in place of nothing", "steps.size 48 in place of 32"]);
        assert!(a.without(&["steps"]).differences(&b.without(&["steps", "arm"])).is_empty());
        let long = Settings::default().with("seed", "x".repeat(100));
        assert!(a.differences(&long)[0].contains("x... in place of 1"));
        let text = serde_json::to_string(&b).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), b);
    }
}

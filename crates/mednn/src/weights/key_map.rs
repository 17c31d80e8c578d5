//! From a module's field paths to published key names.

/// How the keys of one architecture are published.
///
/// Each table of `layers` pairs a module path with the published prefix of the same layer; `*` stands for an index. The names of the
/// parameters themselves (`weight`, `bias`) need no entry: normalisation layers' gamma and beta are published as `weight`
/// and `bias`, and linear weights are published transposed, both of which loading takes care of.
#[derive(Debug, Clone, Copy)]
pub struct KeyMap {
    /// Tables of `(module path, published prefix)`, with `*` for an index; variants of an architecture share one.
    pub layers: &'static [&'static [(&'static str, &'static str)]],
    /// Wrappers that published files may put before every key, such as `"vit."`.
    pub prefixes: &'static [&'static str],
    /// Published prefixes that the model has no use for: heads, poolers, tokens of the pre-training. One that begins with `*` is a
    /// suffix: `"*.num_batches_tracked"`.
    pub ignored: &'static [&'static str],
}

impl KeyMap {
    /// The published name of a module path such as `"blocks.3.attention.query"`, if the table has it.
    pub fn published(&self, path: &str) -> Option<String> {
        self.layers.iter().copied().flatten().find_map(|(ours, theirs)| substitute(path, ours, theirs))
    }

    /// Whether a published key (without its wrapper) is one that the model has no use for.
    pub fn is_ignored(&self, key: &str) -> bool {
        self.ignored.iter().any(|pattern| match pattern.strip_prefix('*') {
            Some(suffix) => key.ends_with(suffix),
            None => key.starts_with(pattern),
        })
    }
}

/// `path` through one pair of patterns: the indices that `*` matches are carried over in order.
fn substitute(path: &str, pattern: &str, replacement: &str) -> Option<String> {
    let mut indices = Vec::new();
    let mut segments = path.split('.');
    for expected in pattern.split('.') {
        let segment = segments.next()?;
        match expected {
            "*" if segment.bytes().all(|b| b.is_ascii_digit()) => indices.push(segment),
            _ if segment == expected => {}
            _ => return None,
        }
    }
    if segments.next().is_some() {
        return None;
    }
    let mut indices = indices.into_iter();
    let mapped: Option<Vec<&str>> =
        replacement.split('.').map(|s| if s == "*" { indices.next() } else { Some(s) }).collect();
    Some(mapped?.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: KeyMap = KeyMap {
        layers: &[
            &[("blocks.*.mlp.up", "encoder.layer.*.mlp.fc1"), ("norm", "layernorm")],
            &[("cls", "cls_token")],
        ],
        prefixes: &["vit."],
        ignored: &["pooler.", "*.counter"],
    };

    #[test]
    fn indices_are_carried_over() {
        assert_eq!(MAP.published("blocks.11.mlp.up").unwrap(), "encoder.layer.11.mlp.fc1");
        assert_eq!(MAP.published("norm").unwrap(), "layernorm");
        assert_eq!(MAP.published("cls").unwrap(), "cls_token");
        assert_eq!(MAP.published("blocks.x.mlp.up"), None);
        assert_eq!(MAP.published("norm.more"), None);
        assert_eq!(MAP.published("blocks.1.mlp"), None);
    }

    #[test]
    fn ignored_keys_go_by_prefix_or_suffix() {
        assert!(MAP.is_ignored("encoder.norm.counter"));
        assert!(!MAP.is_ignored("encoder.counter.weight"));
        assert!(MAP.is_ignored("pooler.dense.weight"));
        assert!(!MAP.is_ignored("encoder.pooler.weight"));
    }
}

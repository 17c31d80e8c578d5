//! Names of the published weights.

use super::config::BertConfig;
use crate::weights::KeyMap;

/// transformers' `BertModel`.
const BERT: KeyMap = KeyMap {
    layers: &[&[
        ("embeddings.positions", "embeddings.position_embeddings.weight"),
        ("embeddings.token_types", "embeddings.token_type_embeddings.weight"),
        ("embeddings.norm", "embeddings.LayerNorm"),
        ("blocks.*.attention.query", "encoder.layer.*.attention.self.query"),
        ("blocks.*.attention.key", "encoder.layer.*.attention.self.key"),
        ("blocks.*.attention.value", "encoder.layer.*.attention.self.value"),
        ("blocks.*.attention.output", "encoder.layer.*.attention.output.dense"),
        ("blocks.*.attention_norm", "encoder.layer.*.attention.output.LayerNorm"),
        ("blocks.*.mlp.input", "encoder.layer.*.intermediate.dense"),
        ("blocks.*.mlp.output", "encoder.layer.*.output.dense"),
        ("blocks.*.mlp_norm", "encoder.layer.*.output.LayerNorm"),
    ]],
    prefixes: &["bert."],
    // No words here; the pooler and the heads come after the encoder.
    ignored: &["embeddings.word_embeddings.", "embeddings.position_ids", "pooler.", "cls."],
};

impl BertConfig {
    /// The names under which weights of this architecture are published.
    pub const fn key_map(&self) -> &'static KeyMap {
        &BERT
    }
}

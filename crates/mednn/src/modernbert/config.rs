//! What a ModernBERT model is made of.

use crate::layers::{LayerNorm, LayerNormConfig};
use burn::config::Config;
use burn::nn::{EmbeddingConfig, Initializer};
use burn::tensor::Device;
use serde::Deserialize;

use super::block::ModernBertBlock;
use super::model::ModernBert;
use super::rotary::RotaryTable;
use crate::bert::wrong;
use crate::error::{Error, Result};

/// Sizes and switches of a [`ModernBert`].
#[derive(Config, Debug, PartialEq)]
pub struct ModernBertConfig {
    /// Width of the tokens.
    pub hidden_size: usize,
    /// Number of blocks.
    pub num_hidden_layers: usize,
    /// Heads of each attention; divides `hidden_size` into even widths.
    pub num_attention_heads: usize,
    /// Width inside the feed-forward networks, per gate and value.
    pub intermediate_size: usize,
    /// Rows of the word table.
    #[config(default = 50368)]
    pub vocab_size: usize,
    /// Number of positions.
    #[config(default = 8192)]
    pub max_position_embeddings: usize,
    /// Added to the variance in layer norms.
    #[config(default = 1e-5)]
    pub norm_eps: f64,
    /// Whether layer norms have biases.
    #[config(default = false)]
    pub norm_bias: bool,
    /// Whether the layers of the attention have biases.
    #[config(default = false)]
    pub attention_bias: bool,
    /// Whether the layers of the feed-forward networks have biases.
    #[config(default = false)]
    pub mlp_bias: bool,
    /// Of how many blocks one, the first, sees the whole sequence.
    #[config(default = 3)]
    pub global_attn_every_n_layers: usize,
    /// Width of the window of the other blocks: half of it to each side.
    #[config(default = 128)]
    pub local_attention: usize,
    /// Base of the rotary frequencies of blocks that see the whole sequence.
    #[config(default = 160000.0)]
    pub global_rope_theta: f64,
    /// Base of the rotary frequencies of the other blocks.
    #[config(default = 10000.0)]
    pub local_rope_theta: f64,
}

#[derive(Deserialize)]
struct HuggingFace {
    model_type: String,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    vocab_size: Option<usize>,
    max_position_embeddings: Option<usize>,
    norm_eps: Option<f64>,
    #[serde(default)]
    norm_bias: bool,
    #[serde(default)]
    attention_bias: bool,
    #[serde(default)]
    mlp_bias: bool,
    global_attn_every_n_layers: Option<usize>,
    layer_types: Option<Vec<String>>,
    local_attention: Option<usize>,
    global_rope_theta: Option<f64>,
    local_rope_theta: Option<f64>,
    rope_parameters: Option<RopeParameters>,
    hidden_activation: Option<String>,
}

/// How transformers 5 writes what were `global_rope_theta` and `local_rope_theta`.
#[derive(Deserialize)]
struct RopeParameters {
    full_attention: Option<Rope>,
    sliding_attention: Option<Rope>,
}

#[derive(Deserialize)]
struct Rope {
    rope_theta: Option<f64>,
    rope_type: Option<String>,
}

/// Of positions times the width of a head: 262,144 positions of 64.
const MAX_ANGLES: usize = 1 << 24;

const FULL: &str = "full_attention";
const SLIDING: &str = "sliding_attention";

impl ModernBertConfig {
    /// From the text of a transformers `config.json` of `model_type` `modernbert`, as version 4 or 5 writes it.
    ///
    /// # Errors
    /// [`Error::ConfigSyntax`]; [`Error::Config`] for another `model_type` or `hidden_activation`, a rotary variant or an
    /// order of local and global blocks that no published model has, or sizes that cannot be.
    pub fn from_hugging_face(json: &str) -> Result<Self> {
        let hf: HuggingFace = serde_json::from_str(json)
            .map_err(|source| Error::ConfigSyntax { what: "config.json".to_string(), source })?;
        let activation = hf.hidden_activation.as_deref().unwrap_or("gelu");
        for (field, expected, found) in
            [("model_type", "modernbert", hf.model_type.as_str()), ("hidden_activation", "gelu", activation)]
        {
            if found != expected {
                return Err(wrong(field, expected, found));
            }
        }
        let (global, local) = hf.thetas()?;
        let mut config =
            Self::new(hf.hidden_size, hf.num_hidden_layers, hf.num_attention_heads, hf.intermediate_size)
                .with_norm_bias(hf.norm_bias)
                .with_attention_bias(hf.attention_bias)
                .with_mlp_bias(hf.mlp_bias);
        let sizes = [
            (&mut config.vocab_size, hf.vocab_size),
            (&mut config.max_position_embeddings, hf.max_position_embeddings),
            (&mut config.local_attention, hf.local_attention),
            (&mut config.global_attn_every_n_layers, hf.every_n()),
        ];
        for (field, given) in sizes {
            *field = given.unwrap_or(*field);
        }
        let numbers = [
            (&mut config.norm_eps, hf.norm_eps),
            (&mut config.global_rope_theta, global),
            (&mut config.local_rope_theta, local),
        ];
        for (field, given) in numbers {
            *field = given.unwrap_or(*field);
        }
        config.validate()?;
        match hf.layer_types {
            Some(types) if types != config.layer_types() => {
                let rule = format!("{FULL} first and then one in n, {SLIDING} else, for each block");
                Err(wrong("layer_types", &rule, &format!("another order of {}", types.len())))
            }
            _ => Ok(config),
        }
    }

    /// As the text of a transformers `config.json` that versions 4 and 5 read.
    pub fn to_hugging_face(&self) -> String {
        let rope = |theta| serde_json::json!({"rope_theta": theta, "rope_type": "default"});
        let json = serde_json::json!({
            "model_type": "modernbert",
            "hidden_size": self.hidden_size,
            "num_hidden_layers": self.num_hidden_layers,
            "num_attention_heads": self.num_attention_heads,
            "intermediate_size": self.intermediate_size,
            "vocab_size": self.vocab_size,
            "max_position_embeddings": self.max_position_embeddings,
            "norm_eps": self.norm_eps,
            "norm_bias": self.norm_bias,
            "attention_bias": self.attention_bias,
            "mlp_bias": self.mlp_bias,
            "global_attn_every_n_layers": self.global_attn_every_n_layers,
            "layer_types": self.layer_types(),
            "local_attention": self.local_attention,
            "global_rope_theta": self.global_rope_theta,
            "local_rope_theta": self.local_rope_theta,
            "rope_parameters": {FULL: rope(self.global_rope_theta), SLIDING: rope(self.local_rope_theta)},
            "hidden_activation": "gelu",
        });
        format!("{json:#}\n")
    }

    /// Checks that the sizes make a model.
    ///
    /// # Errors
    /// [`Error::Config`] with the field that does not.
    pub fn validate(&self) -> Result<()> {
        let bounded = [
            ("hidden_size", self.hidden_size, 65_536),
            ("num_hidden_layers", self.num_hidden_layers, 1_024),
            ("num_attention_heads", self.num_attention_heads, 65_536),
            ("intermediate_size", self.intermediate_size, 1 << 20),
            ("vocab_size", self.vocab_size, 1 << 24),
            ("max_position_embeddings", self.max_position_embeddings, 1 << 24),
            ("global_attn_every_n_layers", self.global_attn_every_n_layers, 1_024),
        ];
        for (field, found, limit) in bounded {
            if found == 0 || found > limit {
                return Err(wrong(field, &format!("1 to {limit}"), &found.to_string()));
            }
        }
        if !self.hidden_size.is_multiple_of(2 * self.num_attention_heads) {
            let rule = format!("a divisor of half of hidden_size ({})", self.hidden_size);
            return Err(wrong("num_attention_heads", &rule, &self.num_attention_heads.to_string()));
        }
        // The angles of all positions are made when the model is.
        let most = MAX_ANGLES / (self.hidden_size / self.num_attention_heads);
        if self.max_position_embeddings > most {
            let found = self.max_position_embeddings.to_string();
            return Err(wrong("max_position_embeddings", &format!("at most {most}"), &found));
        }
        if !(2..=1 << 20).contains(&self.local_attention) {
            return Err(wrong("local_attention", "2 to 1048576", &self.local_attention.to_string()));
        }
        if !(self.norm_eps > 0.0 && self.norm_eps < 1.0) {
            return Err(wrong("norm_eps", "between 0 and 1", &self.norm_eps.to_string()));
        }
        for (field, theta) in
            [("global_rope_theta", self.global_rope_theta), ("local_rope_theta", self.local_rope_theta)]
        {
            if !(1.0..=1e12).contains(&theta) {
                return Err(wrong(field, "1 to 1e12", &theta.to_string()));
            }
        }
        Ok(())
    }

    /// Whether a block sees a window only.
    pub const fn is_local(&self, block: usize) -> bool {
        !block.is_multiple_of(self.global_attn_every_n_layers)
    }

    fn layer_types(&self) -> Vec<&'static str> {
        (0..self.num_hidden_layers).map(|block| if self.is_local(block) { SLIDING } else { FULL }).collect()
    }

    pub(super) fn norm(&self, device: &Device) -> LayerNorm {
        LayerNormConfig::new(self.hidden_size)
            .with_epsilon(self.norm_eps)
            .with_bias(self.norm_bias)
            .init(device)
    }

    /// A model with random weights.
    pub fn init(&self, device: &Device) -> ModernBert {
        let head = self.hidden_size / self.num_attention_heads;
        let rotary = |theta| RotaryTable::new(self.max_position_embeddings, head, theta, device);
        ModernBert {
            words: EmbeddingConfig::new(self.vocab_size, self.hidden_size)
                .with_initializer(Initializer::Normal { mean: 0.0, std: 0.02 })
                .init(device),
            norm: self.norm(device),
            blocks: (0..self.num_hidden_layers).map(|i| ModernBertBlock::new(self, i, device)).collect(),
            final_norm: self.norm(device),
            global_rotary: rotary(self.global_rope_theta),
            local_rotary: rotary(self.local_rope_theta),
            reach: self.local_attention / 2,
            heads: self.num_attention_heads,
            width: self.hidden_size,
            max_length: self.max_position_embeddings,
        }
    }
}

impl HuggingFace {
    /// Global and local, where they are given.
    fn thetas(&self) -> Result<(Option<f64>, Option<f64>)> {
        let (full, sliding) = match &self.rope_parameters {
            Some(RopeParameters { full_attention, sliding_attention }) => {
                (full_attention.as_ref(), sliding_attention.as_ref())
            }
            None => (None, None),
        };
        for kind in [full, sliding].into_iter().flatten().filter_map(|rope| rope.rope_type.as_deref()) {
            if kind != "default" {
                return Err(wrong("rope_type", "default", kind));
            }
        }
        let theta = |rope: Option<&Rope>| rope.and_then(|rope| rope.rope_theta);
        Ok((theta(full).or(self.global_rope_theta), theta(sliding).or(self.local_rope_theta)))
    }

    /// As given, or from the list of the blocks: where the second global one is.
    fn every_n(&self) -> Option<usize> {
        let Some(types) = &self.layer_types else { return self.global_attn_every_n_layers };
        Some(types.iter().skip(1).position(|kind| kind == FULL).map_or(types.len(), |i| i + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fields of BioClinical-ModernBERT-base that matter here, as published.
    const BIOCLINICAL: &str = r#"{"model_type": "modernbert", "hidden_size": 768, "num_hidden_layers": 22,
        "num_attention_heads": 12, "intermediate_size": 1152, "vocab_size": 50368, "global_attn_every_n_layers": 3,
        "global_rope_theta": 160000.0, "local_rope_theta": 10000.0, "local_attention": 128, "norm_eps": 1e-05,
        "norm_bias": false, "mlp_bias": false, "attention_bias": false, "hidden_activation": "gelu",
        "max_position_embeddings": 8192}"#;

    #[test]
    fn the_published_configuration() {
        let config = ModernBertConfig::from_hugging_face(BIOCLINICAL).unwrap();
        assert_eq!(config, ModernBertConfig::new(768, 22, 12, 1152));
        assert_eq!(
            (0..5).map(|block| config.is_local(block)).collect::<Vec<_>>(),
            [false, true, true, false, true]
        );
    }

    #[test]
    fn written_and_read_again() {
        let config = ModernBertConfig::new(48, 5, 4, 96)
            .with_global_attn_every_n_layers(2)
            .with_local_rope_theta(500.0)
            .with_norm_bias(true);
        assert_eq!(ModernBertConfig::from_hugging_face(&config.to_hugging_face()).unwrap(), config);
        let all_but_one = ModernBertConfig::new(48, 3, 4, 96).with_global_attn_every_n_layers(3);
        assert_eq!(ModernBertConfig::from_hugging_face(&all_but_one.to_hugging_face()).unwrap(), all_but_one);
    }

    #[test]
    fn configurations_that_cannot_be_are_refused() {
        let refused = |from: &str, to: &str| {
            let json = BIOCLINICAL.replace(from, to);
            assert_ne!(json, BIOCLINICAL);
            match ModernBertConfig::from_hugging_face(&json) {
                Err(Error::Config { field, .. }) => field,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(refused("\"modernbert\"", "\"bert\""), "model_type");
        assert_eq!(
            refused("\"num_attention_heads\": 12", "\"num_attention_heads\": 7"),
            "num_attention_heads"
        );
        assert_eq!(
            refused("\"num_attention_heads\": 12", "\"num_attention_heads\": 768"),
            "num_attention_heads"
        );
        assert_eq!(refused("\"local_attention\": 128", "\"local_attention\": 1"), "local_attention");
        for positions in ["0", "300000", "4000000000"] {
            assert_eq!(refused("8192", positions), "max_position_embeddings");
        }
        assert_eq!(refused("\"gelu\"", "\"relu\""), "hidden_activation");
        assert_eq!(refused("160000.0", "0"), "global_rope_theta");
        let types = "\"layer_types\": [\"sliding_attention\"], \"norm_bias\": false";
        assert_eq!(refused("\"norm_bias\": false", types), "layer_types");
        let rope =
            "\"rope_parameters\": {\"full_attention\": {\"rope_type\": \"yarn\"}}, \"norm_bias\": false";
        assert_eq!(refused("\"norm_bias\": false", rope), "rope_type");
    }
}

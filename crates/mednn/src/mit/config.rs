//! What a Mix Transformer is made of.

use burn::config::Config;
use burn::tensor::Device;
use serde::Deserialize;

use super::model::Mit;
use crate::error::{Error, Result};

/// Sizes and switches of a [`Mit`]; lists have one entry per stage.
#[derive(Config, Debug, PartialEq)]
pub struct MitConfig {
    /// Width of the tokens.
    pub hidden_sizes: [usize; 4],
    /// Number of blocks.
    pub depths: [usize; 4],
    /// Heads of each attention; divide the width.
    #[config(default = "[1, 2, 5, 8]")]
    pub num_attention_heads: [usize; 4],
    /// Side of the squares of tokens that attention sees as one key.
    #[config(default = "[8, 4, 2, 1]")]
    pub sr_ratios: [usize; 4],
    /// Side of the kernel of the patch embedding.
    #[config(default = "[7, 3, 3, 3]")]
    pub patch_sizes: [usize; 4],
    /// Stride of the patch embedding.
    #[config(default = "[4, 2, 2, 2]")]
    pub strides: [usize; 4],
    /// Width inside the Mix-FFN, in widths of the tokens.
    #[config(default = "[4, 4, 4, 4]")]
    pub mlp_ratios: [usize; 4],
    /// Channels of the images.
    #[config(default = 3)]
    pub num_channels: usize,
    /// Dropout on residual branches, in training only. There is none on attention weights: no published configuration has any.
    #[config(default = 0.0)]
    pub hidden_dropout_prob: f64,
    /// Probability that training leaves out the last block's residual branches; it rises linearly from 0 at the first block.
    #[config(default = 0.1)]
    pub drop_path_rate: f64,
}

/// The fields of a transformers `config.json` that matter here, with transformers' defaults.
#[derive(Deserialize)]
#[serde(default)]
struct HuggingFace {
    model_type: String,
    num_encoder_blocks: usize,
    hidden_sizes: [usize; 4],
    depths: [usize; 4],
    num_attention_heads: [usize; 4],
    sr_ratios: [usize; 4],
    patch_sizes: [usize; 4],
    strides: [usize; 4],
    mlp_ratios: [usize; 4],
    num_channels: usize,
    hidden_act: String,
    hidden_dropout_prob: f64,
    drop_path_rate: f64,
}

impl Default for HuggingFace {
    fn default() -> Self {
        let MitConfig {
            hidden_sizes,
            depths,
            num_attention_heads,
            sr_ratios,
            patch_sizes,
            strides,
            mlp_ratios,
            num_channels,
            hidden_dropout_prob,
            drop_path_rate,
        } = MitConfig::b0();
        Self {
            model_type: String::new(),
            num_encoder_blocks: 4,
            hidden_sizes,
            depths,
            num_attention_heads,
            sr_ratios,
            patch_sizes,
            strides,
            mlp_ratios,
            num_channels,
            hidden_act: "gelu".to_string(),
            hidden_dropout_prob,
            drop_path_rate,
        }
    }
}

impl MitConfig {
    /// MiT-B0: 3.3 million parameters.
    pub fn b0() -> Self {
        Self::new([32, 64, 160, 256], [2, 2, 2, 2])
    }

    /// MiT-B1: 13.2 million parameters.
    pub fn b1() -> Self {
        Self::wide([2, 2, 2, 2])
    }

    /// MiT-B2: 24.2 million parameters.
    pub fn b2() -> Self {
        Self::wide([3, 4, 6, 3])
    }

    /// MiT-B3: 44.1 million parameters.
    pub fn b3() -> Self {
        Self::wide([3, 4, 18, 3])
    }

    /// MiT-B4: 60.8 million parameters.
    pub fn b4() -> Self {
        Self::wide([3, 8, 27, 3])
    }

    /// MiT-B5: 81.4 million parameters.
    pub fn b5() -> Self {
        Self::wide([3, 6, 40, 3])
    }

    fn wide(depths: [usize; 4]) -> Self {
        Self::new([64, 128, 320, 512], depths)
    }

    /// From the text of a transformers `config.json` of `model_type` `segformer`.
    ///
    /// Its `layer_norm_eps` is not read: transformers makes every layer norm of these models with 1e-5, whatever the field says,
    /// and the results here are those of transformers.
    ///
    /// # Errors
    /// [`Error::ConfigSyntax`], also for lists without four entries; [`Error::Config`] for another `model_type`,
    /// `hidden_act` or number of stages, or sizes that cannot be.
    pub fn from_hugging_face(json: &str) -> Result<Self> {
        let hf: HuggingFace = serde_json::from_str(json)
            .map_err(|source| Error::ConfigSyntax { what: "config.json".to_string(), source })?;
        let stages = hf.num_encoder_blocks.to_string();
        for (field, expected, found) in [
            ("model_type", "segformer", &hf.model_type),
            ("hidden_act", "gelu", &hf.hidden_act),
            ("num_encoder_blocks", "4", &stages),
        ] {
            if found != expected {
                return Err(wrong(field, expected, found));
            }
        }
        let config = Self {
            hidden_sizes: hf.hidden_sizes,
            depths: hf.depths,
            num_attention_heads: hf.num_attention_heads,
            sr_ratios: hf.sr_ratios,
            patch_sizes: hf.patch_sizes,
            strides: hf.strides,
            mlp_ratios: hf.mlp_ratios,
            num_channels: hf.num_channels,
            hidden_dropout_prob: hf.hidden_dropout_prob,
            drop_path_rate: hf.drop_path_rate,
        };
        config.validate()?;
        Ok(config)
    }

    /// As the text of a transformers `config.json`, so that what is trained here loads there.
    pub fn to_hugging_face(&self) -> String {
        format!("{:#}\n", self.to_json())
    }

    pub(crate) fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "model_type": "segformer",
            "num_encoder_blocks": 4,
            "hidden_sizes": self.hidden_sizes,
            "depths": self.depths,
            "num_attention_heads": self.num_attention_heads,
            "sr_ratios": self.sr_ratios,
            "patch_sizes": self.patch_sizes,
            "strides": self.strides,
            "mlp_ratios": self.mlp_ratios,
            "num_channels": self.num_channels,
            "hidden_act": "gelu",
            "hidden_dropout_prob": self.hidden_dropout_prob,
            "attention_probs_dropout_prob": 0.0,
            "drop_path_rate": self.drop_path_rate,
        })
    }

    /// Checks that the sizes make a model.
    ///
    /// # Errors
    /// [`Error::Config`] with the field that does not.
    pub fn validate(&self) -> Result<()> {
        // Far above any published model; keeps a damaged file from asking for the impossible.
        let bounded = [
            ("hidden_sizes", self.hidden_sizes, 65_536),
            ("depths", self.depths, 1_024),
            ("num_attention_heads", self.num_attention_heads, 65_536),
            ("sr_ratios", self.sr_ratios, 256),
            ("patch_sizes", self.patch_sizes, 256),
            ("strides", self.strides, 256),
            ("mlp_ratios", self.mlp_ratios, 64),
            ("num_channels", [self.num_channels; 4], 65_536),
        ];
        for (field, values, limit) in bounded {
            if let Some(found) = values.iter().find(|v| **v == 0 || **v > limit) {
                return Err(wrong(field, &format!("1 to {limit}"), &found.to_string()));
            }
        }
        for (width, heads) in self.hidden_sizes.into_iter().zip(self.num_attention_heads) {
            if !width.is_multiple_of(heads) {
                let rule = format!("divisors of hidden_sizes ({:?})", self.hidden_sizes);
                let found = format!("{:?}", self.num_attention_heads);
                return Err(wrong("num_attention_heads", &rule, &found));
            }
        }
        for (field, found) in
            [("hidden_dropout_prob", self.hidden_dropout_prob), ("drop_path_rate", self.drop_path_rate)]
        {
            if !(0.0..1.0).contains(&found) {
                return Err(wrong(field, "0 to below 1", &found.to_string()));
            }
        }
        Ok(())
    }

    /// A model with random weights.
    pub fn init(&self, device: &Device) -> Mit {
        Mit::new(self, device)
    }

    /// The probability of leaving out the branches of a block, counted through all stages.
    pub(super) fn drop_path_of(&self, block: usize) -> f64 {
        let last = self.depths.iter().sum::<usize>().saturating_sub(1).max(1);
        self.drop_path_rate * block as f64 / last as f64
    }

    /// The shortest side of an image: walking back from the last stage, what each needs for one square of its reduction.
    pub(super) fn min_side(&self) -> usize {
        (0..4).rev().fold(1, |side, stage| {
            let needed = side.max(self.sr_ratios[stage]);
            let (kernel, stride) = (self.patch_sizes[stage], self.strides[stage]);
            ((needed - 1) * stride + kernel).saturating_sub(2 * (kernel / 2)).max(1)
        })
    }
}

pub(crate) fn wrong(field: &'static str, expected: &str, found: &str) -> Error {
    Error::Config { field, expected: expected.to_string(), found: found.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read_again() {
        let config =
            MitConfig::b4().with_num_channels(1).with_drop_path_rate(0.3).with_mlp_ratios([8, 8, 4, 4]);
        assert_eq!(MitConfig::from_hugging_face(&config.to_hugging_face()).unwrap(), config);
    }

    #[test]
    fn missing_fields_are_those_of_b0() {
        let config = MitConfig::from_hugging_face(r#"{"model_type": "segformer"}"#).unwrap();
        assert_eq!(config, MitConfig::b0());
    }

    #[test]
    fn configurations_that_cannot_be_are_refused() {
        let broken = |field: &str, value: &str| {
            let json = format!(r#"{{"model_type": "segformer", "{field}": {value}}}"#);
            MitConfig::from_hugging_face(&json).unwrap_err()
        };
        for (field, value) in [
            ("hidden_sizes", "[32, 64, 160, 0]"),
            ("hidden_sizes", "[32, 64, 160, 4000000000]"),
            ("depths", "[2, 2, 1000000, 2]"),
            ("depths", "[2, 0, 2, 2]"),
            ("num_attention_heads", "[1, 2, 7, 8]"),
            ("sr_ratios", "[8, 4, 2, 0]"),
            ("strides", "[4, 0, 2, 2]"),
            ("hidden_act", r#""relu""#),
            ("num_encoder_blocks", "3"),
            ("drop_path_rate", "1.0"),
            ("hidden_dropout_prob", "-0.5"),
        ] {
            let error = broken(field, value);
            assert!(matches!(&error, Error::Config { field: named, .. } if *named == field), "{error}");
        }
        for (field, value) in
            [("depths", "[2, 2, 2]"), ("hidden_sizes", "\"wide\""), ("strides", "[4, 2, 2, 2, 2]")]
        {
            assert!(matches!(broken(field, value), Error::ConfigSyntax { .. }), "{field} {value}");
        }
        let swin = MitConfig::from_hugging_face(r#"{"model_type": "swin"}"#).unwrap_err();
        assert!(swin.to_string().contains("found swin"), "{swin}");
    }

    #[test]
    fn drop_path_rises_to_its_rate() {
        let config = MitConfig::b0().with_drop_path_rate(0.7);
        assert_eq!(config.drop_path_of(0), 0.0);
        assert!((config.drop_path_of(1) - 0.1).abs() < 1e-12);
        assert!((config.drop_path_of(7) - 0.7).abs() < 1e-12);
        assert_eq!(MitConfig::new([8; 4], [1; 4]).with_drop_path_rate(0.3).drop_path_of(3), 0.3);
    }
}

//! What a vision transformer is made of.

use burn::config::Config;
use burn::tensor::Device;
use serde::Deserialize;

use super::block::VitBlock;
use super::embeddings::VitEmbeddings;
use super::model::Vit;
use crate::error::{Error, Result};
use crate::layers::{LayerNormConfig, TableInterpolation};

/// Which published architecture a configuration follows; decides the names of the weights.
#[derive(serde::Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum VitFamily {
    /// ViT and DINO: transformers' `vit`.
    Vit,
    /// DINOv2, with or without registers: transformers' `dinov2` and `dinov2_with_registers`.
    Dinov2,
}

/// Sizes and switches of a [`Vit`].
#[derive(Config, Debug, PartialEq)]
pub struct VitConfig {
    /// The published architecture.
    pub family: VitFamily,
    /// Width of the tokens.
    pub hidden_size: usize,
    /// Number of blocks.
    pub num_hidden_layers: usize,
    /// Heads of each attention; divides `hidden_size`.
    pub num_attention_heads: usize,
    /// Width inside the feed-forward network (per gate and value when gated).
    pub intermediate_size: usize,
    /// Side of the square images whose patches the position table covers, in pixels.
    pub image_size: usize,
    /// Side of a patch in pixels.
    pub patch_size: usize,
    /// Channels of the images.
    #[config(default = 3)]
    pub num_channels: usize,
    /// Number of register tokens.
    #[config(default = 0)]
    pub num_register_tokens: usize,
    /// Added to the variance in layer norms.
    #[config(default = 1e-6)]
    pub layer_norm_eps: f64,
    /// Whether query, key and value have biases.
    #[config(default = true)]
    pub qkv_bias: bool,
    /// Whether the feed-forward networks are SwiGLU instead of GELU.
    #[config(default = false)]
    pub use_swiglu_ffn: bool,
    /// How the position table is resized to other image sizes.
    #[config(default = "TableInterpolation::Bicubic")]
    pub position_interpolation: TableInterpolation,
}

/// The fields of a transformers `config.json` that matter here.
#[derive(Deserialize)]
struct HuggingFace {
    model_type: String,
    #[serde(default = "defaults::hidden_size")]
    hidden_size: usize,
    #[serde(default = "defaults::twelve")]
    num_hidden_layers: usize,
    #[serde(default = "defaults::twelve")]
    num_attention_heads: usize,
    intermediate_size: Option<usize>,
    #[serde(default = "defaults::mlp_ratio")]
    mlp_ratio: f64,
    #[serde(default = "defaults::image_size")]
    image_size: usize,
    patch_size: Option<usize>,
    #[serde(default = "defaults::num_channels")]
    num_channels: usize,
    num_register_tokens: Option<usize>,
    layer_norm_eps: Option<f64>,
    #[serde(default = "defaults::yes")]
    qkv_bias: bool,
    #[serde(default)]
    use_swiglu_ffn: bool,
    #[serde(default = "defaults::hidden_act")]
    hidden_act: String,
}

/// What transformers takes a missing field to be.
mod defaults {
    pub(super) fn hidden_size() -> usize {
        768
    }
    pub(super) fn twelve() -> usize {
        12
    }
    pub(super) fn mlp_ratio() -> f64 {
        4.0
    }
    pub(super) fn image_size() -> usize {
        224
    }
    pub(super) fn num_channels() -> usize {
        3
    }
    pub(super) fn yes() -> bool {
        true
    }
    pub(super) fn hidden_act() -> String {
        "gelu".to_string()
    }
}

impl VitConfig {
    /// From the text of a transformers `config.json`.
    ///
    /// # Errors
    /// [`Error::ConfigSyntax`]; [`Error::Config`] for a `model_type` or `hidden_act` that is not one of these models',
    /// or sizes that cannot be.
    pub fn from_hugging_face(json: &str) -> Result<Self> {
        let hf: HuggingFace = serde_json::from_str(json)
            .map_err(|source| Error::ConfigSyntax { what: "config.json".to_string(), source })?;
        if hf.hidden_act != "gelu" {
            return Err(wrong("hidden_act", "gelu", &hf.hidden_act));
        }
        let config = match hf.model_type.as_str() {
            "vit" => hf.vit(),
            "dinov2" => hf.dinov2(0, TableInterpolation::Bicubic),
            "dinov2_with_registers" => {
                hf.dinov2(hf.num_register_tokens.unwrap_or(4), TableInterpolation::BicubicAntialias)
            }
            other => return Err(wrong("model_type", "vit, dinov2 or dinov2_with_registers", other)),
        };
        config.validate()?;
        Ok(config)
    }

    /// As the text of a transformers `config.json`, so that what is trained here loads there.
    pub fn to_hugging_face(&self) -> String {
        let model_type = match (self.family, self.num_register_tokens) {
            (VitFamily::Vit, _) => "vit",
            (VitFamily::Dinov2, 0) => "dinov2",
            (VitFamily::Dinov2, _) => "dinov2_with_registers",
        };
        let mut json = serde_json::json!({
            "model_type": model_type,
            "hidden_size": self.hidden_size,
            "num_hidden_layers": self.num_hidden_layers,
            "num_attention_heads": self.num_attention_heads,
            "image_size": self.image_size,
            "patch_size": self.patch_size,
            "num_channels": self.num_channels,
            "layer_norm_eps": self.layer_norm_eps,
            "qkv_bias": self.qkv_bias,
            "hidden_act": "gelu",
        });
        let more = match self.family {
            VitFamily::Vit => vec![("intermediate_size", serde_json::json!(self.intermediate_size))],
            VitFamily::Dinov2 => vec![
                ("mlp_ratio", self.mlp_ratio()),
                ("use_swiglu_ffn", serde_json::json!(self.use_swiglu_ffn)),
                ("use_mask_token", serde_json::json!(false)),
            ],
        };
        if let Some(object) = json.as_object_mut() {
            object.extend(more.into_iter().map(|(k, v)| (k.to_string(), v)));
            if self.num_register_tokens > 0 {
                object.insert("num_register_tokens".to_string(), self.num_register_tokens.into());
            }
        }
        format!("{json:#}\n")
    }

    /// The ratio that transformers computes the intermediate size from; it takes two thirds of it when gated.
    fn mlp_ratio(&self) -> serde_json::Value {
        let full = if self.use_swiglu_ffn { 1.5 } else { 1.0 };
        let ratio = self.intermediate_size as f64 * full / self.hidden_size as f64;
        // transformers takes 4 and refuses 4.0.
        if ratio.fract() == 0.0 { (ratio as u64).into() } else { ratio.into() }
    }

    /// Checks that the sizes make a model.
    ///
    /// # Errors
    /// [`Error::Config`] with the field that does not.
    pub fn validate(&self) -> Result<()> {
        // Far above any published model; keeps a damaged file from asking for the impossible.
        let bounded = [
            ("hidden_size", self.hidden_size, 65_536),
            ("num_hidden_layers", self.num_hidden_layers, 1_024),
            ("num_attention_heads", self.num_attention_heads, 65_536),
            ("intermediate_size", self.intermediate_size, 1 << 20),
            ("image_size", self.image_size, 65_536),
            ("patch_size", self.patch_size, 65_536),
            ("num_channels", self.num_channels, 65_536),
        ];
        for (field, found, limit) in bounded {
            if found == 0 || found > limit {
                return Err(wrong(field, &format!("1 to {limit}"), &found.to_string()));
            }
        }
        if self.num_register_tokens > 65_536 {
            return Err(wrong("num_register_tokens", "at most 65536", &self.num_register_tokens.to_string()));
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            let rule = format!("a divisor of hidden_size ({})", self.hidden_size);
            return Err(wrong("num_attention_heads", &rule, &self.num_attention_heads.to_string()));
        }
        if self.patch_size > self.image_size {
            let rule = format!("at most image_size ({})", self.image_size);
            return Err(wrong("patch_size", &rule, &self.patch_size.to_string()));
        }
        if !(self.layer_norm_eps > 0.0 && self.layer_norm_eps < 1.0) {
            return Err(wrong("layer_norm_eps", "between 0 and 1", &self.layer_norm_eps.to_string()));
        }
        Ok(())
    }

    /// Side of the position table's grid, in patches.
    pub const fn table_side(&self) -> usize {
        self.image_size / self.patch_size
    }

    /// A model with random weights.
    pub fn init(&self, device: &Device) -> Vit {
        Vit {
            embeddings: VitEmbeddings::new(self, device),
            blocks: (0..self.num_hidden_layers).map(|_| VitBlock::new(self, device)).collect(),
            norm: LayerNormConfig::new(self.hidden_size).with_epsilon(self.layer_norm_eps).init(device),
            width: self.hidden_size,
            channels: self.num_channels,
            patch_size: self.patch_size,
            registers: self.num_register_tokens,
        }
    }
}

impl HuggingFace {
    fn vit(&self) -> VitConfig {
        let intermediate = self.intermediate_size.unwrap_or(3072);
        self.common(VitFamily::Vit, intermediate, 16)
            .with_layer_norm_eps(self.layer_norm_eps.unwrap_or(1e-12))
    }

    fn dinov2(&self, registers: usize, interpolation: TableInterpolation) -> VitConfig {
        // Rounded, where transformers cuts off: a ratio such as 8/3 must not lose a channel on its way through a file.
        let hidden = (self.hidden_size as f64 * self.mlp_ratio).round() as usize;
        // SwiGLU keeps two thirds, rounded up to a multiple of 8.
        let gated = (hidden * 2 / 3).div_ceil(8) * 8;
        let intermediate = if self.use_swiglu_ffn { gated } else { hidden };
        self.common(VitFamily::Dinov2, intermediate, if registers == 0 { 14 } else { 16 })
            .with_layer_norm_eps(self.layer_norm_eps.unwrap_or(1e-6))
            .with_num_register_tokens(registers)
            .with_position_interpolation(interpolation)
            .with_use_swiglu_ffn(self.use_swiglu_ffn)
    }

    fn common(&self, family: VitFamily, intermediate: usize, patch: usize) -> VitConfig {
        VitConfig::new(
            family,
            self.hidden_size,
            self.num_hidden_layers,
            self.num_attention_heads,
            intermediate,
            self.image_size,
            self.patch_size.unwrap_or(patch),
        )
        .with_num_channels(self.num_channels)
        .with_qkv_bias(self.qkv_bias)
    }
}

fn wrong(field: &'static str, expected: &str, found: &str) -> Error {
    Error::Config { field, expected: expected.to_string(), found: found.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DINOV2: &str = r#"{"model_type": "dinov2", "hidden_size": 384, "num_attention_heads": 6,
        "image_size": 518, "patch_size": 14, "mlp_ratio": 4}"#;

    #[test]
    fn fields_and_defaults_of_transformers() {
        let config = VitConfig::from_hugging_face(DINOV2).unwrap();
        assert_eq!((config.intermediate_size, config.num_hidden_layers, config.table_side()), (1536, 12, 37));
        assert_eq!(config.layer_norm_eps, 1e-6);
        let vit = VitConfig::from_hugging_face(r#"{"model_type": "vit"}"#).unwrap();
        assert_eq!((vit.hidden_size, vit.patch_size, vit.layer_norm_eps), (768, 16, 1e-12));
        let dinov2 = VitConfig::from_hugging_face(r#"{"model_type": "dinov2"}"#).unwrap();
        assert_eq!((dinov2.patch_size, dinov2.num_register_tokens), (14, 0));
        let registers = r#"{"model_type": "dinov2_with_registers"}"#;
        let registers = VitConfig::from_hugging_face(registers).unwrap();
        assert_eq!((registers.patch_size, registers.num_register_tokens), (16, 4));
        assert_eq!(registers.position_interpolation, TableInterpolation::BicubicAntialias);
    }

    #[test]
    fn written_and_read_again() {
        let more = |field: &str| DINOV2.replace("\"dinov2\",", &format!("\"dinov2\", {field}"));
        let registers = DINOV2.replace("\"dinov2\"", "\"dinov2_with_registers\"");
        let vit = r#"{"model_type": "vit", "patch_size": 8, "intermediate_size": 100}"#.to_string();
        for json in [DINOV2.to_string(), more("\"use_swiglu_ffn\": true,"), registers, vit] {
            let config = VitConfig::from_hugging_face(&json).unwrap();
            assert_eq!(VitConfig::from_hugging_face(&config.to_hugging_face()).unwrap(), config);
        }
    }

    #[test]
    fn configurations_that_cannot_be_are_refused() {
        let broken = |field: &str, value: &str| {
            let json = format!(r#"{{"model_type": "dinov2", "patch_size": 14, "{field}": {value}}}"#);
            VitConfig::from_hugging_face(&json).unwrap_err()
        };
        for (field, value) in [
            ("hidden_size", "0"),
            ("hidden_size", "4000000000"),
            ("num_hidden_layers", "1000000"),
            ("num_attention_heads", "7"),
            ("hidden_act", r#""relu""#),
            ("image_size", "7"),
            ("layer_norm_eps", "-1"),
        ] {
            assert!(matches!(broken(field, value), Error::Config { .. }), "{field} {value}");
        }
        assert!(matches!(broken("hidden_size", "\"wide\""), Error::ConfigSyntax { .. }));
        assert!(matches!(VitConfig::from_hugging_face("{"), Err(Error::ConfigSyntax { .. })));
        let swin = VitConfig::from_hugging_face(r#"{"model_type": "swin"}"#).unwrap_err();
        assert!(swin.to_string().contains("found swin"), "{swin}");
    }
}

//! What a residual network is made of.

use burn::config::Config;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::model::ResNet;
use crate::error::{Error, Result};

/// The kind of the blocks.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum ResNetBlockKind {
    /// Two 3x3 convolutions: ResNet-18 and 34.
    Basic,
    /// 1x1, 3x3 and 1x1 convolutions: ResNet-50 and deeper.
    Bottleneck,
}

impl ResNetBlockKind {
    /// How much narrower a bottleneck is inside.
    pub const REDUCTION: usize = 4;
}

/// Whose names the weights go by.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResNetNames {
    /// `layer1.0.conv1.weight`: torchvision, timm, and the backbones of published DETR, TransVG and MDETR.
    Torchvision,
    /// `encoder.stages.0.layers.0.layer.0.convolution.weight`: transformers.
    Transformers,
}

/// Sizes and switches of a [`ResNet`].
#[derive(Config, Debug, PartialEq)]
pub struct ResNetConfig {
    /// The kind of the blocks.
    pub block: ResNetBlockKind,
    /// Blocks of each stage.
    pub depths: [usize; 4],
    /// Channels after each stage.
    pub hidden_sizes: [usize; 4],
    /// Channels after the stem.
    #[config(default = 64)]
    pub embedding_size: usize,
    /// Channels of the images.
    #[config(default = 3)]
    pub num_channels: usize,
    /// Whether stage 1 halves the resolution too.
    #[config(default = false)]
    pub downsample_in_first_stage: bool,
    /// Whether the first 1x1 convolution of a bottleneck has the stride, as in the paper, instead of the 3x3 one.
    #[config(default = false)]
    pub downsample_in_bottleneck: bool,
    /// Whether stage 4 keeps the resolution of stage 3 and dilates its convolutions instead: DETR's DC5.
    #[config(default = false)]
    pub dilate_last_stage: bool,
    /// Whether the batch norms are constants, as DETR has them; see [`ConvNorm`](crate::layers::ConvNorm).
    #[config(default = false)]
    pub frozen_batch_norm: bool,
    /// Added to the variance in batch norms.
    #[config(default = 1e-5)]
    pub batch_norm_eps: f64,
    /// The stages, 1 to 4, whose maps the output keeps.
    #[config(default = "vec![4]")]
    pub output_stages: Vec<usize>,
    /// Whose names the weights go by.
    #[config(default = "ResNetNames::Torchvision")]
    pub names: ResNetNames,
}

/// The fields of a transformers `config.json` that matter here, with its defaults.
#[derive(Deserialize)]
#[serde(default)]
struct HuggingFace {
    model_type: String,
    num_channels: usize,
    embedding_size: usize,
    hidden_sizes: Vec<usize>,
    depths: Vec<usize>,
    layer_type: String,
    hidden_act: String,
    downsample_in_first_stage: bool,
    downsample_in_bottleneck: bool,
    out_features: Option<Vec<String>>,
}

impl Default for HuggingFace {
    fn default() -> Self {
        Self {
            model_type: String::new(),
            num_channels: 3,
            embedding_size: 64,
            hidden_sizes: vec![256, 512, 1024, 2048],
            depths: vec![3, 4, 6, 3],
            layer_type: "bottleneck".to_string(),
            hidden_act: "relu".to_string(),
            downsample_in_first_stage: false,
            downsample_in_bottleneck: false,
            out_features: None,
        }
    }
}

/// The `config.json` beside timm's weights.
#[derive(Deserialize)]
struct Timm {
    architecture: String,
}

impl ResNetConfig {
    /// ResNet-18.
    pub fn resnet18() -> Self {
        Self::new(ResNetBlockKind::Basic, [2, 2, 2, 2], [64, 128, 256, 512])
    }

    /// ResNet-34.
    pub fn resnet34() -> Self {
        Self::new(ResNetBlockKind::Basic, [3, 4, 6, 3], [64, 128, 256, 512])
    }

    /// ResNet-50.
    pub fn resnet50() -> Self {
        Self::new(ResNetBlockKind::Bottleneck, [3, 4, 6, 3], [256, 512, 1024, 2048])
    }

    /// ResNet-101.
    pub fn resnet101() -> Self {
        Self::new(ResNetBlockKind::Bottleneck, [3, 4, 23, 3], [256, 512, 1024, 2048])
    }

    /// ResNet-152.
    pub fn resnet152() -> Self {
        Self::new(ResNetBlockKind::Bottleneck, [3, 8, 36, 3], [256, 512, 1024, 2048])
    }

    /// By the name that torchvision and timm give it, such as `resnet50`.
    ///
    /// # Errors
    /// [`Error::Config`] for another name.
    pub fn named(name: &str) -> Result<Self> {
        match name {
            "resnet18" => Ok(Self::resnet18()),
            "resnet34" => Ok(Self::resnet34()),
            "resnet50" => Ok(Self::resnet50()),
            "resnet101" => Ok(Self::resnet101()),
            "resnet152" => Ok(Self::resnet152()),
            other => Err(wrong("backbone", "resnet18, resnet34, resnet50, resnet101 or resnet152", other)),
        }
    }

    /// From the text of a `config.json`: of transformers (`model_type` `resnet`), or of timm (`architecture`).
    ///
    /// # Errors
    /// [`Error::ConfigSyntax`]; [`Error::Config`] for another model or `hidden_act`, or sizes that cannot be.
    pub fn from_hugging_face(json: &str) -> Result<Self> {
        let syntax = |source| Error::ConfigSyntax { what: "config.json".to_string(), source };
        let value: serde_json::Value = serde_json::from_str(json).map_err(syntax)?;
        Self::from_value(value)
    }

    /// As [`from_hugging_face`](Self::from_hugging_face), of JSON that is part of another configuration.
    pub(crate) fn from_value(value: serde_json::Value) -> Result<Self> {
        let syntax = |source| Error::ConfigSyntax { what: "config.json".to_string(), source };
        if value.get("architecture").is_some() && value.get("model_type").is_none() {
            let timm: Timm = serde_json::from_value(value).map_err(syntax)?;
            return Self::named(&timm.architecture);
        }
        let hf: HuggingFace = serde_json::from_value(value).map_err(syntax)?;
        hf.config()
    }

    /// As the text of a transformers `config.json`, so that what is trained here loads there.
    ///
    /// It knows neither the dilation nor whether batch norms are frozen, and takes 1e-5 for their epsilon; its names
    /// are those of [`ResNetNames::Transformers`].
    pub fn to_hugging_face(&self) -> String {
        format!("{:#}\n", self.to_value())
    }

    pub(crate) fn to_value(&self) -> serde_json::Value {
        let out_features: Vec<String> = self.output_stages.iter().map(|n| format!("stage{n}")).collect();
        serde_json::json!({
            "model_type": "resnet",
            "num_channels": self.num_channels,
            "embedding_size": self.embedding_size,
            "hidden_sizes": self.hidden_sizes,
            "depths": self.depths,
            "layer_type": self.block,
            "hidden_act": "relu",
            "downsample_in_first_stage": self.downsample_in_first_stage,
            "downsample_in_bottleneck": self.downsample_in_bottleneck,
            "out_features": out_features,
        })
    }

    /// Checks that the sizes make a model.
    ///
    /// # Errors
    /// [`Error::Config`] with the field that does not.
    pub fn validate(&self) -> Result<()> {
        // Far above any published model; keeps a damaged file from asking for the impossible.
        let bound = |field: &'static str, found: usize, limit: usize| {
            if found == 0 || found > limit {
                return Err(wrong(field, &format!("1 to {limit}"), &found.to_string()));
            }
            Ok(())
        };
        bound("embedding_size", self.embedding_size, 8_192)?;
        bound("num_channels", self.num_channels, 65_536)?;
        for (&depth, &size) in self.depths.iter().zip(&self.hidden_sizes) {
            bound("depths", depth, 200)?;
            bound("hidden_sizes", size, 8_192)?;
            if self.block == ResNetBlockKind::Bottleneck && !size.is_multiple_of(ResNetBlockKind::REDUCTION) {
                return Err(wrong("hidden_sizes", "multiples of 4", &size.to_string()));
            }
        }
        if !(self.batch_norm_eps > 0.0 && self.batch_norm_eps < 1.0) {
            return Err(wrong("batch_norm_eps", "between 0 and 1", &self.batch_norm_eps.to_string()));
        }
        match self.output_stages.iter().find(|stage| !(1..=4).contains(*stage)) {
            Some(stage) => Err(wrong("output_stages", "stages 1 to 4", &stage.to_string())),
            None => Ok(()),
        }
    }

    /// A network with random weights.
    pub fn init(&self, device: &Device) -> ResNet {
        ResNet::new(self, device)
    }
}

impl HuggingFace {
    fn config(&self) -> Result<ResNetConfig> {
        if self.model_type != "resnet" {
            return Err(wrong("model_type", "resnet", &self.model_type));
        }
        if self.hidden_act != "relu" {
            return Err(wrong("hidden_act", "relu", &self.hidden_act));
        }
        let block = match self.layer_type.as_str() {
            "basic" => ResNetBlockKind::Basic,
            "bottleneck" => ResNetBlockKind::Bottleneck,
            other => return Err(wrong("layer_type", "basic or bottleneck", other)),
        };
        let config = ResNetConfig {
            embedding_size: self.embedding_size,
            num_channels: self.num_channels,
            downsample_in_first_stage: self.downsample_in_first_stage,
            downsample_in_bottleneck: self.downsample_in_bottleneck,
            output_stages: self.output_stages()?,
            names: ResNetNames::Transformers,
            ..ResNetConfig::new(
                block,
                four("depths", &self.depths)?,
                four("hidden_sizes", &self.hidden_sizes)?,
            )
        };
        config.validate()?;
        Ok(config)
    }

    /// The stages among `out_features`, which may name the stem too.
    fn output_stages(&self) -> Result<Vec<usize>> {
        let Some(features) = &self.out_features else { return Ok(vec![4]) };
        let number = |feature: &String| match feature.strip_prefix("stage").map(str::parse) {
            Some(Ok(stage)) => Some(Ok(stage)),
            _ if feature == "stem" => None,
            _ => Some(Err(wrong("out_features", "stem or stage1 to stage4", feature))),
        };
        features.iter().filter_map(number).collect()
    }
}

fn four(field: &'static str, values: &[usize]) -> Result<[usize; 4]> {
    values.try_into().map_err(|_| wrong(field, "4 stages", &format!("{} stages", values.len())))
}

fn wrong(field: &'static str, expected: &str, found: &str) -> Error {
    Error::Config { field, expected: expected.to_string(), found: found.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read_again() {
        for config in [ResNetConfig::resnet50(), ResNetConfig::resnet18().with_num_channels(1)] {
            let config = config.with_output_stages(vec![2, 4]).with_names(ResNetNames::Transformers);
            assert_eq!(ResNetConfig::from_hugging_face(&config.to_hugging_face()).unwrap(), config);
        }
    }

    #[test]
    fn what_is_not_in_the_file_is_as_transformers_takes_it() {
        let config = ResNetConfig::from_hugging_face(r#"{"model_type": "resnet"}"#).unwrap();
        assert_eq!(config, ResNetConfig::resnet50().with_names(ResNetNames::Transformers));
        let timm = ResNetConfig::from_hugging_face(r#"{"architecture": "resnet101", "num_classes": 1000}"#);
        assert_eq!(timm.unwrap(), ResNetConfig::resnet101());
    }

    #[test]
    fn configurations_that_cannot_be_are_refused() {
        for (field, value) in [
            ("model_type", r#""resnext""#),
            ("hidden_act", r#""gelu""#),
            ("layer_type", r#""wide""#),
            ("depths", "[3, 4, 6]"),
            ("depths", "[3, 0, 6, 3]"),
            ("depths", "[3, 4, 6, 100000]"),
            ("hidden_sizes", "[256, 512, 1024, 4000000000]"),
            ("hidden_sizes", "[254, 512, 1024, 2048]"),
            ("embedding_size", "0"),
            ("num_channels", "0"),
            ("out_features", r#"["stage9x"]"#),
            ("out_features", r#"["stage9"]"#),
        ] {
            // The last of two fields of one name counts.
            let json = format!(r#"{{"model_type": "resnet", "{field}": {value}}}"#);
            assert!(
                matches!(ResNetConfig::from_hugging_face(&json), Err(Error::Config { .. })),
                "{field} {value}"
            );
        }
        assert!(matches!(ResNetConfig::from_hugging_face("{"), Err(Error::ConfigSyntax { .. })));
        assert!(matches!(
            ResNetConfig::from_hugging_face("[]"),
            Err(Error::Config { .. } | Error::ConfigSyntax { .. })
        ));
        assert!(matches!(ResNetConfig::from_hugging_face("{}"), Err(Error::Config { .. })));
        assert!(ResNetConfig::named("resnet50d").is_err());
        let eps = ResNetConfig::resnet18().with_batch_norm_eps(f64::NAN);
        assert!(matches!(eps.validate(), Err(Error::Config { field: "batch_norm_eps", .. })));
    }
}

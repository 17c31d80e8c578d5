//! Names of the published weights.
//!
//! `visumodel.` (DETR's backbone, `input_proj` and `transformer.encoder`), `textmodel.bert.`, `visu_proj`, `text_proj`,
//! `vl_transformer.`, `vl_pos_embed`, `reg_token` and `bbox_embed`, as the paper's code saves them. What is written here has the same
//! names, with the fused projections of attention split.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::nn::conv::Conv2d;
use burn::tensor::{Device, Tensor};
use mednn::detr::BoxHead;
use mednn::weights::{KeyMap, Strictness, WeightReport, WeightSource, WeightWriter, load, load_part};

use super::config::TransVgConfig;
use super::model::TransVg;
use crate::error::Result;
use crate::model::parts::{Reports, add_backbone, add_text, load_backbone, load_text};

/// What belongs to no other model.
const OWN: KeyMap = KeyMap {
    layers: &[&[
        ("projection", "visumodel.input_proj"),
        ("visual_projection", "visu_proj"),
        ("text_projection", "text_proj"),
        ("regression_token", "reg_token.weight"),
        ("positions", "vl_pos_embed.weight"),
        ("box_head.layers.*", "bbox_embed.layers.*"),
    ]],
    prefixes: &[],
    ignored: &[],
};

const BACKBONE: &str = "visumodel.backbone.0.body.";
const ENCODER: &str = "visumodel.transformer.encoder.";
const TEXT: &str = "textmodel.bert.";
const FUSION: &str = "vl_transformer.";

/// The parts that [`OWN`] names, as a module of their own.
#[derive(Module, Debug)]
struct OwnParts {
    projection: Conv2d,
    visual_projection: Linear,
    text_projection: Linear,
    regression_token: Param<Tensor<2>>,
    positions: Param<Tensor<2>>,
    box_head: BoxHead,
}

impl TransVg {
    /// From an opened source of weights under the published names, strictly.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config), and [`Error::Network`](crate::Error::Network) when a key is missing, unused or of
    /// another shape.
    pub fn from_source(
        config: &TransVgConfig,
        mut source: WeightSource,
        device: &Device,
    ) -> Result<(Self, WeightReport)> {
        config.validate()?;
        source.split_in_proj()?;
        let model = Self::new(config, device);
        let (map, exact) = (config.fusion.torch_encoder_key_map(), Strictness::Exact);
        let mut reports = Reports::default();
        let backbone = reports.keep(load_backbone(model.backbone, &config.vision, &mut source, BACKBONE)?);
        let encoder = match model.encoder {
            Some(encoder) => Some(reports.keep(load_part(encoder, &mut source, map, ENCODER, exact)?)),
            None => None,
        };
        let text = reports.keep(load_text(model.text, &config.text, &mut source, TEXT)?);
        let fusion = reports.keep(load_part(model.fusion, &mut source, map, FUSION, exact)?);
        let own = OwnParts {
            projection: model.projection,
            visual_projection: model.visual_projection,
            text_projection: model.text_projection,
            regression_token: model.regression_token,
            positions: model.positions,
            box_head: model.box_head,
        };
        let own = reports.keep(load(own, &mut source, &OWN, Strictness::AllowUnused)?);
        // A pooler comes after the text encoder.
        let report = reports.finish(&source, &["textmodel.bert.pooler."])?;
        let OwnParts {
            projection,
            visual_projection,
            text_projection,
            regression_token,
            positions,
            box_head,
        } = own;
        let model = Self {
            backbone,
            projection,
            encoder,
            visual_projection,
            text,
            text_projection,
            regression_token,
            positions,
            fusion,
            box_head,
        };
        Ok((model, report))
    }

    /// Adds the weights to a file, by the published names.
    ///
    /// # Errors
    /// [`Error::Network`](crate::Error::Network) when the device fails.
    pub fn add_weights(&self, config: &TransVgConfig, writer: &mut WeightWriter) -> Result<()> {
        add_backbone(writer, BACKBONE, &self.backbone, &config.vision)?;
        let map = config.fusion.torch_encoder_key_map();
        if let Some(encoder) = &self.encoder {
            writer.add(ENCODER, encoder, map)?;
        }
        add_text(writer, TEXT, &self.text, &config.text)?;
        writer.add(FUSION, &self.fusion, map)?;
        let own = OwnParts {
            projection: self.projection.clone(),
            visual_projection: self.visual_projection.clone(),
            text_projection: self.text_projection.clone(),
            regression_token: self.regression_token.clone(),
            positions: self.positions.clone(),
            box_head: self.box_head.clone(),
        };
        Ok(writer.add("", &own, &OWN)?)
    }
}

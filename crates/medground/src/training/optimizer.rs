//! The optimiser: which part of a model has which rate, and its state in checkpoints.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use mednn::bridge::read_f32;
use mednn::optim::{AdamWByPath, Moments};
use mednn::weights::WeightSource;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A part of the model with a learning rate of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelPart {
    /// The backbone; in TransVG also the projection and DETR's encoder.
    Vision,
    /// The text encoder.
    Text,
    /// All else.
    Fusion,
}

impl ModelPart {
    /// The part that a path in a [`GroundingModel`](crate::model::GroundingModel) belongs to.
    pub fn of(path: &str) -> Self {
        let segments: Vec<&str> = path.split('.').collect();
        let transvg = segments.first() == Some(&"TransVg");
        match segments.get(1) {
            _ if segments.contains(&"backbone") => Self::Vision,
            Some(&"projection" | &"encoder") if transvg => Self::Vision,
            _ if segments.contains(&"text") => Self::Text,
            _ => Self::Fusion,
        }
    }
}

/// The optimiser's moments as the bytes of a safetensors file, and how many steps each parameter has had.
pub(super) fn to_bytes(optimizer: &AdamWByPath) -> Result<(Vec<u8>, OptimizerSteps)> {
    let mut values = Vec::new();
    for (path, moments) in optimizer.moments() {
        for (name, moment) in [("first", &moments.first), ("second", &moments.second)] {
            let bytes: Vec<u8> = read_f32(moment.clone())?.iter().flat_map(|v| v.to_le_bytes()).collect();
            values.push((format!("{name}.{path}"), bytes));
        }
    }
    let broken = |source| mednn::Error::WeightFormat { what: "the optimiser".to_string(), source };
    let views = values
        .iter()
        .map(|(key, bytes)| Ok((key, TensorView::new(Dtype::F32, vec![bytes.len() / 4], bytes)?)))
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(broken)?;
    let bytes = safetensors::serialize(views, None).map_err(broken)?;
    let steps = optimizer.moments().map(|(path, m)| (path.to_string(), m.steps)).collect();
    Ok((bytes, OptimizerSteps(steps)))
}

/// Gives the optimiser back what [`to_bytes`] read of it.
pub(super) fn restore(
    optimizer: &mut AdamWByPath,
    mut source: WeightSource,
    steps: OptimizerSteps,
    device: &Device,
) -> Result<()> {
    for (path, steps) in steps.0 {
        let mut read = |name: &str| -> Result<Tensor<1>> {
            let key = format!("{name}.{path}");
            let values = source.read_f32(&key)?.ok_or_else(|| Error::Checkpoint {
                what: "the optimiser",
                expected: key,
                found: "nothing".to_string(),
            })?;
            let count = values.len();
            Ok(Tensor::from_data(TensorData::new(values, [count]), device))
        };
        let (first, second) = (read("first")?, read("second")?);
        optimizer.set_moments(path, Moments { first, second, steps });
    }
    Ok(())
}

/// How many steps each parameter has had.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct OptimizerSteps(BTreeMap<String, u32>);

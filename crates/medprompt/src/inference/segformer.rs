//! Segmenters of whole SegFormers, as they are published.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::Device;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::preprocess::{Intensity, Preprocessor};
use super::segmenter::{PromptSegmenter, SegmentOptions};
use super::usage::OPTIONS;
use crate::error::{Error, Result, config};
use crate::model::{SegmentationModel, write_whole};

/// The field of transformers' `preprocessor_config.json` that is about values, with its default.
#[derive(Deserialize)]
#[serde(default)]
struct Rescaling {
    do_rescale: bool,
    rescale_factor: f64,
}

impl Default for Rescaling {
    fn default() -> Self {
        Self { do_rescale: true, rescale_factor: 1.0 / 255.0 }
    }
}

/// The field of transformers' `config.json` that is about names.
#[derive(Deserialize, Default)]
struct Names {
    #[serde(default)]
    id2label: BTreeMap<String, String>,
}

impl PromptSegmenter {
    /// Of the folder of a whole SegFormer, as published; see [`SegmentationModel::from_segformer`]. Its classes are called as in
    /// `config.json`.
    ///
    /// Options are those of its `segment_options.json`, where there is one. Otherwise they are the default, with values from 0 to 255, or
    /// whatever `preprocessor_config.json` divides by.
    ///
    /// # Errors
    /// As [`SegmentationModel::from_segformer`] and [`SegmentOptions::validate`].
    pub fn from_segformer(folder: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let folder = folder.as_ref();
        let device = device.clone().without_autodiff();
        let model = SegmentationModel::from_segformer(folder, &device)?;
        let names: Names = read_json(folder, "config.json")?.unwrap_or_default();
        let options = match read_json(folder, OPTIONS)? {
            Some(options) => options,
            None => {
                let rescaling: Rescaling = read_json(folder, "preprocessor_config.json")?.unwrap_or_default();
                let intensity = Intensity::Range { low: 0.0, high: rescaling.white()? };
                SegmentOptions::new().with_preprocessor(Preprocessor::new().with_intensity(intensity))
            }
        };
        let classes = model.config().classes;
        Self::new(&model, &device).with_class_names(names.of(classes)).with_options(options)
    }
}

impl SegmentOptions {
    /// Writes the options into the folder of a SegFormer, where [`PromptSegmenter::from_segformer`] finds them.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save_beside(&self, folder: impl AsRef<Path>) -> Result<()> {
        let syntax = |source| Error::Syntax { what: OPTIONS.to_string(), source };
        let json = serde_json::to_string_pretty(self).map_err(syntax)?;
        write_whole(&folder.as_ref().join(OPTIONS), format!("{json}\n").as_bytes())
    }
}

impl Rescaling {
    /// The value that becomes 1.
    fn white(&self) -> Result<f32> {
        let white = if self.do_rescale { (1.0 / self.rescale_factor) as f32 } else { 1.0 };
        if white.is_finite() && white > 0.0 {
            return Ok(white);
        }
        Err(config("rescale_factor", "positive and finite", self.rescale_factor))
    }
}

impl Names {
    /// Of so many classes, the background first; none unless all have one that is not made up.
    fn of(self, classes: usize) -> Vec<String> {
        let made_up = |number: usize, name: &str| name == format!("LABEL_{number}");
        let name = |number: usize| {
            let name = self.id2label.get(&number.to_string())?;
            (!made_up(number, name)).then(|| name.clone())
        };
        let names: Vec<String> = (0..classes).map_while(name).collect();
        match (classes, names.len()) {
            (1, 1) => vec!["background".to_string(), names[0].clone()],
            (classes, named) if classes == named => names,
            _ => Vec::new(),
        }
    }
}

/// A file of a folder, if it is there.
fn read_json<T: DeserializeOwned>(folder: &Path, name: &str) -> Result<Option<T>> {
    let path = folder.join(name);
    let json = match std::fs::read_to_string(&path) {
        Ok(json) => json,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::Io { path, source }),
    };
    let syntax = |source| Error::Syntax { what: name.to_string(), source };
    Ok(Some(serde_json::from_str(&json).map_err(syntax)?))
}

//! How a model was trained to see images, which is how it is to be used.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::segmenter::SegmentOptions;
use crate::error::{Error, Result, config};
use crate::model::write_whole;

/// How the model of a folder is used: [`SegmentOptions`] as JSON.
pub(super) const OPTIONS: &str = "segment_options.json";
/// Where transformers keeps the names of classes.
const CONFIG: &str = "config.json";

/// How images were prepared when a model was trained, and what its classes are called. Part of the files of trained weights.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
pub struct Usage {
    /// Values, the orientation of volumes, scale and windows.
    pub options: SegmentOptions,
    /// Names of the classes, the background first; empty where they are not known.
    #[serde(default)]
    pub class_names: Vec<String>,
}

impl Usage {
    /// Without names.
    pub const fn new(options: SegmentOptions) -> Self {
        Self { options, class_names: Vec::new() }
    }

    /// With names of the classes, the background first.
    pub fn with_class_names(self, class_names: Vec<String>) -> Self {
        Self { class_names, ..self }
    }

    /// Checks it for a model whose logits have `channels` channels.
    ///
    /// # Errors
    /// [`Error::Config`] for names of another number of classes; as [`SegmentOptions::validate`].
    pub fn validate(&self, channels: usize) -> Result<()> {
        let (named, classes) = (self.class_names.len(), channels.max(2));
        if named != 0 && named != classes {
            return Err(config("class_names", format!("{classes}, or none"), named));
        }
        self.options.validate()
    }

    /// Writes it into the folder of a SegFormer, where [`PromptSegmenter::from_segformer`](super::PromptSegmenter::from_segformer) finds
    /// it: the options as `segment_options.json`, the names in `config.json`.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Syntax`].
    pub fn save_beside(&self, folder: impl AsRef<Path>) -> Result<()> {
        let folder = folder.as_ref();
        self.options.save_beside(folder)?;
        if self.class_names.is_empty() {
            return Ok(());
        }
        let path = folder.join(CONFIG);
        let syntax = |source| Error::Syntax { what: CONFIG.to_string(), source };
        let json =
            std::fs::read_to_string(&path).map_err(|source| Error::Io { path: path.clone(), source })?;
        let mut published: Value = serde_json::from_str(&json).map_err(syntax)?;
        if let Some(fields) = published.as_object_mut() {
            let logits = fields.get("id2label").and_then(Value::as_object).map_or(0, serde_json::Map::len);
            // A single logit is that of the foreground.
            let names = &self.class_names[usize::from(logits == 1)..];
            let id2label = names.iter().enumerate().map(|(id, name)| (id.to_string(), name.clone().into()));
            let label2id = names.iter().enumerate().map(|(id, name)| (name.clone(), id.into()));
            fields.insert("id2label".to_string(), Value::Object(id2label.collect()));
            fields.insert("label2id".to_string(), Value::Object(label2id.collect()));
        }
        write_whole(&path, format!("{published:#}\n").as_bytes())
    }
}

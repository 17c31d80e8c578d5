//! Model folders.
//!
//! `config.json` ([`SliceSequenceConfig`]), `model.safetensors` (the slice encoder's published keys behind `slice_encoder.`, the
//! sequence encoder's behind `sequence_encoder.`) and `slice_preprocessor.json` ([`SlicePreprocessor`]). A folder of a published
//! 2D encoder works as it is; its `preprocessor_config.json` says size and normalisation.

use std::path::Path;

use burn::tensor::Device;
use mednn::weights::{Precision, Strictness, WeightSource, WeightWriter, load_part};
use mednn::{Vit, bert::BertEncoder};

use crate::config::SliceSequenceConfig;
use crate::encoder::SliceSequenceEncoder;
use crate::error::{Error, Result};
use crate::model::SliceSequenceModel;
use crate::preprocess::SlicePreprocessor;

const SLICE_PREFIX: &str = "slice_encoder.";
const SEQUENCE_PREFIX: &str = "sequence_encoder.";
const PREPROCESSOR: &str = "slice_preprocessor.json";

impl SliceSequenceEncoder {
    /// From a model folder, or from the folder of a published 2D encoder.
    ///
    /// A folder without `slice_preprocessor.json` gets [`SlicePreprocessor::from_hugging_face`] of its
    /// `preprocessor_config.json`, and one without either [`SlicePreprocessor::ct_for`].
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Syntax`], [`Error::Config`], and [`Error::Network`] when weights are missing, unused or
    /// of another shape.
    pub fn from_pretrained(folder: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let folder = folder.as_ref();
        let config = SliceSequenceConfig::from_json(&read(&folder.join("config.json"))?)?;
        let source = WeightSource::open(folder.join("model.safetensors"))?;
        let model = SliceSequenceModel::from_source(&config, source, device)?;
        let preprocessor = read_preprocessor(folder, model.slices())?;
        Self::new(model, preprocessor, device)
    }

    /// Writes a model folder that [`from_pretrained`](Self::from_pretrained) reads. `config` is that of the model.
    ///
    /// # Errors
    /// [`Error::Config`] when the model has a sequence encoder and the configuration has none, or the other way round;
    /// [`Error::Io`], and [`Error::Network`] when the device fails.
    pub fn save(
        &self,
        folder: impl AsRef<Path>,
        config: &SliceSequenceConfig,
        precision: Precision,
    ) -> Result<()> {
        let folder = folder.as_ref();
        let there = |is: bool| if is { "one" } else { "none" }.to_string();
        let (has, says) = (self.model().sequence().is_some(), config.sequence_encoder.is_some());
        if has != says {
            return Err(Error::Config {
                field: "sequence_encoder",
                expected: there(has),
                found: there(says),
            });
        }
        std::fs::create_dir_all(folder).map_err(|source| Error::Io { path: folder.to_path_buf(), source })?;
        let mut writer = WeightWriter::new(precision);
        writer.add(SLICE_PREFIX, self.model().slices(), config.slice_encoder.key_map())?;
        if let (Some(sequence), Some(config)) = (self.model().sequence(), &config.sequence_encoder) {
            writer.add(SEQUENCE_PREFIX, sequence, config.key_map())?;
        }
        writer.write(folder.join("model.safetensors"))?;
        write(&folder.join("config.json"), &config.to_json())?;
        let path = folder.join(PREPROCESSOR);
        let json = serde_json::to_string_pretty(self.preprocessor())
            .map_err(|source| Error::Syntax { path: path.clone(), source })?;
        write(&path, &(json + "\n"))
    }
}

impl SliceSequenceModel {
    /// From an opened source of weights (a file, or bytes), strictly.
    ///
    /// # Errors
    /// [`Error::Network`] when weights are missing, unused or of another shape.
    pub fn from_source(
        config: &SliceSequenceConfig,
        mut source: WeightSource,
        device: &Device,
    ) -> Result<Self> {
        config.validate()?;
        let ours = |key: &str| key.starts_with(SLICE_PREFIX) || key.starts_with(SEQUENCE_PREFIX);
        let combined = source.keys().any(ours);
        let vit = config.slice_encoder.init(device);
        if !combined && config.sequence_encoder.is_none() {
            let map = config.slice_encoder.key_map();
            let (vit, _) = mednn::weights::load(vit, &mut source, map, Strictness::Exact)?;
            return Ok(Self::new(vit, None, config.pooling));
        }
        let stray: Vec<String> = source.keys().filter(|key| !ours(key)).map(str::to_string).collect();
        if !stray.is_empty() {
            return Err(unused(&source, stray));
        }
        let (vit, sequence) = load_parts(config, vit, &mut source, device)?;
        Ok(Self::new(vit, sequence, config.pooling))
    }
}

fn read_preprocessor(folder: &Path, vit: &Vit) -> Result<SlicePreprocessor> {
    let path = folder.join(PREPROCESSOR);
    if path.exists() {
        return serde_json::from_str(&read(&path)?).map_err(|source| Error::Syntax { path, source });
    }
    let path = folder.join("preprocessor_config.json");
    if path.exists() {
        return SlicePreprocessor::from_hugging_face(&read(&path)?, vit.channels(), vit.patch_size());
    }
    Ok(SlicePreprocessor::ct_for(vit.channels(), vit.patch_size()))
}

fn load_parts(
    config: &SliceSequenceConfig,
    vit: Vit,
    source: &mut WeightSource,
    device: &Device,
) -> Result<(Vit, Option<BertEncoder>)> {
    let map = config.slice_encoder.key_map();
    let (vit, _) = load_part(vit, source, map, SLICE_PREFIX, Strictness::Exact)?;
    let Some(part) = &config.sequence_encoder else {
        let stray: Vec<String> =
            source.keys().filter(|k| k.starts_with(SEQUENCE_PREFIX)).map(str::to_string).collect();
        return if stray.is_empty() { Ok((vit, None)) } else { Err(unused(source, stray)) };
    };
    let (sequence, _) =
        load_part(part.init(device), source, part.key_map(), SEQUENCE_PREFIX, Strictness::Exact)?;
    Ok((vit, Some(sequence)))
}

fn unused(source: &WeightSource, keys: Vec<String>) -> Error {
    let mut report = mednn::weights::WeightReport::default();
    report.unused = keys;
    mednn::Error::Weights { what: source.name().to_string(), report: Box::new(report) }.into()
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|source| Error::Io { path: path.to_path_buf(), source })
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(|source| Error::Io { path: path.to_path_buf(), source })
}

//! Files of what was trained.
//!
//! A safetensors file with the trained parameters alone, by their paths in the model, and the running statistics of batch norms.
//! Its metadata hold the configuration, the name of the backbone it was trained on, and the SHA-256 of that backbone's
//! parameters, which loading checks; and how images were prepared, where training says so.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor, TensorData};
use mednn::bridge::read_f32;
use mednn::weights::WeightSource;
use safetensors::{Dtype, SafeTensors, View};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::adaptation::Adaptation;
use super::backbone::Backbone;
use super::config::SegmentationConfig;
use super::segmentation_model::SegmentationModel;
use crate::error::{Error, Result};
use crate::inference::Usage;

/// The one entry of the metadata, which is JSON: several would be written in an order of chance.
const ENTRY: &str = "medprompt";
/// Moments of the optimiser, in checkpoints: no part of the model.
pub(crate) const OPTIMIZER: &str = "optimizer.";
/// Where the backbone is in the model.
const BACKBONE: &str = "backbone.";
/// Where LoRA's factors are below a weight.
const LORA: &str = ".lora.";

/// Where in a module a traversal is.
#[derive(Debug, Default)]
pub(crate) struct ParameterPath(Vec<String>);

impl ParameterPath {
    pub(crate) fn enter(&mut self, name: &str) {
        self.0.push(name.to_string());
    }

    pub(crate) fn exit(&mut self) {
        self.0.pop();
    }
}

impl fmt::Display for ParameterPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

/// What a file says about itself; `C` configures the model.
#[derive(Serialize, Deserialize, Debug)]
pub(super) struct Metadata<C> {
    pub(super) base: String,
    pub(super) base_sha256: String,
    pub(super) config: C,
    /// The state of a trainer, in checkpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) training: Option<serde_json::Value>,
    /// How images were prepared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<Usage>,
}

/// A file, opened.
#[derive(Debug)]
pub(super) struct WeightFile<C> {
    pub(super) source: WeightSource,
    pub(super) metadata: Metadata<C>,
}

impl<C: DeserializeOwned> WeightFile<C> {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|source| Error::Io { path: path.to_path_buf(), source })?;
        Self::from_bytes(path.display().to_string(), bytes)
    }

    pub(super) fn from_bytes(name: String, bytes: Vec<u8>) -> Result<Self> {
        let (_, metadata) = SafeTensors::read_metadata(&bytes)
            .map_err(|source| mednn::Error::WeightFormat { what: name.clone(), source })?;
        let entries = metadata.metadata().clone().unwrap_or_default();
        let Some(entry) = entries.get(ENTRY) else {
            return Err(Error::Metadata { what: name, entry: ENTRY });
        };
        let metadata: Metadata<C> =
            serde_json::from_str(entry).map_err(|source| Error::Syntax { what: name.clone(), source })?;
        Ok(Self { source: WeightSource::from_bytes(name, bytes)?, metadata })
    }

    /// The state of a trainer.
    pub(super) fn training(&self) -> Result<&serde_json::Value> {
        let what = || self.source.name().to_string();
        self.metadata.training.as_ref().ok_or_else(|| Error::Metadata { what: what(), entry: "training" })
    }

    /// The moments of a parameter, which must be as many as it has numbers.
    pub(super) fn optimizer_tensor(&mut self, parameter: &str, which: &str) -> Result<Vec<f32>> {
        let key = format!("{OPTIMIZER}{which}{parameter}");
        let expected = self.source.shape(parameter).map(|shape| shape.iter().product::<usize>());
        let found = self.source.read_f32(&key)?;
        match found {
            Some(values) if Some(values.len()) == expected => Ok(values),
            _ => {
                let problems = vec![format!("{key}: expected as many numbers as {parameter} has")];
                Err(Error::Weights { what: self.source.name().to_string(), problems })
            }
        }
    }

    /// That a backbone is the one of training, unless it is in the file itself because it was trained as a whole.
    pub(super) fn check_base(&self, backbone: &Backbone, adaptation: &Adaptation) -> Result<()> {
        if adaptation.trains_backbone() {
            return Ok(());
        }
        let Metadata { base, base_sha256, .. } = &self.metadata;
        let found = backbone.sha256()?;
        if &found == base_sha256 {
            return Ok(());
        }
        Err(Error::WrongBase { expected_name: base.clone(), expected: base_sha256.clone(), found })
    }
}

impl<C: Serialize> Metadata<C> {
    /// The bytes of a file.
    pub(super) fn file(&self, tensors: BTreeMap<String, Stored>) -> Result<Vec<u8>> {
        let json = serde_json::to_string(self)
            .map_err(|source| Error::Syntax { what: "the metadata".to_string(), source })?;
        let entries = HashMap::from([(ENTRY.to_string(), json)]);
        safetensors::serialize(&tensors, Some(entries))
            .map_err(|source| mednn::Error::WeightFormat { what: "the model".to_string(), source }.into())
    }
}

/// Trained weights on their own: the bytes of a file, opened and checked.
#[derive(Debug)]
pub struct TrainedWeights(WeightFile<SegmentationConfig>);

impl TrainedWeights {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Io`], and as [`from_bytes`](Self::from_bytes).
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::checked(WeightFile::open(path.as_ref())?)
    }

    /// From the bytes of a file; `name` is what messages call it.
    ///
    /// # Errors
    /// [`Error::Network`] when they are no safetensors file, [`Error::Metadata`], [`Error::Syntax`], [`Error::Config`].
    pub fn from_bytes(name: impl Into<String>, bytes: Vec<u8>) -> Result<Self> {
        Self::checked(WeightFile::from_bytes(name.into(), bytes)?)
    }

    fn checked(file: WeightFile<SegmentationConfig>) -> Result<Self> {
        let Metadata { config, usage, .. } = &file.metadata;
        config.validate()?;
        usage.as_ref().map_or(Ok(()), |usage| usage.validate(config.classes))?;
        Ok(Self(file))
    }

    /// The state of a trainer.
    pub(crate) fn training(&self) -> Result<&serde_json::Value> {
        self.0.training()
    }

    /// The moments of a parameter, which must be as many as it has numbers.
    pub(crate) fn optimizer_tensor(&mut self, parameter: &str, which: &str) -> Result<Vec<f32>> {
        self.0.optimizer_tensor(parameter, which)
    }

    /// The configuration of the model.
    pub const fn config(&self) -> &SegmentationConfig {
        &self.0.metadata.config
    }

    /// What the backbone of training was called.
    pub fn base_name(&self) -> &str {
        &self.0.metadata.base
    }

    /// The SHA-256 of that backbone's parameters; see [`Backbone::sha256`].
    pub fn base_sha256(&self) -> &str {
        &self.0.metadata.base_sha256
    }

    /// How images were prepared in training, and what the classes are called; files of older versions, and checkpoints, do not say.
    pub const fn usage(&self) -> Option<&Usage> {
        self.0.metadata.usage.as_ref()
    }

    /// The model as it was trained, around a backbone.
    ///
    /// # Errors
    /// [`Error::WrongBase`] when the backbone is another one than that of training; [`Error::Weights`] when parameters are
    /// missing, left over or of other shapes; as [`SegmentationConfig::init`].
    pub fn load(self, backbone: Backbone, device: &Device) -> Result<SegmentationModel> {
        let Self(mut file) = self;
        file.check_base(&backbone, &file.metadata.config.adaptation)?;
        let config = &file.metadata.config;
        let model = config.init(backbone, device)?;
        fill(model, &mut file.source, config.adaptation.trains_backbone(), &str::to_string)
    }
}

impl SegmentationModel {
    /// The file of what was trained, as bytes. `base_name` says which backbone it belongs to.
    ///
    /// # Errors
    /// [`Error::Network`] when the device fails.
    pub fn trained_to_bytes(&self, base_name: &str) -> Result<Vec<u8>> {
        self.to_bytes_with(base_name, BTreeMap::new(), None, None)
    }

    /// The same with more tensors and the state of a trainer.
    pub(crate) fn to_bytes_with(
        &self,
        base_name: &str,
        more: BTreeMap<String, Stored>,
        training: Option<serde_json::Value>,
        usage: Option<Usage>,
    ) -> Result<Vec<u8>> {
        let config = self.config.clone();
        // Running statistics lag a step behind in a model in training; this brings them up to date.
        let mut tensors = trained(&self.valid(), config.adaptation.trains_backbone(), &str::to_string)?;
        tensors.extend(more);
        let base_sha256 = self.backbone.sha256()?;
        Metadata { base: base_name.to_string(), base_sha256, config, training, usage }.file(tensors)
    }

    /// Writes the file of what was trained, which appears under its name when it is complete.
    ///
    /// # Errors
    /// [`Error::Io`], and as [`trained_to_bytes`](Self::trained_to_bytes).
    pub fn save_trained(&self, path: impl AsRef<Path>, base_name: &str) -> Result<()> {
        write_whole(path.as_ref(), &self.trained_to_bytes(base_name)?)
    }

    /// The same with what [`PromptSegmenter::from_pretrained`](crate::PromptSegmenter::from_pretrained) is to do: how images were prepared
    /// in training.
    ///
    /// # Errors
    /// As [`Usage::validate`] and [`save_trained`](Self::save_trained).
    pub fn save_trained_for(&self, path: impl AsRef<Path>, base_name: &str, usage: &Usage) -> Result<()> {
        usage.validate(self.config.classes)?;
        write_whole(
            path.as_ref(),
            &self.to_bytes_with(base_name, BTreeMap::new(), None, Some(usage.clone()))?,
        )
    }
}

/// What names a path has in files.
pub(super) type Naming<'a> = dyn Fn(&str) -> String + 'a;

/// The trained parameters and statistics of a module by their names in files; `whole` takes a backbone too.
pub(super) fn trained<M: Module>(
    module: &M,
    whole: bool,
    naming: &Naming<'_>,
) -> Result<BTreeMap<String, Stored>> {
    let mut collector =
        Collector { whole, naming, path: ParameterPath::default(), found: BTreeMap::new(), failed: None };
    module.visit(&mut collector);
    collector.failed.map_or(Ok(collector.found), Err)
}

impl Backbone {
    /// The SHA-256, in hexadecimal, of the names, shapes and values (f32, little-endian) of the parameters; LoRA's factors are not among
    /// them.
    ///
    /// # Errors
    /// [`Error::Network`] when the device fails.
    pub fn sha256(&self) -> Result<String> {
        let mut hasher = Hasher { path: ParameterPath::default(), digest: Sha256::new(), failed: None };
        self.visit(&mut hasher);
        match hasher.failed {
            Some(error) => Err(error),
            None => Ok(hasher.digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
        }
    }
}

/// Writes a file beside its place and moves it there.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".partial");
    let partial = path.with_file_name(name);
    std::fs::write(&partial, bytes)
        .and_then(|()| std::fs::rename(&partial, path))
        .map_err(|source| Error::Io { path: path.to_path_buf(), source })
}

/// Fills what was trained, strictly.
pub(super) fn fill<M: Module>(
    model: M,
    source: &mut WeightSource,
    whole: bool,
    naming: &Naming<'_>,
) -> Result<M> {
    let mut unused: Vec<String> =
        source.keys().filter(|key| !key.starts_with(OPTIMIZER)).map(str::to_string).collect();
    let mut problems = Vec::new();
    let model = transform(model, |path, shape| {
        if !is_trained(path, whole) {
            return Ok(None);
        }
        let name = naming(path);
        unused.retain(|key| *key != name);
        match source.shape(&name) {
            None => problems.push(format!("{name} is missing")),
            Some(found) if found != shape => {
                problems.push(format!("{name}: expected {shape:?}, found {found:?}"));
            }
            Some(_) => match source.read_f32(&name)? {
                Some(values) => return Ok(Some(values)),
                None => problems.push(format!("{name} is not of floating-point numbers")),
            },
        }
        Ok(None)
    })?;
    problems.extend(unused.iter().map(|key| format!("{key} is not in the model")));
    if problems.is_empty() {
        return Ok(model);
    }
    Err(Error::Weights { what: source.name().to_string(), problems })
}

/// Whether training changes what is at a path.
fn is_trained(path: &str, whole: bool) -> bool {
    whole || !path.starts_with(BACKBONE) || path.contains(LORA)
}

/// New values for the parameters for which `values` has some, from their paths and shapes.
fn transform<M: Module>(
    module: M,
    values: impl FnMut(&str, &[usize]) -> Result<Option<Vec<f32>>>,
) -> Result<M> {
    let mut filler = Filler { path: ParameterPath::default(), values, failed: None };
    let module = module.map(&mut filler);
    filler.failed.map_or(Ok(module), Err)
}

struct Filler<F> {
    path: ParameterPath,
    values: F,
    failed: Option<Error>,
}

impl<F> ModuleMapper for Filler<F>
where
    F: FnMut(&str, &[usize]) -> Result<Option<Vec<f32>>>,
{
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.failed.is_some() {
            return param;
        }
        let shape = param.lazy_shape().to_vec();
        match (self.values)(&self.path.to_string(), &shape) {
            Ok(Some(values)) => {
                let tensor = Tensor::from_data(TensorData::new(values, shape), &param.lazy_device());
                let id = param.id;
                param.transform_for_load(tensor, id)
            }
            Ok(None) => param,
            Err(error) => {
                self.failed = Some(error);
                param
            }
        }
    }
}

/// A tensor as it is written.
#[derive(Debug)]
pub(crate) struct Stored {
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Stored {
    pub(crate) fn new(shape: Vec<usize>, values: &[f32]) -> Self {
        Self { shape, bytes: values.iter().flat_map(|v| v.to_le_bytes()).collect() }
    }

    fn of<const D: usize>(tensor: Tensor<D>) -> Result<Self> {
        let shape = tensor.dims().to_vec();
        Ok(Self::new(shape, &read_f32(tensor.detach())?))
    }
}

impl View for &Stored {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

struct Collector<'a> {
    whole: bool,
    naming: &'a Naming<'a>,
    path: ParameterPath,
    found: BTreeMap<String, Stored>,
    failed: Option<Error>,
}

impl ModuleVisitor for Collector<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let path = self.path.to_string();
        if self.failed.is_some() || !is_trained(&path, self.whole) {
            return;
        }
        match Stored::of(param.val()) {
            Ok(stored) => {
                self.found.insert((self.naming)(&path), stored);
            }
            Err(error) => self.failed = Some(error),
        }
    }
}

struct Hasher {
    path: ParameterPath,
    digest: Sha256,
    failed: Option<Error>,
}

impl ModuleVisitor for Hasher {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let path = self.path.to_string();
        if self.failed.is_some() || path.contains(LORA) {
            return;
        }
        match Stored::of(param.val()) {
            Ok(Stored { shape, bytes }) => {
                self.digest.update(format!("{path}{shape:?}"));
                self.digest.update(bytes);
            }
            Err(error) => self.failed = Some(error),
        }
    }
}

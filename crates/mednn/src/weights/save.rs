//! Writing a module's weights under their published names.

use std::borrow::Cow;
use std::path::Path;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use safetensors::{Dtype, View};

use super::key_map::KeyMap;
use super::load::{Place, transpose};
use super::report::WeightReport;
use crate::error::{Error, Result};

/// The element type that weights are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// 32-bit: exactly what the module holds.
    #[default]
    F32,
    /// 16-bit: half the size, three significant digits.
    F16,
}

/// Writes the parameters of a module to a safetensors file, by the names of `map`.
///
/// # Errors
/// As [`WeightWriter::add`] and [`WeightWriter::write`].
pub fn save<M: Module>(module: &M, path: impl AsRef<Path>, map: &KeyMap, precision: Precision) -> Result<()> {
    let mut writer = WeightWriter::new(precision);
    writer.add("", module, map)?;
    writer.write(path)
}

/// Collects the parameters of one or several modules for one safetensors file.
#[derive(Debug)]
pub struct WeightWriter {
    precision: Precision,
    tensors: Vec<(String, Stored)>,
}

impl WeightWriter {
    /// An empty one.
    pub const fn new(precision: Precision) -> Self {
        Self { precision, tensors: Vec::new() }
    }

    /// Adds the parameters of a module, by the names of `map` behind `prefix`.
    ///
    /// # Errors
    /// [`Error::Weights`] when the map does not name every parameter; [`Error::Readback`] when the device fails.
    pub fn add<M: Module>(&mut self, prefix: &str, module: &M, map: &KeyMap) -> Result<()> {
        let mut collector = Collector {
            map,
            prefix,
            writer: self,
            place: Place::default(),
            unmapped: Vec::new(),
            failed: None,
        };
        module.visit(&mut collector);
        let Collector { unmapped, failed, .. } = collector;
        if let Some(error) = failed {
            return Err(error);
        }
        if unmapped.is_empty() {
            return Ok(());
        }
        let report = WeightReport { unmapped, ..WeightReport::default() };
        Err(Error::Weights { what: "the key table".to_string(), report: Box::new(report) })
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// [`Error::WeightFormat`] when two parameters have one name.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let tensors = self.tensors.iter().map(|(key, stored)| (key, stored));
        safetensors::serialize(tensors, None)
            .map_err(|source| Error::WeightFormat { what: "the model".to_string(), source })
    }

    /// Writes the file, which appears under its name when it is complete: it is written beside it first.
    ///
    /// # Errors
    /// [`Error::Io`], and as [`to_bytes`](Self::to_bytes).
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let bytes = self.to_bytes()?;
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(".partial");
        let partial = path.with_file_name(name);
        std::fs::write(&partial, bytes)
            .and_then(|()| std::fs::rename(&partial, path))
            .map_err(|source| Error::Io { path: path.to_path_buf(), source })
    }
}

#[derive(Debug)]
struct Stored {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl View for &Stored {
    fn dtype(&self) -> Dtype {
        self.dtype
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
    map: &'a KeyMap,
    prefix: &'a str,
    writer: &'a mut WeightWriter,
    place: Place,
    unmapped: Vec<String>,
    failed: Option<Error>,
}

impl Collector<'_> {
    fn collect<const D: usize>(&mut self, tensor: Tensor<D>) -> Result<()> {
        let Some(bare) = self.place.published(self.map) else {
            self.unmapped.push(self.place.path());
            return Ok(());
        };
        let mut shape = tensor.dims().to_vec();
        let mut values = crate::bridge::read_f32(tensor)?;
        if self.place.is_linear_weight() {
            values = transpose(&values, shape[0], shape[1]);
            shape.reverse();
        }
        let (dtype, bytes) = match self.writer.precision {
            Precision::F32 => (Dtype::F32, values.iter().flat_map(|v| v.to_le_bytes()).collect()),
            Precision::F16 => {
                (Dtype::F16, values.iter().flat_map(|&v| half::f16::from_f32(v).to_le_bytes()).collect())
            }
        };
        self.writer.tensors.push((format!("{}{bare}", self.prefix), Stored { dtype, shape, bytes }));
        Ok(())
    }
}

impl ModuleVisitor for Collector<'_> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.place.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.place.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.failed.is_none()
            && let Err(error) = self.collect(param.val())
        {
            self.failed = Some(error);
        }
    }
}

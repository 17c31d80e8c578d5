//! Filling a module from a safetensors source.

use std::collections::BTreeSet;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor, TensorData};

use super::key_map::KeyMap;
use super::report::{ShapeMismatch, WeightReport};
use super::source::WeightSource;
use crate::error::{Error, Result};
use crate::ops::{int8_transposed, packed_transposed};

/// How much loading puts up with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strictness {
    /// Every parameter must be filled and every key used (those of [`KeyMap::ignored`] aside).
    #[default]
    Exact,
    /// Every parameter must be filled; keys may be left over.
    AllowUnused,
    /// Anything goes: parameters without a fitting key keep their values. Read the report.
    Partial,
}

/// Fills the parameters of a module from `source`, by the names of `map`, and says what went where.
///
/// Wrappers that the map knows are seen through: a `dinov2.encoder...` key fits `encoder...`.
///
/// # Errors
/// [`Error::Weights`] with the full report when the keys do not fit as `strictness` wants; [`Error::Io`] when the
/// file cannot be read.
pub fn load<M: Module>(
    module: M,
    source: &mut WeightSource,
    map: &KeyMap,
    strictness: Strictness,
) -> Result<(M, WeightReport)> {
    let wrapper = find_wrapper(source, map);
    let (module, mut report) = fill(module, source, map, wrapper)?;
    let keys = source.keys().map(|key| (key, key.strip_prefix(wrapper).unwrap_or(key)));
    sort_leftovers(&mut report, keys, map);
    accept(module, report, source, strictness)
}

/// As [`load`], from those keys only that begin with `prefix`: one part of a file that holds several models.
///
/// # Errors
/// As [`load`].
pub fn load_part<M: Module>(
    module: M,
    source: &mut WeightSource,
    map: &KeyMap,
    prefix: &str,
    strictness: Strictness,
) -> Result<(M, WeightReport)> {
    let (module, mut report) = fill(module, source, map, prefix)?;
    let keys = source.keys().filter_map(|key| Some((key, key.strip_prefix(prefix)?)));
    sort_leftovers(&mut report, keys, map);
    accept(module, report, source, strictness)
}

/// Every parameter gets its values, where the source has them.
fn fill<M: Module>(
    module: M,
    source: &mut WeightSource,
    map: &KeyMap,
    prefix: &str,
) -> Result<(M, WeightReport)> {
    let (place, report) = (Place::default(), WeightReport::default());
    let mut loader = Loader { source, map, prefix, place, report, values: Vec::new(), failed: None };
    let module = module.map(&mut loader);
    match loader.failed {
        Some(error) => Err(error),
        None => Ok((module, loader.report)),
    }
}

fn accept<M: Module>(
    module: M,
    report: WeightReport,
    source: &WeightSource,
    strictness: Strictness,
) -> Result<(M, WeightReport)> {
    let fits = match strictness {
        Strictness::Exact => report.is_complete() && report.unused.is_empty(),
        Strictness::AllowUnused => report.is_complete(),
        Strictness::Partial => true,
    };
    if fits {
        Ok((module, report))
    } else {
        Err(Error::Weights { what: source.name().to_string(), report: Box::new(report) })
    }
}

/// The wrapper that most keys of the file begin with, if it is one that the map knows.
fn find_wrapper(source: &WeightSource, map: &KeyMap) -> &'static str {
    let wrapped = |prefix: &str| source.keys().filter(|key| key.starts_with(prefix)).count();
    let total = source.keys().count();
    map.prefixes.iter().copied().find(|prefix| 2 * wrapped(prefix) > total).unwrap_or("")
}

/// Keys that no parameter asked for are either known to be of no use, or unused. `keys` holds each with its wrapper
/// and without.
fn sort_leftovers<'a>(
    report: &mut WeightReport,
    keys: impl Iterator<Item = (&'a str, &'a str)>,
    map: &KeyMap,
) {
    let asked: BTreeSet<String> = report
        .loaded
        .iter()
        .chain(report.mismatched.iter().map(|m| &m.key))
        .chain(report.not_float.iter().map(|(key, _)| key))
        .cloned()
        .collect();
    for (key, bare) in keys.filter(|(key, _)| !asked.contains(*key)) {
        let list = if map.is_ignored(bare) { &mut report.ignored } else { &mut report.unused };
        list.push(key.to_string());
    }
}

/// Where in the module a traversal is.
#[derive(Default)]
pub(crate) struct Place {
    path: Vec<String>,
    containers: Vec<String>,
}

impl Place {
    pub(crate) fn enter(&mut self, name: &str, container: &str) {
        self.path.push(name.to_string());
        self.containers.push(container.to_string());
    }

    pub(crate) fn exit(&mut self) {
        self.path.pop();
        self.containers.pop();
    }

    pub(crate) fn path(&self) -> String {
        self.path.join(".")
    }

    /// Whether it is at the weight of a linear layer: `[input, output]` here, published as `[output, input]`.
    pub(crate) fn is_linear_weight(&self) -> bool {
        self.containers.last().is_some_and(|c| c == "Struct:Linear")
            && self.path.last().is_some_and(|name| name == "weight")
    }

    /// The published name: parameters of a layer go by the layer's entry, a parameter that stands alone by its own.
    pub(super) fn published(&self, map: &KeyMap) -> Option<String> {
        if let Some(alone) = map.published(&self.path()) {
            return Some(alone);
        }
        let (name, layer) = self.path.split_last()?;
        let name = match name.as_str() {
            "gamma" => "weight",
            "beta" => "bias",
            other => other,
        };
        Some(format!("{}.{name}", map.published(&layer.join("."))?))
    }
}

struct Loader<'a> {
    source: &'a mut WeightSource,
    map: &'a KeyMap,
    prefix: &'a str,
    place: Place,
    report: WeightReport,
    /// Of weights that are laid out anew, in the published layout: one memory for all of them. What each would leave to the allocator lies
    /// between what stays, and is used again for little of it.
    values: Vec<f32>,
    failed: Option<Error>,
}

impl Loader<'_> {
    /// The tensor for a parameter of this shape; the report says why there is none.
    fn tensor<const D: usize>(&mut self, shape: &[usize], device: &Device) -> Result<Option<Tensor<D>>> {
        let Some(bare) = self.place.published(self.map) else {
            self.report.unmapped.push(self.place.path());
            return Ok(None);
        };
        let key = format!("{}{bare}", self.prefix);
        let transposed = self.place.is_linear_weight();
        let mut expected = shape.to_vec();
        if transposed {
            expected.reverse();
        }
        let Some(found) = self.source.shape(&key) else {
            self.report.missing.push(key);
            return Ok(None);
        };
        if found != expected {
            let found = found.to_vec();
            self.report.mismatched.push(ShapeMismatch { key, expected, found });
            return Ok(None);
        }
        let tensor = if transposed {
            let read = self.source.read_f32_into(&key, &mut self.values)?;
            read.then(|| self.linear_weight(&key, shape, device))
        } else if let Some(data) = mapped(self.source, &key, shape) {
            Some(Tensor::from_data(data, device))
        } else {
            let values = self.source.read_f32(&key)?;
            values.map(|values| Tensor::from_data(TensorData::new(values, shape.to_vec()), device))
        };
        if tensor.is_none() {
            let dtype = self.source.dtype(&key).map(|t| format!("{t:?}")).unwrap_or_default();
            self.report.not_float.push((key, dtype));
            return Ok(None);
        }
        self.report.loaded.push(key);
        Ok(tensor)
    }

    /// A weight `[inputs, outputs]` from the published values that were read, `[outputs, inputs]`. For inference it is packed at once.
    fn linear_weight<const D: usize>(&mut self, key: &str, shape: &[usize], device: &Device) -> Tensor<D> {
        let [columns, rows] = [shape[0], shape[1]];
        if self.source.is_int8(key) {
            if let Some(rounded) = int8_transposed(&self.values, [rows, columns], device) {
                self.report.rounded.push(key.to_string());
                return rounded;
            }
            self.report.not_rounded.push(key.to_string());
        }
        if let Some(packed) = packed_transposed(&self.values, [rows, columns], device) {
            return packed;
        }
        let values = transpose(&self.values, rows, columns);
        Tensor::from_data(TensorData::new(values, shape.to_vec()), device)
    }
}

impl ModuleMapper for Loader<'_> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.place.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.place.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        // Asked of the lazy parameter, so that no random initial value is ever made.
        let shape = param.lazy_shape().to_vec();
        if self.failed.is_some() {
            return param;
        }
        match self.tensor(&shape, &param.lazy_device()) {
            Ok(Some(tensor)) => {
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

/// A table that stays in its file.
#[cfg(feature = "map")]
fn mapped(source: &WeightSource, key: &str, shape: &[usize]) -> Option<TensorData> {
    use burn::tensor::{AllocationProperty, Bytes, DType};
    let bytes = Bytes::from_shared(source.mapped_table(key)?, AllocationProperty::File);
    TensorData::try_from_bytes(bytes, shape.to_vec(), DType::F32).ok()
}

/// Without the feature `map` no file is mapped.
#[cfg(not(feature = "map"))]
const fn mapped(_: &WeightSource, _: &str, _: &[usize]) -> Option<TensorData> {
    None
}

/// `[rows, columns]` to `[columns, rows]`, in square tiles so that neither side strides through the cache.
pub(super) fn transpose(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    const TILE: usize = 32;
    let mut out = vec![0.0; values.len()];
    for r0 in (0..rows).step_by(TILE) {
        for c0 in (0..columns).step_by(TILE) {
            for r in r0..(r0 + TILE).min(rows) {
                for c in c0..(c0 + TILE).min(columns) {
                    out[c * rows + r] = values[r * columns + c];
                }
            }
        }
    }
    out
}

//! Encoding volumes.

use std::ops::{ControlFlow, Range};

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use medcore::{Geometry, Volume};
use mednn::Vit;
use mednn::bert::BertEncoder;
use mednn::bridge::read_f32;
use mednn::int8::{QuantizeReport, quantize};
use ndarray::{Array1, Array2};

use crate::error::{Error, Result};
use crate::model::SliceSequenceModel;
use crate::output::Embedding;
use crate::preprocess::{PreparedVolume, SlicePreprocessor};
use crate::sequences::pad_sequences;
use crate::slice_encoder::{SliceEncoder, SliceFeatures};

/// How a volume is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodeOptions {
    /// Slices that go through the 2D encoder at once: bounds the memory, whatever the study's size.
    pub slice_batch: usize,
}

impl Default for EncodeOptions {
    fn default() -> Self {
        Self { slice_batch: 8 }
    }
}

/// A batch of slices that has just been encoded; for showing progress, or for using the features of the patches.
#[derive(Debug)]
pub struct SliceBatch<'a> {
    /// Which slices.
    pub range: Range<usize>,
    /// How many the study has.
    pub total: usize,
    /// What the 2D encoder said about them.
    pub features: &'a SliceFeatures,
}

/// A slice-sequence model with its preprocessing, on a device.
#[derive(Debug)]
pub struct SliceSequenceEncoder<E: SliceEncoder = Vit> {
    model: SliceSequenceModel<E>,
    preprocessor: SlicePreprocessor,
    device: Device,
}

impl<E: SliceEncoder> SliceSequenceEncoder<E> {
    /// From a model, which is moved to `device` if it is not there.
    ///
    /// # Errors
    /// [`Error::Config`] when the preprocessing does not fit the 2D encoder, or the sequence model is of another width.
    pub fn new(
        model: SliceSequenceModel<E>,
        preprocessor: SlicePreprocessor,
        device: &Device,
    ) -> Result<Self> {
        preprocessor.validate(model.slices().channels(), model.slices().side_multiple())?;
        let width = model.slices().width();
        if let Some(other) = model.sequence().map(BertEncoder::width).filter(|other| *other != width) {
            return Err(Error::Config {
                field: "the width of the sequence model",
                expected: format!("that of the slice encoder, {width}"),
                found: other.to_string(),
            });
        }
        Ok(Self { model: model.to_device(device), preprocessor, device: device.clone() })
    }

    /// With other preprocessing.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_preprocessor(self, preprocessor: SlicePreprocessor) -> Result<Self> {
        Self::new(self.model, preprocessor, &self.device)
    }

    /// With those linear layers in 8 bits whose weights, such as `slices.blocks.0.attention.query.weight`, are `wanted`: see [`mednn::int8`].
    pub fn into_int8(self, wanted: impl FnMut(&str) -> bool) -> (Self, QuantizeReport) {
        let (model, report) = quantize(self.model, wanted);
        (Self { model, ..self }, report)
    }

    /// The model.
    pub const fn model(&self) -> &SliceSequenceModel<E> {
        &self.model
    }

    /// How slices are prepared.
    pub const fn preprocessor(&self) -> &SlicePreprocessor {
        &self.preprocessor
    }

    /// Encodes a volume, with the default options.
    ///
    /// # Errors
    /// [`Error::Volume`], [`Error::NoContrast`], [`Error::Network`] when the device fails.
    pub fn encode(&self, volume: &Volume<f32>) -> Result<Embedding> {
        self.encode_with(volume, EncodeOptions::default(), |_| ControlFlow::Continue(()))
    }

    /// Encodes a volume, and shows every batch of slices to `observe`, which can stop the work.
    ///
    /// # Errors
    /// As [`encode`](Self::encode), and [`Error::Stopped`].
    pub fn encode_with(
        &self,
        volume: &Volume<f32>,
        options: EncodeOptions,
        observe: impl FnMut(&SliceBatch<'_>) -> ControlFlow<()>,
    ) -> Result<Embedding> {
        self.encode_prepared(&self.preprocessor.prepare(volume)?, options, observe)
    }

    /// As [`encode_with`](Self::encode_with), of a volume that this encoder's [`preprocessor`](Self::preprocessor) has prepared.
    ///
    /// # Errors
    /// As [`encode_with`](Self::encode_with).
    pub fn encode_prepared(
        &self,
        prepared: &PreparedVolume<'_>,
        options: EncodeOptions,
        observe: impl FnMut(&SliceBatch<'_>) -> ControlFlow<()>,
    ) -> Result<Embedding> {
        let features = self.slice_features(prepared, options, observe)?;
        let slices = self.model.forward_sequence(features.clone().unsqueeze::<3>(), None);
        let study = self.model.pool(slices.clone(), None);
        embedding(study, slices, features, *prepared.geometry())
    }

    /// Encodes several volumes, whose sequences go through the sequence model as one padded batch.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_batch(&self, volumes: &[&Volume<f32>], options: EncodeOptions) -> Result<Vec<Embedding>> {
        if volumes.is_empty() {
            return Ok(Vec::new());
        }
        let mut geometries = Vec::with_capacity(volumes.len());
        let mut features = Vec::with_capacity(volumes.len());
        for volume in volumes {
            let prepared = self.preprocessor.prepare(volume)?;
            features.push(self.slice_features(&prepared, options, |_| ControlFlow::Continue(()))?);
            geometries.push(*prepared.geometry());
        }
        let (batch, valid) = pad_sequences(&features, &self.device);
        let slices = self.model.forward_sequence(batch, Some(valid.clone()));
        let studies = self.model.pool(slices.clone(), Some(valid));
        let one = |(row, (features, geometry)): (usize, (Tensor<2>, Geometry))| {
            let real = features.dims()[0];
            let slices = slices.clone().narrow(0, row, 1).narrow(1, 0, real);
            embedding(studies.clone().narrow(0, row, 1), slices, features, geometry)
        };
        features.into_iter().zip(geometries).enumerate().map(one).collect()
    }

    /// The 2D encoder's embedding of every slice `[slices, width]`, batch by batch. Nothing is read back in between, so a GPU
    /// is never waited for.
    fn slice_features(
        &self,
        prepared: &PreparedVolume<'_>,
        options: EncodeOptions,
        mut observe: impl FnMut(&SliceBatch<'_>) -> ControlFlow<()>,
    ) -> Result<Tensor<2>> {
        let total = prepared.slices();
        let encoder = self.model.slices();
        // Copied into one table: a part of a batch's output could keep all of that output in memory.
        let mut features = Tensor::<2>::zeros([total, encoder.width()], &self.device);
        for start in (0..total).step_by(options.slice_batch.max(1)) {
            let range = start..(start + options.slice_batch.max(1)).min(total);
            let images =
                self.preprocessor.images(prepared, range.clone(), encoder.channels(), &self.device)?;
            let batch = encoder.forward_slices(images);
            features = features.slice_assign([range.clone(), 0..encoder.width()], batch.cls.clone());
            let seen = SliceBatch { range: range.clone(), total, features: &batch };
            if observe(&seen).is_break() {
                return Err(Error::Stopped { done: range.end, total });
            }
        }
        Ok(features)
    }
}

/// Reads the results back. `study` is `[1, width]`, `slices` `[1, slices, width]`, `features` `[slices, width]`.
fn embedding(
    study: Tensor<2>,
    slices: Tensor<3>,
    features: Tensor<2>,
    geometry: Geometry,
) -> Result<Embedding> {
    let [_, count, width] = slices.dims();
    let table = |values| {
        Array2::from_shape_vec([count, width], values)
            .map_err(|e| mednn::Error::Readback { reason: e.to_string() })
    };
    Ok(Embedding {
        study: Array1::from_vec(read_f32(study)?),
        slices: table(read_f32(slices)?)?,
        features: table(read_f32(features)?)?,
        geometry,
    })
}

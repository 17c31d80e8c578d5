//! Encoding a study stage by stage: what [`SliceSequenceEncoder::encode`] does, with a stopwatch between the stages.

use burn::tensor::{Device, Tensor};
use medcore::Volume;
use mednn::bridge::read_f32;
use medslice::{SliceEncoder, SliceSequenceEncoder};

use crate::error::Result;
use crate::laps::Laps;

/// Looking at the volume, cutting, resampling and normalising its slices.
pub const PREPARE: &str = "preparing slices";
/// The 2D encoder.
pub const SLICES: &str = "2D encoder";
/// The transformer over slices and the pooling.
pub const SEQUENCE: &str = "sequence model";
/// Copying the results from the device.
pub const READ_BACK: &str = "reading back";

/// An encoded study, and how long it took.
#[derive(Debug)]
pub struct Encoded {
    /// The embedding of the study `[width]`.
    pub study: Vec<f32>,
    /// Seconds of each stage.
    pub seconds: Vec<(&'static str, f64)>,
}

/// Encodes a volume and times each stage.
///
/// # Errors
/// [`Error::Encoder`](crate::Error::Encoder), [`Error::Network`](crate::Error::Network).
pub fn encode(
    encoder: &SliceSequenceEncoder,
    volume: &Volume<f32>,
    slice_batch: usize,
    device: &Device,
) -> Result<Encoded> {
    let model = encoder.model();
    let mut laps = Laps::start(device)?;
    let prepared = encoder.preprocessor().prepare(volume)?;
    let total = prepared.slices();
    let slice_batch = slice_batch.max(1);
    let width = SliceEncoder::width(model.slices());
    let mut features = Tensor::<2>::zeros([total, width], device);
    for start in (0..total).step_by(slice_batch) {
        let range = start..(start + slice_batch).min(total);
        let channels = SliceEncoder::channels(model.slices());
        let images = encoder.preprocessor().images(&prepared, range.clone(), channels, device)?;
        laps.lap(PREPARE)?;
        let batch = model.slices().forward_slices(images);
        features = features.slice_assign([range, 0..width], batch.cls);
        laps.lap(SLICES)?;
    }
    let slices = model.forward_sequence(features.clone().unsqueeze::<3>(), None);
    let study = model.pool(slices.clone(), None);
    laps.lap(SEQUENCE)?;
    let study = read_f32(study)?;
    read_f32(slices)?;
    read_f32(features)?;
    laps.lap(READ_BACK)?;
    Ok(Encoded { study, seconds: laps.into_sums() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phantom;
    use mednn::VitConfig;
    use mednn::bert::BertConfig;
    use mednn::vit::VitFamily;
    use medslice::{Pooling, SlicePreprocessor, SliceSequenceConfig};

    #[test]
    fn the_stages_come_to_the_same_as_the_encoder() {
        let device = Device::flex();
        let config = SliceSequenceConfig {
            slice_encoder: VitConfig::new(VitFamily::Dinov2, 24, 1, 2, 48, 28, 14),
            sequence_encoder: Some(BertConfig::new(24, 2, 4, 48)),
            pooling: Pooling::Mean,
        };
        let encoder =
            SliceSequenceEncoder::new(config.init(&device), SlicePreprocessor::ct(28), &device).unwrap();
        let volume = phantom::chest(5, 40).unwrap().cast();
        let Encoded { study, seconds } = encode(&encoder, &volume, 2, &device).unwrap();
        let whole = encoder.encode(&volume).unwrap().study;
        assert_eq!(study.len(), whole.len());
        for (a, b) in study.iter().zip(&whole) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
        let names: Vec<_> = seconds.into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, [PREPARE, SLICES, SEQUENCE, READ_BACK]);
    }
}

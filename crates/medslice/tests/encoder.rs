//! Properties of slice-sequence encoders that do not depend on the weights, on small random models.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ops::ControlFlow;

use burn::tensor::{Bool, Device, Tensor, TensorData};
use medcore::{Affine3, Geometry, Orientation, Volume};
use mednn::VitConfig;
use mednn::bert::BertConfig;
use mednn::bridge::read_f32;
use mednn::vit::VitFamily;
use mednn::weights::Precision;
use medslice::{
    EncodeOptions, Error, Intensity, Pooling, SlicePreprocessor, SliceSequenceConfig, SliceSequenceEncoder,
    masked_modelling,
};

fn config() -> SliceSequenceConfig {
    SliceSequenceConfig {
        slice_encoder: VitConfig::new(VitFamily::Dinov2, 24, 2, 3, 48, 28, 14),
        sequence_encoder: Some(BertConfig::new(24, 2, 4, 48).with_max_position_embeddings(16)),
        pooling: Pooling::Mean,
    }
}

fn encoder(config: &SliceSequenceConfig) -> SliceSequenceEncoder {
    let device = Device::flex();
    device.seed(5);
    let preprocessor = SlicePreprocessor {
        intensity: Intensity::Range { low: -1.0, high: 1.0 },
        ..SlicePreprocessor::ct(28)
    };
    SliceSequenceEncoder::new(config.init(&device), preprocessor, &device).unwrap()
}

/// An oblique volume with structure, of some size.
fn volume(slices: usize) -> Volume<f32> {
    let (s, c) = 0.2f64.sin_cos();
    let affine =
        Affine3::new([[0.8 * c, -0.9 * s, 0.0], [0.8 * s, 0.9 * c, 0.0], [0.0, 0.0, 2.5]], [-9.0, 4.0, 70.0]);
    let geometry = Geometry::new([slices, 17, 23], affine).unwrap();
    let voxels = (0..geometry.voxels()).map(|i| ((i * 7919 % 1009) as f32 / 504.5 - 1.0).powi(3)).collect();
    Volume::from_vec(voxels, geometry).unwrap()
}

fn assert_close<'a>(found: impl IntoIterator<Item = &'a f32>, expected: impl IntoIterator<Item = &'a f32>) {
    let (found, expected): (Vec<_>, Vec<_>) = (found.into_iter().collect(), expected.into_iter().collect());
    assert_eq!(found.len(), expected.len());
    for (a, b) in found.into_iter().zip(expected) {
        assert!((a - b).abs() < 2e-5, "{a} is not {b}");
    }
}

#[test]
fn padding_changes_nothing() {
    let encoder = encoder(&config());
    let volumes = [volume(7), volume(1), volume(12)];
    let batch = encoder.encode_batch(&volumes.each_ref(), EncodeOptions::default()).unwrap();
    for (volume, found) in volumes.iter().zip(&batch) {
        let alone = encoder.encode(volume).unwrap();
        assert_eq!(found.slices.dim(), (volume.size()[0], 24));
        assert_close(&found.study, &alone.study);
        assert_close(&found.slices, &alone.slices);
        assert_eq!(found.geometry, alone.geometry);
    }
    assert!(encoder.encode_batch(&[], EncodeOptions::default()).unwrap().is_empty());
}

#[test]
fn the_slice_batch_changes_nothing() {
    let encoder = encoder(&config());
    let volume = volume(11);
    let whole = encoder.encode(&volume).unwrap();
    for slice_batch in [0, 1, 4, 100] {
        let mut seen = Vec::new();
        let found = encoder
            .encode_with(&volume, EncodeOptions { slice_batch }, |batch| {
                seen.extend(batch.range.clone());
                assert_eq!(batch.total, 11);
                assert_eq!(batch.features.patches.dims(), [batch.range.len(), 4, 24]);
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!(seen, (0..11).collect::<Vec<_>>());
        assert_close(&found.study, &whole.study);
    }
}

#[test]
fn more_slices_than_positions_and_a_single_one() {
    let encoder = encoder(&config());
    for slices in [1, 16, 17, 60] {
        let embedding = encoder.encode(&volume(slices)).unwrap();
        assert_eq!(embedding.slices.nrows(), slices);
        assert!(embedding.study.iter().all(|v| v.is_finite()));
    }
}

#[test]
fn slices_are_seen_in_context_and_in_order() {
    let encoder = encoder(&config());
    let straight = volume(6);
    let mut changed = straight.clone();
    changed.voxels_mut().index_axis_mut(ndarray::Axis(0), 5).fill(0.9);
    let (a, b) = (encoder.encode(&straight).unwrap(), encoder.encode(&changed).unwrap());
    assert_close(a.features.row(0), b.features.row(0));
    let moved = a.slices.row(0).iter().zip(b.slices.row(0)).any(|(x, y)| (x - y).abs() > 1e-4);
    assert!(moved, "the first slice did not notice the last");
}

#[test]
fn the_order_of_slices_matters() {
    let encoder = encoder(&config());
    let straight = volume(6);
    let mut swapped = straight.clone();
    let (first, last) = (straight.slice(0).unwrap(), straight.slice(5).unwrap());
    swapped.voxels_mut().index_axis_mut(ndarray::Axis(0), 0).assign(&last);
    swapped.voxels_mut().index_axis_mut(ndarray::Axis(0), 5).assign(&first);
    let (a, b) = (encoder.encode(&straight).unwrap(), encoder.encode(&swapped).unwrap());
    assert_close(a.features.row(0), b.features.row(5));
    assert!(a.study.iter().zip(&b.study).any(|(x, y)| (x - y).abs() > 1e-5));
}

#[test]
fn parts_of_unequal_width_are_refused() {
    let device = Device::flex();
    let (slices, sequence) =
        (config().slice_encoder.init(&device), BertConfig::new(32, 1, 4, 32).init(&device));
    let model = medslice::SliceSequenceModel::new(slices, Some(sequence), Pooling::Mean);
    let refused = SliceSequenceEncoder::new(model, SlicePreprocessor::ct(28), &device);
    assert!(matches!(refused, Err(Error::Config { .. })));
}

#[test]
fn without_a_sequence_model_the_study_is_the_mean_slice() {
    let config = SliceSequenceConfig { sequence_encoder: None, ..config() };
    let embedding = encoder(&config).encode(&volume(5)).unwrap();
    assert_eq!(embedding.slices, embedding.features);
    assert_close(&embedding.study, &embedding.features.mean_axis(ndarray::Axis(0)).unwrap());
}

#[test]
fn the_stored_orientation_of_a_volume_does_not_matter() {
    let encoder = encoder(&config());
    let volume = volume(6);
    let expected = encoder.encode(&volume).unwrap();
    for orientation in ["RAS", "SLP", "IRA"] {
        let turned = volume.reorient(orientation).unwrap();
        let found = encoder.encode(&turned).unwrap();
        assert_eq!(found.geometry.orientation(), Orientation::LPS);
        assert_close(&found.study, &expected.study);
        for (a, b) in found.positions().into_iter().zip(expected.positions()) {
            assert!(a.distance(b) < 1e-9);
        }
    }
}

#[test]
fn positions_are_the_middles_of_the_slices() {
    let volume = volume(4);
    let embedding = encoder(&config()).encode(&volume).unwrap();
    for (slice, found) in embedding.positions().into_iter().enumerate() {
        let expected = volume.geometry().voxel_to_lps().apply(medcore::Point3::new(11.0, 8.0, slice as f64));
        assert!(found.distance(expected) < 1e-9);
    }
}

#[test]
fn stopping_says_how_far_it_came() {
    let stopped = encoder(&config()).encode_with(&volume(9), EncodeOptions { slice_batch: 2 }, |batch| {
        if batch.range.end >= 4 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(matches!(stopped, Err(Error::Stopped { done: 4, total: 9 })));
}

#[test]
fn saved_and_loaded_it_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let volume = volume(5);
    for config in [config(), SliceSequenceConfig { sequence_encoder: None, ..config() }] {
        let encoder = encoder(&config);
        let expected = encoder.encode(&volume).unwrap();
        encoder.save(folder.path(), &config, Precision::F32).unwrap();
        let loaded = SliceSequenceEncoder::from_pretrained(folder.path(), &Device::flex()).unwrap();
        assert_eq!(loaded.preprocessor(), encoder.preprocessor());
        assert_close(&loaded.encode(&volume).unwrap().study, &expected.study);
    }
}

#[test]
fn weights_of_another_configuration_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = config();
    let without = SliceSequenceConfig { sequence_encoder: None, ..config.clone() };
    let refused = encoder(&config).save(folder.path(), &without, Precision::F16);
    assert!(matches!(refused, Err(Error::Config { field: "sequence_encoder", .. })));
    encoder(&config).save(folder.path(), &config, Precision::F16).unwrap();
    let other = SliceSequenceConfig { sequence_encoder: None, ..config };
    std::fs::write(folder.path().join("config.json"), other.to_json()).unwrap();
    let error = SliceSequenceEncoder::from_pretrained(folder.path(), &Device::flex()).unwrap_err();
    assert!(error.to_string().contains("unused: sequence_encoder."), "{error}");
    std::fs::write(folder.path().join("slice_preprocessor.json"), "{\"size\": 28}").unwrap();
    std::fs::write(folder.path().join("config.json"), self::config().to_json()).unwrap();
    let error = SliceSequenceEncoder::from_pretrained(folder.path(), &Device::flex()).unwrap_err();
    assert!(matches!(error, Error::Syntax { .. }), "{error}");
}

fn mask(rows: [[bool; 3]; 2], device: &Device) -> Tensor<2, Bool> {
    Tensor::from_data(TensorData::new(rows.concat(), [2, 3]), device)
}

#[test]
fn hidden_slices_are_zero_and_only_they_count() {
    let device = Device::flex();
    let features = Tensor::<3>::ones([2, 3, 4], &device);
    let hidden = mask([[true, false, false], [false, true, true]], &device);
    let input = masked_modelling::hide(features.clone(), hidden.clone());
    assert_eq!(read_f32(input.clone().sum_dim(2)).unwrap(), [0.0, 4.0, 4.0, 4.0, 0.0, 0.0]);
    // Each hidden slice is off by 1 in 4 channels; the others would not count if they were.
    let loss = masked_modelling::loss(input * 3.0, features, hidden);
    assert_eq!(read_f32(loss).unwrap(), [4.0]);
}

#[test]
fn training_restores_hidden_slices() {
    use burn::optim::{AdamConfig, GradientsParams};
    let device = Device::flex().autodiff();
    device.seed(1);
    let config = BertConfig::new(8, 1, 2, 16).with_hidden_dropout_prob(0.0);
    let mut model = config.init(&device);
    let mut optimizer = AdamConfig::new().init();
    let features = Tensor::<3>::random([2, 3, 8], burn::tensor::Distribution::Normal(0.0, 1.0), &device);
    let hidden = mask([[false, true, false], [true, false, false]], &device);
    let mut losses = Vec::new();
    for _ in 0..60 {
        let restored = model.forward(masked_modelling::hide(features.clone(), hidden.clone()), None);
        let loss = masked_modelling::loss(restored, features.clone(), hidden.clone());
        losses.push(read_f32(loss.clone()).unwrap()[0]);
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        model = optimizer.step(1e-2, model, gradients);
    }
    assert!(losses[59] < 0.5 * losses[0], "{} did not fall from {}", losses[59], losses[0]);
}

//! Training small models: frozen parts stay, rates are those of their part, and stages do not share patients.

use std::ops::ControlFlow;

use burn::module::Module;
use burn::tensor::Device;
use medground::Error;
use medground::data::{GroundingSample, Split};
use medground::training::{
    BatchImages, ModelPart, TacoTerm, Trainer, TrainingBatch, TrainingConfig, finetune_on_phrases,
    pretrain_on_anatomy,
};
use mednn::bridge::read_f32;

use crate::bands::{config, device, load, losses, parameters, samples};
use crate::small::{generalised, grounder, transvg};

#[test]
fn frozen_parts_stay_and_each_part_has_its_rate() {
    for (model, other_rate) in [(generalised(), 0.0), (transvg(), 1e-3)] {
        let config = TrainingConfig { freeze_vision: true, text_rate: other_rate, epochs: 1, ..config() };
        let before = grounder(model, &device());
        let mut trainer = Trainer::new(before.clone(), config).unwrap();
        losses(&mut trainer, &samples(), usize::MAX);
        let (before, after) = (parameters(&before), parameters(trainer.grounder()));
        let mut changed = [0, 0, 0];
        for ((path, old), (_, new)) in before.iter().zip(&after) {
            let part = ModelPart::of(path);
            if path.contains(".backbone.") {
                assert_eq!(old, new, "{path} is frozen");
            } else if part == ModelPart::Text && other_rate == 0.0 {
                assert_eq!(old, new, "{path} has the rate 0");
            }
            changed[part as usize] += usize::from(old != new);
        }
        assert!(changed[ModelPart::Fusion as usize] > 20);
        assert_eq!(changed[ModelPart::Text as usize] > 0, other_rate > 0.0);
    }
}

#[test]
fn parts_go_by_path() {
    assert_eq!(ModelPart::of("TransVg.backbone.ResNet.stem.conv.weight"), ModelPart::Vision);
    assert_eq!(ModelPart::of("TransVg.encoder.layers.0.mlp.input.weight"), ModelPart::Vision);
    assert_eq!(ModelPart::of("TransVg.text.Bert.words.weight"), ModelPart::Text);
    assert_eq!(ModelPart::of("TransVg.text_projection.weight"), ModelPart::Fusion);
    assert_eq!(ModelPart::of("Mdetr.transformer.encoder.layers.0.mlp.input.weight"), ModelPart::Fusion);
    assert_eq!(ModelPart::of("Mdetr.transformer.text.Roberta.words.weight"), ModelPart::Text);
}

#[test]
fn what_cannot_be_learnt_is_refused() {
    let device = device();
    let good = grounder(transvg(), &device);
    let mut nothing = samples();
    nothing[0].boxes.clear();
    let image = |s: &GroundingSample| (load(s).unwrap(), s.clone());
    let batch = TrainingBatch::new(&good, &[image(&nothing[0])], &device).unwrap();
    assert!(matches!(batch.loss(good.model(), None), Err(Error::Batch { what: "boxes of a phrase", .. })));
    // The generalised grounder learns from it that there is nothing.
    let other = grounder(generalised(), &device);
    let batch = TrainingBatch::new(&other, &[image(&nothing[0])], &device).unwrap();
    assert!(read_f32(batch.loss(other.model(), None).unwrap()).unwrap()[0] > 0.0);
    assert!(matches!(TrainingBatch::new(&other, &[], &device), Err(Error::Batch { .. })));
    let plain = grounder(transvg(), &Device::flex());
    assert!(matches!(Trainer::new(plain, config()), Err(Error::Config { field: "device", .. })));
    let wrong = TrainingConfig { batch_size: 0, ..config() };
    assert!(matches!(Trainer::new(good.clone(), wrong), Err(Error::Config { field: "batch_size", .. })));
    let mut trainer = Trainer::new(good, config()).unwrap();
    let none = trainer.train(&[], load, |_| ControlFlow::Continue(()));
    assert!(matches!(none, Err(Error::Batch { what: "samples", .. })));
}

#[test]
fn the_contrast_of_regions_is_added() {
    let device = device();
    let grounder = grounder(transvg(), &device);
    let image = |s: &GroundingSample| (load(s).unwrap(), s.clone());
    let batch =
        TrainingBatch::new(&grounder, &[image(&samples()[0]), image(&samples()[1])], &device).unwrap();
    // Without dropout.
    let model = grounder.model().clone().valid();
    let plain = batch_on(&batch).loss(&model, None).unwrap();
    let with = |weight: f64| batch_on(&batch).loss(&model, Some(TacoTerm { weight, seed: 3 })).unwrap();
    let value = |x: burn::tensor::Tensor<1>| f64::from(read_f32(x).unwrap()[0]);
    let plain = value(plain);
    assert_eq!(value(with(0.0)), plain);
    let (one, two) = (value(with(1.0)) - plain, value(with(2.0)) - plain);
    // ln 6 where nothing is told apart; random weights tell wrong things apart.
    assert!(one > 0.3 && one < 30.0 && (two / one - 2.0).abs() < 1e-3, "{one} {two}");
    let taco = TrainingConfig { taco: true, ..config() };
    let other = crate::small::grounder(generalised(), &device);
    assert!(matches!(Trainer::new(other, taco.clone()), Err(Error::Config { field: "taco", .. })));
    let mut trainer = Trainer::new(grounder, TrainingConfig { epochs: 2, ..taco }).unwrap();
    assert_eq!(losses(&mut trainer, &samples(), usize::MAX).len(), 8);
}

/// The same batch on the device without autodiff.
fn batch_on(batch: &TrainingBatch) -> TrainingBatch {
    let mut plain = batch.clone();
    plain.images = match plain.images {
        BatchImages::Pixels(images) => BatchImages::Pixels(images.inner()),
        BatchImages::Map(map) => BatchImages::Map(map.inner()),
    };
    plain.pixels = plain.pixels.inner();
    plain.phrases.ids = plain.phrases.ids.inner();
    plain.phrases.valid = plain.phrases.valid.inner();
    plain
}

#[test]
fn two_stages_and_no_shared_patient() {
    let short = TrainingConfig { epochs: 1, ..config() };
    let anatomy = samples();
    let mut phrases = samples();
    for (at, sample) in phrases.iter_mut().enumerate() {
        sample.patient = Some(format!("p{}", at / 2));
        sample.split = Some(if at < 8 { Split::Train } else { Split::Test });
    }
    let start = grounder(transvg(), &device());
    let go = |_| ControlFlow::Continue(());
    let first = pretrain_on_anatomy(start.clone(), &anatomy, &phrases, short.clone(), load, go).unwrap();
    let second = finetune_on_phrases(first.clone(), &phrases, short.clone(), load, go).unwrap();
    assert_ne!(parameters(&start), parameters(&first));
    assert_ne!(parameters(&first), parameters(&second));
    phrases[15].patient = Some("3".to_string());
    let shared = pretrain_on_anatomy(start.clone(), &anatomy, &phrases, short.clone(), load, go);
    assert!(matches!(shared, Err(Error::Batch { .. })));
    phrases[15].patient = Some("p0".to_string());
    assert!(matches!(finetune_on_phrases(start, &phrases, short, load, go), Err(Error::Batch { .. })));
}

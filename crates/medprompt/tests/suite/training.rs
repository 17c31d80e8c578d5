//! Losses and optimiser beside torch; samples, batches and augmentation.

use burn::module::{Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::Tensor;
use mednn::optim::{AdamWByPath, AdamWConfig};
use medprompt::Error;
use medprompt::training::{Augmentation, Batch, Loss, Random, Sample, Trainer, TrainingConfig, cosine_rate};
use ndarray::{Array2, Array3};

use crate::common::{Golden, close, device};

fn losses(alpha: Option<f64>) -> [(&'static str, Loss); 5] {
    [
        ("cross_entropy", Loss::CrossEntropy),
        ("balanced_cross_entropy", Loss::BalancedCrossEntropy),
        ("soft_iou", Loss::SoftIou),
        ("dice", Loss::Dice),
        ("focal", Loss::Focal { gamma: 2.0, alpha }),
    ]
}

#[test]
fn losses_and_their_gradients_are_those_of_torch() {
    let device = device().autodiff();
    let mut golden = Golden::open("training");
    for kind in ["binary", "multi"] {
        let logits = golden.tensor::<4>(&format!("{kind}.logits"), &device).require_grad();
        let labels = golden.tensor::<4>(&format!("{kind}.labels"), &device);
        let targets = match logits.dims()[1] {
            1 => labels,
            classes => {
                Tensor::cat((0..classes).map(|k| labels.clone().equal_elem(k as f32).float()).collect(), 1)
            }
        };
        for (name, loss) in losses(Some(0.25)) {
            let found = loss.checked(logits.clone(), targets.clone()).unwrap();
            let expected = golden.tensor::<1>(&format!("{kind}.{name}"), &device);
            close(found.clone(), expected, 2e-6, &format!("{kind} {name}"));
            let gradient = logits.grad(&found.backward()).unwrap();
            let plain = device.clone().without_autodiff();
            let expected = golden.tensor::<4>(&format!("{kind}.{name}.gradient"), &plain);
            close(gradient, expected, 5e-6, &format!("gradient of {kind} {name}"));
        }
        let sum = Loss::Sum(vec![(1.0, Loss::CrossEntropy), (0.5, Loss::Dice)]);
        let parts = Loss::CrossEntropy.forward(logits.clone(), targets.clone())
            + Loss::Dice.forward(logits.clone(), targets.clone()) * 0.5;
        close(sum.forward(logits, targets), parts, 1e-6, "sum");
    }
}

#[test]
fn losses_stay_finite() {
    let device = device().autodiff();
    for (channels, size) in [(1, 200.0), (3, 200.0), (1, 0.0), (2, 0.0)] {
        for sign in [-1.0, 1.0] {
            let shape = [2, channels, 4, 4];
            let logits = (Tensor::<4>::ones(shape, &device) * (sign * size)).require_grad();
            // All background, as one class or the first of several.
            let mut targets = Tensor::<4>::zeros(shape, &device);
            if channels > 1 {
                targets = targets.slice_assign([0..2, 0..1, 0..4, 0..4], Tensor::ones([2, 1, 4, 4], &device));
            }
            let focal = Loss::Focal { gamma: 0.5, alpha: None };
            for loss in losses(None).into_iter().map(|(_, loss)| loss).chain([focal]) {
                let found = loss.forward(logits.clone(), targets.clone());
                let gradient = logits.grad(&found.clone().backward()).unwrap();
                let values = mednn::bridge::read_f32(gradient).unwrap();
                assert!(found.into_scalar::<f32>().is_finite(), "{loss:?}");
                assert!(values.iter().all(|v| v.is_finite()), "{loss:?}");
            }
        }
    }
}

#[test]
fn adamw_on_a_cosine_is_that_of_torch() {
    let device = device().autodiff();
    let mut golden = Golden::open("training");
    let mut layer: Linear = LinearConfig::new(5, 3).init(&device);
    layer.weight = Param::from_tensor(golden.tensor("adamw.weight", &device));
    layer.bias = Some(Param::from_tensor(golden.tensor("adamw.bias", &device)));
    let (data, target) =
        (golden.tensor::<2>("adamw.data", &device), golden.tensor::<2>("adamw.target", &device));
    let mut optimizer = AdamWByPath::new(AdamWConfig::new().build());
    for (step, expected) in golden.values("adamw.rates").into_iter().enumerate() {
        let rate = cosine_rate(step, 10, 2e-2, 1e-6);
        assert!((rate - f64::from(expected)).abs() < 1e-8, "{step}: {rate} {expected}");
        let loss = (layer.forward(data.clone()) - target.clone()).square().mean();
        layer = optimizer.step(layer, &loss.backward(), |_| rate);
    }
    assert_eq!(cosine_rate(10, 10, 2e-2, 1e-6), 1e-6);
    assert_eq!(optimizer.moments().map(|(path, _)| path).collect::<Vec<_>>(), ["bias", "weight"]);
    close(layer.weight.val(), golden.tensor("adamw.weight_after", &device), 2e-6, "weight");
    close(layer.bias.unwrap().val(), golden.tensor("adamw.bias_after", &device), 2e-6, "bias");
    let frozen = LinearConfig::new(5, 3).init(&device).freeze();
    let mut optimizer = AdamWByPath::new(AdamWConfig::new().build());
    let loss = (frozen.forward(data.require_grad()) - target).square().mean();
    let _ = optimizer.step(frozen, &loss.backward(), |_| 1.0);
    assert_eq!(optimizer.moments().count(), 0);
}

fn sample(height: usize, width: usize) -> Sample {
    // The mask can be read off the image: augmentation must move both alike.
    let mask = Array2::from_shape_fn((height, width), |(r, c)| u16::from(r < height / 2 && c < width / 3));
    let image = Array3::from_shape_fn((3, height, width), |(_, r, c)| 0.2 + 0.6 * f32::from(mask[[r, c]]));
    Sample::new(image, mask).unwrap()
}

#[test]
fn augmentation_moves_image_and_mask_alike() {
    let sample = sample(40, 60);
    let augmentation = Augmentation::new([24, 24])
        .with_brightness(0.0)
        .with_contrast(0.0)
        .with_noise(0.0)
        .with_min_zoom(0.5);
    let mut different = std::collections::BTreeSet::new();
    for stream in 0..20 {
        let changed = augmentation.apply(&sample, &mut Random::new(1, stream)).unwrap();
        assert_eq!(changed.mask().dim(), (24, 24));
        let bright = changed.image().index_axis(ndarray::Axis(0), 0).mapv(|v| u16::from(v > 0.5));
        let wrong = bright.iter().zip(changed.mask()).filter(|(a, b)| a != b).count();
        // Interpolation may round the border of the mask the other way.
        assert!(wrong <= 24, "{wrong}");
        different.insert(changed.mask().iter().copied().collect::<Vec<_>>());
        let again = augmentation.apply(&sample, &mut Random::new(1, stream)).unwrap();
        assert_eq!(changed, again);
    }
    assert!(different.len() > 15);
}

#[test]
fn augmentation_can_do_nothing_and_keeps_values_in_range() {
    let sample = sample(16, 16);
    let same = Augmentation::none([16, 16]).apply(&sample, &mut Random::new(0, 0)).unwrap();
    assert_eq!(same, sample);
    let wild = Augmentation::new([9, 33]).with_brightness(1.0).with_contrast(1.0).with_noise(1.0);
    let changed = wild.apply(&sample, &mut Random::new(0, 0)).unwrap();
    assert!(changed.image().iter().all(|v| (0.0..=1.0).contains(v)));
    assert_eq!(changed.image().dim(), (3, 9, 33));
    let one = Sample::new(Array3::ones((3, 1, 1)), Array2::zeros((1, 1))).unwrap();
    assert_eq!(wild.apply(&one, &mut Random::new(0, 1)).unwrap().mask().dim(), (9, 33));
    for wrong in [Augmentation::new([0, 4]), wild.clone().with_min_zoom(0.0), wild.with_noise(f64::NAN)] {
        assert!(matches!(wrong.apply(&sample, &mut Random::new(0, 0)), Err(Error::Config { .. })));
    }
}

#[test]
fn wrong_samples_and_batches_are_refused() {
    let device = device();
    let image = || Array3::<f32>::zeros((3, 4, 4));
    let mask = || Array2::<u16>::zeros((4, 4));
    assert!(matches!(Sample::new(image(), Array2::zeros((4, 5))), Err(Error::Shape { what: "mask", .. })));
    assert!(matches!(Sample::new(Array3::zeros((4, 4, 4)), mask()), Err(Error::Shape { what: "image", .. })));
    assert!(matches!(Sample::new(Array3::zeros((3, 0, 4)), mask()), Err(Error::Shape { what: "image", .. })));
    let mut nan = image();
    nan[[1, 2, 3]] = f32::NAN;
    let error = Sample::new(nan, mask()).unwrap_err();
    assert!(matches!(error, Error::NotFinite { channel: 1, row: 2, column: 3, .. }));
    assert!(Batch::new(&[], 1, &device).is_err());
    let good = Sample::new(image(), mask()).unwrap();
    let small = Sample::new(Array3::zeros((3, 2, 4)), Array2::zeros((2, 4))).unwrap();
    assert!(matches!(Batch::new(&[good.clone(), small], 1, &device), Err(Error::Shape { .. })));
    let far = Sample::new(image(), Array2::from_elem((4, 4), 2)).unwrap();
    for channels in [1, 2] {
        let error = Batch::new(&[good.clone(), far.clone()], channels, &device).unwrap_err();
        assert!(matches!(error, Error::Class { classes: 2, found: 2 }));
    }
    let three = Batch::new(&[far], 3, &device).unwrap();
    assert_eq!(mednn::bridge::read_f32(three.targets.narrow(1, 2, 1).sum()).unwrap(), [16.0]);
    let (logits, targets) = (Tensor::zeros([1, 2, 4, 4], &device), Tensor::zeros([1, 2, 4, 5], &device));
    assert!(matches!(Loss::Dice.checked(logits, targets), Err(Error::Shape { what: "targets", .. })));
    for wrong in [
        Loss::Sum(Vec::new()),
        Loss::Focal { gamma: -1.0, alpha: None },
        Loss::Focal { gamma: 1.0, alpha: Some(2.0) },
        Loss::Sum(vec![(f64::NAN, Loss::Dice)]),
    ] {
        assert!(Trainer::new(TrainingConfig::new(1).with_loss(wrong)).is_err());
    }
    assert!(Trainer::new(TrainingConfig::new(0)).is_err());
}

#[test]
fn every_sample_comes_once_in_an_epoch() {
    let trainer = Trainer::new(TrainingConfig::new(10).with_batch(7)).unwrap();
    let mut chosen = trainer.next_samples(7);
    chosen.sort_unstable();
    assert_eq!(chosen, [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(trainer.next_samples(3).len(), 7);
    assert!(trainer.next_samples(0).is_empty());
}

#[test]
fn a_training_can_be_given_another_end() {
    let device = device().autodiff();
    let config = crate::common::config(
        medprompt::BackboneConfig::Mit(crate::common::tiny_mit()),
        medprompt::Adaptation::HeadOnly,
        1,
    );
    let mut model = crate::common::model(&config, &device);
    let images = crate::common::images(1, 32, &device);
    let batch = Batch { targets: images.clone().mean_dim(1).greater_elem(0.5).float(), images };
    let mut trainer = Trainer::new(TrainingConfig::new(10)).unwrap();
    for _ in 0..2 {
        (model, _) = trainer.step(model, &batch).unwrap();
    }
    trainer.reschedule(4, 1e-3).unwrap();
    assert_eq!(trainer.learning_rate(), cosine_rate(2, 4, 1e-3, 1e-6));
    for _ in 0..2 {
        assert!(!trainer.is_over());
        (model, _) = trainer.step(model, &batch).unwrap();
    }
    assert!(trainer.is_over());
    assert!(matches!(trainer.reschedule(3, 1e-3), Err(Error::Config { field: "steps", .. })));
    assert!(trainer.reschedule(5, f64::NAN).is_err());
    trainer.reschedule(5, 1e-4).unwrap();
    assert!(!trainer.is_over());
}

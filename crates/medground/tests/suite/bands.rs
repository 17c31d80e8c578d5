//! A task that small models learn in seconds.

use std::ops::ControlFlow;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use medcore::{Image, PixelBox};
use medground::PhraseGrounder;
use medground::data::{GroundingSample, Split};
use medground::training::{Augmentation, Trainer, TrainingConfig};
use mednn::bridge::read_f32;
use ndarray::Array2;

const SIDE: usize = 48;

/// Two bright bands, one on each side; `left` is on the right of the image.
pub(crate) fn load(sample: &GroundingSample) -> medground::Result<Image<f32>> {
    let shift: usize = sample.image.parse().unwrap();
    let inside = |r: usize, c: usize| {
        (8..40).contains(&r)
            && ((4 + shift..16 + shift).contains(&c) || (28 + shift..40 + shift).contains(&c))
    };
    let pixels = Array2::from_shape_fn([SIDE, SIDE], |(r, c)| {
        f32::from(inside(r, c)) + ((r * 5 + c * 3) % 7) as f32 * 0.02
    });
    Ok(Image::grey(pixels)?)
}

pub(crate) fn samples() -> Vec<GroundingSample> {
    let sample = |shift: usize, phrase: &str, x: usize| GroundingSample {
        image: shift.to_string(),
        size: Some([SIDE, SIDE]),
        phrase: phrase.to_string(),
        boxes: vec![PixelBox::from_xywh((x + shift) as f64, 8.0, 12.0, 32.0).unwrap()],
        patient: Some(shift.to_string()),
        split: Some(Split::Train),
    };
    (0..8).flat_map(|shift| [sample(shift, "the left", 28), sample(shift, "the right", 4)]).collect()
}

pub(crate) fn config() -> TrainingConfig {
    TrainingConfig {
        fusion_rate: 3e-3,
        vision_rate: 1e-3,
        text_rate: 1e-3,
        epochs: 12,
        drop_epoch: 10,
        batch_size: 4,
        augmentation: Augmentation::none(),
        ..TrainingConfig::default()
    }
}

pub(crate) fn device() -> Device {
    Device::flex().autodiff()
}

pub(crate) fn losses(trainer: &mut Trainer, samples: &[GroundingSample], stop_at: usize) -> Vec<f64> {
    let mut losses = Vec::new();
    let observe = |step: medground::training::TrainingStep| {
        losses.push(step.loss);
        if step.step + 1 == stop_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    trainer.train(samples, load, observe).unwrap();
    losses
}

/// The parameters, by path.
pub(crate) fn parameters(grounder: &PhraseGrounder) -> Vec<(String, Vec<f32>)> {
    #[derive(Default)]
    struct Collector {
        path: Vec<String>,
        found: Vec<(String, Vec<f32>)>,
    }
    impl ModuleVisitor for Collector {
        fn enter_module(&mut self, name: &str, _container_type: &str) {
            self.path.push(name.to_string());
        }
        fn exit_module(&mut self, _name: &str, _container_type: &str) {
            self.path.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.found.push((self.path.join("."), read_f32(param.val()).unwrap()));
        }
    }
    let mut collector = Collector::default();
    grounder.model().visit(&mut collector);
    collector.found
}

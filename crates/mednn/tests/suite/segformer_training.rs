//! Training a small SegFormer: it learns, frozen parts stay, statistics are kept.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::tensor::{Device, Gradients, Int, Tensor, TensorData};
use mednn::bridge::read_f32;
use mednn::layers::resize_bilinear;
use mednn::{MitConfig, Segformer, SegformerConfig};

use crate::common::relative_difference;

const SIDE: usize = 32;

fn config() -> SegformerConfig {
    let encoder = MitConfig::new([8, 8, 12, 16], [1, 1, 1, 1])
        .with_num_attention_heads([1, 2, 3, 4])
        .with_mlp_ratios([2, 2, 2, 2])
        .with_drop_path_rate(0.0);
    SegformerConfig::new(encoder, 16, 2).with_classifier_dropout_prob(0.0)
}

/// Bright squares on noise, and where they are.
fn batch(device: &Device) -> (Tensor<4>, Tensor<1, Int>) {
    let corners = [(4, 6), (14, 10), (8, 16), (2, 2)];
    let inside = |n: usize, r: usize, c: usize| {
        let (top, left) = corners[n];
        (top..top + 14).contains(&r) && (left..left + 12).contains(&c)
    };
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for n in 0..corners.len() {
        for channel in 0..3 {
            for (r, c) in (0..SIDE).flat_map(|r| (0..SIDE).map(move |c| (r, c))) {
                let noise = ((r * 31 + c * 17 + channel * 7 + n * 3) % 11) as f32 / 11.0 - 0.5;
                pixels.push(noise + if inside(n, r, c) { 1.0 } else { -1.0 });
                if channel == 0 {
                    labels.push(i32::from(inside(n, r, c)));
                }
            }
        }
    }
    let count = labels.len();
    let images = Tensor::from_data(TensorData::new(pixels, [corners.len(), 3, SIDE, SIDE]), device);
    (images, Tensor::from_data(TensorData::new(labels, [count]), device))
}

fn loss(model: &Segformer, images: Tensor<4>, labels: Tensor<1, Int>) -> Tensor<1> {
    let logits = resize_bilinear(model.forward(images), [SIDE, SIDE]);
    let count = labels.dims()[0];
    let logits = logits.permute([0, 2, 3, 1]).reshape([count, 2]);
    CrossEntropyLossConfig::new().init(&logits.device()).forward(logits, labels)
}

/// A step of plain gradient descent.
struct Descent<'a> {
    gradients: &'a Gradients,
    rate: f64,
}

impl ModuleMapper for Descent<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(gradient) = param.val().grad(self.gradients) else { return param };
        param.map(|value| Tensor::from_inner(value.inner() - gradient * self.rate).require_grad())
    }
}

/// Counts the parameters that have a gradient.
struct Count<'a> {
    gradients: &'a Gradients,
    found: usize,
}

impl ModuleVisitor for Count<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.found += usize::from(param.val().grad(self.gradients).is_some());
    }
}

fn count_gradients(model: &Segformer, gradients: &Gradients) -> usize {
    let mut count = Count { gradients, found: 0 };
    model.visit(&mut count);
    count.found
}

/// Losses of a few steps, and the trained model.
fn train(mut model: Segformer, device: &Device, steps: usize) -> (Vec<f32>, Segformer) {
    let (images, labels) = batch(device);
    let mut losses = Vec::new();
    for _ in 0..steps {
        let loss = loss(&model, images.clone(), labels.clone());
        losses.push(read_f32(loss.clone()).unwrap()[0]);
        let gradients = loss.backward();
        model = model.map(&mut Descent { gradients: &gradients, rate: 0.3 });
    }
    (losses, model)
}

#[test]
fn the_loss_falls() {
    let device = Device::flex().autodiff();
    device.seed(3);
    let (losses, _) = train(config().init(&device), &device, 12);
    assert!(losses[11] < 0.5 * losses[0], "{losses:?}");
}

/// Training normalises with the statistics of the batch and keeps a running mean of them, which inference takes. With one
/// batch over and over, the two come together.
#[test]
fn batch_statistics_are_kept_for_inference() {
    let device = Device::flex().autodiff();
    device.seed(3);
    let model = config().init(&device);
    let (images, _) = batch(&device);
    let inference = |model: &Segformer| model.valid().forward(images.clone().inner());
    let before = relative_difference(inference(&model), model.forward(images.clone()).inner());
    let encoded = model.encoder().forward(images.clone());
    for _ in 0..150 {
        model.head().forward(&encoded);
    }
    let trained = model.forward(images.clone()).inner();
    let after = relative_difference(inference(&model), trained);
    assert!(before > 0.1 && after < 1e-3, "{before} before, {after} after");
    // A frozen model infers, also on a device that trains.
    let frozen = model.clone().freeze().forward(images.clone()).inner();
    assert!(relative_difference(frozen, inference(&model)) < 1e-6);
}

#[test]
fn every_parameter_gets_a_gradient() {
    let device = Device::flex().autodiff();
    device.seed(5);
    let model = config().init(&device);
    let (images, labels) = batch(&device);
    let gradients = loss(&model, images, labels).backward();
    let counted = count_gradients(&model, &gradients);
    // Per stage: patch embedding 4, block 18 and 4 more where keys are reduced, norm 2; head 8 + 1 + 2 + 2.
    assert_eq!(counted, 4 * 24 + 3 * 4 + 13);
}

#[test]
fn frozen_parts_stay() {
    let device = Device::flex().autodiff();
    device.seed(5);
    let (encoder, _) = config().init(&device).into_parts();
    let model = config().init(&device).with_encoder(encoder.freeze()).unwrap();
    let (images, labels) = batch(&device);
    let gradients = loss(&model, images.clone(), labels).backward();
    assert_eq!(count_gradients(&model, &gradients), 13, "those of the head");

    let before = model.encoder().forward(images.clone()).last();
    let (losses, trained) = train(model, &device, 12);
    let after = trained.encoder().forward(images).last();
    assert_eq!(relative_difference(after, before), 0.0);
    assert!(losses[11] < losses[0], "the head alone learns: {losses:?}");
}

/// The head folds linear layers into one another: gradients must be those of the layers as they are written down.
#[test]
fn gradients_are_those_of_finite_differences() {
    let device = Device::flex().autodiff();
    device.seed(11);
    let model = config().init(&device);
    let (images, labels) = batch(&device);
    let images = images.require_grad();
    let gradients = loss(&model, images.clone(), labels.clone()).backward();
    let gradient = read_f32(images.grad(&gradients).unwrap()).unwrap();
    // Along the gradient itself: the slope is its squared length.
    let squared: f32 = gradient.iter().map(|g| g * g).sum();
    let direction = Tensor::<4>::from_data(TensorData::new(gradient, images.dims()), &device);
    let step = 0.02 / squared.sqrt();
    let at = |sign: f32| {
        let moved = images.clone().detach() + direction.clone() * (sign * step);
        f64::from(read_f32(loss(&model, moved, labels.clone())).unwrap()[0])
    };
    let slope = (at(1.0) - at(-1.0)) / (2.0 * f64::from(step));
    let error = (slope / f64::from(squared) - 1.0).abs();
    assert!(error < 0.02, "slope {slope}, squared gradient {squared}: {error}");
}

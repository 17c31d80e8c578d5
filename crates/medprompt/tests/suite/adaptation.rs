//! Every way to adapt: it learns, and what is frozen stays.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor, TensorData};
use mednn::bridge::read_f32;
use medprompt::prompts::VisualPromptsConfig;
use medprompt::superpixel::{SlicConfig, SuperpixelNetworkConfig, SuperpixelSource, superpixel_loss};
use medprompt::training::{Batch, Loss, Trainer, TrainingConfig};
use medprompt::{Adaptation, BackboneConfig, PromptInput, SegmentationModel};

use crate::common::{config, device, images, model, tiny_mit, tiny_vit};

fn slic() -> SuperpixelSource {
    SuperpixelSource::Slic(SlicConfig::new().with_segments(16))
}

fn network() -> SuperpixelSource {
    SuperpixelSource::Network(SuperpixelNetworkConfig::new().with_segments(16).with_width(4))
}

/// All arms that a backbone takes.
fn arms(backbone: &BackboneConfig) -> Vec<Adaptation> {
    let mut arms = vec![
        Adaptation::HeadOnly,
        Adaptation::evp(),
        Adaptation::mvp(slic()),
        Adaptation::mvp(network()),
        Adaptation::VisualPrompts {
            input: PromptInput::Superpixels(slic()),
            prompts: VisualPromptsConfig::new(),
        },
        Adaptation::Lora(medprompt::model::LoraConfig::new().with_rank(2)),
        Adaptation::Full,
    ];
    if matches!(backbone, BackboneConfig::Vit(_)) {
        arms.push(Adaptation::PromptTokens { count: 3 });
    }
    arms
}

/// With a weight, the network of superpixels is trained by their own loss too, and only it is.
#[test]
fn superpixels_of_a_network_learn_to_follow_labels() {
    let device = device().autodiff();
    let images = images(2, 64, &device);
    let targets = images.clone().mean_dim(1).greater_elem(0.5).float();
    let batch = Batch { images: images.clone(), targets: targets.clone() };
    let labels = Tensor::cat(vec![targets.clone().neg() + 1.0, targets], 1);
    let start = model(&config(BackboneConfig::Mit(tiny_mit()), Adaptation::mvp(network()), 1), &device);
    let after = |weight: Option<f64>| {
        let mut model = start.clone();
        let settings = TrainingConfig::new(20).with_learning_rate(1e-2).with_superpixel_weight(weight);
        let mut trainer = Trainer::new(settings).unwrap();
        for _ in 0..10 {
            (model, _) = trainer.step(model, &batch).unwrap();
        }
        let superpixels = model.superpixels(&images).unwrap();
        superpixel_loss(&superpixels, labels.clone()).into_scalar::<f32>()
    };
    let (without, with) = (after(None), after(Some(1.0)));
    assert!(with < 0.9 * without, "{with} and {without} without");
    assert!(Trainer::new(TrainingConfig::new(1).with_superpixel_weight(Some(-1.0))).is_err());
    // Checkpoints from before there was a weight.
    let mut settings = serde_json::to_value(TrainingConfig::new(3)).unwrap();
    settings.as_object_mut().unwrap().remove("superpixel_weight").unwrap();
    assert_eq!(serde_json::from_value::<TrainingConfig>(settings).unwrap(), TrainingConfig::new(3));
    // Models without such a network have no superpixels.
    let other = model(&config(BackboneConfig::Mit(tiny_mit()), Adaptation::evp(), 1), &device);
    assert!(other.superpixels(&images).is_none());
}

/// The bits of the backbone's own parameters.
#[derive(Default)]
struct Bits {
    path: Vec<String>,
    found: Vec<u32>,
    tracked: usize,
}

impl ModuleVisitor for Bits {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !self.path.contains(&"lora".to_string()) {
            self.tracked += usize::from(param.val().is_require_grad());
            self.found.extend(read_f32(param.val().detach()).unwrap().iter().map(|v| v.to_bits()));
        }
    }
}

fn bits(model: &SegmentationModel) -> Bits {
    let mut bits = Bits::default();
    model.backbone().visit(&mut bits);
    bits
}

/// Bright is foreground.
fn batch(channels: usize, device: &Device) -> Batch {
    let images = images(2, 32, device);
    let bright = images.clone().mean_dim(1).greater_elem(0.55).float();
    let targets = match channels {
        1 => bright,
        _ => Tensor::cat(vec![bright.clone().neg() + 1.0, bright], 1),
    };
    Batch { images, targets }
}

#[test]
fn all_arms_learn_and_frozen_backbones_stay() {
    let device = device().autodiff();
    for (backbone, channels) in [(BackboneConfig::Mit(tiny_mit()), 1), (BackboneConfig::Vit(tiny_vit()), 2)] {
        for adaptation in arms(&backbone) {
            let what = format!("{adaptation:?}");
            let full = adaptation == Adaptation::Full;
            let mut model = model(&config(backbone.clone(), adaptation, channels), &device);
            let batch = batch(channels, &device);
            let before = bits(&model);
            assert_eq!(before.tracked > 0, full, "{what}");
            let settings =
                TrainingConfig::new(100).with_learning_rate(1e-2).with_loss(Loss::cross_entropy_and_dice());
            let mut trainer = Trainer::new(settings).unwrap();
            let mut losses = Vec::new();
            for _ in 0..12 {
                let loss;
                (model, loss) = trainer.step(model, &batch).unwrap();
                losses.push(loss);
            }
            assert!(losses[11] < 0.95 * losses[0], "{what}: {losses:?}");
            let after = bits(&model);
            assert_eq!(after.found == before.found, !full, "{what}");
            assert_eq!(after.tracked > 0, full, "{what}");
            let state = |path: &str| path.starts_with("backbone.") && !path.contains(".lora.");
            assert_eq!(trainer.optimizer().moments().any(|(path, _)| state(path)), full, "{what}");
        }
    }
}

/// What of a model has a gradient.
struct Gradients<'a> {
    path: Vec<String>,
    found: Vec<String>,
    missing: Vec<String>,
    gradients: &'a burn::tensor::Gradients,
}

impl ModuleVisitor for Gradients<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let path = self.path.join(".");
        match param.val().grad(self.gradients) {
            Some(gradient) => {
                let finite = read_f32(gradient).unwrap().iter().all(|v| v.is_finite());
                assert!(finite, "{path}");
                self.found.push(path);
            }
            None => self.missing.push(path),
        }
    }
}

#[test]
fn gradients_reach_all_that_is_trained_and_nothing_frozen() {
    let device = device().autodiff();
    for backbone in [BackboneConfig::Mit(tiny_mit()), BackboneConfig::Vit(tiny_vit())] {
        for adaptation in arms(&backbone) {
            let full = adaptation == Adaptation::Full;
            let model = model(&config(backbone.clone(), adaptation, 1), &device);
            let images = images(1, 32, &device);
            let guides = model.guides(&images).unwrap();
            let gradients = model.forward(images, guides).square().mean().backward();
            let mut seen =
                Gradients { path: Vec::new(), found: Vec::new(), missing: Vec::new(), gradients: &gradients };
            model.visit(&mut seen);
            let frozen = |path: &String| path.starts_with("backbone.") && !path.contains(".lora.");
            let statistic = |path: &String| path.contains("running_");
            if !full {
                assert!(!seen.found.iter().any(frozen));
            }
            let missing: Vec<_> =
                seen.missing.iter().filter(|p| !statistic(p) && (full || !frozen(p))).collect();
            // The norm after a vision transformer's blocks is used; nothing else is left out either.
            assert!(missing.is_empty(), "{missing:?}");
            assert!(model.trained_parameters() > 0);
        }
    }
}

/// Fills parameters with numbers that depend on nothing but their place.
#[derive(Default)]
struct Known {
    path: Vec<String>,
    count: usize,
}

impl ModuleMapper for Known {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let shape = param.lazy_shape().to_vec();
        let near_one = self.path.last().is_some_and(|name| name == "gamma" || name == "running_var");
        let values: Vec<f32> = (0..shape.iter().product())
            .map(|i: usize| {
                ((i * 13 + self.count * 7) as f32 * 12.99).sin() * 0.3 + if near_one { 1.0 } else { 0.0 }
            })
            .collect();
        self.count += 1;
        let tensor = Tensor::from_data(TensorData::new(values, shape), &param.lazy_device());
        let id = param.id;
        param.transform_for_load(tensor, id)
    }
}

#[test]
fn gradients_of_prompts_are_those_of_differences() {
    let device = device().autodiff();
    // Wide enough that layer norms leave something of a change.
    let prompts = VisualPromptsConfig::new().with_scale(1).with_gated(true);
    let arm = Adaptation::VisualPrompts { input: PromptInput::Superpixels(slic()), prompts };
    let model = model(&config(BackboneConfig::Mit(tiny_mit()), arm, 1), &device).map(&mut Known::default());
    let images = images(1, 32, &device);
    let guide = model.guides(&images).unwrap().unwrap();
    let tracked = guide.clone().require_grad();
    let gradients = model.forward(images.clone(), Some(tracked.clone())).square().mean().backward();
    let gradient = tracked.grad(&gradients).unwrap();
    // Along the gradient: the loss changes most there.
    let largest = read_f32(gradient.clone().abs().max()).unwrap()[0];
    let direction = gradient.clone() / largest;
    let slope = read_f32((gradient * direction.clone()).sum()).unwrap()[0];
    let direction = Tensor::from_inner(direction);
    let at = |shift: f64| {
        let guide = guide.clone() + direction.clone() * shift;
        read_f32(model.forward(images.clone(), Some(guide)).square().mean().inner()).unwrap()[0]
    };
    let difference = (at(1e-3) - at(-1e-3)) / 2e-3;
    assert!(slope > 1e-3, "{slope}");
    assert!((slope - difference).abs() < 0.02 * slope, "{slope} and {difference}");
}

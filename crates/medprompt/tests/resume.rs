//! Training that is interrupted goes on to the bit. A test of its own: dropout draws from numbers that the device shares between threads.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;
use mednn::MitConfig;
use medprompt::training::{Augmentation, Batch, Sample, Trainer, TrainingConfig};
use medprompt::{Adaptation, Backbone, BackboneConfig, Error, SegmentationConfig, SegmentationModel};
use ndarray::{Array2, Array3};

fn samples() -> Vec<Sample> {
    (0..5)
        .map(|n| {
            let inside = |r: usize, c: usize| (4 + n..20 + n).contains(&r) && (8..20 + 2 * n).contains(&c);
            let mask = Array2::from_shape_fn((40, 40), |(r, c)| u16::from(inside(r, c)));
            let image = Array3::from_shape_fn((3, 40, 40), |(k, r, c)| {
                let noise = ((r * 31 + c * 17 + k * 7 + n * 3) % 11) as f32 / 40.0;
                noise + if inside(r, c) { 0.6 } else { 0.1 }
            });
            Sample::new(image, mask).unwrap()
        })
        .collect()
}

fn run(
    trainer: &mut Trainer,
    mut model: SegmentationModel,
    steps: usize,
    device: &Device,
) -> (SegmentationModel, Vec<f32>) {
    let (samples, augmentation) = (samples(), Augmentation::new([32, 32]));
    let mut losses = Vec::new();
    for _ in 0..steps {
        let chosen = trainer.next_samples(samples.len()).into_iter().enumerate();
        let changed: Vec<_> =
            chosen.map(|(i, s)| augmentation.apply(&samples[s], &mut trainer.random(i)).unwrap()).collect();
        let batch = Batch::new(&changed, 1, device).unwrap();
        let loss;
        (model, loss) = trainer.step(model, &batch).unwrap();
        losses.push(loss);
    }
    (model, losses)
}

fn resume(path: &Path, base: &Backbone, device: &Device) -> (Trainer, SegmentationModel) {
    Trainer::resume(path, base.clone(), device).unwrap()
}

#[test]
fn resumed_training_is_that_which_never_stopped() {
    let device = mednn::Backend::Flex.open().unwrap().device().clone().autodiff();
    let mit = MitConfig::new([8, 8, 12, 16], [1, 1, 1, 1]).with_num_attention_heads([1, 2, 3, 4]);
    let config = SegmentationConfig::new(BackboneConfig::Mit(mit), Adaptation::evp(), 1)
        .with_decoder_width(8)
        .with_dropout(0.3);
    let base = config.backbone.init(&device);
    base.sha256().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");

    let settings = TrainingConfig::new(8).with_batch(2).with_learning_rate(5e-3).with_patience(3);
    let mut trainer = Trainer::new(settings).unwrap();
    let model = config.init(base.clone(), &device).unwrap();
    let (model, _) = run(&mut trainer, model, 3, &device);
    assert!(trainer.observe(0.5));
    trainer.save(&path, &model, "tiny").unwrap();
    let (model, losses) = run(&mut trainer, model, 3, &device);

    let (mut resumed, other) = resume(&path, &base, &device);
    assert_eq!((resumed.steps_done(), resumed.best_score()), (3, Some(0.5)));
    let (other, resumed_losses) = run(&mut resumed, other, 3, &device);
    assert_eq!(losses, resumed_losses);
    assert!(model.trained_to_bytes("tiny").unwrap() == other.trained_to_bytes("tiny").unwrap());
    assert!(!resumed.is_over());

    // A step beyond the last one is no step.
    let mut bytes = std::fs::read(&path).unwrap();
    let text = b"\\\"step\\\":3";
    let at = bytes.windows(text.len()).position(|w| w == text).unwrap();
    bytes[at + text.len() - 1] = b'9';
    let late = folder.path().join("late.safetensors");
    std::fs::write(&late, bytes).unwrap();
    assert!(matches!(
        Trainer::resume(&late, base.clone(), &device),
        Err(Error::Config { field: "step", .. })
    ));

    // A checkpoint is a file of trained weights too, and a file of trained weights no checkpoint.
    let weights = medprompt::TrainedWeights::open(&path).unwrap();
    weights.load(base.valid(), &device.clone().without_autodiff()).unwrap();
    model.save_trained(&path, "tiny").unwrap();
    assert!(matches!(Trainer::resume(&path, base, &device), Err(Error::Metadata { .. })));
}

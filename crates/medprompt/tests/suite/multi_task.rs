//! Several tasks over one backbone.

use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use mednn::bridge::read_f32;
use medprompt::model::{MultiTaskConfig, TaskConfig};
use medprompt::training::{Batch, Loss, Trainer, TrainingConfig};
use medprompt::{Adaptation, BackboneConfig, Error, MultiTaskModel, MultiTaskWeights, TrainedWeights};

use crate::common::{device, images, tiny_mit, tiny_vit};

fn config(adaptation: Adaptation) -> MultiTaskConfig {
    let tasks = vec![TaskConfig::new("bright", 1), TaskConfig::new("thirds-of_grey", 3)];
    MultiTaskConfig::new(BackboneConfig::Mit(tiny_mit()), adaptation, tasks)
        .with_decoder_width(8)
        .with_dropout(0.0)
}

fn model(config: &MultiTaskConfig, device: &Device) -> MultiTaskModel {
    device.seed(5);
    config.init(config.backbone.init(device), device).unwrap()
}

/// Where images are bright, and three classes of brightness.
fn batches(device: &Device) -> [Batch; 2] {
    let images = images(2, 32, device);
    let grey = images.clone().mean_dim(1);
    let bright = grey.clone().greater_elem(0.55).float();
    let dark = grey.lower_elem(0.4).float();
    let middle = (bright.clone() + dark.clone()).neg() + 1.0;
    let three = Tensor::cat(vec![dark, middle, bright.clone()], 1);
    [Batch { images: images.clone(), targets: bright }, Batch { images, targets: three }]
}

fn trainer(steps: usize) -> Trainer {
    let config = TrainingConfig::new(steps).with_learning_rate(1e-2).with_loss(Loss::CrossEntropy);
    Trainer::new(config).unwrap()
}

/// What is trained, by its name in files.
fn stored(model: &MultiTaskModel) -> BTreeMap<String, Vec<u8>> {
    let bytes = model.trained_to_bytes("tiny").unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    tensors.tensors().into_iter().map(|(name, tensor)| (name, tensor.data().to_vec())).collect()
}

#[test]
fn both_tasks_learn_in_turn_and_together() {
    let device = device().autodiff();
    let config = config(Adaptation::evp());
    let [bright, thirds] = batches(&device);
    let tasks = [("bright", &bright), ("thirds-of_grey", &thirds)];
    for together in [false, true] {
        let mut model = model(&config, &device);
        let mut trainer = trainer(40);
        let (mut first, mut last) = ([f32::NAN; 2], [f32::NAN; 2]);
        while !trainer.is_over() {
            let turn = trainer.turn(&[2, 2]).unwrap().0;
            let found;
            let now = if together { &tasks[..] } else { &tasks[turn..=turn] };
            (model, found) = trainer.step_tasks(model, now).unwrap();
            for (task, loss) in
                if together { vec![(0, found[0]), (1, found[1])] } else { vec![(turn, found[0])] }
            {
                if first[task].is_nan() {
                    first[task] = loss;
                }
                last[task] = loss;
            }
        }
        for task in 0..2 {
            assert!(last[task] < 0.8 * first[task], "{together}: {first:?} to {last:?}");
        }
    }
}

#[test]
fn a_step_of_one_task_leaves_the_decoder_of_another() {
    let device = device().autodiff();
    let config = config(Adaptation::evp());
    let [bright, thirds] = batches(&device);
    let model = model(&config, &device);
    let mut trainer = trainer(10);
    // Both have moments before, so that these could move it.
    let tasks = [("bright", &bright), ("thirds-of_grey", &thirds)];
    let (model, _) = trainer.step_tasks(model, &tasks).unwrap();
    let before = stored(&model);
    let (model, _) = trainer.step_tasks(model, &tasks[..1]).unwrap();
    let after = stored(&model);
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    let changed = |prefix: &str| {
        let of: Vec<bool> =
            before.iter().filter(|(k, _)| k.starts_with(prefix)).map(|(k, v)| after[k] != *v).collect();
        assert!(!of.is_empty(), "{prefix}");
        (of.iter().any(|c| *c), of.iter().all(|c| *c))
    };
    assert_eq!(changed("decoders.thirds-of_grey."), (false, false));
    assert!(changed("decoders.bright.").0);
    assert!(changed("prompts.").0);
    assert!(before.keys().all(|key| !key.starts_with("backbone.")));
}

#[test]
fn files_have_the_names_of_tasks_and_load_to_the_bit() {
    let device = device().autodiff();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tasks.safetensors");
    for adaptation in [Adaptation::evp(), Adaptation::Full] {
        let config = config(adaptation);
        device.seed(5);
        let base = config.backbone.init(&device);
        base.sha256().unwrap();
        let [bright, thirds] = batches(&device);
        let tasks = [("bright", &bright), ("thirds-of_grey", &thirds)];
        let model = config.init(base.clone(), &device).unwrap();
        let (model, _) = trainer(10).step_tasks(model, &tasks).unwrap();
        model.save_trained(&path, "tiny").unwrap();
        let names = stored(&model);
        assert!(names.keys().any(|key| key.starts_with("decoders.thirds-of_grey.")));
        let weights = MultiTaskWeights::open(&path).unwrap();
        assert_eq!((weights.config(), weights.base_name()), (&config, "tiny"));
        let plain = device.clone().without_autodiff();
        let loaded = weights.load(base.valid(), &plain).unwrap();
        let image = images(1, 32, &plain);
        let model = model.valid();
        for task in ["bright", "thirds-of_grey"] {
            let expected = read_f32(model.segment(task, image.clone()).unwrap()).unwrap();
            assert!(read_f32(loaded.segment(task, image.clone()).unwrap()).unwrap() == expected);
            // Alone, as a model of one task.
            let alone = loaded.task(task).unwrap();
            assert!(read_f32(alone.segment(image.clone()).unwrap()).unwrap() == expected);
        }
        // A file of several tasks is none of a single one.
        assert!(matches!(TrainedWeights::open(&path), Err(Error::Syntax { .. })));
        let other = config.backbone.init(&plain);
        let loaded = MultiTaskWeights::open(&path).unwrap().load(other, &plain);
        assert_eq!(matches!(loaded, Err(Error::WrongBase { .. })), config.adaptation != Adaptation::Full);
    }
}

#[test]
fn training_of_several_tasks_resumes_to_the_bit() {
    let device = device().autodiff();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let config = config(Adaptation::evp());
    device.seed(5);
    let base = config.backbone.init(&device);
    base.sha256().unwrap();
    let [bright, thirds] = batches(&device);
    let tasks = [("bright", &bright), ("thirds-of_grey", &thirds)];
    let mut model = config.init(base.clone(), &device).unwrap();
    let mut trainer = trainer(6);
    for step in 0..3 {
        (model, _) = trainer.step_tasks(model, &tasks[step % 2..=step % 2]).unwrap();
    }
    trainer.save_tasks(&path, &model, "tiny").unwrap();
    let (mut again, mut resumed) = Trainer::resume_tasks(&path, base, &device).unwrap();
    assert_eq!(again.steps_done(), 3);
    for _ in 0..2 {
        let (losses, others);
        (model, losses) = trainer.step_tasks(model, &tasks).unwrap();
        (resumed, others) = again.step_tasks(resumed, &tasks).unwrap();
        assert_eq!(losses, others);
    }
    assert!(stored(&model) == stored(&resumed));
    // It is a file of trained weights too.
    assert!(MultiTaskWeights::open(&path).is_ok());
}

#[test]
fn tasks_take_turns_and_every_sample_once() {
    let device = device().autodiff();
    let config = config(Adaptation::HeadOnly);
    let mut model = model(&config, &device);
    let [bright, thirds] = batches(&device);
    let tasks = [("bright", &bright), ("thirds-of_grey", &thirds)];
    let config = TrainingConfig::new(8).with_batch(2);
    let mut trainer = Trainer::new(config).unwrap();
    let mut seen = [Vec::new(), Vec::new()];
    for step in 0..6 {
        let (task, samples) = trainer.turn(&[6, 4]).unwrap();
        assert_eq!((task, samples.len()), (step % 2, 2));
        seen[task].extend(samples);
        (model, _) = trainer.step_tasks(model, &tasks[task..=task]).unwrap();
    }
    seen[0].sort_unstable();
    assert_eq!(seen[0], [0, 1, 2, 3, 4, 5]);
    let epoch = &mut seen[1][..4];
    epoch.sort_unstable();
    assert_eq!(epoch, [0, 1, 2, 3]);
    assert!(trainer.turn(&[]).is_none());
}

#[test]
fn wrong_tasks_are_refused() {
    let device = device();
    let good = config(Adaptation::evp());
    assert_eq!(MultiTaskConfig::from_json(&good.to_json()).unwrap(), good);
    for names in [vec![], vec!["a", "a"], vec![""], vec!["a.b"], vec!["a b"]] {
        let tasks = names.iter().map(|name| TaskConfig::new(*name, 2)).collect();
        let error = MultiTaskConfig { tasks, ..good.clone() };
        assert!(matches!(error.validate(), Err(Error::Config { field: "tasks", .. })), "{names:?}");
    }
    let none = MultiTaskConfig { tasks: vec![TaskConfig::new("a", 0)], ..good.clone() };
    assert!(matches!(none.validate(), Err(Error::Config { field: "classes", .. })));
    let model = model(&good, &device);
    let image = images(1, 32, &device);
    let error = model.segment("organs", image.clone()).unwrap_err();
    assert!(error.to_string().contains("bright, thirds-of_grey") && error.to_string().contains("organs"));
    assert!(model.task("organs").is_err());
    let narrow = image.clone().narrow(1, 0, 1);
    assert!(matches!(model.segment("bright", narrow), Err(Error::Shape { .. })));
    let other = BackboneConfig::Vit(tiny_vit()).init(&device);
    assert!(matches!(good.init(other, &device), Err(Error::Config { .. })));
    let device = device.autodiff();
    let learning = self::model(&good, &device);
    assert!(matches!(trainer(1).step_tasks(learning, &[]), Err(Error::Config { field: "batches", .. })));
}

//! Files of trained weights.

use burn::module::Module;
use mednn::bridge::read_f32;
use mednn::weights::Precision;
use medprompt::model::DetailConfig;
use medprompt::superpixel::{ReadoutConfig, SuperpixelNetworkConfig, SuperpixelSource};
use medprompt::training::{Batch, Trainer, TrainingConfig};
use medprompt::{
    Adaptation, Backbone, BackboneConfig, Error, PromptInput, SegmentationConfig, SegmentationModel,
    TrainedWeights,
};

use crate::common::{config, device, images, tiny_mit, tiny_vit};

fn arms() -> Vec<SegmentationConfig> {
    let network = SuperpixelSource::Network(SuperpixelNetworkConfig::new().with_segments(9).with_width(4));
    let mit = BackboneConfig::Mit(tiny_mit());
    let vit = BackboneConfig::Vit(tiny_vit());
    vec![
        config(mit.clone(), Adaptation::mvp(network), 1),
        config(mit, Adaptation::Full, 3),
        config(vit.clone(), Adaptation::Lora(medprompt::model::LoraConfig::new()), 2),
        config(vit, Adaptation::PromptTokens { count: 2 }, 2),
    ]
}

/// A model after a step, so that nothing has its first value, and the backbone it began with.
fn trained(config: &SegmentationConfig) -> (SegmentationModel, Backbone) {
    let device = device().autodiff();
    let base = config.backbone.init(&device);
    base.sha256().unwrap();
    let model = config.init(base.clone(), &device).unwrap();
    let images = images(2, 32, &device);
    let targets = images.clone().mean_dim(1).greater_elem(0.5).float().repeat_dim(1, config.classes);
    let mut trainer = Trainer::new(TrainingConfig::new(2).with_learning_rate(1e-2)).unwrap();
    (trainer.step(model, &Batch { images, targets }).unwrap().0, base.valid())
}

#[test]
fn what_is_saved_loads_to_the_bit_and_holds_no_frozen_backbone() {
    let device = device();
    let folder = tempfile::tempdir().unwrap();
    for config in arms() {
        let (model, base) = trained(&config);
        let path = folder.path().join("prompts.safetensors");
        model.save_trained(&path, "tiny").unwrap();
        let weights = TrainedWeights::open(&path).unwrap();
        assert_eq!((weights.config(), weights.base_name()), (&config, "tiny"));
        assert_eq!(weights.base_sha256(), model.backbone().sha256().unwrap());
        let loaded = weights.load(base, &device).unwrap();
        let images = images(1, 32, &device);
        let model = model.valid();
        let logits = |m: &SegmentationModel| read_f32(m.segment(images.clone()).unwrap()).unwrap();
        assert!(logits(&loaded) == logits(&model), "{config:?}");
        let bytes = std::fs::read(&path).unwrap();
        let names = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let full = config.adaptation == Adaptation::Full;
        let frozen = |name: &str| name.starts_with("backbone.") && !name.contains(".lora.");
        assert_eq!(names.names().iter().any(|name| frozen(name)), full);
    }
}

#[test]
fn another_backbone_is_refused() {
    let config = &arms()[0];
    let bytes = trained(config).0.trained_to_bytes("tiny").unwrap();
    let device = device();
    let other = config.backbone.init(&device);
    let error = TrainedWeights::from_bytes("file", bytes).unwrap().load(other, &device).unwrap_err();
    assert!(matches!(&error, Error::WrongBase { expected_name, .. } if expected_name == "tiny"), "{error}");
}

#[test]
fn damaged_files_are_refused() {
    let config = &arms()[0];
    let (model, base) = trained(config);
    let bytes = model.trained_to_bytes("tiny").unwrap();
    for length in [0, 7, 8, 100, bytes.len() / 2, bytes.len() - 1] {
        assert!(TrainedWeights::from_bytes("file", bytes[..length].to_vec()).is_err(), "{length}");
    }
    let bare =
        safetensors::serialize(Vec::<(String, safetensors::tensor::TensorView<'_>)>::new(), None).unwrap();
    let error = TrainedWeights::from_bytes("file", bare).unwrap_err();
    assert!(matches!(error, Error::Metadata { .. }), "{error}");
    // A file without its decoder.
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let (_, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let kept = tensors.tensors().into_iter().filter(|(name, _)| !name.starts_with("decoder."));
    let part = safetensors::serialize(kept, metadata.metadata().clone()).unwrap();
    let device = device();
    let error = TrainedWeights::from_bytes("file", part).unwrap().load(base, &device).unwrap_err();
    let Error::Weights { problems, .. } = &error else { panic!("{error}") };
    assert!(problems.iter().all(|p| p.starts_with("decoder.") && p.ends_with("is missing")), "{error}");
}

#[test]
fn configurations_are_written_and_read_again() {
    for config in arms() {
        assert_eq!(SegmentationConfig::from_json(&config.to_json()).unwrap(), config);
    }
    assert!(matches!(SegmentationConfig::from_json("{}"), Err(Error::Syntax { .. })));
}

#[test]
fn published_folders_load_by_their_model_type() {
    let device = device();
    for (folder, is_mit) in [("segformer", true), ("vit/dinov2", false)] {
        let folder = crate::common::fixture(folder);
        let json = std::fs::read_to_string(folder.join("config.json")).unwrap();
        let config = BackboneConfig::from_hugging_face(&json).unwrap();
        assert_eq!(matches!(config, BackboneConfig::Mit(_)), is_mit);
        let backbone = Backbone::from_pretrained(&folder, &device).unwrap();
        let config = crate::common::config(config, Adaptation::HeadOnly, 1);
        config.init(backbone, &device).unwrap();
    }
    assert!(matches!(BackboneConfig::from_hugging_face("{}"), Err(Error::Syntax { .. })));
    let other = BackboneConfig::from_hugging_face(r#"{"model_type": "bert"}"#);
    assert!(matches!(other, Err(Error::Network(_))));
    assert!(matches!(Backbone::from_pretrained("no/such/folder", &device), Err(Error::Io { .. })));
}

#[test]
fn a_segformer_is_a_folder_that_loads_again() {
    let device = device();
    let folder = tempfile::tempdir().unwrap();
    let images = images(1, 40, &device);
    let logits = |model: &SegmentationModel| read_f32(model.segment(images.clone()).unwrap()).unwrap();
    let config =
        config(BackboneConfig::Mit(tiny_mit()), Adaptation::Full, 3).with_image_mean([0.1, 0.2, 0.3]);
    let (model, _) = trained(&config);
    let path = folder.path().join("model");
    model.save_segformer(&path, Precision::F32).unwrap();
    let loaded = SegmentationModel::from_segformer(&path, &device).unwrap();
    assert_eq!(loaded.config(), &config);
    let expected = logits(&model.valid());
    assert!(logits(&loaded.valid()) == expected);
    model.save_segformer(&path, Precision::F16).unwrap();
    let half = logits(&SegmentationModel::from_segformer(&path, &device).unwrap().valid());
    let scale = expected.iter().fold(0f32, |m, v| m.max(v.abs()));
    assert!(half.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 5e-3 * scale));
    assert!(half != expected);

    // Without a word on normalisation it is that of ImageNet.
    std::fs::remove_file(path.join("preprocessor_config.json")).unwrap();
    let plain = SegmentationModel::from_segformer(&path, &device).unwrap();
    assert_eq!(plain.config().image_mean, medprompt::model::IMAGENET_MEAN);
    std::fs::remove_file(path.join("model.safetensors")).unwrap();
    assert!(matches!(SegmentationModel::from_segformer(&path, &device), Err(Error::Network(_))));
    for wrong in [&arms()[0], &arms()[2]] {
        let error = trained(wrong).0.save_segformer(&path, Precision::F32).unwrap_err();
        assert!(matches!(error, Error::Config { field: "adaptation", .. }), "{error}");
    }
    // What only looks like one.
    for (wrong, expected) in [
        (config.clone().with_readout(Some(ReadoutConfig::new())), "readout"),
        (config.with_detail(Some(DetailConfig::new(PromptInput::Image))), "detail"),
    ] {
        let model = crate::common::model(&wrong, &device);
        let error = model.save_segformer(&path, Precision::F32).unwrap_err();
        assert!(matches!(error, Error::Config { field, .. } if field == expected), "{error}");
    }
}

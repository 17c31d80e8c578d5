//! Published names of SegFormer and its encoder: what loads, what is left out, and what is saved.

use burn::tensor::{Device, Tensor};
use mednn::weights::{Precision, Strictness, WeightSource, load, save};
use mednn::{Error, Mit, MitConfig, Segformer, SegformerConfig};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;

use crate::common::{Golden, fixture, relative_difference};

fn config_json() -> String {
    std::fs::read_to_string(fixture("segformer/config.json")).unwrap()
}

fn published() -> Vec<u8> {
    std::fs::read(fixture("segformer/model.safetensors")).unwrap()
}

/// The published file with its keys through `rename`; those that it makes `None` are left out.
fn renamed(rename: impl Fn(&str) -> Option<String>) -> WeightSource {
    let bytes = published();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let kept: Vec<(String, TensorView<'_>)> =
        tensors.tensors().into_iter().filter_map(|(key, view)| Some((rename(&key)?, view))).collect();
    WeightSource::from_bytes("test weights", safetensors::serialize(kept, None).unwrap()).unwrap()
}

fn all() -> WeightSource {
    renamed(|key| Some(key.to_string()))
}

#[test]
fn everything_is_accounted_for() {
    let total = all().keys().count();
    let (_, report) = Segformer::from_source(&config_json(), all(), &Device::flex()).unwrap();
    assert_eq!(report.ignored, ["decode_head.batch_norm.num_batches_tracked"]);
    assert_eq!(report.loaded.len() + 1, total);
    assert!(report.loaded.contains(&"decode_head.batch_norm.running_var".to_string()));

    let (_, report) = Mit::from_source(&config_json(), all(), &Device::flex()).unwrap();
    assert!(report.ignored.iter().all(|key| key.starts_with("decode_head.")), "{:?}", report.ignored);
    assert_eq!(report.ignored.len(), 16);
    assert_eq!(report.loaded.len() + 16, total);
}

#[test]
fn encoders_load_alone_and_out_of_a_classifier() {
    let device = Device::flex();
    let mut golden = Golden::open(fixture("segformer/golden.safetensors"));
    let images = golden.tensor::<4>("input.33x35", &device);
    let expected = golden.tensor::<4>("stage3.33x35", &device);
    let alone = renamed(|key| Some(key.strip_prefix("segformer.")?.to_string()));
    let classifier = renamed(|key| match key.strip_prefix("decode_head.classifier") {
        Some(rest) => Some(format!("classifier{rest}")),
        None => key.starts_with("segformer.").then(|| key.to_string()),
    });
    for (source, ignored) in [(alone, 0), (classifier, 2)] {
        let (encoder, report) = Mit::from_source(&config_json(), source, &device).unwrap();
        assert_eq!(report.ignored.len(), ignored);
        let found = encoder.encode(images.clone()).unwrap().last();
        assert!(relative_difference(found, expected.clone()) < 5e-6);
    }
}

#[test]
fn missing_and_unused_keys_are_named() {
    let source =
        renamed(|key| Some(key.replace("block.2.1.attention.self.sr.weight", "block.2.1.reduction")));
    let Err(Error::Weights { report, .. }) = Segformer::from_source(&config_json(), source, &Device::flex())
    else {
        panic!("expected a report");
    };
    assert_eq!(report.missing, ["segformer.encoder.block.2.1.attention.self.sr.weight"]);
    assert_eq!(report.unused, ["segformer.encoder.block.2.1.reduction"]);

    // An encoder alone is no segmentation model: the head is missing, and only it.
    let source = renamed(|key| key.starts_with("segformer.").then(|| key.to_string()));
    let Err(Error::Weights { report, .. }) = Segformer::from_source(&config_json(), source, &Device::flex())
    else {
        panic!("expected a report");
    };
    assert_eq!(report.missing.len(), 15);
    assert!(report.missing.iter().all(|key| key.starts_with("decode_head.")));

    let other = config_json().replace("\"decoder_hidden_size\": 16", "\"decoder_hidden_size\": 32");
    let Err(Error::Weights { report, .. }) = Segformer::from_source(&other, all(), &Device::flex()) else {
        panic!("expected a report");
    };
    let fuse = report.mismatched.iter().find(|m| m.key == "decode_head.linear_fuse.weight").unwrap();
    assert_eq!(
        (fuse.expected.as_slice(), fuse.found.as_slice()),
        (&[32, 128, 1, 1][..], &[16, 64, 1, 1][..])
    );
}

#[test]
fn what_is_saved_loads_again() {
    let device = Device::flex();
    let config = SegformerConfig::from_hugging_face(&config_json()).unwrap();
    let (model, _) = Segformer::from_source(&config_json(), all(), &device).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    save(&model, &path, config.key_map(), Precision::F32).unwrap();
    std::fs::write(folder.path().join("config.json"), config.to_hugging_face()).unwrap();

    let (bytes, original) = (std::fs::read(&path).unwrap(), published());
    let written = SafeTensors::deserialize(&bytes).unwrap();
    let original = SafeTensors::deserialize(&original).unwrap();
    assert_eq!(written.len() + 1, original.len());
    for (key, view) in original.tensors().iter().filter(|(key, _)| !key.ends_with("num_batches_tracked")) {
        let found = written.tensor(key).unwrap();
        assert_eq!((found.shape(), found.data()), (view.shape(), view.data()), "{key}");
    }
    Segformer::from_pretrained(folder.path(), &device).unwrap();

    // The encoder alone, under the names of transformers' `SegformerModel`.
    save(model.encoder(), &path, config.encoder.key_map(), Precision::F32).unwrap();
    Mit::from_pretrained(folder.path(), &device).unwrap();
}

#[test]
fn an_encoder_can_be_put_under_a_new_head() {
    let device = Device::flex();
    let config = SegformerConfig::from_hugging_face(&config_json()).unwrap();
    let encoder = Mit::from_pretrained(fixture("segformer"), &device).unwrap();
    let fresh = SegformerConfig::new(config.encoder.clone(), 8, 4).init(&device);
    let model = fresh.with_encoder(encoder).unwrap();
    let mut golden = Golden::open(fixture("segformer/golden.safetensors"));
    let images = golden.tensor::<4>("input.32x64", &device);
    let found = model.encoder().forward(images.clone()).last();
    assert!(relative_difference(found, golden.tensor("stage3.32x64", &device)) < 5e-6);
    assert_eq!(model.forward(images).dims(), [1, 4, 8, 16]);
    let other = MitConfig::b0().init(&device);
    assert!(matches!(model.with_encoder(other), Err(Error::Shape { what: "encoder", .. })));
}

#[test]
fn half_of_a_checkpoint_can_be_taken() {
    // Partial loading keeps what the file lacks: here a head of more classes.
    let device = Device::flex();
    let config = SegformerConfig::from_hugging_face(&config_json()).unwrap();
    let wider = SegformerConfig { num_labels: 9, ..config };
    let (model, report) =
        load(wider.init(&device), &mut all(), wider.key_map(), Strictness::Partial).unwrap();
    let mismatched: Vec<&str> = report.mismatched.iter().map(|m| m.key.as_str()).collect();
    assert_eq!(mismatched, ["decode_head.classifier.weight", "decode_head.classifier.bias"]);
    assert_eq!(model.forward(Tensor::zeros([1, 3, 32, 32], &device)).dims(), [1, 9, 8, 8]);
}

//! Weights that do not fit, are cut off or lie are refused with a report; what is saved loads again.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{Device, Tensor};
use mednn::weights::{Precision, Strictness, WeightSource, load, save};
use mednn::{Error, Vit, VitConfig};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use crate::common::{Golden, fixture, relative_difference};

type Tensors = BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

fn dinov2() -> (String, Tensors) {
    let folder = fixture("vit/dinov2");
    let bytes = std::fs::read(folder.join("model.safetensors")).unwrap();
    let parsed = SafeTensors::deserialize(&bytes).unwrap();
    let tensors = parsed
        .tensors()
        .into_iter()
        .map(|(key, view)| (key, (view.dtype(), view.shape().to_vec(), view.data().to_vec())))
        .collect();
    (std::fs::read_to_string(folder.join("config.json")).unwrap(), tensors)
}

fn source(tensors: &Tensors) -> WeightSource {
    let views = tensors
        .iter()
        .map(|(key, (dtype, shape, data))| (key, TensorView::new(*dtype, shape.clone(), data).unwrap()));
    WeightSource::from_bytes("test weights", safetensors::serialize(views, None).unwrap()).unwrap()
}

fn report_of(json: &str, tensors: &Tensors) -> mednn::weights::WeightReport {
    match Vit::from_source(json, source(tensors), &Device::flex()) {
        Err(Error::Weights { report, .. }) => *report,
        other => panic!("expected a report, found {:?}", other.map(|(_, report)| report)),
    }
}

#[test]
fn everything_is_accounted_for() {
    let (json, tensors) = dinov2();
    let (_, report) = Vit::from_source(&json, source(&tensors), &Device::flex()).unwrap();
    assert_eq!(report.ignored, ["embeddings.mask_token"]);
    assert_eq!(report.loaded.len() + 1, tensors.len());
    assert!(report.is_complete() && report.unused.is_empty());
}

#[test]
fn missing_unused_and_mismatched_keys_are_named() {
    let (json, mut tensors) = dinov2();
    let key = "encoder.layer.1.attention.attention.query.weight";
    let moved = tensors.remove(key).unwrap();
    tensors.insert("encoder.layer.1.attention.q.weight".to_string(), moved);
    let fc1 = tensors.get_mut("encoder.layer.0.mlp.fc1.weight").unwrap();
    fc1.1.reverse();
    let bias = tensors.get_mut("layernorm.bias").unwrap();
    *bias = (Dtype::I32, bias.1.clone(), bias.2.clone());

    let report = report_of(&json, &tensors);
    assert_eq!(report.missing, [key]);
    assert_eq!(report.unused, ["encoder.layer.1.attention.q.weight"]);
    assert_eq!(report.mismatched.len(), 1);
    assert_eq!(report.mismatched[0].key, "encoder.layer.0.mlp.fc1.weight");
    assert_eq!(report.mismatched[0].expected, [96, 24]);
    assert_eq!(report.mismatched[0].found, [24, 96]);
    assert_eq!(report.not_float, [("layernorm.bias".to_string(), "I32".to_string())]);
    assert!(report.to_string().contains("1 missing: encoder.layer.1.attention.attention.query.weight"));
}

#[test]
fn a_config_of_another_model_does_not_fit() {
    let (json, tensors) = dinov2();
    let report = report_of(&json.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1"), &tensors);
    assert_eq!(report.unused.len(), 18);
    let report = report_of(&json.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3"), &tensors);
    assert_eq!(report.missing.len(), 18);
    // Asks for gigabytes that the file does not have: refused by shape, before any of it is made.
    let report = report_of(&json.replace("\"hidden_size\": 24", "\"hidden_size\": 49152"), &tensors);
    assert!(report.loaded.is_empty() && report.mismatched.len() > 30);
}

#[test]
fn strictness_can_be_given_up() {
    let (json, mut tensors) = dinov2();
    let config = VitConfig::from_hugging_face(&json).unwrap();
    let attempt = |tensors: &Tensors, strictness| {
        load(config.init(&Device::flex()), &mut source(tensors), config.key_map(), strictness)
    };
    tensors.insert("head.weight".to_string(), (Dtype::F32, vec![1], vec![0; 4]));
    assert!(attempt(&tensors, Strictness::Exact).is_err());
    assert_eq!(attempt(&tensors, Strictness::AllowUnused).unwrap().1.unused, ["head.weight"]);
    tensors.remove("layernorm.bias");
    assert!(attempt(&tensors, Strictness::AllowUnused).is_err());
    assert_eq!(attempt(&tensors, Strictness::Partial).unwrap().1.missing, ["layernorm.bias"]);
}

#[test]
fn wrapped_and_half_precision_checkpoints_load() {
    let (json, tensors) = dinov2();
    let device = Device::flex();
    let mut half: Tensors = tensors
        .iter()
        .map(|(key, (_, shape, data))| {
            let narrow = |b: &[u8]| half::f16::from_f32(f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
            let data = data.chunks_exact(4).flat_map(|b| narrow(b).to_le_bytes()).collect();
            (format!("dinov2.{key}"), (Dtype::F16, shape.clone(), data))
        })
        .collect();
    let head = (Dtype::F16, vec![1], vec![0; 2]);
    half.insert("classifier.weight".to_string(), head.clone());
    let (vit, report) = Vit::from_source(&json, source(&half), &device).unwrap();
    assert_eq!(report.ignored, ["classifier.weight", "dinov2.embeddings.mask_token"]);
    half.insert("decoder.weight".to_string(), head);
    assert_eq!(report_of(&json, &half).unused, ["decoder.weight"]);
    let mut golden = Golden::open(fixture("vit/dinov2/golden.safetensors"));
    let found = vit.forward(golden.tensor("input.56x56", &device)).tokens();
    assert!(relative_difference(found, golden.tensor("output.56x56", &device)) < 5e-3);
}

#[test]
fn what_is_saved_loads_again() {
    let (json, tensors) = dinov2();
    let device = Device::flex();
    let config = VitConfig::from_hugging_face(&json).unwrap();
    let (vit, _) = Vit::from_source(&json, source(&tensors), &device).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    save(&vit, &path, config.key_map(), Precision::F32).unwrap();
    std::fs::write(folder.path().join("config.json"), config.to_hugging_face()).unwrap();

    let bytes = std::fs::read(&path).unwrap();
    let written = SafeTensors::deserialize(&bytes).unwrap();
    for (key, (_, shape, data)) in tensors.iter().filter(|(key, _)| *key != "embeddings.mask_token") {
        let view = written.tensor(key).unwrap();
        assert_eq!((view.shape(), view.data()), (shape.as_slice(), data.as_slice()), "{key}");
    }
    Vit::from_pretrained(folder.path(), &device).unwrap();
}

#[test]
fn damaged_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let whole = std::fs::read(fixture("vit/dinov2/model.safetensors")).unwrap();
    let refused = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let from_file = WeightSource::open(&path).unwrap_err();
        let from_memory = WeightSource::from_bytes("memory", bytes.to_vec()).unwrap_err();
        for error in [from_file, from_memory] {
            assert!(matches!(error, Error::WeightFormat { .. }), "{error}");
        }
    };
    for length in [0, 7, 8, 100, whole.len() / 2, whole.len() - 1] {
        refused(&whole[..length]);
    }
    let mut longer = whole.clone();
    longer.push(0);
    refused(&longer);
    // A header that claims 2^60 bytes, and a tensor that claims 2^40 elements.
    let mut huge = whole.clone();
    huge[..8].copy_from_slice(&(1u64 << 60).to_le_bytes());
    refused(&huge);
    let header = br#"{"x":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}"#;
    let mut claims = (header.len() as u64).to_le_bytes().to_vec();
    claims.extend_from_slice(header);
    refused(&claims);
    // Offsets that disagree with the shape.
    let header = br#"{"x":{"dtype":"F32","shape":[3],"data_offsets":[0,4]}}"#;
    let mut lies = (header.len() as u64).to_le_bytes().to_vec();
    lies.extend_from_slice(header);
    lies.extend_from_slice(&[0; 4]);
    refused(&lies);
}

#[cfg(feature = "map")]
#[test]
#[allow(unsafe_code)]
fn tables_of_mapped_files_are_read_where_they_are() {
    use burn::module::{Module, ModuleMapper, Param};
    use burn::tensor::Int;
    use mednn::bert::{Bert, BertConfig};

    /// Adds one to every parameter.
    struct AddOne;
    impl ModuleMapper for AddOne {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.map(|tensor| tensor + 1.0)
        }
    }

    let device = Device::flex();
    // Words of 1.2 MiB, which are mapped, and positions of 16 KiB, which are not.
    let config = BertConfig::new(32, 1, 2, 16).with_vocab_size(10_000).with_max_position_embeddings(128);
    let model: Bert = config.init_model(&device);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    save(&model, &path, config.model_key_map(), Precision::F32).unwrap();
    let written = std::fs::read(&path).unwrap();

    let load = |mut source| {
        load(config.init_model(&device), &mut source, config.model_key_map(), Strictness::Exact).unwrap().0
    };
    // SAFETY: nobody else knows of the file.
    let mapped = load(unsafe { WeightSource::map(&path) }.unwrap());
    let read = load(WeightSource::open(&path).unwrap());
    let ids = Tensor::<2, Int>::from_ints([[0, 9_999, 17, 17], [3, 2, 1, 5_000]], &device);
    let output = |bert: &Bert| bert.forward(ids.clone(), None, None).into_data();
    assert_eq!(output(&mapped), output(&read));

    // What is changed gets memory of its own, here and where the model is copied.
    let (copy, changed) = (mapped.clone(), mapped.map(&mut AddOne));
    assert_eq!(output(&changed), output(&read.clone().map(&mut AddOne)));
    assert_eq!(output(&copy), output(&read));
    assert_eq!(std::fs::read(&path).unwrap(), written);

    for length in [0, 7, 100, written.len() - 1] {
        let path = folder.path().join("damaged.safetensors");
        std::fs::write(&path, &written[..length]).unwrap();
        // SAFETY: as above.
        let error = unsafe { WeightSource::map(&path) }.unwrap_err();
        assert!(matches!(error, Error::WeightFormat { .. } | Error::Io { .. }), "{error}");
    }
}

#[test]
fn a_folder_without_its_files_says_which() {
    let folder = tempfile::tempdir().unwrap();
    let error = Vit::from_pretrained(folder.path(), &Device::flex()).unwrap_err();
    assert!(matches!(&error, Error::Io { path, .. } if path.ends_with("config.json")), "{error}");
    std::fs::copy(fixture("vit/dinov2/config.json"), folder.path().join("config.json")).unwrap();
    let error = Vit::from_pretrained(folder.path(), &Device::flex()).unwrap_err();
    assert!(matches!(&error, Error::Io { path, .. } if path.ends_with("model.safetensors")), "{error}");
}

#[test]
fn images_that_do_not_fit_are_refused() {
    let device = Device::flex();
    let vit = Vit::from_pretrained(fixture("vit/dinov2"), &device).unwrap();
    for shape in [[1, 1, 56, 56], [1, 3, 57, 56], [1, 3, 56, 7]] {
        let error = vit.encode(Tensor::zeros(shape, &device)).unwrap_err();
        assert!(matches!(&error, Error::Shape { found, .. } if *found == shape), "{error}");
    }
}

/// With `MEDBURN_DINOV2` naming a folder with a real DINOv2 ViT-S/14 (`config.json`, `model.safetensors`) and a
/// `reference.safetensors` (`input`, `embeddings`, `last_hidden`) of another runtime; the small random models of
/// `numerics.rs` run the same code without it.
#[test]
fn a_real_checkpoint_agrees_with_its_reference() {
    let Ok(folder) = std::env::var("MEDBURN_DINOV2") else { return };
    let folder = Path::new(&folder);
    let device = Device::flex();
    let vit = Vit::from_pretrained(folder, &device).unwrap();
    let mut golden = Golden::open(folder.join("reference.safetensors"));
    let images = golden.tensor::<4>("input", &device);
    let (embeddings, grid) = vit.embed(images.clone());
    assert_eq!(grid, [16, 16]);
    let embeddings = relative_difference(embeddings, golden.tensor("embeddings", &device));
    let output = relative_difference(vit.forward(images).tokens(), golden.tensor("last_hidden", &device));
    println!("embeddings differ by {embeddings:e}, the last hidden state by {output:e}");
    assert!(embeddings < 1e-5, "{embeddings:e}");
    assert!(output < 1e-4, "{output:e}");
}

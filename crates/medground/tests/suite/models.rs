//! TransVG and MDETR against re-implementations in torch, under the published names.

use burn::tensor::Device;
use medground::Error;
use medground::mdetr::{Mdetr, MdetrConfig};
use medground::transvg::{TransVg, TransVgConfig};
use medground::vision::VisionBackboneConfig;
use mednn::bert::BertConfig;
use mednn::detr::DetrTransformerConfig;
use mednn::resnet::{ResNetBlockKind, ResNetConfig};
use mednn::roberta::RobertaConfig;
use mednn::text::TextConfig;
use mednn::weights::{Precision, WeightSource, WeightWriter};

use crate::common::{Golden, close, fixture};

const MODEL: f32 = 2e-5;

fn vision() -> VisionBackboneConfig {
    let resnet =
        ResNetConfig::new(ResNetBlockKind::Basic, [1, 1, 1, 1], [8, 8, 12, 16]).with_frozen_batch_norm(true);
    VisionBackboneConfig::ResNet(resnet)
}

fn bert() -> BertConfig {
    BertConfig::new(12, 2, 2, 20).with_max_position_embeddings(34).with_vocab_size(40)
}

fn layers() -> DetrTransformerConfig {
    DetrTransformerConfig::new().with_num_layers(2).with_width(16).with_heads(2).with_ffn(24)
}

pub(crate) fn transvg_config() -> TransVgConfig {
    TransVgConfig {
        encoder: Some(layers()),
        fusion: layers(),
        image_size: 64,
        text_tokens: 6,
        ..TransVgConfig::new(vision(), TextConfig::Bert(bert()))
    }
}

pub(crate) fn mdetr_config() -> MdetrConfig {
    let roberta = r#"{"model_type": "roberta", "hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 20, "vocab_size": 40, "max_position_embeddings": 34, "type_vocab_size": 1,
        "pad_token_id": 1, "layer_norm_eps": 1e-12}"#;
    let text = TextConfig::Roberta(RobertaConfig::from_hugging_face(roberta).unwrap());
    let mut config = MdetrConfig::new(vision(), text);
    config.transformer.encoder = layers();
    config.transformer.decoder = layers();
    config.transformer.queries = 4;
    config.transformer.image_size = 64;
    config.transformer.text_tokens = 9;
    config.token_slots = 9;
    config.alignment_width = 8;
    config
}

fn source(name: &str) -> WeightSource {
    WeightSource::open(fixture("medground").join(name)).unwrap()
}

fn transvg_output(model: &TransVg, device: &Device) -> burn::tensor::Tensor<2> {
    let mut golden = Golden::open("transvg.golden.safetensors");
    let images = model.encode_images(golden.tensor("in.images", device), golden.mask("in.pixels", device));
    model.forward(&images, golden.ids("in.ids", device), golden.mask("in.real", device)).boxes
}

#[test]
fn transvg_is_that_of_torch() {
    let device = Device::flex();
    let (model, report) =
        TransVg::from_source(&transvg_config(), source("transvg.safetensors"), &device).unwrap();
    assert!(report.unused.is_empty() && report.loaded.len() > 100);
    let expected = Golden::open("transvg.golden.safetensors").tensor("out.boxes", &device);
    close(transvg_output(&model, &device), expected, MODEL, "boxes");
}

#[test]
fn transvg_is_written_and_read_again() {
    let device = Device::flex();
    let config = transvg_config();
    let (model, _) = TransVg::from_source(&config, source("transvg.safetensors"), &device).unwrap();
    let mut writer = WeightWriter::new(Precision::F32);
    model.add_weights(&config, &mut writer).unwrap();
    let written = WeightSource::from_bytes("written", writer.to_bytes().unwrap()).unwrap();
    let (again, _) = TransVg::from_source(&config, written, &device).unwrap();
    close(transvg_output(&again, &device), transvg_output(&model, &device), 0.0, "boxes");
}

#[test]
fn mdetr_is_that_of_torch() {
    let device = Device::flex();
    let config = mdetr_config();
    let (model, _) = Mdetr::from_source(&config, source("mdetr.safetensors"), &device).unwrap();
    let mut writer = WeightWriter::new(Precision::F32);
    model.add_weights(&config, &mut writer).unwrap();
    let written = WeightSource::from_bytes("written", writer.to_bytes().unwrap()).unwrap();
    let (again, _) = Mdetr::from_source(&config, written, &device).unwrap();
    for model in [model, again] {
        let mut golden = Golden::open("mdetr.golden.safetensors");
        let images =
            model.encode_images(golden.tensor("in.images", &device), golden.mask("in.pixels", &device));
        let layers =
            model.forward_each(&images, golden.ids("in.ids", &device), golden.mask("in.real", &device));
        assert_eq!(layers.len(), 2);
        for (index, layer) in layers.into_iter().enumerate() {
            let mut expected = |key: &str| golden.tensor::<3>(&format!("out.{key}.{index}"), &device);
            close(layer.logits.clone(), expected("logits"), MODEL, "logits");
            close(layer.boxes, expected("boxes"), MODEL, "boxes");
            close(layer.query_alignment, expected("query_alignment"), MODEL, "query alignment");
            // Padded tokens mean nothing: those of the first phrase, which has none.
            let first = |x: burn::tensor::Tensor<3>| x.narrow(0, 0, 1);
            let text = golden.tensor("out.text_alignment", &device);
            close(first(layer.text_alignment), first(text), MODEL, "text alignment");
        }
    }
}

/// Whatever is in the padding, of the image or of the phrase, does not show.
#[test]
fn padding_does_not_show() {
    let device = Device::flex();
    let (model, _) = TransVg::from_source(&transvg_config(), source("transvg.safetensors"), &device).unwrap();
    let mut golden = Golden::open("transvg.golden.safetensors");
    let (pixels, real) = (golden.mask("in.pixels", &device), golden.mask::<2>("in.real", &device));
    let images = model.encode_images(golden.tensor("in.images", &device), pixels);
    let ids = golden.ids("in.ids", &device);
    let other = ids.clone().mask_fill(real.clone().bool_not(), 7);
    let boxes = model.forward(&images, ids, real.clone()).boxes;
    close(model.forward(&images, other, real).boxes, boxes.clone(), 1e-6, "other padding of the phrase");
    let hidden = images.valid.clone().bool_not().unsqueeze_dim::<3>(2).expand(images.tokens.dims());
    let noisy = medground::vision::ImageFeatures {
        tokens: images.tokens.clone().mask_fill(hidden, 5.0),
        ..images.clone()
    };
    let (ids, real) = (golden.ids("in.ids", &device), golden.mask("in.real", &device));
    close(model.forward(&noisy, ids, real).boxes, boxes, 1e-6, "other padding of the image");
}

#[test]
fn weights_that_do_not_fit_are_named() {
    let device = Device::flex();
    let mut config = transvg_config();
    config.text_tokens = 7;
    let error = TransVg::from_source(&config, source("transvg.safetensors"), &device).unwrap_err();
    assert!(error.to_string().contains("vl_pos_embed.weight"), "{error}");
    let error = TransVg::from_source(&transvg_config(), source("mdetr.safetensors"), &device).unwrap_err();
    assert!(matches!(error, Error::Network(mednn::Error::Weights { .. })), "{error}");
    // A part too many.
    config = transvg_config();
    config.encoder = None;
    let error = TransVg::from_source(&config, source("transvg.safetensors"), &device).unwrap_err();
    assert!(error.to_string().contains("visumodel.transformer.encoder"), "{error}");
}

#[test]
fn sizes_that_cannot_be_are_refused() {
    let field = |config: &TransVgConfig| match config.validate() {
        Err(Error::Config { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(field(&TransVgConfig { image_size: 65, ..transvg_config() }), "image_size");
    assert_eq!(field(&TransVgConfig { text_tokens: 2, ..transvg_config() }), "text_tokens");
    let mut config = mdetr_config();
    config.token_slots = 4;
    assert!(matches!(config.validate(), Err(Error::Config { field: "token_slots", .. })));
    let published = TransVgConfig::new(VisionBackboneConfig::resnet50(), TextConfig::Bert(bert()));
    assert_eq!(1 + published.text_tokens + published.image_tokens(), 421);
}

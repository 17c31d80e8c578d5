//! EVP beside torch, its published sizes, and MVP's switch.

use burn::module::Module;
use burn::tensor::Tensor;
use mednn::bridge::read_f32;
use mednn::optim::{AdamWByPath, AdamWConfig};
use mednn::{Mit, MitConfig, SegformerConfig};
use medprompt::prompts::VisualPromptsConfig;
use medprompt::superpixel::{SlicConfig, SuperpixelNetworkConfig, SuperpixelSource};
use medprompt::{Adaptation, Backbone, BackboneConfig, Error, SegmentationConfig, TrainedWeights};
use safetensors::SafeTensors;

use crate::common::{Golden, close, config, device, fixture, images, model, tiny_mit, tiny_vit};

#[test]
fn sizes_are_the_published_ones() {
    let device = device();
    let count = |scale: usize| {
        let prompts = VisualPromptsConfig::new().with_scale(scale);
        prompts.init_mit(&MitConfig::b4(), &device).unwrap().num_params()
    };
    assert_eq!([2, 4, 8, 16].map(count), [1_801_376, 550_480, 188_072, 72_628]);

    let prompts = VisualPromptsConfig::new().init_mit(&MitConfig::b4(), &device).unwrap();
    assert_eq!(prompts.handcrafted_branch().num_params(), 122_928);
    let (mut embedding, mut adaptors, mut up) = (0, 0, 0);
    for (stage, width) in prompts.stages().iter().zip(MitConfig::b4().hidden_sizes) {
        let inner = width / 4;
        let parts = [inner * width + inner, stage.depth() * (inner * inner + inner), width * inner + width];
        assert_eq!(stage.num_params(), parts.iter().sum::<usize>());
        (embedding, adaptors, up) = (embedding + parts[0], adaptors + parts[1], up + parts[2]);
    }
    assert_eq!([embedding, adaptors, up], [96_512, 233_760, 97_280]);

    // The published 3,701,714 count a classifier of one logit on 128 channels that nothing uses: 128 + 1 numbers.
    let head = SegformerConfig::b4(1).init(&device.autodiff()).into_parts().1;
    let statistics = 2 * 768;
    let trained = head.num_params() - statistics;
    assert_eq!(550_480 + trained + 128 + 1, 3_701_714);
}

/// A model of the golden file: its trained weights as bytes of a file.
fn golden_file(config: &SegmentationConfig, backbone: &Backbone) -> Vec<u8> {
    let bytes = std::fs::read(fixture("medprompt/evp.safetensors")).unwrap();
    let golden = SafeTensors::deserialize(&bytes).unwrap();
    let trained = golden
        .tensors()
        .into_iter()
        .filter_map(|(key, view)| Some((key.strip_prefix("weights.")?.to_string(), view)));
    let metadata = format!(
        r#"{{"base": "tiny", "base_sha256": "{}", "config": {}}}"#,
        backbone.sha256().unwrap(),
        config.to_json()
    );
    let metadata = std::collections::HashMap::from([("medprompt".to_string(), metadata)]);
    safetensors::serialize(trained, Some(metadata)).unwrap()
}

#[test]
fn evp_on_a_segformer_is_that_of_torch() {
    let device = device();
    let json = std::fs::read_to_string(fixture("segformer/config.json")).unwrap();
    let mit = MitConfig::from_hugging_face(&json).unwrap();
    let config =
        SegmentationConfig::new(BackboneConfig::Mit(mit), Adaptation::evp(), 3).with_decoder_width(16);
    let backbone = Backbone::Mit(Mit::from_pretrained(fixture("segformer"), &device).unwrap());
    let weights = TrainedWeights::from_bytes("evp", golden_file(&config, &backbone)).unwrap();
    let model = weights.load(backbone, &device).unwrap();
    let mut golden = Golden::open("evp");
    let sizes = golden.suffixes("image.");
    assert_eq!(sizes.len(), 2);
    for size in sizes {
        let image = golden.tensor::<4>(&format!("image.{size}"), &device);
        let expected = golden.tensor::<4>(&format!("logits.{size}"), &device);
        close(model.segment(image).unwrap(), expected, 1e-5, &size);
    }
}

fn backbones() -> [BackboneConfig; 2] {
    [BackboneConfig::Mit(tiny_mit()), BackboneConfig::Vit(tiny_vit())]
}

fn mvp() -> Adaptation {
    Adaptation::mvp(SuperpixelSource::Slic(SlicConfig::new().with_segments(16)))
}

#[test]
fn the_gate_off_is_evp_to_the_bit() {
    let device = device();
    let images = images(2, 32, &device);
    for backbone in backbones() {
        let gated = model(&config(backbone.clone(), mvp(), 1), &device);
        let Adaptation::VisualPrompts { input, .. } = mvp() else { panic!("visual prompts") };
        let plain = Adaptation::VisualPrompts { input, prompts: VisualPromptsConfig::new() };
        let switched = gated.clone().without_gates();
        let plain_config = config(backbone, plain, 1);
        assert_eq!(switched.config(), &plain_config);
        // What the switched model saves is what an EVP model saves, and loads as one.
        let bytes = switched.trained_to_bytes("tiny").unwrap();
        let evp = TrainedWeights::from_bytes("evp", bytes).unwrap();
        let evp = evp.load(switched.backbone().clone(), &device).unwrap();
        assert!(evp.prompts().unwrap().stages().iter().all(|stage| stage.gate().is_none()));
        let logits =
            |model: &medprompt::SegmentationModel| read_f32(model.segment(images.clone()).unwrap()).unwrap();
        assert_eq!(logits(&switched), logits(&evp));
        // Gates begin at one: what they multiply by is exact.
        assert_eq!(logits(&gated), logits(&evp));
        assert!(gated.trained_parameters() >= switched.trained_parameters());
    }
}

#[test]
fn a_gate_weighs_channels_and_tokens() {
    let device = device().autodiff();
    let gated = model(&config(BackboneConfig::Mit(tiny_mit()), mvp(), 1), &device);
    let gate = gated.prompts().unwrap().stages()[0].gate().unwrap().clone();
    let prompt = Tensor::<3>::random([2, 5, 2], burn::tensor::Distribution::Normal(0.0, 1.0), &device);
    let (channels, tokens) = gate.factors(prompt.clone());
    assert_eq!((channels.dims(), tokens.dims()), ([2, 1, 2], [2, 5, 1]));
    let loss = gate.forward(prompt).square().sum();
    let gradients = loss.backward();
    let mut optimizer = AdamWByPath::new(AdamWConfig::new().with_weight_decay(0.0).build());
    let stepped = optimizer.step(gate, &gradients, |_| 0.1);
    let other = Tensor::<3>::ones([1, 3, 2], &device);
    let weighted = read_f32(stepped.forward(other)).unwrap();
    assert!(weighted.iter().any(|v| (v - 1.0).abs() > 1e-3), "{weighted:?}");
}

#[test]
fn images_that_do_not_fit_are_refused() {
    let device = device();
    for backbone in backbones() {
        let model = model(&config(backbone, Adaptation::evp(), 2), &device);
        for dims in [[0, 3, 32, 32], [1, 1, 32, 32], [1, 3, 32, 4], [1, 3, 1, 1]] {
            let found = model.segment(Tensor::zeros(dims, &device));
            assert!(matches!(found, Err(Error::Shape { what: "images", .. })), "{dims:?}");
        }
    }
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let mit = || BackboneConfig::Mit(tiny_mit());
    let refused = |config: SegmentationConfig| assert!(config.validate().is_err(), "{config:?}");
    refused(config(mit(), Adaptation::PromptTokens { count: 3 }, 1));
    refused(config(mit(), Adaptation::evp(), 0));
    refused(config(mit(), Adaptation::evp(), 1).with_image_std([0.0, 1.0, 1.0]));
    refused(config(
        mit(),
        Adaptation::mvp(SuperpixelSource::Network(SuperpixelNetworkConfig::new().with_segments(0))),
        1,
    ));
    let device = device();
    let uneven = VisualPromptsConfig::new().with_scale(3).init_mit(&tiny_mit(), &device);
    assert!(matches!(uneven, Err(Error::Config { field: "scale", .. })));
    let other = BackboneConfig::Mit(MitConfig::b0()).init(&device);
    assert!(config(mit(), Adaptation::evp(), 1).init(other, &device).is_err());
}

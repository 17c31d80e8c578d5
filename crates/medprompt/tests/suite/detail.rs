//! Hand-crafted features at the resolution of the image.

use burn::module::Module;
use burn::tensor::Tensor;
use mednn::bridge::{array_to_tensor, read_f32, tensor_to_array};
use medprompt::model::DetailConfig;
use medprompt::prompts::VisualPromptsConfig;
use medprompt::superpixel::{
    SlicConfig, SuperpixelNetworkConfig, SuperpixelPyramid, SuperpixelSource, slic_mean_images, slic_regions,
};
use medprompt::training::{Batch, Trainer, TrainingConfig};
use medprompt::{
    Adaptation, BackboneConfig, Error, PromptInput, SegmentationConfig, SegmentationModel, TrainedWeights,
};
use ndarray::{Array4, Ix4};

use crate::common::{close, config, device, images, model, tiny_mit, tiny_vit};

const LEVELS: [usize; 2] = [60, 15];

fn pyramid() -> PromptInput {
    PromptInput::SuperpixelPyramid(SuperpixelPyramid::new().with_segments(LEVELS.to_vec()))
}

fn image_and_pyramid() -> PromptInput {
    PromptInput::ImageAndPyramid(SuperpixelPyramid::new().with_segments(LEVELS.to_vec()))
}

fn inputs() -> Vec<DetailConfig> {
    let slic = SlicConfig::new().with_segments(20);
    vec![
        DetailConfig::new(PromptInput::Image),
        DetailConfig::new(PromptInput::high_pass()).with_width(4),
        DetailConfig::new(PromptInput::Superpixels(SuperpixelSource::Slic(slic.clone()))),
        DetailConfig::new(PromptInput::SuperpixelMaps(slic)),
        DetailConfig::new(pyramid()),
        DetailConfig::new(pyramid()).with_pooled(true),
        DetailConfig::new(image_and_pyramid()).with_pooled(true),
    ]
}

fn backbones() -> [BackboneConfig; 2] {
    [BackboneConfig::Mit(tiny_mit()), BackboneConfig::Vit(tiny_vit())]
}

/// After some steps, so that the head for details says something.
fn trained(config: &SegmentationConfig, steps: usize) -> (SegmentationModel, Vec<f32>) {
    let device = device().autodiff();
    let mut model = model(config, &device);
    let images = images(2, 32, &device);
    let targets = images.clone().mean_dim(1).greater_elem(0.5).float().repeat_dim(1, config.classes);
    let batch = Batch { images, targets };
    let settings = TrainingConfig::new(steps).with_learning_rate(2e-2).with_final_learning_rate(2e-2);
    let mut trainer = Trainer::new(settings).unwrap();
    let mut losses = Vec::new();
    while !trainer.is_over() {
        let loss;
        (model, loss) = trainer.step(model, &batch).unwrap();
        losses.push(loss);
    }
    (model.valid(), losses)
}

#[test]
fn training_starts_from_the_decoder_alone() {
    let device = device();
    let images = images(2, 32, &device);
    for backbone in backbones() {
        for detail in inputs() {
            let with = config(backbone.clone(), Adaptation::HeadOnly, 2).with_detail(Some(detail.clone()));
            let say = |model: &SegmentationModel, guides| model.forward(images.clone(), Some(guides));
            let new = model(&with, &device);
            let guides = new.guides(&images).unwrap().unwrap();
            let nothing = guides.zeros_like();
            close(say(&new, guides.clone()), say(&new, nothing.clone()), 0.0, &format!("{detail:?}"));
            let (later, _) = trained(&with, 3);
            let difference = say(&later, guides) - say(&later, nothing);
            assert!(difference.abs().max().into_scalar::<f32>() > 0.0, "{detail:?}");
        }
    }
}

#[test]
fn details_are_learnt_and_followed_to_the_pixel() {
    let device = device();
    for backbone in backbones() {
        let plain = config(backbone, Adaptation::HeadOnly, 1);
        for detail in inputs() {
            let (model, losses) = trained(&plain.clone().with_detail(Some(detail.clone())), 25);
            let (first, last) = (losses[0], losses[losses.len() - 1]);
            assert!(last < 0.8 * first, "{detail:?}: {first} to {last}");
            // A few pixels of the guide change what is said there, which the grid of the backbone alone could not.
            let images = images(1, 32, &device);
            let guides = model.guides(&images).unwrap().unwrap();
            let changed = guides.clone().slice_assign(
                [0..1, 0..3, 9..13, 18..22],
                guides.clone().slice([0..1, 0..3, 9..13, 18..22]) * -2.0 + 1.0,
            );
            let say = |guides| model.forward(images.clone(), Some(guides));
            let difference = (say(changed) - say(guides.clone())).abs();
            let sum = |tensor: Tensor<4>| tensor.sum().into_scalar::<f32>();
            let near = sum(difference.clone().slice([0..1, 0..1, 7..15, 16..24]));
            let far = (sum(difference) - near).abs();
            // Convolutions by minimal filtering round all outputs of a tile anew.
            assert!(
                far <= 1e-2 * near + 1e-3,
                "{detail:?}: two 3x3 convolutions reach two pixels, {far} of {near}"
            );
            let other = guides.clone() * (-2.0) + 1.0;
            let all = [0..1, 0..3, 0..32, 0..32];
            let other = guides.clone().slice_assign(all.clone(), other.slice(all));
            assert!(sum((say(other) - say(guides)).abs()) > 0.0, "{detail:?}");
        }
    }
}

#[test]
fn a_pyramid_is_made_of_its_levels() {
    let device = device();
    let images = images(2, 32, &device);
    let array: Array4<f32> = tensor_to_array(images.clone()).unwrap().into_dimensionality::<Ix4>().unwrap();
    let detail = DetailConfig::new(pyramid()).with_pooled(true);
    let mut plain = config(backbones()[1].clone(), Adaptation::HeadOnly, 1).with_detail(Some(detail));
    (plain.image_mean, plain.image_std) = ([0.0; 3], [1.0; 3]);
    let guides = model(&plain, &device).guides(&images).unwrap().unwrap();
    assert_eq!(guides.dims(), [2, 3 * 2 + 2, 32, 32]);
    for (level, segments) in LEVELS.into_iter().enumerate() {
        let slic = SlicConfig::new().with_segments(segments);
        let means = array_to_tensor(&slic_mean_images(array.view(), &slic).unwrap(), &device);
        close(guides.clone().narrow(1, 3 * level, 3), means, 1e-6, "means");
        let regions = array_to_tensor(&slic_regions(array.view(), &slic).unwrap(), &device);
        close(guides.clone().narrow(1, 6 + level, 1), regions, 0.0, "regions");
    }
    let detail = DetailConfig::new(image_and_pyramid()).with_pooled(true);
    let both = model(&plain.with_detail(Some(detail)), &device).guides(&images).unwrap().unwrap();
    assert_eq!(both.dims(), [2, 3 + 3 * 2 + 2, 32, 32]);
    close(both.clone().narrow(1, 0, 3), images, 1e-6, "the image");
    close(both.narrow(1, 3, 8), guides, 0.0, "its levels");
}

#[test]
fn pyramids_are_prompts_too() {
    let device = device();
    let prompts = VisualPromptsConfig::new().with_channels(6);
    let adaptation = Adaptation::VisualPrompts { input: pyramid(), prompts: prompts.clone() };
    let shared =
        config(backbones()[0].clone(), adaptation, 1).with_detail(Some(DetailConfig::new(pyramid())));
    let model = model(&shared, &device);
    assert_eq!(model.guides(&images(1, 32, &device)).unwrap().unwrap().dims(), [1, 12, 32, 32]);
    assert_eq!(model.segment(images(1, 32, &device)).unwrap().dims(), [1, 1, 32, 32]);
    let prompts_of_both = prompts.clone().with_channels(9);
    let adaptation = Adaptation::VisualPrompts { input: image_and_pyramid(), prompts: prompts_of_both };
    let both = self::model(&config(backbones()[0].clone(), adaptation, 1), &device);
    assert_eq!(both.guides(&images(1, 32, &device)).unwrap().unwrap().dims(), [1, 9, 32, 32]);
    let narrow = Adaptation::VisualPrompts { input: PromptInput::Image, prompts };
    let wrong = config(backbones()[0].clone(), narrow, 1).validate();
    assert!(matches!(wrong, Err(Error::Config { field: "channels", .. })));
}

#[test]
fn trained_details_load_to_the_bit_and_older_configurations_are_read() {
    let device = device();
    for backbone in backbones() {
        let with = config(backbone, Adaptation::HeadOnly, 3)
            .with_detail(Some(DetailConfig::new(pyramid()).with_pooled(true)));
        let (model, _) = trained(&with, 2);
        let bytes = model.trained_to_bytes("tiny").unwrap();
        let weights = TrainedWeights::from_bytes("tiny", bytes).unwrap();
        assert_eq!(weights.config(), &with);
        let loaded = weights.load(model.backbone().clone(), &device).unwrap();
        let logits = |m: &SegmentationModel| read_f32(m.segment(images(1, 32, &device)).unwrap()).unwrap();
        assert!(logits(&loaded) == logits(&model));
        let older = with.clone().with_detail(None);
        let json = older.to_json().replace(",\"detail\":null", "");
        assert!(!json.contains("detail"));
        assert_eq!(SegmentationConfig::from_json(&json).unwrap(), older);
    }
}

#[test]
fn what_cannot_be_a_detail_is_said() {
    let network = SuperpixelSource::Network(SuperpixelNetworkConfig::new());
    let empty = PromptInput::SuperpixelPyramid(SuperpixelPyramid::new().with_segments(Vec::new()));
    for (detail, expected) in [
        (DetailConfig::new(PromptInput::Image).with_pooled(true), "pooled"),
        (DetailConfig::new(PromptInput::Image).with_width(0), "width"),
        (DetailConfig::new(PromptInput::Superpixels(network)), "input"),
        (DetailConfig::new(empty), "segments"),
        (DetailConfig::new(PromptInput::HighPass { ratio: 2.0 }), "ratio"),
    ] {
        let found =
            config(backbones()[0].clone(), Adaptation::HeadOnly, 1).with_detail(Some(detail)).validate();
        assert!(
            matches!(found, Err(Error::Config { field, .. }) if field == expected),
            "{expected}: {found:?}"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let with = config(backbones()[0].clone(), Adaptation::Full, 1)
        .with_detail(Some(DetailConfig::new(PromptInput::Image)));
    let saved = model(&with, &device()).save_segformer(folder.path(), mednn::weights::Precision::F32);
    assert!(matches!(saved, Err(Error::Config { field: "detail", .. })));
}

//! Models are used as they were trained.

use burn::tensor::activation;
use medcore::{Geometry, Point3, Spacing, Volume};
use mednn::bridge::{array_to_tensor, tensor_to_array};
use mednn::weights::Precision;
use medprompt::inference::{
    Intensity, Preprocessor, PromptSegmenter, Resizing, SegmentOptions, Usage, VolumeOptions,
};
use medprompt::training::{Augmentation, Random, Sample};
use medprompt::{Adaptation, BackboneConfig, Error, TrainedWeights};
use ndarray::{Array2, Array3, Axis, Ix4};

use crate::common::{config, device, fixture, images, model, tiny_mit};

fn segmenter(options: SegmentOptions) -> PromptSegmenter {
    let model = model(&config(BackboneConfig::Mit(tiny_mit()), Adaptation::HeadOnly, 3), &device());
    PromptSegmenter::new(&model, &device()).with_options(options).unwrap()
}

/// As training scores a sample: no change but the size.
fn resized(image: Array3<f32>, size: usize) -> Array3<f32> {
    let mask = Array2::zeros([image.dim().1, image.dim().2]);
    let sample = Sample::new(image, mask).unwrap();
    let same = Augmentation::none([size, size]).apply(&sample, &mut Random::new(0, 0)).unwrap();
    same.into_parts().0
}

#[test]
fn a_whole_image_of_training_is_one_window() {
    let options = SegmentOptions::new().with_window(32).with_resizing(Some(Resizing::new(32)));
    let segmenter = segmenter(options);
    let image = tensor_to_array(images(1, 64, &device())).unwrap().into_dimensionality::<Ix4>().unwrap();
    let image = image.index_axis_move(Axis(0), 0);
    let seen = resized(image.clone(), 32).insert_axis(Axis(0));
    let logits = segmenter.model().segment(array_to_tensor(&seen, &device())).unwrap();
    let found =
        tensor_to_array(activation::softmax(logits, 1)).unwrap().into_dimensionality::<Ix4>().unwrap();
    // Three classes are resized as three colours are.
    let expected = resized(found.index_axis_move(Axis(0), 0), 64);
    let found = segmenter.segment_array(image.view()).unwrap();
    assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-6));
}

#[test]
fn volumes_stored_in_other_orientations_get_the_same_labels() {
    let size = [5, 34, 40];
    let geometry = Geometry::axial(size, Spacing::new(0.7, 0.8, 3.0), Point3::new(-10.0, 5.0, 2.0)).unwrap();
    let voxels = Array3::from_shape_fn(size, |(z, y, x)| (z * 90 + (y * 13 + x * x) % 290) as i16 - 100);
    let volume = Volume::new(voxels, geometry).unwrap();
    let percentiles = Intensity::Percentiles { low: 0.5, high: 99.5 };
    let options = SegmentOptions::new()
        .with_window(32)
        .with_resizing(Some(Resizing::new(32).with_square(true)))
        .with_preprocessor(Preprocessor::new().with_intensity(percentiles));
    let turning = segmenter(options.clone().with_orientation(Some("LIP".to_string())));
    let keep = VolumeOptions::new().with_keep_foreground(true);
    let expected = turning.segment_volume(&volume, &keep).unwrap();
    assert_eq!(expected.labels.geometry(), &geometry);
    for stored in ["RAS", "PIL", "LIP"] {
        let turned = volume.reorient(stored).unwrap();
        let found = turning.segment_volume(&turned, &keep).unwrap();
        assert_eq!(found.labels.geometry(), turned.geometry());
        let back = found.labels.reorient("LPS").unwrap();
        assert_eq!(back.volume().voxels(), expected.labels.volume().voxels(), "{stored}");
        let back = found.foreground.unwrap().reorient("LPS").unwrap();
        assert_eq!(back.voxels(), expected.foreground.as_ref().unwrap().voxels(), "{stored}");
    }
    // As stored it is another image.
    let as_stored = segmenter(options).segment_volume(&volume, &keep).unwrap();
    assert_ne!(as_stored.foreground.unwrap().voxels(), expected.foreground.unwrap().voxels());
}

#[test]
fn trained_files_say_how_they_are_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trained.safetensors");
    let base = fixture("segformer");
    let json = std::fs::read_to_string(base.join("config.json")).unwrap();
    let backbone = BackboneConfig::from_hugging_face(&json).unwrap();
    let loaded = medprompt::Backbone::from_pretrained(&base, &device()).unwrap();
    let model = config(backbone, Adaptation::HeadOnly, 2).init(loaded, &device()).unwrap();
    let window = Intensity::Range { low: -160.0, high: 240.0 };
    let options = SegmentOptions::new()
        .with_window(64)
        .with_preprocessor(Preprocessor::new().with_intensity(window))
        .with_resizing(Some(Resizing::new(64).with_tile(Some(96))))
        .with_orientation(Some("LPS".to_string()));
    let names = vec!["background".to_string(), "liver".to_string()];
    let usage = Usage::new(options).with_class_names(names);
    model.save_trained_for(&path, "tiny", &usage).unwrap();
    assert_eq!(TrainedWeights::open(&path).unwrap().usage(), Some(&usage));
    let segmenter = PromptSegmenter::from_pretrained(&base, &path, &device()).unwrap();
    assert_eq!(segmenter.usage(), usage);

    // So does a folder; one logit has the name of the foreground.
    model.save_segformer(folder.path(), Precision::F32).unwrap();
    usage.save_beside(folder.path()).unwrap();
    assert_eq!(PromptSegmenter::from_segformer(folder.path(), &device()).unwrap().usage(), usage);

    // A file that does not say is used by default.
    model.save_trained(&path, "tiny").unwrap();
    let silent = PromptSegmenter::from_pretrained(&base, &path, &device()).unwrap();
    assert_eq!(silent.usage(), Usage::new(SegmentOptions::new()));

    let three = usage.clone().with_class_names(vec![String::new(); 3]);
    let error = model.save_trained_for(&path, "tiny", &three).unwrap_err();
    assert!(matches!(error, Error::Config { field: "class_names", .. }), "{error}");
    let nowhere = SegmentOptions::new().with_orientation(Some("LPX".to_string()));
    let error = model.save_trained_for(&path, "tiny", &Usage::new(nowhere)).unwrap_err();
    assert!(matches!(error, Error::Config { field: "orientation", .. }), "{error}");
}

#[test]
fn one_logit_is_called_as_the_foreground() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(&config(BackboneConfig::Mit(tiny_mit()), Adaptation::Full, 1), &device());
    model.save_segformer(folder.path(), Precision::F32).unwrap();
    let names = vec!["background".to_string(), "nucleus".to_string()];
    let usage = Usage::new(SegmentOptions::new()).with_class_names(names);
    usage.save_beside(folder.path()).unwrap();
    assert_eq!(PromptSegmenter::from_segformer(folder.path(), &device()).unwrap().usage(), usage);
    let text = std::fs::read_to_string(folder.path().join("config.json")).unwrap();
    assert!(text.contains(r#""0": "nucleus""#), "{text}");
}

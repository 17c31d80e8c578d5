//! Images and volumes of any size, and what users say.

use std::ops::ControlFlow;

use burn::tensor::Tensor;
use medcore::{Geometry, Image, PixelSpacing, Point3, Spacing, Volume};
use mednn::bridge::tensor_to_array;
use mednn::weights::Precision;
use medprompt::inference::{
    Intensity, Interaction, Plane, Preprocessor, PromptSegmenter, SegmentOptions, VolumeOptions,
    interactive_mask,
};
use medprompt::superpixel::{SlicConfig, SuperpixelSource};
use medprompt::{Adaptation, BackboneConfig, Error};
use medsuperpixel::Superpixels;
use ndarray::{Array2, Array3, Array4, Axis, array, s};

use crate::common::{config, device, fixture, images, model, tiny_mit, tiny_vit};

fn segmenter(backbone: BackboneConfig, classes: usize, window: usize) -> PromptSegmenter {
    let slic = SuperpixelSource::Slic(SlicConfig::new().with_segments(16));
    let model = model(&config(backbone, Adaptation::mvp(slic), classes), &device());
    let options = SegmentOptions::new().with_window(window);
    PromptSegmenter::new(&model, &device()).with_options(options).unwrap()
}

fn colour(height: usize, width: usize) -> Array3<f32> {
    let side = height.max(width);
    let array = tensor_to_array(images(1, side, &device())).unwrap();
    let array = array.into_dimensionality::<ndarray::Ix4>().unwrap();
    array.slice(s![0, .., ..height, ..width]).to_owned()
}

fn is_probability(found: &Array3<f32>) -> bool {
    found.iter().all(|p| (0.0..=1.0001).contains(p))
        && found.sum_axis(Axis(0)).iter().all(|sum| (sum - 1.0).abs() < 1e-4)
}

#[test]
fn images_of_any_size_and_kind_get_probabilities_with_their_geometry() {
    for (backbone, classes) in [(BackboneConfig::Mit(tiny_mit()), 1), (BackboneConfig::Vit(tiny_vit()), 3)] {
        let segmenter = segmenter(backbone, classes, 32);
        for (height, width) in [(1, 1), (5, 70), (32, 32), (33, 47), (90, 40)] {
            let found = segmenter.segment_array(colour(height, width).view()).unwrap();
            assert_eq!(found.dim(), (classes.max(2), height, width));
            assert!(is_probability(&found), "{height} x {width}");
        }
        let spacing = PixelSpacing { column: 0.5, row: 0.25 };
        let grey = Image::grey(Array2::from_shape_fn((40, 36), |(r, c)| (r * 900 + c * 50) as u16)).unwrap();
        let grey = grey.with_spacing(spacing).unwrap();
        let found = segmenter.segment(&grey).unwrap();
        assert_eq!(found.label_image().unwrap().spacing(), Some(spacing));
        assert_eq!(found.probability_image().unwrap().channels(), classes.max(2));
        assert!(found.probability(classes.max(2)).is_none());
        let labels = found.labels();
        for ((r, c), &label) in labels.indexed_iter() {
            let own = found.probabilities()[[usize::from(label), r, c]];
            assert!(found.probabilities().slice(s![.., r, c]).iter().all(|p| *p <= own));
        }
    }
}

#[test]
fn one_window_is_the_model_itself() {
    let segmenter = segmenter(BackboneConfig::Mit(tiny_mit()), 3, 64);
    let image = colour(48, 40);
    let found = segmenter.segment_array(image.view()).unwrap();
    let images = mednn::bridge::array_to_tensor::<4, _>(&image.insert_axis(Axis(0)), &device());
    let logits: Tensor<4> = segmenter.model().segment(images).unwrap();
    let expected = tensor_to_array(burn::tensor::activation::softmax(logits, 1)).unwrap();
    assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-5));
}

#[test]
fn flips_make_mirror_images_give_mirror_results() {
    let segmenter = segmenter(BackboneConfig::Mit(tiny_mit()), 1, 32);
    // High frequencies: superpixels of a mirror image need not be the mirror image of superpixels.
    let evp = model(&config(BackboneConfig::Mit(tiny_mit()), Adaptation::evp(), 1), &device());
    let options = segmenter.options().clone().with_flips(true);
    let segmenter = PromptSegmenter::new(&evp, &device()).with_options(options).unwrap();
    let image = colour(32, 32);
    let found = segmenter.segment_array(image.view()).unwrap();
    let mirrored = segmenter.segment_array(image.slice(s![.., .., ..;-1])).unwrap();
    let back = mirrored.slice(s![.., .., ..;-1]);
    assert!(found.iter().zip(back).all(|(a, b)| (a - b).abs() < 1e-4));
}

#[test]
fn volumes_keep_their_geometry_along_every_axis() {
    let segmenter = segmenter(BackboneConfig::Mit(tiny_mit()), 3, 32);
    let size = [3, 34, 30];
    let geometry = Geometry::axial(size, Spacing::new(0.7, 0.8, 3.0), Point3::new(-10.0, 5.0, 2.0)).unwrap();
    let voxels = Array3::from_shape_fn(size, |(z, y, x)| (z * 100 + (y * 13 + x * 7) % 90) as i16 - 100);
    let volume = Volume::new(voxels, geometry).unwrap();
    let all = vec![Plane::Slices, Plane::Rows, Plane::Columns];
    for planes in [vec![Plane::Slices], vec![Plane::Rows], vec![Plane::Columns, Plane::Slices], all] {
        let options = VolumeOptions::new().with_planes(planes).with_keep_foreground(true);
        let found = segmenter.segment_volume(&volume, &options).unwrap();
        assert_eq!(found.labels.geometry(), &geometry);
        let foreground = found.foreground.unwrap();
        assert_eq!(foreground.geometry(), &geometry);
        assert!(foreground.as_slice().iter().all(|p| (-1e-4..=1.0001).contains(p)));
    }
    // A slice alone, scaled as the volume is, gives what the slice in the volume gives.
    let found = segmenter.segment_volume(&volume, &VolumeOptions::new()).unwrap();
    let (low, high) = volume.min_max().unwrap();
    let intensity = Intensity::Range { low: f32::from(low), high: f32::from(high) };
    let options =
        segmenter.options().clone().with_preprocessor(Preprocessor::new().with_intensity(intensity));
    let alone = segmenter.clone().with_options(options).unwrap();
    let alone = alone.segment(&Image::grey(volume.slice(1).unwrap().to_owned()).unwrap()).unwrap();
    assert_eq!(found.labels.volume().slice(1).unwrap(), alone.labels());

    let clean = VolumeOptions::new().with_min_voxels(usize::MAX);
    let found = segmenter.segment_volume(&volume, &clean).unwrap();
    assert!(found.labels.volume().as_slice().iter().all(|label| *label == 0));
    assert!(found.foreground.is_none());
    for wrong in [Vec::new(), vec![Plane::Rows, Plane::Rows]] {
        assert!(segmenter.segment_volume(&volume, &VolumeOptions::new().with_planes(wrong)).is_err());
    }
    for threshold in [-0.1, f32::NAN] {
        let options = VolumeOptions::new().with_threshold(Some(threshold));
        assert!(matches!(segmenter.segment_volume(&volume, &options), Err(Error::Config { .. })));
    }
}

/// Probabilities `[class, slice, row, column]` of a volume along one axis, slice by slice, in 32 bits.
fn along(segmenter: &PromptSegmenter, volume: &Volume<i16>, plane: Plane) -> Array4<f32> {
    let (low, high) = volume.min_max().unwrap();
    let intensity = Intensity::Range { low: f32::from(low), high: f32::from(high) };
    let options =
        segmenter.options().clone().with_preprocessor(Preprocessor::new().with_intensity(intensity));
    let segmenter = segmenter.clone().with_options(options).unwrap();
    let size = volume.size();
    let mut all = Array4::zeros([3, size[0], size[1], size[2]]);
    for index in 0..volume.voxels().len_of(plane.axis()) {
        let slice = volume.voxels().index_axis(plane.axis(), index).to_owned();
        let found = segmenter.segment(&Image::grey(slice).unwrap()).unwrap();
        all.index_axis_mut(Axis(plane.axis().index() + 1), index).assign(&found.probabilities());
    }
    all
}

#[test]
fn several_axes_give_the_mean_of_their_probabilities() {
    let segmenter = segmenter(BackboneConfig::Mit(tiny_mit()), 3, 32);
    let size = [9, 12, 10];
    let geometry = Geometry::axial(size, Spacing::isotropic(1.0), Point3::new(0.0, 0.0, 0.0)).unwrap();
    let voxels = Array3::from_shape_fn(size, |(z, y, x)| (z * 31 + (y * 13 + x * 7) % 90) as i16);
    let volume = Volume::new(voxels, geometry).unwrap();
    let planes = [Plane::Slices, Plane::Columns, Plane::Rows];
    let parts = planes.map(|plane| along(&segmenter, &volume, plane));
    let mean = (&parts[0] + &parts[1] + &parts[2]) / 3.0;
    let threshold = 0.6;
    let options = VolumeOptions::new().with_planes(planes.to_vec()).with_keep_foreground(true);
    let found = segmenter.segment_volume(&volume, &options).unwrap();
    let foreground = found.foreground.unwrap();
    for ((at, &label), &p) in found.labels.volume().voxels().indexed_iter().zip(foreground.as_slice()) {
        let of = |class: usize| mean[[class, at.0, at.1, at.2]];
        // 16 bits: a difference below this may go either way.
        assert!((0..3).all(|class| of(class) <= of(usize::from(label)) + 1e-4));
        assert!((p - (1.0 - of(0))).abs() < 1e-4);
    }
    let options = options.with_threshold(Some(threshold));
    let found = segmenter.segment_volume(&volume, &options).unwrap();
    for (at, &label) in found.labels.volume().voxels().indexed_iter() {
        let of = |class: usize| mean[[class, at.0, at.1, at.2]];
        if (1.0 - of(0) - threshold).abs() > 1e-4 {
            assert_eq!(label > 0, 1.0 - of(0) >= threshold);
        }
    }
}

#[test]
fn batches_and_progress_change_nothing() {
    let evp = model(&config(BackboneConfig::Mit(tiny_mit()), Adaptation::evp(), 3), &device());
    let image = colour(70, 50);
    let mut first: Option<Array3<f32>> = None;
    for flips in [false, true] {
        for batch in [1, 3, 16] {
            let options = SegmentOptions::new().with_window(32).with_flips(flips).with_batch(batch);
            let segmenter = PromptSegmenter::new(&evp, &device()).with_options(options).unwrap();
            let mut seen = Vec::new();
            let image = Image::new(image.clone()).unwrap();
            let found = segmenter.segment_with(&image, &mut |progress| {
                seen.push((progress.done, progress.total));
                ControlFlow::Continue(())
            });
            let found = found.unwrap().probabilities().to_owned();
            assert_eq!(seen, (1..=6).map(|done| (done, 6)).collect::<Vec<_>>());
            match (&first, flips) {
                (Some(first), false) => assert!(found.iter().zip(first).all(|(a, b)| (a - b).abs() < 1e-5)),
                _ => assert!(is_probability(&found)),
            }
            if !flips {
                first = Some(found);
            }
        }
    }
    let segmenter = PromptSegmenter::new(&evp, &device());
    let image = Image::new(image).unwrap();
    let stopped = segmenter.segment_with(&image, &mut |_| ControlFlow::Break(())).unwrap_err();
    assert!(matches!(stopped, Error::Cancelled { done: 1, total: 1 }), "{stopped}");
    assert!(SegmentOptions::new().with_batch(0).validate().is_err());
}

#[test]
fn a_threshold_decides_what_is_foreground() {
    let segmenter = segmenter(BackboneConfig::Mit(tiny_mit()), 3, 64);
    let image = Image::new(colour(40, 40)).unwrap();
    let found = segmenter.segment(&image).unwrap();
    assert!(found.labels_above(0.0).unwrap().iter().all(|label| *label > 0));
    let strict = found.labels_above(0.7).unwrap();
    let p = found.probabilities();
    for ((r, c), &label) in strict.indexed_iter() {
        let foreground = 1.0 - p[[0, r, c]];
        assert_eq!(found.foreground()[[r, c]], foreground);
        assert_eq!(label > 0, foreground >= 0.7);
        assert!(label == 0 || p[[usize::from(label), r, c]] >= p[[3 - usize::from(label), r, c]]);
    }
    assert!(matches!(found.labels_above(1.5), Err(Error::Config { field: "threshold", .. })));
}

#[test]
fn folders_of_segformers_say_how_they_are_used() {
    let device = device();
    let published = PromptSegmenter::from_segformer(fixture("segformer"), &device).unwrap();
    assert_eq!(published.options().preprocessor.intensity, Intensity::Range { low: 0.0, high: 255.0 });
    let folder = tempfile::tempdir().unwrap();
    let whole = model(&config(BackboneConfig::Mit(tiny_mit()), Adaptation::Full, 2), &device);
    whole.save_segformer(folder.path(), Precision::F32).unwrap();
    let options = SegmentOptions::new().with_window(48).with_overlap(0.5);
    options.save_beside(folder.path()).unwrap();
    let read = PromptSegmenter::from_segformer(folder.path(), &device).unwrap();
    assert_eq!(read.options(), &options);
    assert!(read.class_names().is_empty(), "names that are made up");
    let image = colour(48, 40);
    let expected = PromptSegmenter::new(&whole, &device).with_options(options).unwrap();
    let expected = expected.segment_array(image.view()).unwrap();
    assert!(
        read.segment_array(image.view()).unwrap().iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-6)
    );

    let path = folder.path().join("config.json");
    let json = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, json.replace("\"LABEL_0\"", "\"air\"").replace("\"LABEL_1\"", "\"cell\"")).unwrap();
    let read = PromptSegmenter::from_segformer(folder.path(), &device).unwrap();
    assert_eq!(read.class_names(), ["air", "cell"]);
    let options = folder.path().join("segment_options.json");
    let json = std::fs::read_to_string(&options).unwrap();
    std::fs::write(&options, json.replace("48", "0")).unwrap();
    assert!(matches!(PromptSegmenter::from_segformer(folder.path(), &device), Err(Error::Config { .. })));
    std::fs::write(&options, "{").unwrap();
    assert!(matches!(PromptSegmenter::from_segformer(folder.path(), &device), Err(Error::Syntax { .. })));
    std::fs::remove_file(options).unwrap();
    std::fs::write(folder.path().join("preprocessor_config.json"), r#"{"rescale_factor": 0.0}"#).unwrap();
    let error = PromptSegmenter::from_segformer(folder.path(), &device).unwrap_err();
    assert!(matches!(error, Error::Config { field: "rescale_factor", .. }), "{error}");
}

#[test]
fn images_are_scaled_and_wrong_ones_refused() {
    let prepare = |image: Array3<f32>, intensity| {
        Preprocessor::new().with_intensity(intensity).prepare(&Image::new(image).unwrap())
    };
    let ramp = Array3::from_shape_fn((1, 1, 5), |(_, _, c)| (c as f32 - 2.0) * 1e38);
    let found = prepare(ramp.clone(), Intensity::MinMax).unwrap();
    assert_eq!(found.slice(s![2, 0, ..]).to_vec(), [0.0, 0.25, 0.5, 0.75, 1.0]);
    let found = prepare(ramp, Intensity::Percentiles { low: 25.0, high: 75.0 }).unwrap();
    assert_eq!(found.slice(s![0, 0, ..]).to_vec(), [0.0, 0.0, 0.5, 1.0, 1.0]);
    let flat = prepare(Array3::ones((3, 2, 2)), Intensity::MinMax).unwrap();
    assert!(flat.iter().all(|v| *v == 0.0));
    // Opacity, even one that is not finite, is left out.
    let mut rgba = Array3::from_shape_fn((4, 2, 2), |(k, _, _)| k as f32);
    rgba[[3, 0, 0]] = f32::NAN;
    assert_eq!(prepare(rgba, Intensity::MinMax).unwrap().dim(), (3, 2, 2));
    assert!(matches!(prepare(Array3::ones((2, 2, 2)), Intensity::MinMax), Err(Error::Shape { .. })));
    assert!(matches!(
        prepare(Array3::from_elem((1, 2, 2), f32::NAN), Intensity::MinMax),
        Err(Error::NotFinite { .. })
    ));
    for wrong in [
        Intensity::Range { low: 1.0, high: 1.0 },
        Intensity::Range { low: f32::NAN, high: 1.0 },
        Intensity::Percentiles { low: 50.0, high: 10.0 },
        Intensity::Percentiles { low: 0.0, high: 101.0 },
    ] {
        assert!(matches!(prepare(Array3::ones((1, 2, 2)), wrong), Err(Error::Config { .. })), "{wrong:?}");
    }
    assert!(SegmentOptions::new().with_window(0).validate().is_err());
    assert!(SegmentOptions::new().with_overlap(1.0).validate().is_err());
}

/// Six superpixels of 2 x 2 pixels, the probability of each, and a gap between the left and the right object.
fn scene() -> (Array2<f32>, Superpixels) {
    let labels = Array3::from_shape_fn((1, 4, 6), |(_, r, c)| (r / 2 * 3 + c / 2 + 1) as u32);
    let likely = [0.9, 0.2, 0.8, 0.7, 0.1, 0.3];
    let probability = labels.index_axis(Axis(0), 0).mapv(|label| likely[label as usize - 1]);
    (probability, Superpixels::from_labels(labels, Spacing::isotropic(1.0)).unwrap())
}

/// Which superpixels of the scene are in a mask, whole.
fn chosen(interactions: &[Interaction]) -> Vec<u32> {
    let (probability, superpixels) = scene();
    let mask = interactive_mask(probability.view(), &superpixels, interactions, 0.5).unwrap();
    let labels = superpixels.slice(0).unwrap();
    (1..=6)
        .filter(|label| {
            let inside: Vec<bool> =
                labels.iter().zip(&mask).filter(|(l, _)| *l == label).map(|(_, inside)| *inside).collect();
            assert!(inside.iter().all(|i| *i == inside[0]), "superpixels stay whole");
            inside[0]
        })
        .collect()
}

#[test]
fn clicks_boxes_and_scribbles_choose_whole_superpixels() {
    assert_eq!(chosen(&[Interaction::Click([0, 0])]), [1, 4]);
    assert_eq!(chosen(&[Interaction::Click([1, 5])]), [3]);
    assert_eq!(chosen(&[Interaction::Click([0, 0]), Interaction::Exclude([3, 1])]), [1]);
    // An unlikely superpixel that is clicked joins two objects.
    assert_eq!(chosen(&[Interaction::Scribble(vec![[0, 0], [0, 2]])]), [1, 2, 3, 4]);
    let whole = Interaction::Box { start: [0, 0], end: [4, 6] };
    assert_eq!(chosen(std::slice::from_ref(&whole)), [1, 3, 4]);
    assert_eq!(chosen(&[Interaction::Box { start: [0, 0], end: [2, 6] }]), [1, 3]);
    // Half of a superpixel is not more than half.
    assert_eq!(chosen(&[Interaction::Box { start: [0, 0], end: [3, 6] }]), [1, 3]);
    assert_eq!(chosen(&[whole, Interaction::Click([3, 0])]), [1, 4]);
    // What two boxes have in common counts once; of two boxes beside each other both count.
    let part = |start, end| Interaction::Box { start, end };
    assert_eq!(chosen(&[part([0, 0], [3, 6]), part([0, 0], [3, 6])]), [1, 3]);
    assert_eq!(chosen(&[part([0, 0], [3, 6]), part([3, 0], [4, 6])]), [1, 3, 4]);
}

#[test]
fn wrong_interactions_are_refused() {
    let (probability, superpixels) = scene();
    let ask = |interactions: &[Interaction], threshold| {
        interactive_mask(probability.view(), &superpixels, interactions, threshold)
    };
    assert!(matches!(ask(&[Interaction::Click([4, 0])], 0.5), Err(Error::Outside { row: 4, .. })));
    assert!(matches!(ask(&[Interaction::Scribble(vec![[0, 0], [0, 6]])], 0.5), Err(Error::Outside { .. })));
    let far = Interaction::Box { start: [0, 0], end: [4, 7] };
    assert!(matches!(ask(&[far], 0.5), Err(Error::Outside { .. })));
    let empty = Interaction::Box { start: [2, 2], end: [2, 3] };
    for wrong in [&[empty][..], &[Interaction::Scribble(Vec::new())], &[]] {
        assert!(matches!(ask(wrong, 0.5), Err(Error::Config { .. })));
    }
    assert!(ask(&[Interaction::Click([0, 0])], f32::NAN).is_err());
    let other = array![[0.5f32, 0.5]];
    assert!(matches!(
        interactive_mask(other.view(), &superpixels, &[Interaction::Click([0, 0])], 0.5),
        Err(Error::Shape { .. })
    ));
}

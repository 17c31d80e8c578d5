//! `segment` as a user runs it, and as a library: on the nuclei of fixtures, on scans, and on input that is broken.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::Command;

use burn::tensor::Device;
use medburn_examples::fixtures;
use medburn_examples::segment::{Findings, Job, Unit, Weights};
use medburn_examples::{Error, Result};
use medcore::{Geometry, Point3, Spacing, Volume};
use medio::dicom::derived::{DerivedOptions, ImageClass, NewStudy, write_study};
use medprompt::inference::{Interaction, Plane};
use medprompt::{Adaptation, BackboneConfig, SegmentationConfig};
use ndarray::{Array2, Array3, s};

fn device() -> Device {
    mednn::Backend::Flex.open().unwrap().device().clone()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn truth() -> PathBuf {
    fixtures::nuclei_segmenter().join("nuclei_mask.png")
}

fn run(job: &Job) -> Result<Findings> {
    job.run(&device())
}

fn png(path: &Path, color: png::ColorType, depth: png::BitDepth, size: [u32; 2], bytes: &[u8]) {
    let mut encoder = png::Encoder::new(std::fs::File::create(path).unwrap(), size[1], size[0]);
    encoder.set_color(color);
    encoder.set_depth(depth);
    encoder.write_header().unwrap().write_image_data(bytes).unwrap();
}

/// Grey values of 8 bits `[row, column]`.
fn read_grey(path: &Path) -> Array2<u8> {
    let file = std::io::BufReader::new(std::fs::File::open(path).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut bytes).unwrap();
    assert_eq!(frame.color_type.samples(), 1);
    bytes.truncate(frame.buffer_size());
    Array2::from_shape_vec((frame.height as usize, frame.width as usize), bytes).unwrap()
}

#[test]
fn nuclei_of_fixtures_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let job = Job { truth: Some(truth()), ..Job::new(folder.path().join("new/folder")) };
    let found = run(&job).unwrap();
    let nuclei = &found.classes[0];
    assert_eq!((found.classes.len(), nuclei.name.as_str()), (1, "nucleus"));
    // 37 in the truth, some of which touch.
    assert!((25..=45).contains(&nuclei.objects.len()), "{}", nuclei.objects.len());
    assert!(nuclei.dice.unwrap() > 0.85, "{:?}", nuclei.dice);
    assert_eq!(nuclei.size.unit, Unit::Pixels);
    for file in ["mask.png", "overlay.png", "objects.csv"] {
        assert!(found.written.contains(&job.output.join(file)), "{file}");
    }
    let mask = read_grey(&job.output.join("mask.png"));
    assert_eq!(mask.dim(), (520, 696));
    assert_eq!(mask.iter().filter(|v| **v == 1).count(), nuclei.size.elements);
    let table = std::fs::read_to_string(job.output.join("objects.csv")).unwrap();
    assert_eq!(table.lines().count(), nuclei.objects.len() + 1);

    // In 8 bits it finds almost the same.
    let int8 = run(&Job { int8: true, output: folder.path().join("int8"), ..job.clone() }).unwrap();
    assert!(int8.notes.iter().any(|note| note.contains("linear layers in 8 bits")), "{:?}", int8.notes);
    let segmenter = job.weights.open(&device()).unwrap();
    let (_, report) = segmenter.into_int8(|path| path.starts_with("backbone.Mit.stages.3."));
    assert!(report.rounded.iter().any(|path| path.ends_with("attention.query.weight")), "{report:?}");
    let difference = int8.classes[0].dice.unwrap() - nuclei.dice.unwrap();
    assert!(difference != 0.0 && difference.abs() < 0.01, "{difference}");

    // Its own mask is a truth that it meets.
    let again = Job { truth: Some(job.output.join("mask.png")), output: folder.path().to_path_buf(), ..job };
    assert_eq!(run(&again).unwrap().classes[0].dice, Some(1.0));
    // A click chooses one of the nuclei.
    let one = nuclei.objects.iter().max_by_key(|object| object.voxels).unwrap();
    let middle = [1, 2].map(|axis| (one.start[axis] + one.end[axis]) / 2);
    let click = Job { interactions: vec![Interaction::Click(middle)], ..again };
    let clicked = run(&click).unwrap().classes.remove(0);
    assert_eq!(clicked.objects.len(), 1);
    assert!(clicked.size.elements < nuclei.size.elements / 4, "{}", clicked.size.elements);
}

#[test]
fn the_binary_prints_what_it_found() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_segment"))
        .args(["--output", text(folder.path()), "--truth", text(&truth())])
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for expected in
        ["696 x 520 px", "nucleus", "touching ones count as one", " px in all", "Dice 0.9", "overlay.png"]
    {
        assert!(printed.contains(expected), "{expected}: {printed}");
    }
    let wrong = Command::new(env!("CARGO_BIN_EXE_segment")).args(["--click", "9999,3"]).output().unwrap();
    let error = String::from_utf8(wrong.stderr).unwrap();
    assert!(wrong.status.code() == Some(1) && error.contains("is not in an image of 520 x 696"), "{error}");
}

/// Bright discs on a dark ground: slices of balls.
fn balls(size: [usize; 3]) -> Array3<f32> {
    Array3::from_shape_fn(size, |(z, y, x)| {
        let inside = |at: [f64; 3], radius: f64| {
            let d = [z as f64 - at[0], y as f64 - at[1], x as f64 - at[2]];
            d.iter().map(|v| v * v).sum::<f64>() < radius * radius
        };
        let ripple = ((y * 7 + x * 3 + z) % 5) as f32;
        if inside([4.0, 24.0, 24.0], 11.0) || inside([4.0, 60.0, 70.0], 13.0) {
            180.0 + ripple
        } else {
            15.0 + ripple
        }
    })
}

#[test]
fn volumes_keep_their_geometry() {
    let folder = tempfile::tempdir().unwrap();
    let size = [9, 88, 96];
    let geometry = Geometry::axial(size, Spacing::new(0.5, 0.5, 2.0), Point3::new(-20.0, 7.0, 30.0)).unwrap();
    let volume = Volume::new(balls(size), geometry).unwrap();
    let input = folder.path().join("balls.nii.gz");
    medio::write(&input, &volume).unwrap();
    let output = folder.path().join("out");
    let job = Job { input, range: Some([0.0, 255.0]), min_size: 200, ..Job::new(output.clone()) };
    for planes in [vec![Plane::Slices], vec![Plane::Slices, Plane::Rows]] {
        let found = run(&Job { planes, ..job.clone() }).unwrap();
        let labels = medio::read_labels(output.join("labels.nii.gz")).unwrap();
        assert!(labels.geometry().is_close(&geometry, 1e-4));
        assert_eq!(labels.count(1), found.classes[0].size.elements);
        assert!(found.classes[0].objects.iter().all(|object| object.voxels >= 200));
        assert!(matches!(found.classes[0].size.unit, Unit::CubicMillimetres(v) if (v - 0.5).abs() < 1e-6));
        assert!(output.join("overlay.png").exists());
    }
    let found = run(&job).unwrap();
    assert_eq!(found.classes[0].objects.len(), 2, "{:?}", found.classes[0].objects);
    let one = run(&Job { largest_only: true, ..job.clone() }).unwrap();
    assert_eq!(one.classes[0].objects.len(), 1);
    let clicked = run(&Job { interactions: vec![Interaction::Click([1, 1])], ..job });
    assert!(matches!(clicked, Err(Error::Unfit { .. })));
}

#[test]
fn dicom_series_get_dicom_segmentations() {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("series"), folder.path().join("out"));
    let geometry =
        Geometry::axial([9, 88, 96], Spacing::new(0.5, 0.5, 2.0), Point3::new(-20.0, 7.0, 30.0)).unwrap();
    let volume = Volume::new(balls([9, 88, 96]), geometry).unwrap();
    let options = DerivedOptions::new().class(ImageClass::Ct);
    let files = write_study(&input, &volume, &NewStudy::new(), &options).unwrap();
    let job = Job { input, range: Some([0.0, 255.0]), ..Job::new(output.clone()) };
    let found = run(&job).unwrap();
    let labels = medio::read_labels(output.join("labels.nii.gz")).unwrap();
    assert!(labels.count(1) > 0, "{:?}", found.notes);
    let segmentation = medio::dicom::seg::read(output.join("labels.dcm")).unwrap();
    assert_eq!(segmentation.segments()[0].name, "nucleus");
    let read = segmentation.to_label_map().unwrap().resample_to(labels.geometry()).unwrap();
    assert_eq!(read.volume().voxels(), labels.volume().voxels());

    // One of its files is a picture that has its place in the patient.
    let output = folder.path().join("one");
    let found = run(&Job { input: files[4].clone(), output: output.clone(), range: None, ..job }).unwrap();
    assert_eq!(found.classes[0].size.unit, Unit::SquareMillimetres(0.25));
    let labels = medio::read_labels(output.join("labels.nii.gz")).unwrap();
    assert_eq!((labels.geometry().size(), labels.count(1)), ([1, 88, 96], found.classes[0].size.elements));
    let segmentation = medio::dicom::seg::read(output.join("labels.dcm")).unwrap();
    let read = segmentation.to_label_map().unwrap().resample_to(labels.geometry()).unwrap();
    assert_eq!(read.volume().voxels(), labels.volume().voxels());
}

#[test]
fn pictures_of_all_kinds_are_segmented() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    let disc = balls([9, 88, 96]).slice(s![4, .., ..]).mapv(|v| v as u8);
    let grey: Vec<u8> = disc.iter().copied().collect();
    let rgba: Vec<u8> = grey.iter().flat_map(|v| [*v, *v, *v, 0]).collect();
    let deep: Vec<u8> = grey.iter().flat_map(|v| [*v, *v]).collect();
    let job = Job { input: path.clone(), ..Job::new(folder.path().join("out")) };
    let mut sizes = Vec::new();
    for (color, depth, bytes) in [
        (png::ColorType::Grayscale, png::BitDepth::Eight, &grey),
        (png::ColorType::Rgba, png::BitDepth::Eight, &rgba),
        (png::ColorType::Grayscale, png::BitDepth::Sixteen, &deep),
    ] {
        png(&path, color, depth, [88, 96], bytes);
        sizes.push(run(&job).unwrap().classes[0].size.elements);
    }
    assert!(sizes[0] > 0 && sizes[0] == sizes[1], "{sizes:?}");
    png(&path, png::ColorType::Grayscale, png::BitDepth::Eight, [1, 1], &[7]);
    let one = run(&Job { flips: true, threshold: Some(0.0), min_size: 0, ..job }).unwrap();
    assert_eq!(one.classes[0].size.elements, 1);
}

#[test]
fn wrong_input_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let job = Job::new(at("out"));
    let fails = |job: Job, what: &str| {
        let error = run(&job).unwrap_err().to_string();
        assert!(error.contains(what), "{what}: {error}");
        assert!(!at("out").exists(), "{what}: nothing is written");
    };
    fails(Job { input: at("missing.png"), ..job.clone() }, "missing.png");
    std::fs::write(at("text.png"), "no picture").unwrap();
    fails(Job { input: at("text.png"), ..job.clone() }, "text.png");
    // Cut off, and one of a few bytes that claims to be huge.
    let whole = std::fs::read(fixtures::nuclei()).unwrap();
    std::fs::write(at("cut.png"), &whole[..whole.len() / 2]).unwrap();
    fails(Job { input: at("cut.png"), ..job.clone() }, "cut.png");
    png(&at("mask.png"), png::ColorType::Grayscale, png::BitDepth::Eight, [4, 4], &[0; 16]);
    fails(Job { truth: Some(at("mask.png")), ..job.clone() }, "[1, 520, 696]");
    png(&at("far.png"), png::ColorType::Grayscale, png::BitDepth::Eight, [520, 696], &[7; 520 * 696]);
    fails(Job { truth: Some(at("far.png")), ..job.clone() }, "class 7");
    fails(Job { weights: Weights::Segformer(at("none")), ..job.clone() }, "config.json");
    fails(Job { threshold: Some(1.5), ..job.clone() }, "threshold");
    fails(Job { window: Some(0), ..job.clone() }, "window");
    fails(Job { range: Some([5.0, 5.0]), ..job.clone() }, "range");
    let outside = vec![Interaction::Box { start: [0, 0], end: [521, 3] }];
    fails(Job { interactions: outside, ..job.clone() }, "row 520");
    // A volume with a voxel that is no number.
    let geometry = Geometry::axial([2, 8, 8], Spacing::isotropic(1.0), Point3::new(0.0, 0.0, 0.0)).unwrap();
    let mut voxels = Array3::<f32>::zeros([2, 8, 8]);
    voxels[[1, 2, 3]] = f32::NAN;
    medio::write(at("nan.nii"), &Volume::new(voxels, geometry).unwrap()).unwrap();
    fails(Job { input: at("nan.nii"), ..job.clone() }, "NaN");
    // A file that is not of trained weights, and weights of another backbone.
    let trained = fixtures::folder().join("segformer/model.safetensors");
    let weights = Weights::Trained { backbone: fixtures::nuclei_segmenter(), trained };
    fails(Job { weights, ..job.clone() }, "metadata");
    let trained = at("trained.safetensors");
    decoder_of_another_backbone(&trained);
    let weights = Weights::Trained { backbone: fixtures::nuclei_segmenter(), trained };
    let other = run(&Job { weights, ..job }).unwrap_err();
    assert!(matches!(other, Error::Segmentation(medprompt::Error::WrongBase { .. })), "{other}");
    assert!(other.to_string().contains("another Mix Transformer"), "{other}");
}

/// A decoder on random weights of the sizes of the backbone of fixtures.
fn decoder_of_another_backbone(path: &Path) {
    let json = std::fs::read_to_string(fixtures::nuclei_segmenter().join("config.json")).unwrap();
    let backbone = BackboneConfig::from_hugging_face(&json).unwrap();
    let config = SegmentationConfig::new(backbone.clone(), Adaptation::HeadOnly, 1);
    let model = config.init(backbone.init(&device()), &device()).unwrap();
    model.save_trained(path, "another Mix Transformer").unwrap();
}

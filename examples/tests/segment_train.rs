//! Training from files of all kinds, by the program itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output};

use medburn_examples::segment::{Job, Weights};
use medburn_examples::segmentation::{Cutting, SlicePlane, Slicing, predict, read_volumes};
use medcore::{Geometry, LabelMap, Point3, Spacing, Volume};
use medprompt::PromptSegmenter;
use medprompt::data::Classes;
use medprompt::inference::{Preprocessor, VolumeOptions};
use ndarray::{Array3, s};

fn segment_train(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_segment-train")).args(arguments).output().unwrap()
}

fn write_png(path: &Path, color: png::ColorType, size: [u32; 2], bytes: &[u8]) {
    let mut encoder = png::Encoder::new(File::create(path).unwrap(), size[1], size[0]);
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header().unwrap().write_image_data(bytes).unwrap();
}

/// Bright squares on a dark ground, with masks that number them.
fn cells(folder: &Path) {
    for name in ["images", "masks"] {
        std::fs::create_dir_all(folder.join(name)).unwrap();
    }
    for n in 0..6usize {
        let label = |i: usize| {
            let (r, c) = (i / 48, i % 48);
            u8::from((8 + n..20 + n).contains(&r) && (6..18).contains(&c))
                + 2 * u8::from((24..40).contains(&r) && (26..40 - n).contains(&c))
        };
        let mask: Vec<u8> = (0..40 * 48).map(label).collect();
        let image: Vec<u8> =
            (0..40 * 48).flat_map(|i| [30 + 180 * u8::from(label(i) > 0), 20 + (i % 7) as u8, 40]).collect();
        write_png(&folder.join(format!("images/{n}.png")), png::ColorType::Rgb, [40, 48], &image);
        write_png(&folder.join(format!("masks/{n}.png")), png::ColorType::Grayscale, [40, 48], &mask);
    }
}

#[test]
fn a_small_segformer_is_trained_written_and_trained_further() {
    let folder = tempfile::tempdir().unwrap();
    cells(folder.path());
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let (images, masks, output) = (path("images"), path("masks"), path("out"));
    let train = |more: &[&str]| {
        let mut arguments =
            vec!["train", "--images", &images, "--masks", &masks, "--size", "32", "--batch", "2"];
        arguments.extend(["--decoder-width", "16", "--output", &output, "--held-out", "0.3"]);
        arguments.extend(more);
        let found = segment_train(&arguments);
        assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
        String::from_utf8(found.stdout).unwrap()
    };
    let said = train(&["--steps", "4", "--score-every", "2"]);
    assert!(said.contains("4 to train on, 2 held out") && said.contains("step 4: loss"), "{said}");
    let written = [
        "weights.safetensors",
        "scores.csv",
        "curves.png",
        "samples.png",
        "model/config.json",
        "model/model.safetensors",
    ];
    assert!(written.iter().all(|name| folder.path().join("out").join(name).exists()));
    let scores = std::fs::read_to_string(path("out/scores.csv")).unwrap();
    assert_eq!(scores.lines().count(), 3);
    assert!(train(&["--resume"]).contains("4 of 4 done"));

    // What was written is a backbone too.
    let base = path("out/model");
    let said = train(&[
        "--backbone",
        &base,
        "--arm",
        "slic",
        "--readout",
        "0.5",
        "--segments",
        "20",
        "--steps",
        "2",
    ]);
    assert!(said.contains("model     model, Slic"), "{said}");
}

#[test]
fn arms_are_compared_and_runs_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    cells(folder.path());
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let (images, masks, record) = (path("images"), path("masks"), path("runs.jsonl"));
    let compare = |arms: &str| {
        let mut arguments = vec!["compare", "--name", "cells", "--images", &images, "--masks", &masks];
        arguments.extend([
            "--size",
            "32",
            "--batch",
            "2",
            "--steps",
            "1",
            "--decoder-width",
            "8",
            "--seeds",
            "0",
        ]);
        arguments.extend(["--fractions", "0.2,1", "--segments", "20", "--record", &record, "--arms", arms]);
        let found = segment_train(&arguments);
        assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
        std::fs::read_to_string(&record).unwrap().lines().count()
    };
    assert_eq!((compare("fft,slic@0.5"), compare("fft,slic@0.5"), compare("fft,none")), (4, 4, 6));
    assert_eq!((compare("none+pooled,slic+image@0.5"), compare("none+pooled")), (10, 10));
    let table = String::from_utf8(segment_train(&["table", &record]).stdout).unwrap();
    assert_eq!(table.lines().count(), 2 + 10, "{table}");
    // With another setting it is another training; a line that does not say its settings is taken as the same.
    let lines = std::fs::read_to_string(&record).unwrap();
    std::fs::write(&record, lines.replace(r#""size":32"#, r#""size":48"#)).unwrap();
    assert_eq!(compare("fft"), 12);
    let table = String::from_utf8(segment_train(&["table", &record]).stdout).unwrap();
    assert!(table.contains("| fft (steps.size 32 in place of 48) |"), "{table}");
    let silent = |line: &str| {
        let mut run: serde_json::Value = serde_json::from_str(line).unwrap();
        run.as_object_mut().unwrap().remove("settings").unwrap();
        format!("{run}\n")
    };
    std::fs::write(&record, lines.lines().map(silent).collect::<String>()).unwrap();
    assert_eq!(compare("fft"), 10);
    let table = String::from_utf8(segment_train(&["table", &record]).stdout).unwrap();
    assert_eq!(table.lines().count(), 2 + 10, "{table}");
    assert!(table.contains("| cells | 20 % (1 items) | slic@0.5 |"), "{table}");
}

#[test]
fn what_does_not_fit_is_said() {
    let folder = tempfile::tempdir().unwrap();
    cells(folder.path());
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let (images, masks, output) = (path("images"), path("masks"), path("out"));
    let fails = |more: &[&str], expected: &str| {
        let mut arguments =
            vec!["train", "--images", &images, "--output", &output, "--size", "32", "--steps", "1"];
        arguments.extend(more);
        let found = segment_train(&arguments);
        let said = String::from_utf8_lossy(&found.stderr).to_string();
        assert!(
            !found.status.success() && said.contains(expected) && !said.contains("panicked"),
            "{more:?}: {said}"
        );
    };
    fails(&["--masks", &masks, "--classes", "2"], "class 2");
    fails(&["--masks", &path("none")], "No such file");
    fails(&["--masks", &masks, "--labels", "1,x"], "--labels");
    fails(&["--masks", &masks, "--held-out", "1.5"], "share");
    fails(&["--masks", &masks, "--arm", "tokens"], "prompt tokens");
    fails(&["--masks", &masks, "--backbone", &path("images")], "config.json");
    fails(&["--kind", "coco", "--masks", &path("masks/0.png")], "masks/0.png");
    let annotations = path("a.json");
    let object = r#"{"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[2, 2, 20, 2, 20, 20]]}"#;
    let images_row = r#"{"id": 1, "file_name": "0.png", "height": 30, "width": 48}"#;
    let text = format!(
        r#"{{"images": [{images_row}], "annotations": [{object}], "categories": [{{"id": 1, "name": "a"}}]}}"#
    );
    std::fs::write(&annotations, text).unwrap();
    fails(&["--kind", "coco", "--masks", &annotations], "mask");
    write_png(&folder.path().join("masks/0.png"), png::ColorType::Grayscale, [20, 20], &[0; 400]);
    fails(&["--masks", &masks], "mask: expected [40, 48]");
}

#[test]
fn what_is_no_segformer_is_trained_to_the_end() {
    let folder = tempfile::tempdir().unwrap();
    cells(folder.path());
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let (images, masks) = (path("images"), path("masks"));
    for (more, whole) in [
        (&["--arm", "none"][..], true),
        (&["--arm", "none", "--detail", "image"], false),
        (&["--arm", "full", "--readout", "0.5", "--segments", "20"], false),
    ] {
        let output = path(&format!("out{}", more.len()));
        let mut arguments = vec!["train", "--images", &images, "--masks", &masks, "--output", &output];
        arguments.extend(["--size", "32", "--batch", "2", "--steps", "1", "--decoder-width", "8"]);
        arguments.extend(more);
        let found = segment_train(&arguments);
        assert!(found.status.success(), "{more:?}: {}", String::from_utf8_lossy(&found.stderr));
        let written = |name: &str| Path::new(&output).join(name).exists();
        for name in ["weights.safetensors", "scores.csv", "curves.png", "samples.png"] {
            assert!(written(name), "{more:?}: {name}");
        }
        let folder = ["model/config.json", "model/segment_options.json"];
        assert_eq!(folder.map(written), [whole; 2], "{more:?}");
    }
}

#[test]
fn voxels_that_are_no_numbers_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (mut volume, _) = scan(folder.path());
    volume.voxels_mut()[[1, 2, 3]] = f32::NAN;
    medio::write(folder.path().join("scan.nii"), &volume).unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let (images, masks, output) = (path("scan.nii"), path("labels.nii"), path("out"));
    let arguments = ["train", "--kind", "nifti", "--images", &images, "--masks", &masks, "--output", &output];
    let found = segment_train(&arguments);
    let said = String::from_utf8_lossy(&found.stderr).to_string();
    let expected = "scan.nii: pixels must be finite, found NaN in channel 1 at row 2, column 3";
    assert!(!found.status.success() && said.contains(expected), "{said}");
}

/// A mask of the same size as the picture of blocks.
fn blocks(image: &Path, mask: &Path) {
    let jpeg = medburn_examples::fixtures::folder().join("ground_train/blocks.jpg");
    let size = medburn_examples::picture_file::read_jpeg(&jpeg).unwrap();
    let (height, width) = (size.height(), size.width());
    std::fs::copy(jpeg, image).unwrap();
    let bytes: Vec<u8> = (0..height * width).map(|i| u8::from(i % width < width / 2)).collect();
    write_png(mask, png::ColorType::Grayscale, [height as u32, width as u32], &bytes);
}

#[test]
fn jpeg_is_read_and_what_is_left_out_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    cells(folder.path());
    let at = |name: &str| folder.path().join(name);
    let path = |name: &str| at(name).to_str().unwrap().to_string();
    blocks(&at("images/blocks.jpg"), &at("masks/blocks.png"));
    std::fs::copy(at("images/0.png"), at("images/alone.png")).unwrap();
    std::fs::remove_file(at("images/5.png")).unwrap();
    let (images, output) = (path("images"), path("out"));
    let train = |more: &[&str]| {
        let mut arguments = vec!["train", "--images", &images, "--output", &output, "--decoder-width", "8"];
        arguments.extend(["--size", "32", "--batch", "2", "--steps", "1"]);
        arguments.extend(more);
        let found = segment_train(&arguments);
        assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
        String::from_utf8(found.stdout).unwrap()
    };
    let said = train(&["--masks", &path("masks")]);
    for expected in ["1 images without a mask: alone", "1 masks without an image: 5", "5 to train on, 1 held"]
    {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let manifest = path("manifest.csv");
    std::fs::write(&manifest, "id,split\nblocks,train\n0,train\n1,val\nnowhere,val\n").unwrap();
    let said = train(&["--masks", &path("masks"), "--manifest", &manifest]);
    assert!(said.contains("1 of the manifest not in the folder of images: nowhere"), "{said}");
    assert!(said.contains("2 to train on, 1 held out"), "{said}");

    let image = medburn_examples::picture_file::read_jpeg(&at("images/blocks.jpg")).unwrap();
    std::fs::write(at("images/broken.jpg"), b"\xff\xd8\xffbroken").unwrap();
    let row = |id: usize, name: &str, height: usize, width: usize| {
        format!(r#"{{"id": {id}, "file_name": "{name}", "height": {height}, "width": {width}}}"#)
    };
    let rows = [
        row(1, "blocks.jpg", image.height(), image.width()),
        row(2, "0.png", 40, 48),
        row(3, "missing.jpg", 40, 48),
        row(4, "broken.jpg", 40, 48),
    ];
    let object = |id: usize| {
        format!(
            r#"{{"id": {id}, "image_id": {id}, "category_id": 1, "segmentation": [[2, 2, 20, 2, 20, 20]]}}"#
        )
    };
    let objects: Vec<String> = (1..5).map(object).collect();
    let text = format!(
        r#"{{"images": [{}], "annotations": [{}], "categories": [{{"id": 1, "name": "block"}}]}}"#,
        rows.join(","),
        objects.join(",")
    );
    std::fs::write(at("a.json"), text).unwrap();
    let said = train(&["--kind", "coco", "--masks", &path("a.json"), "--held-out", "0.5"]);
    for expected in ["not in the folder: missing.jpg", "PNG or JPEG: broken.jpg", "1 to train on, 1 held out"]
    {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    // Its category is the name of the class, and a JPEG file is segmented too.
    let job = Job { input: at("images/blocks.jpg"), min_size: 0, ..Job::new(at("found")) };
    let job = Job { weights: Weights::Segformer(at("out/model")), ..job };
    let found = job.run(mednn::Backend::Flex.open().unwrap().device()).unwrap();
    assert_eq!(found.classes[0].name, "block");
    assert!(found.input.starts_with("JPEG") && found.elements == image.height() * image.width());
}

#[test]
fn one_model_learns_several_tasks() {
    let folder = tempfile::tempdir().unwrap();
    cells(folder.path());
    scan(folder.path());
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let cells =
        serde_json::json!({"name": "cells", "images": path("images"), "masks": path("masks"), "classes": 4});
    let scan = serde_json::json!({"name": "scan", "kind": "nifti", "images": path("scan.nii"),
        "masks": path("labels.nii"), "block": 2, "window": [-100, 300], "names": ["block"]});
    std::fs::write(path("tasks.json"), serde_json::json!([cells, scan]).to_string()).unwrap();
    let (tasks, output) = (path("tasks.json"), path("out"));
    let train = |more: &[&str]| {
        let mut arguments = vec!["tasks", "--tasks", &tasks, "--output", &output, "--size", "32"];
        arguments.extend(["--batch", "2", "--steps", "4", "--score-every", "2", "--decoder-width", "8"]);
        arguments.extend(more);
        let found = segment_train(&arguments);
        let said = String::from_utf8_lossy(&found.stdout).to_string();
        (found.status.success(), said + &String::from_utf8_lossy(&found.stderr))
    };
    let (success, said) = train(&["--arm", "full"]);
    assert!(success && said.contains("step 4: held-out Dice cells 0."), "{said}");
    let at = |name: &str| folder.path().join("out").join(name);
    for name in
        ["tasks.safetensors", "curves.png", "cells/scores.csv", "scan/samples.png", "scan/model/config.json"]
    {
        assert!(at(name).exists(), "{name}");
    }
    let weights = medprompt::MultiTaskWeights::open(at("tasks.safetensors")).unwrap();
    let classes: Vec<usize> = weights.config().tasks.iter().map(|task| task.classes).collect();
    assert_eq!(classes, [4, 1]);
    // A task alone is used as it was trained.
    let device = mednn::Backend::Flex.open().unwrap().device().clone();
    let segmenter =
        PromptSegmenter::from_pretrained(at("scan/model"), at("scan/weights.safetensors"), &device).unwrap();
    assert_eq!(segmenter.options().orientation.as_deref(), Some("LPS"));
    assert_eq!(segmenter.class_names(), ["background", "block"]);
    let before = std::fs::read(at("tasks.safetensors")).unwrap();
    let (success, said) = train(&["--arm", "full", "--resume"]);
    assert!(success && said.contains("4 of 4 done"), "{said}");
    assert!(before == std::fs::read(at("tasks.safetensors")).unwrap());
    let (success, said) = train(&["--resume"]);
    assert!(!success && said.contains("--resume: expected the settings"), "{said}");
}

#[test]
fn a_training_that_is_gone_on_with_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    cells(folder.path());
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let (images, masks) = (path("images"), path("masks"));
    let train = |output: &str, more: &[&str]| {
        let mut arguments = vec!["train", "--images", &images, "--masks", &masks, "--output", output];
        arguments.extend(["--size", "32", "--batch", "2", "--decoder-width", "8", "--score-every", "3"]);
        arguments.extend(more);
        let found = segment_train(&arguments);
        let said = String::from_utf8_lossy(&found.stdout).to_string();
        (found.status.success(), said + &String::from_utf8_lossy(&found.stderr))
    };
    let succeeds = |output: &str, more: &[&str]| {
        let (success, said) = train(output, more);
        assert!(success, "{more:?}: {said}");
        said
    };
    let (whole, parts) = (path("whole"), path("parts"));
    succeeds(&whole, &["--steps", "4"]);
    let said = succeeds(&parts, &["--steps", "4", "--stop-after", "2"]);
    assert!(said.contains("stopped   after 2 steps"), "{said}");
    assert!(!Path::new(&parts).join("weights.safetensors").exists());
    for (more, expected) in [
        (&["--seed", "1"][..], "seed 1 in place of 0"),
        (&["--arm", "none"], "arm none in place of full"),
        (&["--fraction", "0.5"], "fraction 0.5 in place of 1"),
        (&["--min-zoom", "0.5"], "steps.min_zoom 0.5 in place of 0.7"),
        (&["--learning-rate", "1e-3"], "learning_rate 0.001 in place of 0.0005"),
        (&["--upright"], "steps.upright true in place of false"),
        (&["--held-out", "0.4"], "data.held_out 0.4 in place of 0.2"),
    ] {
        let arguments: Vec<&str> = ["--resume"].iter().chain(more).copied().collect();
        let (success, said) = train(&parts, &arguments);
        assert!(!success && said.contains(expected), "{more:?}: {said}");
    }
    assert!(succeeds(&parts, &["--resume"]).contains("2 of 4 done"));
    let weights = |folder: &str| std::fs::read(Path::new(folder).join("weights.safetensors")).unwrap();
    assert!(weights(&whole) == weights(&parts));
    // Another end has another course of the learning rate.
    let said = succeeds(&parts, &["--resume", "--steps", "6", "--learning-rate", "1e-3"]);
    assert!(said.contains("4 of 6 done"), "{said}");
}

/// A volume as scanners of another vendor store it, with a bright block near a corner and the labels of the block.
fn scan(folder: &Path) -> (Volume<f32>, LabelMap) {
    let size = [8, 32, 32];
    let geometry = Geometry::axial(size, Spacing::new(0.9, 0.9, 2.0), Point3::new(-10.0, 5.0, 2.0)).unwrap();
    let inside = |(z, y, x): (usize, usize, usize)| (2..13 + z).contains(&y) && (4..14).contains(&x);
    let value = |at: (usize, usize, usize)| if inside(at) { 180.0 } else { -60.0 + (at.1 * 3 + at.2) as f32 };
    let mut voxels = Array3::from_shape_fn(size, value);
    // What is no tissue, and would set the scale.
    voxels[[0, 0, 0]] = 3000.0;
    let volume = Volume::new(voxels, geometry).unwrap().reorient("RAS").unwrap();
    let labels = Volume::new(Array3::from_shape_fn(size, |at| u16::from(inside(at))), geometry).unwrap();
    let labels = LabelMap::new(labels).reorient("RAS").unwrap();
    medio::write(folder.join("scan.nii"), &volume).unwrap();
    medio::write_labels(folder.join("labels.nii"), &labels).unwrap();
    (volume, labels)
}

#[test]
fn volumes_are_segmented_as_the_training_saw_them() {
    let folder = tempfile::tempdir().unwrap();
    let (volume, _) = scan(folder.path());
    let at = |name: &str| folder.path().join(name);
    let path = |name: &str| at(name).to_str().unwrap().to_string();
    let (images, masks, output) = (path("scan.nii"), path("labels.nii"), path("out"));
    let mut arguments = vec!["train", "--kind", "nifti", "--images", &images, "--masks", &masks];
    arguments.extend(["--block", "2", "--empty-slices", "--window=-100,300", "--plane", "coronal"]);
    arguments.extend(["--square", "--size", "32", "--batch", "4", "--steps", "4", "--learning-rate", "5e-3"]);
    arguments.extend(["--decoder-width", "16", "--names", "block", "--output", &output]);
    let found = segment_train(&arguments);
    assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));

    // What the training code itself finds in the slices.
    let slicing =
        Slicing { plane: SlicePlane::Coronal, window: Some([-100.0, 300.0]), empty: true, block: None };
    let cutting = Cutting { square: true, ..Cutting::default() };
    let (images, masks) = (at("scan.nii"), at("labels.nii"));
    let items = read_volumes(&images, &masks, None, &Classes::Foreground, &slicing, &cutting).unwrap();
    let device = mednn::Backend::Flex.open().unwrap().device().clone();
    let segmenter =
        PromptSegmenter::from_pretrained(at("out/model"), at("out/weights.safetensors"), &device).unwrap();
    assert_eq!(segmenter.class_names(), ["background", "block"]);
    let predictions = predict(segmenter.model(), &items.iter().collect::<Vec<_>>(), 32, &device).unwrap();
    let foreground = |segmenter: &PromptSegmenter, volume: &Volume<f32>| {
        let options = VolumeOptions::new().with_keep_foreground(true);
        let found = segmenter.segment_volume(volume, &options).unwrap();
        found.foreground.unwrap().reorient("LIP").unwrap().into_voxels()
    };
    let found = foreground(&segmenter, &volume);
    let off = |found: &Array3<f32>| {
        let of_slice = predictions.iter().zip(found.outer_iter()).map(|(prediction, found)| {
            // The slice in the middle of the square.
            let expected = prediction.probabilities.slice(s![1, 12..20, ..]);
            (&found - &expected).fold(0f32, |most, v| most.max(v.abs()))
        });
        of_slice.fold(0f32, f32::max)
    };
    assert!(predictions.len() == 32 && off(&found) < 1e-5, "{}", off(&found));
    // Which matters: as stored, and with other values, it is another picture.
    for options in [
        segmenter.options().clone().with_orientation(None),
        segmenter.options().clone().with_preprocessor(Preprocessor::new()),
        segmenter.options().clone().with_resizing(None),
    ] {
        let other = segmenter.clone().with_options(options).unwrap();
        assert!(off(&foreground(&other, &volume)) > 1e-3);
    }

    // The program finds the same, in a scan that is stored otherwise too.
    medio::write(at("turned.nii"), &volume.reorient("PIL").unwrap()).unwrap();
    let trained = || Weights::Trained { backbone: at("out/model"), trained: at("out/weights.safetensors") };
    // So that some is above and some is not, after a few steps.
    let threshold = found.mean().unwrap();
    let labels = |input: &str, weights: Weights| {
        let job = Job { input: at(input), weights, min_size: 0, ..Job::new(at("found")) };
        let found = Job { threshold: Some(threshold), ..job }.run(&device).unwrap();
        assert_eq!(found.classes[0].name, "block");
        assert!(found.notes.iter().any(|note| note.contains("LIP")), "{:?}", found.notes);
        let labels = medio::read_labels(at("found/labels.nii.gz")).unwrap();
        labels.reorient("LIP").unwrap().into_volume().into_voxels()
    };
    let expected = found.mapv(|p| u16::from(p >= threshold));
    assert_eq!(labels("scan.nii", trained()), expected);
    assert_eq!(labels("turned.nii", trained()), expected);
    let whole = PromptSegmenter::from_segformer(at("out/model"), &device).unwrap();
    assert_eq!(whole.usage(), segmenter.usage());
    let picture =
        Job { input: medburn_examples::fixtures::nuclei(), weights: trained(), ..Job::new(at("found")) };
    let error = picture.run(&device).unwrap_err().to_string();
    assert!(error.contains("-100 to 300"), "{error}");
}

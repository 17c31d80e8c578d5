//! Training from files of all kinds, by the program itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output};

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

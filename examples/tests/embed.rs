//! `embed` as a user runs it: on the scan and the weights of fixtures, and on input that is broken.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use safetensors::SafeTensors;

fn fixtures(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(path)
}

fn embed(arguments: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_embed")).args(arguments).output().unwrap()
}

/// Runs `embed` and returns what it printed.
fn succeeds(arguments: &[&Path]) -> String {
    let output = embed(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs `embed` on something broken: exit status 1, no panic, one line of error, no results. Returns the error.
fn refuses(arguments: &[&Path]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("results");
    let output = embed(&[arguments, &["--output".as_ref(), &results]].concat());
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.starts_with("error: ") && !error.contains("panicked"), "{error}");
    assert!(!results.join("embedding.safetensors").exists());
    error
}

fn values(file: &SafeTensors<'_>, name: &str) -> (Vec<usize>, Vec<f32>) {
    let view = file.tensor(name).unwrap();
    let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    (view.shape().to_vec(), values)
}

#[test]
fn a_dicom_series_and_the_same_scan_as_nifti_have_one_embedding() {
    let folder = tempfile::tempdir().unwrap();
    let small = ["--size".as_ref(), "56".as_ref()];
    let mut studies = Vec::new();
    for (index, input) in
        [fixtures("ct_chest/series"), fixtures("ct_chest/ct_chest.nii.gz")].iter().enumerate()
    {
        let results = folder.path().join(index.to_string());
        let printed = succeeds(&[&[input.as_path(), "--output".as_ref(), &results][..], &small].concat());
        assert!(printed.contains("256 x 256 x 61") && printed.contains("device       flex"), "{printed}");

        let bytes = std::fs::read(results.join("embedding.safetensors")).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let (shape, study) = values(&file, "study");
        let width = shape[0];
        assert_eq!(values(&file, "slices").0, [61, width]);
        assert_eq!(values(&file, "features").0, [61, width]);
        let (shape, positions) = values(&file, "positions");
        assert_eq!(shape, [61, 3]);
        assert!((positions[5] - positions[2] - 5.0).abs() < 1e-3, "slices are 5 mm apart");
        assert!(study.iter().all(|v| v.is_finite()));
        studies.push(study);

        let png = std::fs::read(results.join("slices.png")).unwrap();
        assert!(png.starts_with(b"\x89PNG") && png.len() > 10_000);
    }
    // The NIfTI file holds its affine in single precision.
    let scale = studies[0].iter().fold(0f32, |m, v| m.max(v.abs()));
    for (a, b) in studies[0].iter().zip(&studies[1]) {
        assert!((a - b).abs() < 1e-3 * scale, "{a} is not {b}");
    }
}

#[test]
fn an_encoder_in_8_bits_says_almost_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let scan = fixtures("ct_chest/ct_chest.nii.gz");
    let study = |flags: &[&str]| {
        let results = folder.path().join(flags.len().to_string());
        let mut arguments =
            vec![scan.as_path(), "--size".as_ref(), "56".as_ref(), "--output".as_ref(), &results];
        arguments.extend(flags.iter().map(Path::new));
        let printed = succeeds(&arguments);
        assert_eq!(printed.contains(" linear layers in 8 bits"), !flags.is_empty(), "{printed}");
        let bytes = std::fs::read(results.join("embedding.safetensors")).unwrap();
        values(&SafeTensors::deserialize(&bytes).unwrap(), "study").1
    };
    let (plain, int8) = (study(&[]), study(&["--int8"]));
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let cosine = dot(&plain, &int8) / (dot(&plain, &plain) * dot(&int8, &int8)).sqrt();
    assert!(plain != int8 && cosine > 0.995, "{cosine}");
}

#[test]
fn a_published_encoder_folder_works_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (scan, weights) = (fixtures("ct_chest/ct_chest.nii.gz"), fixtures("vit/dinov2"));
    let printed = succeeds(&[
        &scan,
        "--weights".as_ref(),
        &weights,
        "--size".as_ref(),
        "56".as_ref(),
        "--output".as_ref(),
        folder.path(),
    ]);
    assert!(printed.contains("no: mean of slices") && printed.contains("(61, 24)"), "{printed}");
}

#[test]
fn an_empty_folder_and_a_path_that_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let error = refuses(&[folder.path()]);
    assert!(error.contains("no DICOM images among 0 files"), "{error}");
    assert!(refuses(&[&folder.path().join("nothing")]).contains("nothing"));
}

#[test]
fn two_series_want_a_choice() {
    let folder = fixtures("dicom/two_series");
    let error = refuses(&[&folder]);
    assert!(error.contains("expected one series or `--series NUMBER`, found 2"), "{error}");
    let error = refuses(&[&folder, "--series".as_ref(), "2".as_ref()]);
    assert!(error.contains("expected a series number from 0 to 1, found 2"), "{error}");
}

#[test]
fn a_truncated_file() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(fixtures("ct_chest/ct_chest.nii.gz")).unwrap();
    let path = folder.path().join("cut.nii.gz");
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(refuses(&[&path]).contains("truncated"));
}

#[test]
fn a_header_that_claims_a_trillion_voxels() {
    let folder = tempfile::tempdir().unwrap();
    let mut header = vec![0u8; 352];
    header[..4].copy_from_slice(&348i32.to_le_bytes());
    for (i, dim) in [4i16, 16384, 16384, 4096, 1].into_iter().enumerate() {
        header[40 + 2 * i..42 + 2 * i].copy_from_slice(&dim.to_le_bytes());
    }
    header[70..72].copy_from_slice(&4i16.to_le_bytes());
    header[72..74].copy_from_slice(&16i16.to_le_bytes());
    for i in 0..4 {
        header[76 + 4 * i..80 + 4 * i].copy_from_slice(&1f32.to_le_bytes());
    }
    header[108..112].copy_from_slice(&352f32.to_le_bytes());
    header[344..348].copy_from_slice(b"n+1\0");
    let path = folder.path().join("claims.nii");
    std::fs::write(&path, &header).unwrap();
    let error = refuses(&[&path]);
    // The header, and 2^40 voxels of two bytes.
    assert!(error.contains("needs 2199023255904 bytes, found 352"), "{error}");
}

#[test]
fn weights_that_do_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    let scan = fixtures("ct_chest/ct_chest.nii.gz");
    let run = || refuses(&[&scan, "--weights".as_ref(), folder.path()]);
    assert!(run().contains("config.json"));

    // A configuration of another model.
    std::fs::copy(fixtures("vit/dino/config.json"), folder.path().join("config.json")).unwrap();
    std::fs::copy(fixtures("vit/dinov2/model.safetensors"), folder.path().join("model.safetensors")).unwrap();
    let error = run();
    assert!(
        error.contains("16 missing")
            && error.contains("20 unused")
            && error.contains("(expected [24, 3, 8, 8]"),
        "{error}"
    );

    // A checkpoint with keys missing: that of two layers for a configuration of three.
    let config = std::fs::read_to_string(fixtures("vit/dinov2/config.json")).unwrap();
    let config = config.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3");
    std::fs::write(folder.path().join("config.json"), config).unwrap();
    let error = run();
    assert!(error.contains("18 missing: encoder.layer.2."), "{error}");
}

#[test]
fn a_device_that_is_not_there() {
    let error = refuses(&["--device".as_ref(), "abacus".as_ref()]);
    assert!(error.contains("expected one of flex, ndarray, wgpu, cuda"), "{error}");
    if !mednn::Backend::Cuda.is_compiled() {
        let error = refuses(&["--device".as_ref(), "cuda".as_ref()]);
        assert!(error.contains("compile with the Cargo feature `cuda`"), "{error}");
    }
}

#[test]
fn sizes_and_ranges_that_cannot_be() {
    let scan = fixtures("ct_chest/ct_chest.nii.gz");
    let error = refuses(&[&scan, "--size".as_ref(), "100".as_ref()]);
    assert!(error.contains("expected a multiple of 14, found 100"), "{error}");
    let error = refuses(&[&scan, "--range".as_ref(), "5".as_ref(), "-5".as_ref()]);
    assert!(error.contains("low below high"), "{error}");
}

//! `inspect` and `convert` as a user runs them: on the scans of fixtures, and on input that is broken.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn fixtures(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(path)
}

fn run(binary: &str, arguments: &[&str]) -> Output {
    Command::new(binary).args(arguments).output().unwrap()
}

fn succeeds(binary: &str, arguments: &[&str]) -> String {
    let output = run(binary, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn refuses(binary: &str, arguments: &[&str]) -> String {
    let output = run(binary, arguments);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.starts_with("error: ") && !error.contains("panicked"), "{error}");
    error
}

const INSPECT: &str = env!("CARGO_BIN_EXE_inspect");
const CONVERT: &str = env!("CARGO_BIN_EXE_convert");

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn inspect_shows_each_series_and_what_was_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let found = succeeds(INSPECT, &[text(&fixtures("dicom")), "--output", text(folder.path())]);
    assert!(found.contains("CT") && found.contains("passed over"), "{found}");
    assert!(
        found.contains("a single slice: its extent is taken from SpacingBetweenSlices"),
        "what was assumed is said in words: {found}"
    );
    // A missing slice is said, and its series is shown all the same.
    assert!(found.contains("not equally far apart"), "{found}");
    let pictures = std::fs::read_dir(folder.path()).unwrap().count();
    assert!(pictures >= 20, "{pictures}");
    let headers =
        succeeds(INSPECT, &[text(&fixtures("dicom")), "--no-pixels", "--output", "does/not/appear"]);
    assert!(headers.contains("LPS") && !Path::new("does").exists());
}

#[test]
fn inspect_draws_files_of_all_formats() {
    for file in ["nifti/dim_4.nii.gz", "ct_chest/ct_chest.nii.gz", "nifti/neither.nii"] {
        let folder = tempfile::tempdir().unwrap();
        let found = succeeds(INSPECT, &[text(&fixtures(file)), "--output", text(folder.path())]);
        assert!(folder.path().join("volume.png").metadata().unwrap().len() > 500, "{file}");
        assert_eq!(found.contains("several volumes"), file.contains("dim_4"), "{file}");
        assert_eq!(found.contains("left and right are a guess"), file.contains("neither"), "{file}");
    }
    refuses(INSPECT, &[text(&fixtures("dicom/make.py"))]);
    refuses(INSPECT, &["/no/such/folder"]);
}

#[test]
fn inspect_shows_labels_in_colour_with_their_volumes() {
    let folder = tempfile::tempdir().unwrap();
    let out = text(folder.path());
    let found = succeeds(INSPECT, &[text(&fixtures("dicom_out/hd_overlap.dcm")), "--output", out]);
    assert!(found.contains(" ml"), "{found}");
    assert!(is_coloured(&folder.path().join("series-0.png")));
    let path = folder.path().join("labels.nii.gz");
    let ct = medio::read(fixtures("ct_chest/series")).unwrap();
    medio::write(&path, &ct.map(|hu| u8::from(hu < -500.0) + 2 * u8::from(hu > 300.0))).unwrap();
    let found = succeeds(INSPECT, &[text(&path), "--output", out]);
    assert!(found.contains("label 1: ") && found.contains("label 2: "), "{found}");
    assert!(is_coloured(&folder.path().join("volume.png")));
    succeeds(INSPECT, &[text(&fixtures("ct_chest/ct_chest.nii.gz")), "--output", out]);
    assert!(!is_coloured(&folder.path().join("volume.png")), "an image is grey");
}

/// Whether much of a PNG is far from grey: more than letters.
fn is_coloured(path: &Path) -> bool {
    let file = std::io::BufReader::new(std::fs::File::open(path).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    let spread = |p: &[u8]| p.iter().max().unwrap() - p.iter().min().unwrap();
    let colored = pixels.chunks_exact(3).filter(|p| spread(p) > 60).count();
    colored * 20 > pixels.len() / 3
}

#[test]
fn colour_is_read_as_its_luminance() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["nifti/color_rgb.nii", "nifti/color_rgba.nii"] {
        let path = fixtures(file);
        let found = succeeds(INSPECT, &[text(&path), "--output", text(folder.path())]);
        assert!(found.contains("luminance") && folder.path().join("volume.png").is_file(), "{found}");
        let out = folder.path().join("grey.nrrd");
        let said = succeeds(CONVERT, &[text(&path), text(&out), "--store", "f32"]);
        assert!(said.contains("luminance"), "{said}");
        let (color, _) = medio::nifti::read_color(&path, &Default::default()).unwrap();
        let grey = medio::read(&out).unwrap();
        let [r, g, b] = [&color.red, &color.green, &color.blue].map(|c| f32::from(c.as_slice()[7]));
        assert!((grey.as_slice()[7] - (0.299 * r + 0.587 * g + 0.114 * b)).abs() < 1e-3);
    }
}

#[test]
fn there_and_back_through_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| text(&folder.path().join(name)).to_string();
    let series = fixtures("ct_chest/series");
    let original = medio::read(&series).unwrap();
    succeeds(CONVERT, &[text(&series), &path("a.nii.gz")]);
    let mut from = path("a.nii.gz");
    for name in ["b.nrrd", "c.mha", "d.mhd", "e.hdr", "f.nhdr", "g-dicom", "h.nii"] {
        succeeds(CONVERT, &[&from, &path(name)]);
        from = path(name);
        let found = medio::read(&from).unwrap();
        assert!(found.geometry().is_close(original.geometry(), 1e-3), "{name} {:?}", found.geometry());
        assert_eq!(found.as_slice(), original.as_slice(), "{name}");
    }
    let sidecar: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path("a.json")).unwrap()).unwrap();
    assert_eq!(sidecar["Modality"], "CT");
    assert!(Path::new(&path("h.json")).exists(), "from the DICOM series before it");
    succeeds(CONVERT, &[&path("b.nrrd"), &path("i.nii")]);
    assert!(!Path::new(&path("i.json")).exists(), "what was no DICOM has no sidecar");
}

#[test]
fn resampled_and_turned_on_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| text(&folder.path().join(name)).to_string();
    let ct = fixtures("ct_chest/ct_chest.nii.gz");
    succeeds(CONVERT, &[text(&ct), &path("a.nrrd"), "--spacing", "4", "--orientation", "RAS"]);
    let small = medio::read(path("a.nrrd")).unwrap();
    assert_eq!(small.orientation().to_string(), "RAS");
    assert!((small.spacing().slice - 4.0).abs() < 0.05, "{:?}", small.spacing());
    succeeds(CONVERT, &[text(&ct), &path("b.nii"), "--like", &path("a.nrrd"), "--store", "f32"]);
    assert!(medio::read(path("b.nii")).unwrap().geometry().is_close(small.geometry(), 1e-3));
    // As a derived series of the study that it comes from.
    let derived = path("derived");
    let template = fixtures("ct_chest/series");
    succeeds(CONVERT, &[text(&ct), &derived, "--template", text(&template), "--spacing", "4"]);
    let (new, old) = (medio::dicom::scan(&derived).unwrap(), medio::dicom::scan(&template).unwrap());
    assert_eq!(new[0].study_uid(), old[0].study_uid());
    assert_ne!(new[0].uid(), old[0].uid());
}

#[test]
fn labels_as_a_dicom_segmentation_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| text(&folder.path().join(name)).to_string();
    let series = fixtures("ct_chest/series");
    let labels = medio::read(&series).unwrap().map(|hu| u8::from(hu < -500.0) + 2 * u8::from(hu > 300.0));
    medio::write(path("labels.nrrd"), &labels).unwrap();
    succeeds(CONVERT, &[&path("labels.nrrd"), &path("labels.dcm"), "--labels", "--template", text(&series)]);
    succeeds(CONVERT, &[&path("labels.dcm"), &path("back.nii.gz"), "--labels"]);
    let back = medio::nifti::read_as::<u8>(path("back.nii.gz")).unwrap();
    assert_eq!(back.as_slice(), labels.as_slice());
    assert!(back.geometry().is_close(labels.geometry(), 1e-3));
    assert!(refuses(CONVERT, &[&path("labels.nrrd"), &path("other.dcm")]).contains("--template"));
}

#[test]
fn what_a_conversion_loses_is_said_and_what_it_need_not_lose_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| text(&folder.path().join(name)).to_string();
    let ct = fixtures("ct_chest/ct_chest.nii.gz");
    let said = succeeds(CONVERT, &[text(&ct), &path("a.nrrd"), "--store", "u8"]);
    assert!(said.contains("values changed when stored as u8, by up to 1298"), "{said}");
    let mni = fixtures("nifti/codes_4_2.nii");
    succeeds(CONVERT, &[text(&mni), &path("b.nii")]);
    let (_, report) = medio::nifti::read_with::<f32>(path("b.nii"), &Default::default()).unwrap();
    assert_eq!(report.sform_code, 4);
    assert!(refuses(CONVERT, &[text(&ct), &path("a.png")]).contains(".nii"));
}

#[test]
fn what_does_not_fit_is_refused() {
    let ct = fixtures("ct_chest/ct_chest.nii.gz");
    let ct = text(&ct);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("x.nii");
    assert!(refuses(CONVERT, &[ct, text(&out), "--orientation", "LLL"]).contains("LLL"));
    assert!(refuses(CONVERT, &[ct, text(&out), "--spacing", "1,2"]).contains("one number or three"));
    refuses(CONVERT, &[ct, text(&out), "--spacing", "0"]);
    refuses(CONVERT, &["/no/such/file", text(&out)]);
    assert!(!out.exists());
}

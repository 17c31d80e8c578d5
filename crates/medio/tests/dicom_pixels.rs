//! Grey pixels of every kind, each image against what other readers make of it.

// A helper that fails is a test that fails.
#![allow(clippy::unwrap_used, clippy::panic)]

mod dicom_support;

use dicom_support::fixture;
use medcore::{VoiFunction, Window};
use medio::Error;
use medio::dicom::{self, Series};
use safetensors::SafeTensors;

fn series(name: &str) -> Series {
    let study = dicom::scan(fixture("dicom_pixels").join(name).with_extension("dcm")).unwrap();
    study[0].clone()
}

/// Names of the cases of a kind with their expected values.
fn expected(kind: &str) -> Vec<(String, Vec<f32>)> {
    let bytes = std::fs::read(fixture("dicom_pixels/expected.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut cases = Vec::new();
    for (name, tensor) in tensors.tensors() {
        if let Some((_, case)) = name.split_once('.').filter(|(k, _)| *k == kind) {
            let values = tensor.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
            cases.push((case.to_string(), values));
        }
    }
    cases
}

fn is_compiled(name: &str) -> bool {
    cfg!(feature = "jpeg2000") || !(name.starts_with("j2k") || name.starts_with("htj2k"))
}

#[test]
fn values_are_those_of_other_readers() {
    let cases = expected("grey");
    assert!(cases.len() >= 40, "{}", cases.len());
    for (name, expected) in cases {
        if !is_compiled(&name) {
            continue;
        }
        let image = series(&name).image(0).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!((image.channels(), image.height(), image.width()), (1, 23, 30), "{name}");
        // Only the rounding of the inverse DCT is left to the decoder (ISO/IEC 10918-2).
        let tolerance = if name == "jpeg12" { 1.0 } else { 0.0 };
        for (at, (found, expected)) in image.pixels().iter().zip(&expected).enumerate() {
            assert!((found - expected).abs() <= tolerance, "{name} {at}: expected {expected}, found {found}");
        }
    }
}

#[test]
fn a_volume_of_one_image_has_the_values_of_the_image() {
    for name in ["u1", "s32_be", "jls_16", "jpeg_lossless_4", "rle16", "modality_lut"] {
        let series = series(name);
        let image = series.image(0).unwrap();
        match series.load() {
            Ok((volume, _)) => assert!(image.pixels().iter().eq(volume.as_slice()), "{name}"),
            // Nothing says how far its pixels are apart.
            Err(error) => assert!(matches!(error, Error::MissingAttribute { .. }), "{name}: {error}"),
        }
        assert!(matches!(series.image(1), Err(Error::Invalid { .. })));
        assert!(matches!(series.color_image(0), Err(Error::Unsupported { .. })));
    }
}

#[test]
fn frames_are_read_one_by_one() {
    let cases = [
        ("frames_basic", "frame"),
        ("frames_extended", "frame"),
        ("frames_by_number", "frame"),
        ("frames_by_start", "frame"),
        ("frames_bits", "bits"),
    ];
    for (name, kind) in cases {
        let series = series(name);
        assert_eq!(series.frames(), 3, "{name}");
        let expected = expected(kind);
        // In any order.
        for k in [2, 0, 1] {
            let image = series.image(k).unwrap_or_else(|e| panic!("{name} {k}: {e}"));
            let (_, values) = expected.iter().find(|(frame, _)| *frame == k.to_string()).unwrap();
            assert!(image.pixels().iter().eq(values), "{name} {k}");
        }
        assert!(matches!(series.image(3), Err(Error::Invalid { .. })));
    }
}

#[test]
fn constant_images_may_be_tiny_files() {
    for name in ["jls_constant", "j2k_constant"] {
        if is_compiled(name) {
            let image = series(name).image(0).unwrap();
            assert_eq!((image.height(), image.width()), (2048, 2048));
            assert!(image.pixels().iter().all(|v| *v == 1234.0), "{name}");
        }
    }
}

#[test]
fn windows_with_their_explanations() {
    let series = series("windows_monochrome1");
    let windows = series.windows(0).unwrap();
    let window = |center, width| Window::new(center, width, VoiFunction::Sigmoid).unwrap();
    assert_eq!(
        windows,
        [(window(150.0, 100.0), "WIDE".to_string()), (window(80.0, 60.0), "NARROW".to_string())]
    );
    let (values, shown) = (series.image(0).unwrap(), series.display_image(0).unwrap());
    let mut differ = false;
    for (value, shade) in values.pixels().iter().zip(shown.pixels()) {
        // Inverted after the window: high values are dark.
        let expected = 255.0 * (1.0 - 1.0 / (1.0 + (-4.0 * (f64::from(*value) - 150.0) / 100.0).exp()));
        assert!((f64::from(*shade) - expected).abs() <= 1.0, "{value}: expected {expected}, found {shade}");
        differ |= *shade > 200;
    }
    assert!(differ);
}

#[test]
fn a_voi_table_without_windows() {
    let series = series("voi_lut");
    assert!(series.windows(0).unwrap().is_empty());
    let (values, shown) = (series.image(0).unwrap(), series.display_image(0).unwrap());
    for (value, shade) in values.pixels().iter().zip(shown.pixels()) {
        assert_eq!(f32::from(*shade), 255.0 - (value - 100.0).clamp(0.0, 100.0), "{value}");
    }
}

#[test]
fn without_either_the_whole_range_is_shown() {
    let shown = series("s32").display_image(0).unwrap();
    assert_eq!(shown.pixels().iter().max(), Some(&255));
    assert_eq!(shown.pixels().iter().min(), Some(&0));
}

#[test]
fn overlays_of_their_own_and_within_the_pixels() {
    let overlays = series("overlays").overlays(0).unwrap();
    let expected = expected("overlay");
    assert_eq!(overlays.len(), 2);
    for (overlay, group) in overlays.iter().zip(["6000", "6002"]) {
        let (_, mask) = expected.iter().find(|(name, _)| name == group).unwrap();
        assert!(overlay.mask.iter().map(|b| f32::from(*b)).eq(mask.iter().copied()), "{group}");
        assert_eq!(overlay.origin, [2, -3]);
    }
    assert_eq!(overlays[0].mask.dim(), (9, 11));
    assert_eq!((overlays[0].kind.as_str(), overlays[0].label.as_str()), ("G", "text"));
    assert_eq!((overlays[1].kind.as_str(), overlays[1].label.as_str()), ("R", "region"));
    assert!(series("u8").overlays(0).unwrap().is_empty());
}

#[test]
fn projections_have_the_spacing_in_the_patient() {
    // 0.3 and 0.2 mm at the detector, magnified 1.25 times.
    let spacing = series("overlays").image(0).unwrap().spacing().unwrap();
    assert!((spacing.row - 0.24).abs() < 1e-12 && (spacing.column - 0.16).abs() < 1e-12, "{spacing:?}");
    assert_eq!(series("u8").image(0).unwrap().spacing(), None);
}

#[test]
fn a_table_and_a_rescale_exclude_each_other() {
    let whole = std::fs::read(fixture("dicom_pixels/modality_lut.dcm")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("0.dcm");
    // RescaleIntercept before the sequence.
    let at = whole.windows(6).position(|w| w == [0x28, 0, 0, 0x30, b'S', b'Q']).unwrap();
    let intercept = [&[0x28, 0, 0x52, 0x10, b'D', b'S', 2, 0][..], b"5 "].concat();
    let bytes = [&whole[..at], &intercept, &whole[at..]].concat();
    std::fs::write(&path, bytes).unwrap();
    let error = dicom::scan(&path).unwrap()[0].image(0).unwrap_err();
    assert!(matches!(error, Error::Invalid { what: "ModalityLUTSequence", .. }), "{error}");
}

/// Reads the image of a damaged file by all ways; whether one gave something.
fn read(path: &std::path::Path) -> bool {
    let Ok(study) = dicom::scan(path) else { return false };
    let Some(series) = study.iter().next() else { return false };
    let _ = (series.overlays(0), series.windows(0));
    series.display_image(0).is_ok()
}

#[test]
fn damaged_files_give_a_value_or_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.dcm");
    let cases = [
        "jls_12",
        "jls_8_near3",
        "jls_rgb_line",
        "jls_rgb_sample",
        "jls_rgb_planes",
        "jpeg_lossless_7",
        "jpeg_lossless_restart",
        "jpeg_lossless_rgb",
        "jpeg12",
        "rle16",
        "rle_rgb",
        "palette_segmented",
        "voi_lut",
        "modality_lut",
        "overlays",
        "u1",
    ];
    for case in cases {
        let whole = std::fs::read(fixture("dicom_pixels").join(case).with_extension("dcm")).unwrap();
        // The preamble and what identifies the file say nothing of pixels.
        let start = 400.min(whole.len());
        let (mut readable, mut refused) = (0, 0);
        for at in (start..whole.len()).step_by(13) {
            let mut bytes = whole.clone();
            bytes[at] ^= [0x01, 0xFF, 0x80, 0x10][at / 13 % 4];
            std::fs::write(&path, &bytes).unwrap();
            if read(&path) {
                readable += 1
            } else {
                refused += 1
            }
            if at % 5 == 0 {
                std::fs::write(&path, &whole[..at]).unwrap();
                read(&path);
            }
        }
        assert!(readable > 0 && refused > 0, "{case}: {readable} readable, {refused} refused");
    }
}

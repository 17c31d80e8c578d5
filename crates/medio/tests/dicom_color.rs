//! Colours of every kind, each image against what other readers make of it.

// A helper that fails is a test that fails.
#![allow(clippy::unwrap_used, clippy::panic)]

mod dicom_support;

use dicom_support::fixture;
use medio::Error;
use medio::dicom::{self, Series};
use safetensors::SafeTensors;

fn series(name: &str) -> Series {
    let study = dicom::scan(fixture("dicom_pixels").join(name).with_extension("dcm")).unwrap();
    study[0].clone()
}

#[test]
fn colours_are_those_of_other_readers() {
    let bytes = std::fs::read(fixture("dicom_pixels/expected.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut cases = 0;
    for (name, tensor) in tensors.tensors() {
        let Some(name) = name.strip_prefix("color.") else { continue };
        if !cfg!(feature = "jpeg2000") && (name.starts_with("j2k") || name.starts_with("htj2k")) {
            continue;
        }
        let image = series(name).color_image_16(0).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(image.pixels().shape(), tensor.shape(), "{name}");
        // YBR_FULL is rounded in floating point, and nothing says how the ramps of a segmented palette are.
        let tolerance = if name.starts_with("ybr") || name == "palette_segmented" { 1.0 } else { 0.0 };
        let expected = tensor.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b));
        for (at, (found, expected)) in image.pixels().iter().zip(expected).enumerate() {
            let found = f32::from(*found);
            assert!((found - expected).abs() <= tolerance, "{name} {at}: expected {expected}, found {found}");
        }
        cases += 1;
    }
    assert!(cases >= 16, "{cases}");
}

#[test]
fn eight_bits_are_the_upper_ones() {
    for name in ["rgb16_be", "rle_rgb16", "palette16", "rgb"] {
        let series = series(name);
        let (narrow, wide) = (series.color_image(0).unwrap(), series.color_image_16(0).unwrap());
        let shift = if name == "rgb" { 0 } else { 8 };
        assert!(
            narrow.pixels().iter().zip(wide.pixels()).all(|(n, w)| u16::from(*n) == w >> shift),
            "{name}"
        );
        assert_eq!(series.display_image(0).unwrap(), narrow, "{name}");
    }
}

#[test]
fn colours_are_no_grey_values() {
    for name in ["rgb", "palette8", "ybr_full_422"] {
        let error = series(name).image(0).unwrap_err();
        assert!(matches!(error, Error::Unsupported { what: "PhotometricInterpretation", .. }), "{error}");
    }
}

#[test]
fn a_palette_that_is_too_short_is_an_error() {
    let mut bytes = std::fs::read(fixture("dicom_pixels/palette8.dcm")).unwrap();
    // The red descriptor's number of entries.
    let at = bytes.windows(6).position(|w| w == [0x28, 0, 1, 0x11, b'U', b'S']).unwrap();
    bytes[at + 8..at + 10].copy_from_slice(&[0, 2]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("0.dcm");
    std::fs::write(&path, bytes).unwrap();
    let error = dicom::scan(&path).unwrap()[0].color_image(0).unwrap_err();
    assert!(matches!(error, Error::Invalid { what: "palette", .. }), "{error}");
}

//! Colour and complex voxels: what is written beside the same written by nibabel.

// Helpers outside of the test functions fail as tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod nifti_common;

use std::path::Path;

use medcore::{Geometry, Point3, Scalar, Spacing, Volume};
use medio::nifti::{self, ComplexPart, DataType, ReadOptions, WriteOptions};
use medio::{Error, NumberType};
use nifti_common::path;

/// The bytes of the voxels, which end an uncompressed file.
fn voxels(path: &Path, count: usize) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap();
    bytes[bytes.len() - count..].to_vec()
}

#[test]
fn colour_is_written_as_nibabel_writes_it() {
    let folder = tempfile::tempdir().unwrap();
    for (name, channels, datatype) in
        [("color_rgb.nii", 3, DataType::Rgb24), ("color_rgba.nii", 4, DataType::Rgba32)]
    {
        let (color, _) = nifti::read_color(path(name), &ReadOptions::new()).unwrap();
        let written = folder.path().join(name);
        nifti::write_color(&written, &color, &WriteOptions::new()).unwrap();
        let (back, report) = nifti::read_color(&written, &ReadOptions::new()).unwrap();
        assert_eq!((report.datatype, report.notes), (datatype, vec![]));
        assert_eq!(back.red.as_slice(), color.red.as_slice());
        assert!(back.red.geometry().is_close(color.red.geometry(), 1e-4));
        assert_eq!(voxels(&written, 24 * channels), voxels(Path::new(&path(name)), 24 * channels));
    }
}

fn check_complex<T: Scalar>(name: &str, datatype: DataType) {
    let part = |part| nifti::read_with::<T>(path(name), &ReadOptions::new().complex(part)).unwrap().0;
    let (real, imaginary) = (part(ComplexPart::Real), part(ComplexPart::Imaginary));
    let folder = tempfile::tempdir().unwrap();
    let written = folder.path().join("complex.nii");
    nifti::write_complex(&written, &real, &imaginary, &WriteOptions::new()).unwrap();
    let count = 2 * size_of::<T>() * real.as_slice().len();
    assert_eq!(voxels(&written, count), voxels(Path::new(&path(name)), count));
    let options = ReadOptions::new().complex(ComplexPart::Imaginary);
    let (back, report) = nifti::read_with::<T>(&written, &options).unwrap();
    assert_eq!((back.as_slice(), report.datatype), (imaginary.as_slice(), datatype));
}

#[test]
fn complex_numbers_are_written_as_nibabel_writes_them() {
    check_complex::<f32>("complex64_le.nii", DataType::Complex64);
    check_complex::<f64>("complex128_le.nii", DataType::Complex128);
}

#[test]
fn what_does_not_go_together_is_refused() {
    let grid = |x| Geometry::axial([1, 2, 2], Spacing::isotropic(1.0), Point3::new(x, 0.0, 0.0)).unwrap();
    let volume = |x| Volume::from_vec(vec![1f32; 4], grid(x)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nii");
    let options = WriteOptions::new();
    let found = nifti::write_complex(&path, &volume(0.0), &volume(1.0), &options);
    assert!(matches!(found, Err(Error::Invalid { .. })), "{found:?}");
    let scaled = options.clone().scaled(NumberType::I16);
    let found = nifti::write_complex(&path, &volume(0.0), &volume(0.0), &scaled);
    assert!(matches!(found, Err(Error::Invalid { .. })), "{found:?}");
    let whole = Volume::from_vec(vec![1i16; 4], grid(0.0)).unwrap();
    let found = nifti::write_complex(&path, &whole, &whole, &options);
    assert!(matches!(found, Err(Error::Unsupported { .. })), "{found:?}");
    let channel = |x| Volume::from_vec(vec![1u8; 4], grid(x)).unwrap();
    let color =
        nifti::ColorVolume { red: channel(0.0), green: channel(0.0), blue: channel(2.0), alpha: None };
    let found = nifti::write_color(&path, &color, &options);
    assert!(matches!(found, Err(Error::Invalid { .. })), "{found:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

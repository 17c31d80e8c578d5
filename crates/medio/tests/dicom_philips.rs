//! The private scale of Philips MR images.

#![allow(clippy::unwrap_used)]

mod dicom_support;

use dicom_support::fixture;
use medio::Error;
use medio::dicom::{self, LoadOptions};

#[test]
fn on_the_scale_of_the_reconstruction() {
    let study = dicom::scan(fixture("dicom_philips/scaled")).unwrap();
    let displayed = study[0].load().unwrap().0;
    let scaled = study[0].load_with(&LoadOptions::new().philips_scale(true)).unwrap().0;
    for k in 0..3 {
        let stored = 100.0 + k as f64;
        assert_eq!(f64::from(displayed.voxels()[[k, 0, 0]]), 2.5 * stored - 10.0);
        let scale = f64::from(0.0125f32 * (k as f32 + 1.0));
        let expected = (2.5 * stored - 10.0) / (2.5 * scale);
        assert!((f64::from(scaled.voxels()[[k, 0, 0]]) / expected - 1.0).abs() < 1e-6, "{k}");
    }
}

#[test]
fn without_a_scale_it_is_an_error() {
    let study = dicom::scan(fixture("dicom_philips/unscaled")).unwrap();
    let error = study[0].load_with(&LoadOptions::new().philips_scale(true)).unwrap_err();
    assert!(matches!(error, Error::MissingAttribute { .. }), "{error}");
}

//! Damaged files give a result or a typed error: no panic, no absurd allocation.

mod dicom_support;

use dicom_support::fixture;
use medio::dicom;

const CASES: [&str; 8] = [
    "explicit_le",
    "explicit_be",
    "implicit_le",
    "no_meta",
    "deflated",
    "rle",
    "jpeg_lossless",
    "jpeg_baseline",
];

/// Scans and loads; the voxels of what could be read.
fn read(path: &std::path::Path) -> Option<Vec<f32>> {
    let study = dicom::scan(path).ok()?;
    let (volume, _) = study[0].load().ok()?;
    Some(volume.as_slice().to_vec())
}

#[test]
fn truncated_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.dcm");
    for case in CASES {
        let bytes = std::fs::read(fixture("dicom").join(case).join("1.dcm")).unwrap();
        let whole = read(&fixture("dicom").join(case).join("1.dcm")).unwrap();
        std::fs::write(&path, &bytes).unwrap();
        // Shrinking one file is quicker than writing many. Every third length meets every part of an element.
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        for length in (0..bytes.len()).rev().step_by(3) {
            file.set_len(length as u64).unwrap();
            if let Some(voxels) = read(&path) {
                // Only what follows the pixels may be missing.
                assert!(voxels == whole, "{case} cut at {length}");
            }
        }
    }
}

#[test]
fn bytes_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.dcm");
    for case in CASES {
        let bytes = std::fs::read(fixture("dicom").join(case).join("1.dcm")).unwrap();
        for at in (0..bytes.len()).step_by(2) {
            let mut changed = bytes.clone();
            changed[at] ^= [0x01, 0xFF, 0x80][at / 2 % 3];
            std::fs::write(&path, &changed).unwrap();
            if let Some(voxels) = read(&path) {
                assert!(voxels.len() <= 1 << 20, "{case}: {} voxels from byte {at}", voxels.len());
            }
        }
    }
}

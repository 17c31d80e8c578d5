//! Files of the repository that the examples start from.

use std::path::PathBuf;

/// The folder `fixtures/` of the repository that this was compiled in.
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures").components().collect()
}

/// A chest CT as a DICOM series of 61 slices.
pub fn chest_ct() -> PathBuf {
    folder().join("ct_chest/series")
}

/// A small slice-sequence encoder for CT.
pub fn encoder() -> PathBuf {
    folder().join("slice-ct-tiny")
}

/// A frontal chest radiograph as a DICOM file.
pub fn chest_xray() -> PathBuf {
    folder().join("xray_chest/chest.dcm")
}

/// A small phrase grounder for chest radiographs.
pub fn grounder() -> PathBuf {
    folder().join("ground-cxr")
}

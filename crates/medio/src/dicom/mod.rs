//! DICOM

//! A DICOM segmentation to its masks and labels, and a measurement report to its findings.

#![no_main]

use libfuzzer_sys::fuzz_target;
use medio_conformance::observe::{Format, read_bytes};

fuzz_target!(init: medio_fuzz::init(), |bytes: &[u8]| {
    let is_report = Format::of(bytes) == Format::Sr;
    medio_fuzz::read(|| read_bytes(if is_report { Format::Sr } else { Format::Seg }, bytes));
});

//! A DICOM file to its values: headers, geometry, decoders, rescale; volumes, and images in grey and colour.

#![no_main]

use libfuzzer_sys::fuzz_target;
use medio_conformance::observe::{Format, read_bytes};

fuzz_target!(init: medio_fuzz::init(), |bytes: &[u8]| {
    medio_fuzz::read(|| read_bytes(Format::Dicom, bytes));
});

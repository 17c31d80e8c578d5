//! A DICOM file to its values: headers, geometry, decoders, rescale.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use medio_conformance::observe::{Format, Scratch, read_bytes};

static SCRATCH: LazyLock<Scratch> = LazyLock::new(|| Scratch::new(Path::new("/dev/shm")));

fuzz_target!(|bytes: &[u8]| {
    let _ = read_bytes(Format::Dicom, bytes, &SCRATCH);
});

//! The headers of a DICOM file.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use medio_conformance::observe::{Scratch, scan_bytes};

static SCRATCH: LazyLock<Scratch> = LazyLock::new(|| Scratch::new(Path::new("/dev/shm")));

fuzz_target!(|bytes: &[u8]| {
    let _ = scan_bytes(bytes, &SCRATCH);
});

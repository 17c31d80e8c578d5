//! The headers of a DICOM file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use medio_conformance::observe::scan_bytes;

fuzz_target!(init: medio_fuzz::init(), |bytes: &[u8]| {
    medio_fuzz::read(|| scan_bytes(bytes));
});

//! A NIfTI file to its values: whole, by slice and by region, in one file and two.

#![no_main]

use libfuzzer_sys::fuzz_target;
use medio_conformance::observe::{Format, read_bytes};

fuzz_target!(init: medio_fuzz::init(), |bytes: &[u8]| {
    medio_fuzz::read(|| read_bytes(Format::Nifti, bytes));
});

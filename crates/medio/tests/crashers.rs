//! Damaged files that once went wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use medio::dicom;
use medio::{Error, Result};

fn read(name: &str) -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/crashers");
    let study = dicom::scan(folder.join(name))?;
    study[0].load()?;
    study[0].image(0)?;
    Ok(())
}

/// The size that the header claims, and that the codestream does not have, is told before memory is taken for it.
#[test]
fn rows_that_the_codestream_does_not_have() {
    let names: &[&str] =
        if cfg!(feature = "jpeg2000") { &["jls_rows.dcm", "j2k_rows.dcm"] } else { &["jls_rows.dcm"] };
    for name in names {
        match read(name) {
            Err(Error::Decode { reason, .. }) => assert!(reason.contains("rows"), "{name}: {reason}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn a_word_of_which_half_is_missing() {
    match read("word_cut.dcm") {
        Err(Error::Truncated { what: "pixel data", expected, found, .. }) => assert_eq!(expected, found + 1),
        other => panic!("{other:?}"),
    }
}

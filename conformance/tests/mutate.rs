//! The runner of damaged files finds what it is there to find.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output};

fn mutate(out: &Path, arguments: &[&str]) -> Output {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    Command::new(env!("CARGO_BIN_EXE_mutate"))
        .arg("--inputs")
        .args([fixtures.join("dicom"), fixtures.join("nifti")])
        .arg("--out")
        .arg(out)
        .args(arguments)
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn damaged_fixtures_give_values_or_typed_errors() {
    let folder = tempfile::tempdir().unwrap();
    let output = mutate(folder.path(), &["--count", "20000", "--jobs", "2"]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("\n20000 inputs in "), "{}", text(&output));
}

#[test]
fn too_much_memory_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let output = mutate(folder.path(), &["--count", "200", "--allowance", "0", "--times", "0"]);
    assert!(!output.status.success());
    assert!(text(&output).contains("memory 0 MiB, at most 0 MiB"), "{}", text(&output));
    assert!(folder.path().read_dir().unwrap().count() > 0, "no reproducer was kept");
}

#[test]
fn a_process_that_dies_costs_one_input() {
    let folder = tempfile::tempdir().unwrap();
    // Reading the inputs takes more than this limit.
    let output = mutate(folder.path(), &["--count", "3", "--limit", "0"]);
    assert!(!output.status.success());
    assert!(text(&output).contains("\n3 inputs in "), "{}", text(&output));
    assert!(text(&output).contains("died, signal"), "{}", text(&output));
}

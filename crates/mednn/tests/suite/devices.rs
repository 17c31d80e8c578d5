//! A GPU backend without a GPU.

use std::process::Command;

use mednn::{Backend, Error};

/// Set in the child process, in which no driver can be found.
const INSIDE: &str = "MEDNN_TEST_WITHOUT_ADAPTER";

#[test]
fn wgpu_without_an_adapter_is_an_error_and_no_panic() {
    if std::env::var_os(INSIDE).is_some() {
        let error = Backend::Wgpu.open().unwrap_err();
        assert!(matches!(error, Error::NoDevice { backend: Backend::Wgpu, .. }), "{error}");
        return;
    }
    let name = "devices::wgpu_without_an_adapter_is_an_error_and_no_panic";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", name])
        .env(INSIDE, "1")
        .env("VK_DRIVER_FILES", "/nonexistent")
        .env("VK_ICD_FILENAMES", "/nonexistent")
        .env("__EGL_VENDOR_LIBRARY_FILENAMES", "/nonexistent")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}");
    assert!(!printed.contains("panicked"), "{printed}");
}

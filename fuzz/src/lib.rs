//! What the targets share: inputs through the readers, where a panic that the reader itself catches is none.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

static LAST: Mutex<String> = Mutex::new(String::new());

/// Replaces libFuzzer's panic hook, which ends the process for decoders' panics too that medio turns into errors.
pub fn init() {
    std::panic::set_hook(Box::new(|info| {
        if let Ok(mut last) = LAST.lock() {
            *last = info.to_string();
        }
    }));
}

/// Reads one input; a panic that comes out ends the process.
pub fn read<T>(reader: impl FnOnce() -> T) {
    if catch_unwind(AssertUnwindSafe(reader)).is_err() {
        if let Ok(last) = LAST.lock() {
            eprintln!("{last}");
        }
        std::process::abort();
    }
}

//! Memory of this process, as Linux counts it; nothing elsewhere.

/// Most memory that was ever resident, in bytes, since the start or the last [`reset_peak`].
pub fn peak() -> Option<u64> {
    status("VmHWM:")
}

/// Memory that is resident now, in bytes.
pub fn resident() -> Option<u64> {
    status("VmRSS:")
}

/// Lets the peak start again at what is resident now. False where the system does not allow it.
pub fn reset_peak() -> bool {
    // 5 resets VmHWM: proc_pid_clear_refs(5).
    std::fs::write("/proc/self/clear_refs", "5").is_ok()
}

fn status(field: &str) -> Option<u64> {
    kilobytes(&std::fs::read_to_string("/proc/self/status").ok()?, field)
}

fn kilobytes(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let number: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    number.checked_mul(1024)
}

/// In MiB, for a table.
pub fn mebibytes(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "?".to_string(), |bytes| format!("{:.0}", bytes as f64 / f64::from(1 << 20)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_file_is_understood() {
        let status = "Name:\tx\nVmPeak:\t  9 kB\nVmHWM:\t   2048 kB\nVmRSS:\t 1 kB\n";
        assert_eq!(kilobytes(status, "VmHWM:"), Some(2 << 20));
        assert_eq!(kilobytes(status, "VmSwap:"), None);
        assert_eq!(mebibytes(Some(3 << 20)), "3");
    }
}

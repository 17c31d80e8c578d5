//! Large allocations in huge pages.
//!
//! New memory arrives page by page, each zeroed when first touched. With 4 KiB pages that takes longer than reading an
//! uncompressed file into them; many systems use 2 MiB pages only for programs that ask (`madvise` in
//! `/sys/kernel/mm/transparent_hugepage/enabled`). Rust's allocator does not ask; NumPy's does.

/// Whole pages of this size are asked for; a multiple of every page size that memory has without asking.
#[cfg(target_os = "linux")]
const HUGE_PAGE: usize = 2 << 20;
/// Smaller allocations are left alone.
#[cfg(target_os = "linux")]
const LEAST: usize = 2 * HUGE_PAGE;

/// Asks for huge pages under all that a vector has room for. Where the system has none nothing changes.
#[cfg(target_os = "linux")]
pub(crate) fn advise<T>(values: &Vec<T>) {
    let start = values.as_ptr().cast::<u8>();
    let bytes = values.capacity().saturating_mul(size_of::<T>());
    // A vector that has no memory has room for 0 bytes, or for 0-sized values.
    let skipped = start.align_offset(HUGE_PAGE);
    let whole = bytes.saturating_sub(skipped) / HUGE_PAGE * HUGE_PAGE;
    if bytes >= LEAST && whole > 0 {
        advise_range(start.wrapping_add(skipped).cast_mut().cast(), whole);
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn advise<T>(_: &Vec<T>) {}

/// `start` is aligned, and the bytes from there on are within one allocation.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn advise_range(start: *mut std::ffi::c_void, bytes: usize) {
    // SAFETY: MADV_HUGEPAGE changes neither the content of memory nor what may be done with it, only how large the pages are that
    // the kernel provides it in (madvise(2)), so no range could be unsound; this one lies within an allocation of the caller.
    let advised = unsafe { rustix::mm::madvise(start, bytes, rustix::mm::Advice::LinuxHugepage) };
    // Advice: a kernel without huge pages refuses it, and everything works as before.
    let _ = advised;
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// Flags of the mapping with an address: proc_pid_smaps(5).
    fn flags(address: usize) -> Option<String> {
        let maps = std::fs::read_to_string("/proc/self/smaps").ok()?;
        let mut within = false;
        for line in maps.lines() {
            let range = line.split_whitespace().next().and_then(|range| range.split_once('-'));
            let parse = |text| usize::from_str_radix(text, 16).ok();
            if let Some((start, end)) = range.and_then(|(a, b)| Some((parse(a)?, parse(b)?))) {
                within = (start..end).contains(&address);
            } else if within && let Some(flags) = line.strip_prefix("VmFlags:") {
                return Some(flags.to_string());
            }
        }
        None
    }

    #[test]
    fn large_memory_is_marked_and_keeps_its_content() {
        let values: Vec<u32> = (0..(4 * HUGE_PAGE as u32)).collect();
        advise(&values);
        assert!(values.iter().zip(0..).all(|(v, i)| *v == i));
        let middle = values.as_ptr().wrapping_add(values.len() / 2).addr();
        let known = std::path::Path::new("/sys/kernel/mm/transparent_hugepage/enabled").exists();
        if let (true, Some(flags)) = (known, flags(middle)) {
            assert!(flags.split_whitespace().any(|flag| flag == "hg"), "{flags}");
        }
    }

    #[test]
    fn small_and_empty_memory_is_left_alone() {
        advise(&Vec::<f32>::new());
        advise(&vec![(); 1 << 30]);
        advise(&vec![1u8; HUGE_PAGE]);
    }
}

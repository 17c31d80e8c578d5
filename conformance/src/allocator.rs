//! An allocator that counts, so that the most memory that one input needs is known.
//!
//! A program chooses it: `#[global_allocator] static ALLOCATOR: Counting = Counting::new();`.

// The only unsafe code here: the trait demands it. Each call goes to the system allocator with its arguments as they came.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system allocator, with a count of the bytes that are in use and of the most since [`Counting::start`].
///
/// Requests that would bring the bytes in use above the limit are refused, as by a system without memory: what survives
/// that (`try_reserve`) survives, the rest ends the process.
#[derive(Debug)]
pub struct Counting {
    used: AtomicUsize,
    peak: AtomicUsize,
    limit: AtomicUsize,
}

impl Counting {
    /// Without a limit.
    #[must_use]
    pub const fn new() -> Self {
        Self { used: AtomicUsize::new(0), peak: AtomicUsize::new(0), limit: AtomicUsize::new(usize::MAX) }
    }

    /// Sets the limit in bytes.
    pub fn limit(&self, bytes: usize) {
        self.limit.store(bytes, Ordering::Relaxed);
    }

    /// Forgets the peak; returns the bytes in use.
    pub fn start(&self) -> usize {
        let used = self.used.load(Ordering::Relaxed);
        self.peak.store(used, Ordering::Relaxed);
        used
    }

    /// The most bytes in use since [`Counting::start`].
    pub fn peak(&self) -> usize {
        self.peak.load(Ordering::Relaxed)
    }

    /// Whether so many bytes more may be taken; they are then counted.
    fn take(&self, bytes: usize) -> bool {
        let used = self.used.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        // A request that is refused was asked for all the same, and is to be seen.
        self.peak.fetch_max(used, Ordering::Relaxed);
        if used > self.limit.load(Ordering::Relaxed) {
            self.give(bytes);
            return false;
        }
        true
    }

    fn give(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Default for Counting {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: memory comes from `System` under the same layout; a null pointer says that there is none, which the trait allows.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !self.take(layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's promises are those that `System` needs.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !self.take(layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Counted as growth: the system moves large blocks without a copy.
        if size > layout.size() && !self.take(size - layout.size()) {
            return std::ptr::null_mut();
        }
        if size < layout.size() {
            self.give(layout.size() - size);
        }
        // SAFETY: as above; `pointer` came from `System`.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        self.give(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_refuses() {
        let counting = Counting::new();
        let layout = Layout::from_size_align(1000, 8).unwrap();
        // SAFETY: freed with the layout that it has.
        unsafe {
            let first = counting.alloc(layout);
            assert_eq!((counting.start(), counting.peak()), (1000, 1000));
            let first = counting.realloc(first, layout, 5000);
            assert_eq!(counting.peak(), 5000);
            counting.limit(6000);
            assert!(counting.alloc(Layout::from_size_align(2000, 8).unwrap()).is_null());
            assert_eq!(counting.peak(), 7000);
            counting.dealloc(first, Layout::from_size_align(5000, 8).unwrap());
        }
        assert_eq!(counting.start(), 0);
    }
}

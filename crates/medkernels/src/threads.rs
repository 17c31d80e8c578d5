//! Work on several threads.
#![allow(unsafe_code)]

use rayon::prelude::*;

/// Runs `body` for each number below `count`, on the threads of rayon's current pool.
pub(crate) fn for_each(count: usize, body: impl Fn(usize) + Sync + Send) {
    match count {
        0 => {}
        1 => body(0),
        _ => (0..count).into_par_iter().for_each(body),
    }
}

/// Memory whose parts several threads fill.
#[derive(Clone, Copy)]
pub(crate) struct Shared(pub(crate) *mut f32);

// SAFETY: who writes to it vouches for parts that do not overlap.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

impl Shared {
    /// # Safety
    /// The place lies in the memory.
    pub(crate) unsafe fn at(&self, offset: usize) -> *mut f32 {
        // SAFETY: the caller vouches for it.
        unsafe { self.0.add(offset) }
    }
}

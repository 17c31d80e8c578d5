//! Memory that a thread keeps between products, so that packing does not touch fresh pages every time.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::thread::LocalKey;

/// Lines that a thread keeps of each kind at most, 64 MiB: more is given back.
const KEPT: usize = 1 << 20;

/// Aligned to a line of the cache.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Line(#[allow(dead_code)] [f32; 16]);

impl Line {
    pub(crate) const ZERO: Self = Self([0.0; 16]);
}

#[derive(Default)]
struct Scratch(Vec<Line>);

thread_local! {
    static OWN: RefCell<Scratch> = RefCell::default();
    static SHARED: RefCell<Scratch> = RefCell::default();
    static RESULT: RefCell<Scratch> = RefCell::default();
}

/// Runs `body` with buffers of at least these lengths, aligned to 64 bytes, holding anything.
///
/// Called within itself, it takes fresh memory.
pub(crate) fn with_scratch<const N: usize, R>(
    lengths: [usize; N],
    body: impl FnOnce([&mut [f32]; N]) -> R,
) -> R {
    with(&OWN, lengths, body)
}

/// [`with_scratch`] with memory apart from it, for work whose parts use that.
pub(crate) fn with_shared_scratch<const N: usize, R>(
    lengths: [usize; N],
    body: impl FnOnce([&mut [f32]; N]) -> R,
) -> R {
    with(&SHARED, lengths, body)
}

/// [`with_scratch`] with memory apart from both, of that length, for a result that is moved on.
pub(crate) fn with_result_scratch<R>(length: usize, body: impl FnOnce(&mut [f32]) -> R) -> R {
    with(&RESULT, [length], |[buffer]| body(&mut buffer[..length]))
}

fn with<const N: usize, R>(
    kept: &'static LocalKey<RefCell<Scratch>>,
    lengths: [usize; N],
    body: impl FnOnce([&mut [f32]; N]) -> R,
) -> R {
    // Taken out meanwhile: the body may come here again, on this thread.
    let mut taken = kept.try_with(RefCell::take).unwrap_or_default();
    let lines: usize = lengths.iter().map(|n| n.div_ceil(16)).sum();
    if taken.0.len() < lines {
        taken.0.resize(lines, Line::ZERO);
    }
    let mut rest = as_floats(&mut taken.0);
    let buffers = lengths.map(|n| {
        let (buffer, tail) = std::mem::take(&mut rest).split_at_mut(n.div_ceil(16) * 16);
        rest = tail;
        buffer
    });
    let result = body(buffers);
    // The larger of the two stays, where the body came here again.
    let _ = kept.try_with(|cell| {
        let mut cell = cell.borrow_mut();
        if cell.0.len() < taken.0.len() && taken.0.len() <= KEPT {
            *cell = taken;
        }
    });
    result
}

pub(crate) fn as_floats(lines: &mut [Line]) -> &mut [f32] {
    let n = lines.len() * 16;
    // SAFETY: a line is 16 floats without padding, aligned for more than floats.
    unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast(), n) }
}

pub(crate) fn floats(lines: &[Line]) -> &[f32] {
    // SAFETY: as above.
    unsafe { std::slice::from_raw_parts(lines.as_ptr().cast(), lines.len() * 16) }
}

//! Memory that a thread keeps between products, so that packing does not touch fresh pages every time.
#![allow(unsafe_code)]

use std::cell::RefCell;

/// Aligned to a line of the cache.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line(#[allow(dead_code)] [f32; 16]);

#[derive(Default)]
struct Scratch(Vec<Line>);

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Runs `body` with `lengths.len()` buffers of at least these lengths, aligned to 64 bytes, holding anything.
///
/// Called within itself, it takes fresh memory.
pub(crate) fn with_scratch<const N: usize, R>(
    lengths: [usize; N],
    body: impl FnOnce([&mut [f32]; N]) -> R,
) -> R {
    let mut scratch = SCRATCH.try_with(|cell| cell.try_borrow_mut().map(|mut s| std::mem::take(&mut *s)));
    let mut taken = match &mut scratch {
        Ok(Ok(scratch)) => std::mem::take(scratch),
        _ => Scratch::default(),
    };
    let lines: usize = lengths.iter().map(|n| n.div_ceil(16)).sum();
    if taken.0.len() < lines {
        taken.0.resize(lines, Line([0.0; 16]));
    }
    let mut rest = as_floats(&mut taken.0);
    let buffers = lengths.map(|n| {
        let (buffer, tail) = std::mem::take(&mut rest).split_at_mut(n.div_ceil(16) * 16);
        rest = tail;
        buffer
    });
    let result = body(buffers);
    let _ = SCRATCH.try_with(|cell| {
        if let Ok(mut kept) = cell.try_borrow_mut()
            && kept.0.len() < taken.0.len()
        {
            *kept = taken;
        }
    });
    result
}

fn as_floats(lines: &mut [Line]) -> &mut [f32] {
    let n = lines.len() * 16;
    // SAFETY: a line is 16 floats without padding, aligned for more than floats.
    unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast(), n) }
}

//! From stored bytes to voxels, in blocks that fit the cache.
//!
//! A plain file is read and converted by all threads at once, straight into the result. Of a gzip stream one thread inflates a
//! block while another converts the one before.

use std::any::Any;
use std::io::ErrorKind;

use medcore::Scalar;
use rayon::prelude::*;

use super::cast::{Target, convert};
use super::number::{ByteOrder, NumberType, Scaling};
use super::source::Source;
use crate::error::{Error, Result};

/// Bytes converted at a time; a multiple of every voxel size.
const BLOCK: usize = 1 << 18;
/// A usual gain of deflate on volumes: what is reserved at once for a compressed file; more only as it comes out.
const USUAL_EXPANSION: u64 = 16;

const VOXELS: &str = "the voxel data";

/// How numbers are stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Coding {
    pub(crate) number: NumberType,
    pub(crate) order: ByteOrder,
    pub(crate) scaling: Option<Scaling>,
}

/// Which numbers of a file to read: runs of equal length, by rising offset.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Runs {
    /// Offset of the first in bytes (decompressed).
    pub(crate) start: u64,
    /// Numbers in each run.
    pub(crate) len: usize,
    /// Runs in a group, and the bytes from the start of one to the next.
    pub(crate) inner: (usize, u64),
    /// Groups, and the bytes from the start of one to the next.
    pub(crate) outer: (usize, u64),
}

impl Runs {
    /// All in one.
    pub(crate) fn one(start: u64, len: usize) -> Self {
        Self { start, len, inner: (1, 0), outer: (1, 0) }
    }

    fn numbers(&self) -> usize {
        self.len * self.inner.0 * self.outer.0
    }

    fn offset(&self, run: usize) -> u64 {
        let (group, within) = (run / self.inner.0.max(1), run % self.inner.0.max(1));
        self.start + group as u64 * self.outer.1 + within as u64 * self.inner.1
    }
}

/// Reads `count` voxels from where the source is.
///
/// # Errors
/// [`Error::Truncated`], [`Error::Invalid`] for a damaged gzip stream, [`Error::Io`], also where there is no memory.
pub(crate) fn voxels<T: Scalar>(
    source: &mut Source<'_>,
    number: NumberType,
    order: ByteOrder,
    scaling: Option<Scaling>,
    count: usize,
) -> Result<Vec<T>> {
    let runs = Runs::one(source.position(), count);
    read_runs(source, Coding { number, order, scaling }, &runs)
}

/// Reads runs of numbers; the first must not lie behind a compressed source.
///
/// # Errors
/// As [`voxels`].
pub(crate) fn read_runs<T: Scalar>(source: &mut Source<'_>, coding: Coding, runs: &Runs) -> Result<Vec<T>> {
    let mut slot: Option<Vec<T>> = None;
    read_into(&mut slot, source, coding, runs)?;
    // `Scalar` is sealed: it was one of the types there.
    Ok(slot.unwrap_or_default())
}

/// Not generic, so that the hundred pairs of types are compiled once and not in every crate that reads.
fn read_into(slot: &mut dyn Any, source: &mut Source<'_>, coding: Coding, runs: &Runs) -> Result<()> {
    macro_rules! attempt {
        ($($t:ty),*) => {$(
            if let Some(slot) = slot.downcast_mut::<Option<Vec<$t>>>() {
                *slot = Some(read_as::<$t>(source, coding, runs)?);
            }
        )*};
    }
    attempt!(u8, i8, u16, i16, u32, i32, u64, i64, f32, f64);
    Ok(())
}

/// Brings a block of stored numbers to voxels.
type Convert<T> = fn(&[u8], ByteOrder, Option<Scaling>, &mut [T]);

fn read_as<T: Target>(source: &mut Source<'_>, coding: Coding, runs: &Runs) -> Result<Vec<T>> {
    let convert: Convert<T> = match coding.number {
        NumberType::U8 => convert::<u8, T>,
        NumberType::I8 => convert::<i8, T>,
        NumberType::U16 => convert::<u16, T>,
        NumberType::I16 => convert::<i16, T>,
        NumberType::U32 => convert::<u32, T>,
        NumberType::I32 => convert::<i32, T>,
        NumberType::U64 => convert::<u64, T>,
        NumberType::I64 => convert::<i64, T>,
        NumberType::F32 => convert::<f32, T>,
        NumberType::F64 => convert::<f64, T>,
    };
    if source.streamed() {
        inflate(source, coding, runs, convert)
    } else {
        plain(source, coding, runs, convert)
    }
}

/// By all threads, each block where it belongs. The bytes are there: nothing more is allocated than they can fill.
fn plain<T: Target>(
    source: &mut Source<'_>,
    coding: Coding,
    runs: &Runs,
    convert: Convert<T>,
) -> Result<Vec<T>> {
    let size = coding.number.size();
    let count = runs.numbers();
    let last = (runs.inner.0 * runs.outer.0).saturating_sub(1);
    let end = runs.offset(last) + (runs.len * size) as u64;
    source.check_room(end, VOXELS)?;
    let mut voxels: Vec<T> = medcore::zeroed(count).map_err(|_| out_of_memory(source))?;
    let from = &*source;
    let as_stored = NumberType::of::<T>() == coding.number
        && coding.scaling.is_none()
        && coding.order == ByteOrder::Little;
    if as_stored && cfg!(target_endian = "little") {
        let bytes = bytemuck::cast_slice_mut::<T, u8>(&mut voxels);
        for_blocks(bytes, runs.len * size, BLOCK, |block, run, within| {
            from.read_exact_at(block, runs.offset(run) + within as u64, VOXELS)
        })?;
    } else {
        for_blocks(&mut voxels, runs.len, BLOCK / size, |block, run, within| {
            let mut buffer = vec![0; block.len() * size];
            from.read_exact_at(&mut buffer, runs.offset(run) + (within * size) as u64, VOXELS)?;
            convert(&buffer, coding.order, coding.scaling, block);
            Ok(())
        })?;
    }
    source.skip_to(end, VOXELS)?;
    Ok(voxels)
}

/// Each block of each run in parallel: the block, the run's index, and where in the run the block starts.
fn for_blocks<T: Send>(
    all: &mut [T],
    run: usize,
    block: usize,
    f: impl Fn(&mut [T], usize, usize) -> Result<()> + Sync,
) -> Result<()> {
    all.par_chunks_mut(run.max(1)).enumerate().try_for_each(|(index, run)| {
        run.par_chunks_mut(block).enumerate().try_for_each(|(b, chunk)| f(chunk, index, b * block))
    })
}

/// In order, with one block inflated while the one before is converted.
fn inflate<T: Target>(
    source: &mut Source<'_>,
    coding: Coding,
    runs: &Runs,
    convert: Convert<T>,
) -> Result<Vec<T>> {
    let size = coding.number.size();
    let count = runs.numbers();
    let mut voxels: Vec<T> = Vec::new();
    let (mut next, mut ready) = (Vec::new(), Vec::new());
    for run in 0..runs.inner.0 * runs.outer.0 {
        let mut left = runs.len;
        source.skip_to(runs.offset(run), VOXELS)?;
        while left > 0 {
            let now = left.min(BLOCK / size);
            next.resize(now * size, 0);
            let room = reserve(&mut voxels, ready.len() / size, count, source);
            let (inflated, ()) = rayon::join(
                || source.read_exact(&mut next, VOXELS),
                || {
                    if room.is_ok() {
                        append(&ready, coding, convert, &mut voxels)
                    }
                },
            );
            room.and(inflated)?;
            std::mem::swap(&mut next, &mut ready);
            left -= now;
        }
    }
    reserve(&mut voxels, ready.len() / size, count, source)?;
    append(&ready, coding, convert, &mut voxels);
    Ok(voxels)
}

/// Room for `now` more of `count` voxels: at most what the file's length makes plausible, then doubling.
fn reserve<T: Target>(voxels: &mut Vec<T>, now: usize, count: usize, source: &Source<'_>) -> Result<()> {
    if voxels.capacity() - voxels.len() >= now {
        return Ok(());
    }
    let plausible = source.stored().saturating_mul(USUAL_EXPANSION) / size_of::<T>() as u64;
    let first = usize::try_from(plausible).unwrap_or(usize::MAX).clamp(BLOCK, count.max(BLOCK));
    // Exactly, and never beyond the count.
    let more = (count - voxels.len()).min(voxels.len().max(first));
    medcore::reserve(voxels, more).map_err(|_| out_of_memory(source))
}

fn append<T: Target>(bytes: &[u8], coding: Coding, convert: Convert<T>, voxels: &mut Vec<T>) {
    let start = voxels.len();
    voxels.resize(start + bytes.len() / coding.number.size(), T::default());
    convert(bytes, coding.order, coding.scaling, voxels.get_mut(start..).unwrap_or_default());
}

fn out_of_memory(source: &Source<'_>) -> Error {
    Error::Io { path: source.path().into(), source: ErrorKind::OutOfMemory.into() }
}

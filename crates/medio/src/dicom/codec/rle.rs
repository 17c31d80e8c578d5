//! RLE Lossless (PS3.5 annex G): the bytes of all samples in planes of equal significance, each packed by run lengths.

use super::{Failure, ImageFormat, Samples};

/// Length of the header: the number of segments and 15 offsets.
const HEADER: usize = 64;
/// The most bytes that one packed byte stands for: a run of 128 takes two.
pub(super) const MOST_EXPANSION: u64 = 64;

/// Unpacks a frame to samples of as many bytes as are allocated.
pub(super) fn decode(frame: &[u8], image: &ImageFormat) -> Result<Samples, Failure> {
    let bytes = usize::from(image.sample.bits_allocated.div_ceil(8));
    let segments = segments(frame, bytes * image.samples)?;
    let pixels = image.pixels();
    if segments.iter().map(|s| s.len() as u64).sum::<u64>() < (pixels as u64 / MOST_EXPANSION) {
        return Err(format!("{} bytes cannot hold {pixels} pixels", frame.len()).into());
    }
    let mut planes = Vec::with_capacity(segments.len());
    for segment in segments {
        let mut plane = Vec::with_capacity(pixels);
        unpack(segment, pixels, &mut plane);
        if plane.len() < pixels {
            return Err(format!("RLE segment: expected {pixels} bytes, found {}", plane.len()).into());
        }
        planes.push(plane);
    }
    match (bytes, planes.as_mut_slice()) {
        (1, [only]) => Ok(Samples::U8(std::mem::take(only))),
        (2, [high, low]) => Ok(Samples::U16(
            high.iter().zip(low.iter()).map(|(h, l)| u16::from(*h) << 8 | u16::from(*l)).collect(),
        )),
        (1, planes) => Ok(Samples::U8(interleave(planes, 1, pixels))),
        (2, planes) => {
            let bytes = interleave(planes, 2, pixels);
            Ok(Samples::U16(bytes.as_chunks().0.iter().map(|b| u16::from_le_bytes(*b)).collect()))
        }
        (4, planes) => {
            let bytes = interleave(planes, 4, pixels);
            Ok(Samples::U32(bytes.as_chunks().0.iter().map(|b| u32::from_le_bytes(*b)).collect()))
        }
        _ => Err(format!("{} bits allocated", image.sample.bits_allocated).into()),
    }
}

/// The packed bytes of each plane.
fn segments(frame: &[u8], expected: usize) -> Result<Vec<&[u8]>, Failure> {
    let word = |i: usize| {
        let b = frame.get(4 * i..4 * i + 4)?.first_chunk::<4>()?;
        Some(u32::from_le_bytes(*b) as usize)
    };
    let found = word(0).ok_or("no RLE header")?;
    if found != expected || expected > 15 {
        return Err(format!("expected {expected} RLE segments, found {found}").into());
    }
    let mut offsets = (1..=found).map(word).collect::<Option<Vec<_>>>().ok_or("no RLE header")?;
    offsets.push(frame.len());
    if !offsets.is_sorted() || offsets.first().is_some_and(|o| *o < HEADER) {
        return Err("RLE segments lie outside of the fragment".into());
    }
    offsets
        .windows(2)
        .map(|pair| match pair {
            [start, end] => frame.get(*start..*end),
            _ => None,
        })
        .collect::<Option<_>>()
        .ok_or_else(|| "RLE segments lie outside of the fragment".into())
}

/// Run lengths as of PS3.5 G.3.1, until `length` bytes are there or the segment ends.
fn unpack(mut packed: &[u8], length: usize, out: &mut Vec<u8>) {
    while let Some((&head, rest)) = packed.split_first() {
        let left = length.saturating_sub(out.len());
        if left == 0 {
            return;
        }
        if head < 128 {
            let count = usize::from(head) + 1;
            let literal = rest.get(..count).unwrap_or(rest);
            out.extend_from_slice(literal.get(..left).unwrap_or(literal));
            packed = rest.get(count..).unwrap_or_default();
        } else if head > 128 {
            let Some((&value, rest)) = rest.split_first() else { return };
            out.resize(out.len() + (257 - usize::from(head)).min(left), value);
            packed = rest;
        } else {
            packed = rest;
        }
    }
}

/// Planes, the most significant bytes of each sample first, to samples by pixel, little endian.
fn interleave(planes: &[Vec<u8>], bytes: usize, pixels: usize) -> Vec<u8> {
    let stride = planes.len();
    let mut out = vec![0; pixels * stride];
    for (index, plane) in planes.iter().enumerate() {
        let place = index / bytes * bytes + (bytes - 1 - index % bytes);
        for (cell, byte) in out.iter_mut().skip(place).step_by(stride).zip(plane) {
            *cell = *byte;
        }
    }
    out
}

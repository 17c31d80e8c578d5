//! JPEG as DICOM uses it beyond 8 bits (ISO/IEC 10918-1): the lossless processes of 2 to 16 bits, and the sequential DCT
//! with Huffman codes of 12 bits.

mod bits;
mod lossless;
mod markers;
mod sequential;

pub(super) use markers::{ColorHint, Frame, Process};

/// The most samples that a byte stands for: blocks of 64 in two bits, or one where they are progressive.
pub(super) const MOST_SAMPLES: u64 = 512;

use super::{Failure, Samples};
use markers::{Segment, Tables};

/// The frame header and what the markers before it say about the colours.
pub(super) fn inspect(data: &[u8]) -> Result<(Frame, ColorHint), Failure> {
    let mut tables = Tables::default();
    let mut at = 2;
    loop {
        match tables.next_segment(data, &mut at)? {
            Segment::Frame(frame) => return Ok((frame, tables.color_hint)),
            Segment::Scan(_) | Segment::End => return Err("no frame header before the first scan".into()),
            Segment::Other => {}
        }
    }
}

/// Decodes a lossless image, or one of a sequential DCT. The size is to be checked before, by [`inspect`].
pub(super) fn decode(data: &[u8]) -> Result<Samples, Failure> {
    let mut tables = Tables::default();
    let mut at = 2;
    let mut picture: Option<(Frame, Vec<u16>, Vec<bool>)> = None;
    loop {
        match tables.next_segment(data, &mut at)? {
            Segment::Frame(frame) => {
                if picture.is_some() {
                    return Err("a second frame".into());
                }
                let samples = frame.rows * frame.columns * frame.components.len();
                let done = vec![false; frame.components.len()];
                picture = Some((frame, vec![0; samples], done));
            }
            Segment::Scan(scan) => {
                let (frame, samples, done) = picture.as_mut().ok_or("a scan before the frame header")?;
                at = match frame.process {
                    Process::Lossless => lossless::scan(data, at, frame, &scan, &tables, samples)?,
                    Process::Sequential => sequential::scan(data, at, frame, &scan, &tables, samples)?,
                    Process::Other => return Err("a process other than sequential or lossless".into()),
                };
                for part in &scan.components {
                    if let Some(done) = done.get_mut(part.index) {
                        *done = true;
                    }
                }
                if done.iter().all(|done| *done) {
                    break;
                }
            }
            Segment::End => return Err("the image ends before all components are there".into()),
            Segment::Other => {}
        }
    }
    let (frame, samples, _) = picture.ok_or("no image")?;
    Ok(if frame.precision <= 8 {
        Samples::U8(samples.iter().map(|v| *v as u8).collect())
    } else {
        Samples::U16(samples)
    })
}

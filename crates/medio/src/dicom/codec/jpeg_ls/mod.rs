//! JPEG-LS, lossless and near-lossless (ISO/IEC 14495-1).
//!
//! Not read: mapping tables, point transforms and sizes beyond 65535, none of which DICOM uses.

mod bits;
mod markers;
mod model;
mod scan;

pub(super) use markers::inspect;

use super::{Failure, Samples};
use markers::Segments;

/// Decodes an image. The size is to be checked before, by [`inspect`].
pub(super) fn decode(data: &[u8]) -> Result<Samples, Failure> {
    let mut segments = Segments::new(data);
    let mut samples = Vec::new();
    let mut done: Vec<bool> = Vec::new();
    while let Some(scan) = segments.next_scan()? {
        let frame = segments.frame()?;
        let count = frame.components.len();
        if done.is_empty() {
            samples = vec![0u16; frame.rows * frame.columns * count];
            done = vec![false; count];
        }
        let narrow = frame.precision <= 8;
        let end =
            scan::decode(data, segments.position(), frame, &scan, segments.restart_lines(), &mut samples)?;
        segments.go_to(end);
        for component in &scan.components {
            if let Some(done) = done.get_mut(*component) {
                *done = true;
            }
        }
        if done.iter().all(|done| *done) {
            return Ok(if narrow {
                Samples::U8(samples.iter().map(|v| *v as u8).collect())
            } else {
                Samples::U16(samples)
            });
        }
    }
    Err("the image ends before all components are there".into())
}

//! The lossless process with Huffman codes (ISO/IEC 10918-1 annex H).

use super::super::Failure;
use super::bits::{Bits, Huffman};
use super::markers::{Frame, Scan, Tables};

/// Decodes a scan into samples by pixel; returns where it ends.
pub(super) fn scan(
    data: &[u8],
    at: usize,
    frame: &Frame,
    scan: &Scan,
    tables: &Tables,
    samples: &mut [u16],
) -> Result<usize, Failure> {
    if !(1..=7).contains(&scan.start) {
        return Err(format!("lossless predictor {}", scan.start).into());
    }
    if scan.point_transform >= frame.precision {
        return Err(
            format!("a point transform of {} bits in {}", scan.point_transform, frame.precision).into()
        );
    }
    let same_sampling =
        |c: &super::markers::Component| Some(c.sampling) == frame.components.first().map(|c| c.sampling);
    if !frame.components.iter().all(same_sampling) {
        return Err("components of different sampling in a lossless image".into());
    }
    let codes = scan
        .components
        .iter()
        .map(|c| tables.dc.get(usize::from(c.dc)).and_then(Option::as_ref))
        .collect::<Option<Vec<_>>>()
        .ok_or("a scan without its Huffman table")?;
    let interval = tables.restart_interval;
    if !interval.is_multiple_of(frame.columns.max(1)) {
        return Err(format!("a restart interval of {interval} samples in rows of {}", frame.columns).into());
    }
    let lines = Lines {
        columns: frame.columns,
        stride: frame.components.len(),
        first: 1 << (frame.precision - scan.point_transform - 1),
        predictor: scan.start,
    };
    let mut bits = Bits::new(data, at);
    let row_length = lines.columns * lines.stride;
    let restart_rows = interval / frame.columns.max(1);
    for row in 0..frame.rows {
        let is_first = row == 0 || (restart_rows > 0 && row % restart_rows == 0);
        if is_first && row > 0 {
            bits.restart()?;
        }
        let (before, rest) = samples.split_at_mut(row * row_length);
        let above = before.get(before.len().saturating_sub(row_length)..).unwrap_or_default();
        let current = rest.get_mut(..row_length).ok_or("no room for the row")?;
        let above = if is_first { None } else { Some(above) };
        match (codes.as_slice(), scan.components.as_slice()) {
            ([code], [part]) => lines.decode(&mut bits, code, part.index, above, current)?,
            _ => lines.decode_interleaved(&mut bits, &codes, scan, above, current)?,
        }
        if bits.is_exhausted() {
            return Err(format!("the compressed data ends in row {row} of {}", frame.rows).into());
        }
    }
    if scan.point_transform > 0 {
        for part in &scan.components {
            for sample in samples.iter_mut().skip(part.index).step_by(lines.stride) {
                *sample <<= scan.point_transform;
            }
        }
    }
    Ok(bits.next_marker())
}

struct Lines {
    columns: usize,
    stride: usize,
    /// The prediction of the very first sample.
    first: u16,
    predictor: u8,
}

impl Lines {
    /// A row of one component.
    fn decode(
        &self,
        bits: &mut Bits<'_>,
        code: &Huffman,
        component: usize,
        above: Option<&[u16]>,
        row: &mut [u16],
    ) -> Result<(), Failure> {
        let stride = self.stride;
        let mut cells = row.iter_mut().skip(component).step_by(stride);
        let Some(start) = cells.next() else { return Ok(()) };
        let Some(above) = above else {
            // The first row is predicted from the left.
            let mut a = self.first.wrapping_add(difference(bits, code)?);
            *start = a;
            for cell in cells {
                a = a.wrapping_add(difference(bits, code)?);
                *cell = a;
            }
            return Ok(());
        };
        let mut above = above.iter().skip(component).step_by(stride).copied();
        let mut c = above.next().unwrap_or(0);
        let mut a = c.wrapping_add(difference(bits, code)?);
        *start = a;
        // One loop per predictor.
        macro_rules! run {
            ($predict:expr) => {
                for (cell, b) in cells.zip(above) {
                    let predicted = $predict(i32::from(a), i32::from(b), i32::from(c)) as u16;
                    a = predicted.wrapping_add(difference(bits, code)?);
                    *cell = a;
                    c = b;
                }
            };
        }
        match self.predictor {
            1 => run!(|a, _, _| a),
            2 => run!(|_, b, _| b),
            3 => run!(|_, _, c| c),
            4 => run!(|a, b, c| a + b - c),
            5 => run!(|a, b, c| a + ((b - c) >> 1)),
            6 => run!(|a, b, c| b + ((a - c) >> 1)),
            _ => run!(|a, b, _| (a + b) >> 1),
        }
        Ok(())
    }

    /// A row of several components, sample by sample.
    fn decode_interleaved(
        &self,
        bits: &mut Bits<'_>,
        codes: &[&Huffman],
        scan: &Scan,
        above: Option<&[u16]>,
        row: &mut [u16],
    ) -> Result<(), Failure> {
        for x in 0..self.columns {
            for (code, part) in codes.iter().zip(&scan.components) {
                let at = x * self.stride + part.index;
                let of = |row: &[u16], at: usize| i32::from(row.get(at).copied().unwrap_or(0));
                let left = at.checked_sub(self.stride).filter(|_| x > 0);
                let predicted = match (above, left) {
                    (None, None) => i32::from(self.first),
                    (None, Some(left)) => of(row, left),
                    (Some(above), None) => of(above, at),
                    (Some(above), Some(left)) => {
                        let (a, b, c) = (of(row, left), of(above, at), of(above, left));
                        match self.predictor {
                            1 => a,
                            2 => b,
                            3 => c,
                            4 => a + b - c,
                            5 => a + ((b - c) >> 1),
                            6 => b + ((a - c) >> 1),
                            _ => (a + b) >> 1,
                        }
                    }
                };
                let value = (predicted as u16).wrapping_add(difference(bits, code)?);
                if let Some(cell) = row.get_mut(at) {
                    *cell = value;
                }
            }
        }
        Ok(())
    }
}

/// The next difference, modulo 2^16 (H.1.2.2).
#[inline]
fn difference(bits: &mut Bits<'_>, code: &Huffman) -> Result<u16, Failure> {
    match code.decode(bits)? {
        category @ 0..=15 => Ok(bits.take_signed(u32::from(category)) as u16),
        16 => Ok(0x8000),
        other => Err(format!("a difference of {other} bits").into()),
    }
}

//! The sequential DCT with Huffman codes (ISO/IEC 10918-1 annexes A and F), for the 12-bit images that other decoders do not read.

use std::sync::LazyLock;

use super::super::Failure;
use super::bits::{Bits, Huffman};
use super::markers::{Frame, Scan, Tables};

/// The place, row by row, of each coefficient in zigzag order (figure A.6).
const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
    14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39,
    46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// `[x][u]`: the value at x of the basis function u.
static BASIS: LazyLock<[[f32; 8]; 8]> = LazyLock::new(|| {
    std::array::from_fn(|x| {
        std::array::from_fn(|u| {
            let scale = if u == 0 { 0.5f64.sqrt() } else { 1.0 };
            let angle = (2 * x + 1) as f64 * u as f64 * std::f64::consts::PI / 16.0;
            (0.5 * scale * angle.cos()) as f32
        })
    })
});

struct Coded<'a> {
    index: usize,
    dc: &'a Huffman,
    ac: &'a Huffman,
    quantization: &'a [u16; 64],
    last_dc: i32,
}

/// Decodes a scan into samples by pixel; returns where it ends.
pub(super) fn scan(
    data: &[u8],
    at: usize,
    frame: &Frame,
    scan: &Scan,
    tables: &Tables,
    samples: &mut [u16],
) -> Result<usize, Failure> {
    let first = frame.components.first().map(|c| c.sampling);
    if frame.components.iter().any(|c| Some(c.sampling) != first) {
        return Err(format!("chroma at a lower resolution in an image of {} bits", frame.precision).into());
    }
    let mut coded = Vec::new();
    for part in &scan.components {
        let quantization = frame.components.get(part.index).map_or(0, |c| usize::from(c.quantization));
        coded.push(Coded {
            index: part.index,
            dc: tables
                .dc
                .get(usize::from(part.dc))
                .and_then(Option::as_ref)
                .ok_or("a scan without its Huffman table")?,
            ac: tables
                .ac
                .get(usize::from(part.ac))
                .and_then(Option::as_ref)
                .ok_or("a scan without its Huffman table")?,
            quantization: tables
                .quantization
                .get(quantization)
                .and_then(Option::as_ref)
                .ok_or("a scan without its quantization table")?,
            last_dc: 0,
        });
    }
    let (across, down) = (frame.columns.div_ceil(8), frame.rows.div_ceil(8));
    // Interleaved components of equal sampling other than 1 have that many blocks side by side in a unit.
    if scan.components.len() > 1 && first != Some((1, 1)) {
        return Err("interleaved components with a sampling other than 1".into());
    }
    let mut bits = Bits::new(data, at);
    for unit in 0..across * down {
        if tables.restart_interval > 0 && unit > 0 && unit % tables.restart_interval == 0 {
            bits.restart()?;
            coded.iter_mut().for_each(|c| c.last_dc = 0);
        }
        for part in &mut coded {
            let block = block(&mut bits, part)?;
            store(&inverse_dct(&block), frame, part.index, unit % across * 8, unit / across * 8, samples);
        }
        if bits.is_exhausted() {
            return Err(format!("the compressed data ends in block {unit} of {}", across * down).into());
        }
    }
    Ok(bits.next_marker())
}

/// The coefficients of the next block, row by row.
fn block(bits: &mut Bits<'_>, part: &mut Coded<'_>) -> Result<[f32; 64], Failure> {
    let mut block = [0.0; 64];
    let category = part.dc.decode(bits)?;
    if category > 15 {
        return Err(format!("a DC difference of {category} bits").into());
    }
    part.last_dc = part.last_dc.wrapping_add(bits.take_signed(u32::from(category)));
    block[0] = part.last_dc as f32 * f32::from(part.quantization[0]);
    let mut k = 1;
    while k < 64 {
        let symbol = part.ac.decode(bits)?;
        let (zeros, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
        match (zeros, size) {
            (15, 0) => k += 16,
            (_, 0) => break,
            _ => {
                k += zeros;
                let value = bits.take_signed(size);
                let (Some(place), Some(step)) = (ZIGZAG.get(k), part.quantization.get(k)) else {
                    return Err("a coefficient beyond its block".into());
                };
                if let Some(cell) = block.get_mut(usize::from(*place)) {
                    *cell = value as f32 * f32::from(*step);
                }
                k += 1;
            }
        }
    }
    Ok(block)
}

/// A.3.3, rows then columns.
fn inverse_dct(block: &[f32; 64]) -> [f32; 64] {
    let basis = &*BASIS;
    let mut rows = [[0.0f32; 8]; 8];
    for (out, coefficients) in rows.iter_mut().zip(block.as_chunks::<8>().0) {
        if coefficients.iter().all(|c| *c == 0.0) {
            continue;
        }
        for (cell, weights) in out.iter_mut().zip(basis) {
            *cell = coefficients.iter().zip(weights).map(|(c, w)| c * w).sum();
        }
    }
    let mut out = [0.0; 64];
    for (line, weights) in out.as_chunks_mut::<8>().0.iter_mut().zip(basis) {
        for (row, weight) in rows.iter().zip(weights) {
            for (cell, value) in line.iter_mut().zip(row) {
                *cell += value * weight;
            }
        }
    }
    out
}

fn store(block: &[f32; 64], frame: &Frame, component: usize, x: usize, y: usize, samples: &mut [u16]) {
    let middle = (1u32 << (frame.precision - 1)) as f32;
    let most = ((1u32 << frame.precision) - 1) as f32;
    let stride = frame.components.len();
    let width = (frame.columns - x).min(8);
    for (line, row) in block.as_chunks::<8>().0.iter().zip(y..frame.rows) {
        let start = (row * frame.columns + x) * stride + component;
        let cells = samples.get_mut(start..).unwrap_or_default().iter_mut().step_by(stride).take(width);
        for (cell, value) in cells.zip(line) {
            *cell = (value + middle).round().clamp(0.0, most) as u16;
        }
    }
}

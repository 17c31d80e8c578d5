//! From stored samples to red, green and blue (PS3.3 C.7.6.3.1.2).

use super::format::{ImageFormat, Photometric};
use super::frame::Frame;
use super::palette::Palette;

/// Red, green and blue, one plane after the other.
pub(super) struct Planes {
    pub(super) values: Vec<u16>,
    /// Of each value.
    pub(super) bits: u16,
}

impl Planes {
    /// Of 8 bits: the most significant ones, or all that there are at their place.
    pub(super) fn into_u8(self) -> Vec<u8> {
        let Self { values, bits } = self;
        if bits >= 8 {
            values.into_iter().map(|v| (v >> (bits - 8)) as u8).collect()
        } else {
            let most = (1u32 << bits) - 1;
            values.into_iter().map(|v| ((u32::from(v) * 255 + most / 2) / most) as u8).collect()
        }
    }

    /// Of 16 bits: values of fewer bits stay as they are stored.
    pub(super) fn into_u16(self) -> Vec<u16> {
        self.values
    }
}

/// The colours of an image. `None` when samples are missing.
pub(super) fn planes(frame: &Frame<'_>, image: &ImageFormat, palette: Option<&Palette>) -> Option<Planes> {
    let samples = samples(frame);
    let pixels = image.pixels();
    let bits = frame.format.bits_stored.min(16);
    if let Some(palette) = palette {
        let stored = samples.get(..pixels)?;
        let channel = |c: usize| stored.iter().map(move |v| palette.entry(c, *v));
        let values = (0..3).flat_map(channel).collect();
        return Some(Planes { values, bits: palette.bits });
    }
    let [a, b, c] = if frame.subsampled {
        subsampled(&samples, frame.photometric, image)?
    } else {
        full(&samples, frame.planar, pixels)?
    };
    let most = ((1u32 << bits) - 1) as f32;
    let mut values = vec![0u16; 3 * pixels];
    let (red, rest) = values.split_at_mut(pixels);
    let (green, blue) = rest.split_at_mut(pixels);
    let cells = red.iter_mut().zip(green).zip(blue).map(|((r, g), b)| [r, g, b]);
    let triples = a.iter().zip(&b).zip(&c).map(|((a, b), c)| [*a, *b, *c]);
    let convert: fn([i32; 3], f32) -> [u16; 3] = match frame.photometric {
        Photometric::YbrFull | Photometric::YbrFull422 | Photometric::YbrIct => ybr_full,
        Photometric::YbrPartial422 | Photometric::YbrPartial420 => ybr_partial,
        Photometric::YbrRct => ybr_rct,
        _ => |triple, most| triple.map(|v| (v as f32).clamp(0.0, most) as u16),
    };
    for (cell, triple) in cells.zip(triples) {
        for (cell, value) in cell.into_iter().zip(convert(triple, most)) {
            *cell = value;
        }
    }
    Some(Planes { values, bits })
}

/// Stored values; those of more than 16 bits lose their lower ones.
fn samples(frame: &Frame<'_>) -> Vec<i32> {
    let (format, bytes) = (frame.format, &*frame.bytes);
    let wide = |cell: u32| {
        let excess = u32::from(format.bits_stored.saturating_sub(16));
        (cell << (31 - u32::from(format.high_bit)) >> (32 - u32::from(format.bits_stored)) >> excess) as i32
    };
    let twos = bytes.as_chunks::<2>().0;
    let fours = bytes.as_chunks::<4>().0;
    match format.bits_allocated {
        8 => bytes.iter().map(|b| format.stored(u32::from(*b))).collect(),
        16 if format.big_endian => {
            twos.iter().map(|b| format.stored(u16::from_be_bytes(*b).into())).collect()
        }
        16 => twos.iter().map(|b| format.stored(u16::from_le_bytes(*b).into())).collect(),
        32 if format.big_endian => fours.iter().map(|b| wide(u32::from_be_bytes(*b))).collect(),
        32 => fours.iter().map(|b| wide(u32::from_le_bytes(*b))).collect(),
        _ => Vec::new(),
    }
}

type Triple = [Vec<i32>; 3];

/// Samples of each pixel, or planes of them (planar configuration 0 and 1).
fn full(samples: &[i32], planar: bool, pixels: usize) -> Option<Triple> {
    let samples = samples.get(..3 * pixels)?;
    Some(if planar {
        [0, 1, 2].map(|c| samples.get(c * pixels..(c + 1) * pixels).unwrap_or_default().to_vec())
    } else {
        [0, 1, 2].map(|c| samples.iter().skip(c).step_by(3).copied().collect())
    })
}

/// Native 4:2:2 pixels, Y Y Cb Cr for each pair of a row; and 4:2:0, of which the odd rows have no colour differences.
fn subsampled(samples: &[i32], photometric: Photometric, image: &ImageFormat) -> Option<Triple> {
    let (rows, columns) = (image.rows, image.columns);
    let mut planes = [0; 3].map(|_| Vec::with_capacity(rows * columns));
    let [y, cb, cr] = &mut planes;
    let pairs = columns.div_ceil(2);
    let mut rest = samples;
    for row in 0..rows {
        let has_chroma = photometric != Photometric::YbrPartial420 || row % 2 == 0;
        let (line, after) = rest.split_at_checked(pairs * if has_chroma { 4 } else { 2 })?;
        rest = after;
        if has_chroma {
            let quads = line.as_chunks::<4>().0;
            y.extend(quads.iter().flat_map(|q| [q[0], q[1]]).take(columns));
            cb.extend(quads.iter().flat_map(|q| [q[2], q[2]]).take(columns));
            cr.extend(quads.iter().flat_map(|q| [q[3], q[3]]).take(columns));
        } else {
            y.extend(line.iter().copied().take(columns));
            for plane in [&mut *cb, &mut *cr] {
                plane.extend_from_within(plane.len() - columns..);
            }
        }
    }
    Some(planes)
}

fn round(value: f32, most: f32) -> u16 {
    (value + 0.5).clamp(0.0, most) as u16
}

/// C.7.6.3.1.2, the matrix of CCIR 601.
fn ybr_full([y, cb, cr]: [i32; 3], most: f32) -> [u16; 3] {
    let middle = (most + 1.0) / 2.0;
    let (y, cb, cr) = (y as f32, cb as f32 - middle, cr as f32 - middle);
    [y + 1.402 * cr, y - 0.344_136_3 * cb - 0.714_136_3 * cr, y + 1.772 * cb].map(|v| round(v, most))
}

/// The same where black is 16 and white 235 of 255, and differences span 16 to 240.
fn ybr_partial([y, cb, cr]: [i32; 3], most: f32) -> [u16; 3] {
    let unit = (most + 1.0) / 256.0;
    let (y, cb, cr) = (
        (y as f32 - 16.0 * unit) * 255.0 / 219.0,
        (cb as f32 - 128.0 * unit) * 255.0 / 224.0,
        (cr as f32 - 128.0 * unit) * 255.0 / 224.0,
    );
    [y + 1.402 * cr, y - 0.344_136_3 * cb - 0.714_136_3 * cr, y + 1.772 * cb].map(|v| round(v, most))
}

/// The reversible transform of JPEG 2000 (ISO/IEC 15444-1 G.2), where pixels were stored so.
fn ybr_rct([y, cb, cr]: [i32; 3], most: f32) -> [u16; 3] {
    let g = y - ((cb + cr) >> 2);
    [cr + g, g, cb + g].map(|v| (v as f32).clamp(0.0, most) as u16)
}

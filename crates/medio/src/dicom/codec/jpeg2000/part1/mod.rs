//! A decoder of the JPEG 2000 that most DICOM files hold (ISO/IEC 15444-1): components of up to 16 bits, all coded alike and sampled
//! at each pixel, code-blocks coded arithmetically throughout. What it does not read it leaves to a general decoder.

mod bits;
mod block;
mod geometry;
mod headers;
mod mq;
mod packets;
mod wavelet;

use block::Block;
use geometry::{Component, Rect};
use headers::Header;
use wavelet::{Area, Coefficient};

/// The samples of each component, by row; `None` if the codestream holds what is not read here, or is not whole.
pub(super) fn decode(codestream: &[u8]) -> Option<Vec<Vec<i32>>> {
    let (header, tiles) = headers::read(codestream)?;
    let pixels = (header.width as usize).checked_mul(header.height as usize)?;
    let mut planes = vec![Vec::new(); header.components];
    let (across, _) = header.grid()?;
    for (i, parts) in (0u32..).zip(&tiles) {
        let rect = geometry::tile(&header, i % across, i / across)?;
        let joined;
        let data = match parts.as_slice() {
            [only] => only,
            parts => {
                joined = parts.concat();
                joined.as_slice()
            }
        };
        let samples = if header.is_reversible {
            reversible(&header, rect, data)?
        } else {
            irreversible(&header, rect, data)?
        };
        for (plane, samples) in planes.iter_mut().zip(samples) {
            if tiles.len() == 1 {
                *plane = samples;
                continue;
            }
            plane.resize(pixels, 0);
            let first = (rect.y0 - header.top) as usize;
            let left = (rect.x0 - header.left) as usize;
            let rows = plane.chunks_mut(header.width as usize).skip(first);
            for (to, from) in rows.zip(samples.chunks(rect.width())) {
                to.get_mut(left..left + from.len())?.copy_from_slice(from);
            }
        }
    }
    Some(planes)
}

/// Images of smaller precincts on average, in pixels, are left to the general decoder: what is kept of each would outweigh the image.
const LEAST_PRECINCT: usize = 64;
/// So many precincts are always read.
const FEW_PRECINCTS: usize = 4096;

/// The components of a tile, laid out, with the data of their code-blocks.
fn components<'a>(header: &Header, rect: Rect, data: &'a [u8]) -> Option<Vec<Component<'a>>> {
    // A packet for each takes a byte at least.
    let most = data.len().min(FEW_PRECINCTS.max(rect.width() * rect.height() / LEAST_PRECINCT));
    let mut components = Vec::new();
    for _ in 0..header.components {
        components.push(geometry::component(header, rect, most)?);
    }
    packets::read(header, &mut components, data)?;
    Some(components)
}

/// The range of the samples, and what is added to them (Annex G.1).
fn range(header: &Header) -> (i32, i32, i32) {
    let half = 1 << (header.precision - 1);
    if header.is_signed { (-half, half - 1, 0) } else { (0, 2 * half - 1, half) }
}

fn reversible(header: &Header, rect: Rect, data: &[u8]) -> Option<Vec<Vec<i32>>> {
    let components = components(header, rect, data)?;
    let mut planes: Vec<Vec<i32>> = components
        .iter()
        .map(|component| {
            samples(header, component, |_, v| {
                let magnitude = (v & 0x7FFF_FFFF) as i32 >> 1;
                if v >> 31 == 1 { -magnitude } else { magnitude }
            })
        })
        .collect();
    if let (true, [y, b, r, ..]) = (header.transforms_components, planes.as_mut_slice()) {
        // Equations G-6 to G-8.
        for ((y, b), r) in y.iter_mut().zip(b).zip(r) {
            let green = y.wrapping_sub(b.wrapping_add(*r) >> 2);
            (*y, *b, *r) = (r.wrapping_add(green), green, b.wrapping_add(green));
        }
    }
    let (least, most, level) = range(header);
    for v in planes.iter_mut().flatten() {
        *v = v.saturating_add(level).clamp(least, most);
    }
    Some(planes)
}

fn irreversible(header: &Header, rect: Rect, data: &[u8]) -> Option<Vec<Vec<i32>>> {
    let components = components(header, rect, data)?;
    let mut planes: Vec<Vec<f32>> = components
        .iter()
        .map(|component| {
            samples(header, component, |step, v| {
                let magnitude = (v & 0x7FFF_FFFF) as f32 * (0.5 * step);
                if v >> 31 == 1 { -magnitude } else { magnitude }
            })
        })
        .collect();
    if let (true, [y, b, r, ..]) = (header.transforms_components, planes.as_mut_slice()) {
        // Equations G-12 to G-14.
        for ((y, b), r) in y.iter_mut().zip(b).zip(r) {
            let (luma, blue, red) = (*y, *b, *r);
            (*y, *b, *r) =
                (luma + 1.402 * red, luma - 0.344_136 * blue - 0.714_136 * red, luma + 1.772 * blue);
        }
    }
    let (least, most, level) = range(header);
    let (least, most, level) = (least as f32, most as f32, level as f32);
    // Adding it rounds to whole numbers, of which none here is as large.
    let round = |v: f32| (v + ROUNDING) - ROUNDING;
    let whole = |v: f32| round((v + level).clamp(least, most)) as i32;
    Some(planes.into_iter().map(|plane| plane.into_iter().map(whole).collect()).collect())
}

/// Half of the most that has no fractions in single precision, and half of that again, so that negative numbers are rounded alike.
const ROUNDING: f32 = 12_582_912.0;

/// The samples of a component of a tile. `value` gets the factor of the sub-band and the magnitude, which has a bit below the point,
/// with the sign above.
fn samples<T: Coefficient>(header: &Header, component: &Component, value: impl Fn(f32, u32) -> T) -> Vec<T> {
    let stride = component.rect.width();
    let mut samples = vec![T::default(); stride * component.rect.height()];
    let mut block = Block::default();
    let mut joined = Vec::new();
    for code_block in component.blocks.iter().filter(|b| b.passes > 0) {
        let Some(band) = component.bands.get(code_block.band) else { continue };
        let data = match code_block.data.as_slice() {
            [only] => only,
            parts => {
                joined.clear();
                parts.iter().for_each(|p| joined.extend_from_slice(p));
                joined.as_slice()
            }
        };
        let (planes, passes) = (code_block.planes, code_block.passes);
        block.decode(code_block.size, band.kind, header.style, planes, passes, data);
        let (left, top) = code_block.place;
        for (to, from) in samples.chunks_mut(stride).skip(top).zip(block.rows()) {
            for (to, from) in to.iter_mut().skip(left).zip(from) {
                *to = value(band.step, *from);
            }
        }
    }
    let mut area = Area { samples: &mut samples, stride };
    for resolution in component.resolutions.iter().skip(1) {
        let extent = resolution.extent();
        if extent.width > 0 && extent.height > 0 {
            wavelet::inverse(&mut area, extent);
        }
    }
    samples
}

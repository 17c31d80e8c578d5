//! Packets: which coding passes of which code-blocks a tile holds, and where (ISO/IEC 15444-1 B.9 to B.12).

use super::bits::Bits;
use super::geometry::{CodeBlock, Component, Part};
use super::headers::{Header, Progression};

/// Markers that may stand before a packet and after its header (A.8).
const SOP: [u8; 2] = [0xFF, 0x91];
const SOP_LENGTH: usize = 6;
const EPH: [u8; 2] = [0xFF, 0x92];

/// Reads all packets of a tile.
pub(super) fn read<'a>(header: &Header, components: &mut [Component<'a>], data: &'a [u8]) -> Option<()> {
    let mut at = 0;
    for (layer, component, precinct) in order(header, components, data.len())? {
        let component = components.get_mut(component)?;
        let precinct = component.precincts.get_mut(precinct)?;
        if data.get(at..)?.starts_with(&SOP) {
            at += SOP_LENGTH;
        }
        let mut bits = Bits::new(data, at);
        let mut found = Vec::new();
        if bits.bit()? == 1 {
            for part in &mut precinct.parts {
                let planes = component.bands.get(part.band)?.planes;
                let blocks = component.blocks.get_mut(part.blocks.clone())?;
                read_part(part, blocks, planes, layer, &mut bits, &mut found)?;
            }
        }
        bits.align()?;
        at = bits.at;
        if data.get(at..)?.starts_with(&EPH) {
            at += EPH.len();
        }
        for (block, length) in found {
            let end = at.checked_add(length)?;
            component.blocks.get_mut(block)?.data.push(data.get(at..end)?);
            at = end;
        }
    }
    Some(())
}

/// Tiles of more packets are left to the general decoder.
const MOST_PACKETS: usize = 1 << 20;

/// Layer, component and precinct of each packet. Each takes a byte at least.
fn order(header: &Header, components: &[Component], bytes: usize) -> Option<Vec<(u32, usize, usize)>> {
    let precincts: usize = components.iter().map(|c| c.precincts.len()).sum();
    precincts.checked_mul(header.layers as usize).filter(|n| *n <= bytes.min(MOST_PACKETS))?;
    let mut packets = Vec::new();
    for (c, component) in components.iter().enumerate() {
        for (p, precinct) in component.precincts.iter().enumerate() {
            let (r, (x, y)) = (precinct.resolution, precinct.corner);
            let c32 = c as u32;
            for layer in 0..header.layers {
                let key = match header.progression {
                    Progression::LayerResolution => [layer, r, c32, 0, 0],
                    Progression::ResolutionLayer => [r, layer, c32, 0, 0],
                    Progression::ResolutionPosition => [r, y, x, c32, layer],
                    Progression::PositionComponent => [y, x, c32, r, layer],
                    Progression::ComponentPosition => [c32, y, x, r, layer],
                };
                packets.push((key, p, layer, c));
            }
        }
    }
    packets.sort_unstable_by_key(|(key, p, ..)| (*key, *p));
    Some(packets.into_iter().map(|(_, p, layer, c)| (layer, c, p)).collect())
}

/// Reads what the header of a packet says of one sub-band; `found` gets the code-blocks and the lengths of their data.
fn read_part(
    part: &mut Part,
    blocks: &mut [CodeBlock],
    planes: u32,
    layer: u32,
    bits: &mut Bits,
    found: &mut Vec<(usize, usize)>,
) -> Option<()> {
    for (i, block) in blocks.iter_mut().enumerate() {
        let leaf = (i % part.columns, i / part.columns);
        let is_new = block.length_bits == 0;
        let is_included =
            if is_new { part.inclusion.is_below(bits, leaf, layer + 1)? } else { bits.bit()? == 1 };
        if !is_included {
            continue;
        }
        if is_new {
            let mut empty = 0;
            while !part.empty_planes.is_below(bits, leaf, empty + 1)? {
                empty += 1;
                planes.checked_sub(empty)?;
            }
            block.planes = planes - empty;
            block.length_bits = 3;
        }
        let passes = passes(bits)?;
        while bits.bit()? == 1 {
            block.length_bits += 1;
        }
        let length_bits = block.length_bits + passes.ilog2();
        if length_bits > 31 {
            return None;
        }
        let length = bits.bits(length_bits)?;
        block.passes += passes;
        if block.passes > (3 * block.planes).checked_sub(2)? {
            return None;
        }
        found.push((part.blocks.start + i, length as usize));
    }
    Some(())
}

/// The number of coding passes (Table B.4).
fn passes(bits: &mut Bits) -> Option<u32> {
    if bits.bit()? == 0 {
        return Some(1);
    }
    if bits.bit()? == 0 {
        return Some(2);
    }
    Some(match bits.bits(2)? {
        3 => match bits.bits(5)? {
            31 => 37 + bits.bits(7)?,
            n => 6 + n,
        },
        n => 3 + n,
    })
}

//! The main header and the parts of tiles (ISO/IEC 15444-1 annex A).

use super::block::Style;

/// Marker codes (Table A.2).
mod marker {
    pub(super) const SOC: u16 = 0xFF4F;
    pub(super) const SIZ: u16 = 0xFF51;
    pub(super) const COD: u16 = 0xFF52;
    pub(super) const TLM: u16 = 0xFF55;
    pub(super) const PLM: u16 = 0xFF57;
    pub(super) const PLT: u16 = 0xFF58;
    pub(super) const QCD: u16 = 0xFF5C;
    pub(super) const CRG: u16 = 0xFF63;
    pub(super) const COM: u16 = 0xFF64;
    pub(super) const SOT: u16 = 0xFF90;
    pub(super) const SOD: u16 = 0xFF93;
    pub(super) const EOC: u16 = 0xFFD9;
}

/// The order of packets (Table A.16).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Progression {
    LayerResolution,
    ResolutionLayer,
    ResolutionPosition,
    PositionComponent,
    ComponentPosition,
}

/// What the SIZ, COD and QCD segments say.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) tile_width: u32,
    pub(super) tile_height: u32,
    pub(super) tile_left: u32,
    pub(super) tile_top: u32,
    pub(super) components: usize,
    pub(super) precision: u32,
    pub(super) is_signed: bool,
    pub(super) progression: Progression,
    pub(super) layers: u32,
    pub(super) transforms_components: bool,
    /// How often the wavelet transform was applied.
    pub(super) levels: u32,
    /// Powers of two: the size of code-blocks.
    pub(super) block: (u32, u32),
    pub(super) style: Style,
    pub(super) is_reversible: bool,
    /// Powers of two: the size of precincts, by resolution.
    pub(super) precincts: Vec<(u32, u32)>,
    pub(super) guard_bits: u32,
    /// Exponent and mantissa of each sub-band.
    pub(super) steps: Vec<(u32, u32)>,
}

/// Reads numbers, big endian.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.first_chunk().map(|b| u16::from_be_bytes(*b))
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.first_chunk().map(|b| u32::from_be_bytes(*b))
    }

    /// The content of a segment.
    fn segment(&mut self) -> Option<Reader<'a>> {
        let length = usize::from(self.u16()?);
        Some(Reader(self.take(length.checked_sub(2)?)?))
    }
}

/// Reads the main header and gathers the data of each tile. `None` if there is anything in them that is not read here.
pub(super) fn read(codestream: &[u8]) -> Option<(Header, Vec<Vec<&[u8]>>)> {
    let mut reader = Reader(codestream);
    if (reader.u16()?, reader.u16()?) != (marker::SOC, marker::SIZ) {
        return None;
    }
    let mut siz = reader.segment()?;
    let (mut cod, mut qcd) = (None, None);
    loop {
        match reader.u16()? {
            marker::COD => cod = Some(reader.segment()?),
            marker::QCD => qcd = Some(reader.segment()?),
            marker::COM | marker::TLM | marker::PLM | marker::CRG => {
                reader.segment()?;
            }
            marker::SOT => break,
            _ => return None,
        }
    }
    let header = header(&mut siz, &mut cod?, &mut qcd?)?;
    let tiles = tiles(reader, header.tiles()?)?;
    Some((header, tiles))
}

fn header(siz: &mut Reader, cod: &mut Reader, qcd: &mut Reader) -> Option<Header> {
    let capabilities = siz.u16()?;
    let [right, bottom, left, top, tile_width, tile_height, tile_left, tile_top] = size(siz)?;
    let components = usize::from(siz.u16()?);
    let kinds = siz.take(3 * components)?.as_chunks::<3>().0;
    let [depth, 1, 1] = *kinds.first()? else { return None };
    let precision = u32::from(depth & 0x7F) + 1;
    let is_plain = kinds.iter().all(|k| *k == [depth, 1, 1]) && precision <= 16;
    let (Some(width), Some(height)) = (right.checked_sub(left), bottom.checked_sub(top)) else {
        return None;
    };
    // High-Throughput JPEG 2000 says so here.
    if !is_plain || capabilities & 0x4000 != 0 || right.max(bottom) > 1 << 30 {
        return None;
    }

    let coding = cod.u8()?;
    let progression = match cod.u8()? {
        0 => Progression::LayerResolution,
        1 => Progression::ResolutionLayer,
        2 => Progression::ResolutionPosition,
        3 => Progression::PositionComponent,
        4 => Progression::ComponentPosition,
        _ => return None,
    };
    let layers = u32::from(cod.u16()?);
    let transforms_components = match cod.u8()? {
        0 => false,
        1 if components >= 3 => true,
        _ => return None,
    };
    let levels = u32::from(cod.u8()?);
    let block = (u32::from(cod.u8()?) + 2, u32::from(cod.u8()?) + 2);
    let style = cod.u8()?;
    let is_reversible = match cod.u8()? {
        0 => false,
        1 => true,
        _ => return None,
    };
    // Bits of the style: bypass, reset, termination of each pass, vertically causal, predictable termination, symbols.
    if levels > 32 || block.0.max(block.1) > 10 || block.0 + block.1 > 12 || style & !0b11_1010 != 0 {
        return None;
    }
    let precincts = if coding & 1 == 0 {
        vec![(15, 15); levels as usize + 1]
    } else {
        let sizes = cod.take(levels as usize + 1)?;
        sizes.iter().map(|s| (u32::from(s & 15), u32::from(s >> 4))).collect()
    };
    let style = Style {
        resets_contexts: style & 2 != 0,
        is_vertically_causal: style & 8 != 0,
        has_symbols: style & 32 != 0,
    };

    let (guard_bits, steps) = quantization(qcd, levels, is_reversible)?;
    Some(Header {
        width,
        height,
        left,
        top,
        tile_width,
        tile_height,
        tile_left,
        tile_top,
        components,
        precision,
        is_signed: depth & 0x80 != 0,
        progression,
        layers,
        transforms_components,
        levels,
        block,
        style,
        is_reversible,
        precincts,
        guard_bits,
        steps,
    })
}

fn size(siz: &mut Reader) -> Option<[u32; 8]> {
    let mut sizes = [0; 8];
    for size in &mut sizes {
        *size = siz.u32()?;
    }
    Some(sizes)
}

/// Guard bits, and exponent and mantissa of each sub-band (A.6.4).
fn quantization(qcd: &mut Reader, levels: u32, is_reversible: bool) -> Option<(u32, Vec<(u32, u32)>)> {
    let style = qcd.u8()?;
    let bands = 3 * levels + 1;
    let split = |v: u16| (u32::from(v >> 11), u32::from(v & 0x7FF));
    let steps = match (style & 0x1F, is_reversible) {
        (0, true) => (0..bands).map(|_| Some((u32::from(qcd.u8()? >> 3), 0))).collect::<Option<Vec<_>>>()?,
        (1, false) => {
            let (exponent, mantissa) = split(qcd.u16()?);
            // Equation E-5: less for each resolution above the second.
            let of = |band: u32| exponent.checked_sub(band.saturating_sub(1) / 3).map(|e| (e, mantissa));
            (0..bands).map(of).collect::<Option<Vec<_>>>()?
        }
        (2, false) => (0..bands).map(|_| Some(split(qcd.u16()?))).collect::<Option<Vec<_>>>()?,
        _ => return None,
    };
    Some((u32::from(style >> 5), steps))
}

impl Header {
    /// How many tiles there are, across and down.
    pub(super) fn grid(&self) -> Option<(u32, u32)> {
        let across = (self.left + self.width).checked_sub(self.tile_left)?;
        let down = (self.top + self.height).checked_sub(self.tile_top)?;
        if self.tile_width == 0 || self.tile_height == 0 {
            return None;
        }
        Some((across.div_ceil(self.tile_width), down.div_ceil(self.tile_height)))
    }

    fn tiles(&self) -> Option<usize> {
        let (across, down) = self.grid()?;
        usize::try_from(across.checked_mul(down)?).ok().filter(|n| *n <= 65_535)
    }
}

/// The data of each tile: those of its parts, in order.
fn tiles<'a>(mut reader: Reader<'a>, count: usize) -> Option<Vec<Vec<&'a [u8]>>> {
    let mut tiles = vec![Vec::new(); count];
    loop {
        let before = reader.0;
        let mut sot = reader.segment()?;
        let (tile, length) = (usize::from(sot.u16()?), sot.u32()? as usize);
        loop {
            match reader.u16()? {
                marker::PLT | marker::COM => {
                    reader.segment()?;
                }
                marker::SOD => break,
                _ => return None,
            }
        }
        // From the marker SOT on, which was read before; 0 stands for all that is left.
        let headers = before.len() - reader.0.len() + 2;
        let length = match length {
            0 => reader.0.len().checked_sub(2)?,
            length => length.checked_sub(headers)?,
        };
        tiles.get_mut(tile)?.push(reader.take(length)?);
        match reader.u16() {
            Some(marker::SOT) => {}
            Some(marker::EOC) => return Some(tiles),
            _ => return None,
        }
    }
}

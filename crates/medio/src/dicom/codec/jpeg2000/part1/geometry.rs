//! Resolutions, sub-bands, precincts and code-blocks of a component of a tile (ISO/IEC 15444-1 annex B).

use super::bits::TagTree;
use super::block::Kind;
use super::headers::Header;
use super::wavelet::Extent;

/// A rectangle on one of the grids: from the first corner, to just before the second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rect {
    pub(super) x0: u32,
    pub(super) y0: u32,
    pub(super) x1: u32,
    pub(super) y1: u32,
}

impl Rect {
    pub(super) fn width(&self) -> usize {
        self.x1.saturating_sub(self.x0) as usize
    }

    pub(super) fn height(&self) -> usize {
        self.y1.saturating_sub(self.y0) as usize
    }

    fn is_empty(&self) -> bool {
        self.width() == 0 || self.height() == 0
    }

    fn map(&self, x: impl Fn(u32) -> u32, y: impl Fn(u32) -> u32) -> Self {
        Self { x0: x(self.x0), y0: y(self.y0), x1: x(self.x1), y1: y(self.y1) }
    }

    fn and(&self, other: &Self) -> Self {
        Self {
            x0: self.x0.max(other.x0),
            y0: self.y0.max(other.y0),
            x1: self.x1.min(other.x1),
            y1: self.y1.min(other.y1),
        }
    }

    pub(super) fn extent(&self) -> Extent {
        Extent { x: self.x0, y: self.y0, width: self.width(), height: self.height() }
    }
}

/// A component of a tile.
pub(super) struct Component<'a> {
    pub(super) rect: Rect,
    /// The rectangle of each resolution, from the coarsest.
    pub(super) resolutions: Vec<Rect>,
    pub(super) bands: Vec<Band>,
    pub(super) precincts: Vec<Precinct>,
    pub(super) blocks: Vec<CodeBlock<'a>>,
}

pub(super) struct Band {
    pub(super) kind: Kind,
    /// The most bit-planes of magnitudes (equation E-2).
    pub(super) planes: u32,
    /// What a magnitude is multiplied by.
    pub(super) step: f32,
    rect: Rect,
    /// Where its samples are kept.
    place: (usize, usize),
}

pub(super) struct Precinct {
    pub(super) resolution: u32,
    /// Its first corner on the reference grid.
    pub(super) corner: (u32, u32),
    pub(super) parts: Vec<Part>,
}

/// The part of a precinct in one sub-band.
pub(super) struct Part {
    pub(super) band: usize,
    /// Code-blocks from one row to the next.
    pub(super) columns: usize,
    pub(super) blocks: std::ops::Range<usize>,
    pub(super) inclusion: TagTree,
    pub(super) empty_planes: TagTree,
}

#[derive(Debug)]
pub(super) struct CodeBlock<'a> {
    pub(super) band: usize,
    /// Where its samples are kept.
    pub(super) place: (usize, usize),
    pub(super) size: (usize, usize),
    pub(super) planes: u32,
    pub(super) passes: u32,
    /// Bits of a length, less those for the number of passes; 0 before the code-block is first included.
    pub(super) length_bits: u32,
    pub(super) data: Vec<&'a [u8]>,
}

/// The rectangle of a tile on the reference grid, which is that of each component.
pub(super) fn tile(header: &Header, across: u32, down: u32) -> Option<Rect> {
    let from = |start: u32, size: u32, i: u32| size.checked_mul(i)?.checked_add(start);
    let rect = Rect {
        x0: from(header.tile_left, header.tile_width, across)?,
        y0: from(header.tile_top, header.tile_height, down)?,
        x1: from(header.tile_left, header.tile_width, across)?.saturating_add(header.tile_width),
        y1: from(header.tile_top, header.tile_height, down)?.saturating_add(header.tile_height),
    };
    let image = Rect {
        x0: header.left,
        y0: header.top,
        x1: header.left + header.width,
        y1: header.top + header.height,
    };
    let rect = rect.and(&image);
    (!rect.is_empty()).then_some(rect)
}

/// Lays out a component, if it has no more than `most` precincts.
pub(super) fn component<'a>(header: &Header, rect: Rect, most: usize) -> Option<Component<'a>> {
    let mut component = Component {
        rect,
        resolutions: Vec::new(),
        bands: Vec::new(),
        precincts: Vec::new(),
        blocks: Vec::new(),
    };
    for resolution in 0..=header.levels {
        let down = header.levels - resolution;
        let scaled = |v: u32| u64::from(v).div_ceil(1 << down) as u32;
        let area = rect.map(scaled, scaled);
        let first_band = component.bands.len();
        for kind in kinds(resolution) {
            let band =
                band(header, rect, component.resolutions.last(), resolution, *kind, component.bands.len())?;
            component.bands.push(band);
        }
        component.resolutions.push(area);
        add_precincts(&mut component, header, resolution, area, first_band, most)?;
    }
    Some(component)
}

fn kinds(resolution: u32) -> &'static [Kind] {
    match resolution {
        0 => &[Kind::LowLow],
        _ => &[Kind::HighLow, Kind::LowHigh, Kind::HighHigh],
    }
}

fn band(
    header: &Header,
    rect: Rect,
    below: Option<&Rect>,
    resolution: u32,
    kind: Kind,
    number: usize,
) -> Option<Band> {
    let level = header.levels - resolution.saturating_sub(1).min(header.levels);
    let (is_right, is_lower, gain) = match kind {
        Kind::LowLow => (false, false, 0),
        Kind::HighLow => (true, false, 1),
        Kind::LowHigh => (false, true, 1),
        Kind::HighHigh => (true, true, 2),
    };
    // Equation B-15.
    let scaled = |is_high: bool| {
        move |v: u32| {
            let half = if is_high { 1u64 << (level - 1) } else { 0 };
            u64::from(v).saturating_sub(half).div_ceil(1 << level) as u32
        }
    };
    let (width, height) = below.map_or((0, 0), |b| (b.width(), b.height()));
    let (exponent, mantissa) = *header.steps.get(number)?;
    let planes = (header.guard_bits + exponent).checked_sub(1).filter(|p| *p <= 30)?;
    let step = if header.is_reversible {
        1.0
    } else {
        // Equation E-3.
        2f32.powi((header.precision + gain) as i32 - exponent as i32) * (1.0 + mantissa as f32 / 2048.0)
    };
    Some(Band {
        kind,
        planes,
        step,
        rect: rect.map(scaled(is_right), scaled(is_lower)),
        place: (if is_right { width } else { 0 }, if is_lower { height } else { 0 }),
    })
}

fn add_precincts(
    component: &mut Component,
    header: &Header,
    resolution: u32,
    area: Rect,
    first_band: usize,
    most: usize,
) -> Option<()> {
    if area.is_empty() {
        return Some(());
    }
    let (log_width, log_height) = *header.precincts.get(resolution as usize)?;
    // Sub-bands of all but the coarsest resolution are half as large.
    let half = u32::from(resolution > 0);
    let (band_width, band_height) = (log_width.checked_sub(half)?, log_height.checked_sub(half)?);
    let (first_x, first_y) = (area.x0 >> log_width, area.y0 >> log_height);
    let columns = u64::from(area.x1).div_ceil(1 << log_width) as u32 - first_x;
    let rows = u64::from(area.y1).div_ceil(1 << log_height) as u32 - first_y;
    if component.precincts.len() as u64 + u64::from(columns) * u64::from(rows) > most as u64 {
        return None;
    }
    let down = header.levels - resolution;
    for row in first_y..first_y + rows {
        for column in first_x..first_x + columns {
            let on_grid = |v: u32, log: u32| (u64::from(v) << (log + down)).min(u64::from(u32::MAX)) as u32;
            let corner = (
                on_grid(column, log_width).max(component.rect.x0),
                on_grid(row, log_height).max(component.rect.y0),
            );
            let whole = |v: u32, log: u32| (u64::from(v) << log).min(u64::from(u32::MAX)) as u32;
            let rect = Rect {
                x0: whole(column, band_width),
                y0: whole(row, band_height),
                x1: whole(column + 1, band_width),
                y1: whole(row + 1, band_height),
            };
            let log_block = (header.block.0.min(band_width), header.block.1.min(band_height));
            let mut parts = Vec::new();
            for number in first_band..component.bands.len() {
                parts.extend(part(component, number, rect, log_block));
            }
            component.precincts.push(Precinct { resolution, corner, parts });
        }
    }
    Some(())
}

fn part(
    component: &mut Component,
    number: usize,
    precinct: Rect,
    (log_x, log_y): (u32, u32),
) -> Option<Part> {
    let band = component.bands.get(number)?;
    let rect = band.rect.and(&precinct);
    if rect.is_empty() {
        return None;
    }
    let (first_column, last_column) = (rect.x0 >> log_x, (rect.x1 - 1) >> log_x);
    let (first_row, last_row) = (rect.y0 >> log_y, (rect.y1 - 1) >> log_y);
    let start = component.blocks.len();
    for row in first_row..=last_row {
        for column in first_column..=last_column {
            let block = Rect {
                x0: column << log_x,
                y0: row << log_y,
                x1: (column + 1) << log_x,
                y1: (row + 1) << log_y,
            }
            .and(&rect);
            let (x, y) = (block.x0 - band.rect.x0, block.y0 - band.rect.y0);
            component.blocks.push(CodeBlock {
                band: number,
                place: (band.place.0 + x as usize, band.place.1 + y as usize),
                size: (block.width(), block.height()),
                planes: 0,
                passes: 0,
                length_bits: 0,
                data: Vec::new(),
            });
        }
    }
    let (columns, rows) = ((last_column - first_column + 1) as usize, (last_row - first_row + 1) as usize);
    Some(Part {
        band: number,
        columns,
        blocks: start..component.blocks.len(),
        inclusion: TagTree::new(columns, rows),
        empty_planes: TagTree::new(columns, rows),
    })
}

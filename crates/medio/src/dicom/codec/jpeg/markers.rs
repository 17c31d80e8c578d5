//! The marker segments of a JPEG image (ISO/IEC 10918-1 annex B).

use super::super::Failure;
use super::bits::Huffman;

/// How the samples are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Process {
    /// Sequential DCT with Huffman codes: SOF0 and SOF1.
    Sequential,
    /// Lossless with Huffman codes: SOF3.
    Lossless,
    /// Progressive, hierarchical or arithmetic.
    Other,
}

/// One component of a frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Component {
    pub(super) id: u8,
    pub(crate) sampling: (u8, u8),
    pub(super) quantization: u8,
}

/// The frame header (B.2.2).
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) process: Process,
    pub(crate) precision: u32,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) components: Vec<Component>,
}

/// What the application markers say about the colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ColorHint {
    /// There is a JFIF marker: YCbCr.
    pub(crate) jfif: bool,
    /// The transform of an Adobe marker: 0 RGB, 1 YCbCr.
    pub(crate) adobe: Option<u8>,
}

/// One component of a scan.
pub(super) struct ScanComponent {
    /// Of the component in the frame.
    pub(super) index: usize,
    pub(super) dc: u8,
    pub(super) ac: u8,
}

/// The scan header (B.2.3).
pub(super) struct Scan {
    pub(super) components: Vec<ScanComponent>,
    /// The predictor of a lossless scan.
    pub(super) start: u8,
    pub(super) point_transform: u32,
}

/// What a marker segment is.
pub(super) enum Segment {
    Frame(Frame),
    /// Its entropy-coded data follows.
    Scan(Scan),
    Other,
    End,
}

/// The tables that are in force.
#[derive(Default)]
pub(super) struct Tables {
    pub(super) dc: [Option<Huffman>; 4],
    pub(super) ac: [Option<Huffman>; 4],
    /// In zigzag order.
    pub(super) quantization: [Option<[u16; 64]>; 4],
    pub(super) restart_interval: usize,
    pub(super) color_hint: ColorHint,
    ids: Vec<u8>,
}

impl Tables {
    /// Reads the marker segment at a place and goes behind it.
    pub(super) fn next_segment(&mut self, data: &[u8], at: &mut usize) -> Result<Segment, Failure> {
        while data.get(*at) == Some(&0xFF) && data.get(*at + 1) == Some(&0xFF) {
            *at += 1;
        }
        let marker = match (data.get(*at), data.get(*at + 1)) {
            (Some(0xFF), Some(marker)) => *marker,
            (None, _) | (_, None) => return Ok(Segment::End),
            _ => return Err("no JPEG marker where one is due".into()),
        };
        match marker {
            0xD9 => return Ok(Segment::End),
            0x01 | 0xD0..=0xD8 => {
                *at += 2;
                return Ok(Segment::Other);
            }
            _ => {}
        }
        let length = data
            .get(*at + 2..)
            .and_then(|b| b.first_chunk())
            .map_or(0, |b| usize::from(u16::from_be_bytes(*b)));
        let segment =
            data.get(*at + 4..*at + 2 + length.max(2)).ok_or("a JPEG segment longer than the image")?;
        *at += 2 + length.max(2);
        match marker {
            0xC4 => self.huffman(segment)?,
            0xDB => self.quantization(segment)?,
            0xDD => {
                let interval = segment.first_chunk().ok_or("an incomplete restart interval")?;
                self.restart_interval = usize::from(u16::from_be_bytes(*interval));
            }
            0xE0 if segment.starts_with(b"JFIF\0") => self.color_hint.jfif = true,
            0xEE if segment.starts_with(b"Adobe") => self.color_hint.adobe = segment.get(11).copied(),
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                let frame = frame(marker, segment)?;
                self.ids = frame.components.iter().map(|c| c.id).collect();
                return Ok(Segment::Frame(frame));
            }
            0xDA => return Ok(Segment::Scan(self.scan(segment)?)),
            _ => {}
        }
        Ok(Segment::Other)
    }

    fn huffman(&mut self, mut segment: &[u8]) -> Result<(), Failure> {
        while let Some((&head, rest)) = segment.split_first() {
            let counts = rest.first_chunk::<16>().ok_or("an incomplete Huffman table")?;
            let total: usize = counts.iter().map(|c| usize::from(*c)).sum();
            let symbols = rest.get(16..16 + total).ok_or("an incomplete Huffman table")?;
            let tables = if head >> 4 == 0 { &mut self.dc } else { &mut self.ac };
            let table = tables.get_mut(usize::from(head & 15)).ok_or("more than 4 Huffman tables")?;
            *table = Some(Huffman::new(counts, symbols)?);
            segment = rest.get(16 + total..).unwrap_or_default();
        }
        Ok(())
    }

    fn quantization(&mut self, mut segment: &[u8]) -> Result<(), Failure> {
        while let Some((&head, rest)) = segment.split_first() {
            let width = if head >> 4 == 0 { 1 } else { 2 };
            let values = rest.get(..64 * width).ok_or("an incomplete quantization table")?;
            let mut table = [0; 64];
            for (cell, value) in table.iter_mut().zip(values.chunks(width)) {
                *cell = value.iter().fold(0, |sum, b| sum << 8 | u16::from(*b));
            }
            *self.quantization.get_mut(usize::from(head & 15)).ok_or("more than 4 quantization tables")? =
                Some(table);
            segment = rest.get(64 * width..).unwrap_or_default();
        }
        Ok(())
    }

    fn scan(&self, segment: &[u8]) -> Result<Scan, Failure> {
        let incomplete = "an incomplete scan header";
        let (&count, rest) = segment.split_first().ok_or(incomplete)?;
        let count = usize::from(count);
        let mut components = Vec::new();
        for pair in rest.get(..2 * count).ok_or(incomplete)?.as_chunks::<2>().0 {
            let index =
                self.ids.iter().position(|id| *id == pair[0]).ok_or("a scan of an unknown component")?;
            components.push(ScanComponent { index, dc: pair[1] >> 4, ac: pair[1] & 15 });
        }
        let [start, _, approximation] =
            *rest.get(2 * count..).and_then(|b| b.first_chunk::<3>()).ok_or(incomplete)?;
        if components.is_empty() || components.len() > 4 {
            return Err("a scan without components or with more than 4".into());
        }
        Ok(Scan { components, start, point_transform: u32::from(approximation & 15) })
    }
}

fn frame(marker: u8, segment: &[u8]) -> Result<Frame, Failure> {
    let [precision, y1, y0, x1, x0, count] =
        *segment.first_chunk::<6>().ok_or("an incomplete frame header")?;
    let list = segment.get(6..6 + 3 * usize::from(count)).ok_or("an incomplete frame header")?;
    let component =
        |b: &[u8; 3]| Component { id: b[0], sampling: (b[1] >> 4, b[1] & 15), quantization: b[2] };
    let process = match marker {
        0xC0 | 0xC1 => Process::Sequential,
        0xC3 => Process::Lossless,
        _ => Process::Other,
    };
    if !(2..=16).contains(&precision) {
        return Err(format!("a precision of {precision} bits").into());
    }
    Ok(Frame {
        process,
        precision: u32::from(precision),
        rows: usize::from(u16::from_be_bytes([y1, y0])),
        columns: usize::from(u16::from_be_bytes([x1, x0])),
        components: list.as_chunks().0.iter().map(component).collect(),
    })
}

impl Frame {
    /// Whether the components are named R, G and B.
    pub(crate) fn has_rgb_ids(&self) -> bool {
        let ids: Vec<u8> = self.components.iter().map(|c| c.id.to_ascii_uppercase()).collect();
        ids == *b"RGB"
    }
}

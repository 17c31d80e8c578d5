//! The marker segments of a JPEG-LS image (ISO/IEC 14495-1 annex C).

use super::super::Failure;
use super::model::Parameters;

/// The frame header (C.2.2).
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) precision: u32,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// Their identifiers.
    pub(crate) components: Vec<u8>,
    /// Whether each component is sampled at each pixel.
    pub(crate) full_sampling: bool,
}

/// How the components of a scan take turns (C.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interleave {
    None,
    Line,
    Sample,
}

/// The scan header (C.2.3) and the parameters in force.
pub(super) struct Scan {
    /// Indices into the components of the frame.
    pub(super) components: Vec<usize>,
    pub(super) interleave: Interleave,
    pub(super) parameters: Parameters,
}

/// The size of an image, from its frame header.
pub(crate) fn inspect(data: &[u8]) -> Result<Frame, Failure> {
    let mut segments = Segments::new(data);
    segments.next_scan()?;
    segments.frame().cloned()
}

/// Goes through the marker segments.
pub(super) struct Segments<'a> {
    data: &'a [u8],
    at: usize,
    frame: Option<Frame>,
    /// MAXVAL, T1, T2, T3 and RESET of an LSE segment; 0 for the default.
    preset: [u16; 5],
    restart_lines: usize,
}

impl<'a> Segments<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 2, frame: None, preset: [0; 5], restart_lines: 0 }
    }

    pub(super) fn frame(&self) -> Result<&Frame, Failure> {
        self.frame.as_ref().ok_or_else(|| "no frame header before the first scan".into())
    }

    pub(super) fn position(&self) -> usize {
        self.at
    }

    pub(super) fn go_to(&mut self, at: usize) {
        self.at = at;
    }

    /// Lines between restart markers; 0 for none.
    pub(super) fn restart_lines(&self) -> usize {
        self.restart_lines
    }

    /// Reads up to the next scan header and behind it; `None` at the end of the image.
    pub(super) fn next_scan(&mut self) -> Result<Option<Scan>, Failure> {
        loop {
            while self.data.get(self.at) == Some(&0xFF) && self.data.get(self.at + 1) == Some(&0xFF) {
                self.at += 1;
            }
            let marker = match (self.data.get(self.at), self.data.get(self.at + 1)) {
                (Some(0xFF), Some(0xD9)) | (None, _) | (_, None) => return Ok(None),
                (Some(0xFF), Some(marker)) => *marker,
                _ => return Err("no JPEG-LS marker where one is due".into()),
            };
            if marker == 0xD8 {
                self.at += 2;
                continue;
            }
            let length = self
                .data
                .get(self.at + 2..)
                .and_then(|b| b.first_chunk())
                .map_or(0, |b| usize::from(u16::from_be_bytes(*b)));
            let end = self.at + 2 + length.max(2);
            let segment = self.data.get(self.at + 4..end).ok_or("a JPEG-LS segment longer than the image")?;
            self.at = end;
            match marker {
                0xF7 => self.frame = Some(frame(segment)?),
                0xF8 => self.preset(segment)?,
                0xDD => {
                    self.restart_lines = segment.iter().fold(0, |sum: usize, b| sum << 8 | usize::from(*b));
                }
                0xE8 if segment.starts_with(b"mrfx") && segment.get(4) != Some(&0) => {
                    return Err("a colour transform that JPEG-LS does not define".into());
                }
                0xDA => return self.scan(segment).map(Some),
                0xC0..=0xCF => return Err("a frame of JPEG, not of JPEG-LS".into()),
                _ => {}
            }
        }
    }

    fn preset(&mut self, segment: &[u8]) -> Result<(), Failure> {
        match segment.split_first() {
            Some((1, values)) if values.len() >= 10 => {
                for (cell, value) in self.preset.iter_mut().zip(values.as_chunks().0) {
                    *cell = u16::from_be_bytes(*value);
                }
                Ok(())
            }
            Some((2 | 3, _)) => Err("a mapping table".into()),
            _ => Err("an LSE segment of an unknown kind".into()),
        }
    }

    fn scan(&self, segment: &[u8]) -> Result<Scan, Failure> {
        let incomplete = "an incomplete scan header";
        let frame = self.frame()?;
        let (&count, rest) = segment.split_first().ok_or(incomplete)?;
        let count = usize::from(count);
        let list = rest.get(..2 * count).ok_or(incomplete)?;
        let mut components = Vec::new();
        for [id, mapping] in list.as_chunks().0 {
            if *mapping != 0 {
                return Err("a mapping table".into());
            }
            components
                .push(frame.components.iter().position(|c| c == id).ok_or("a scan of an unknown component")?);
        }
        let [near, interleave, transform] =
            *rest.get(2 * count..).and_then(|b| b.first_chunk::<3>()).ok_or(incomplete)?;
        let interleave = match interleave {
            0 => Interleave::None,
            1 => Interleave::Line,
            2 => Interleave::Sample,
            other => return Err(format!("interleave mode {other}").into()),
        };
        let most = if interleave == Interleave::None { 1 } else { 4 };
        if components.is_empty() || components.len() > most {
            return Err(format!(
                "{} components in a scan of interleave mode {interleave:?}",
                components.len()
            )
            .into());
        }
        if transform & 15 != 0 {
            return Err("a point transform".into());
        }
        let parameters = Parameters::new(frame.precision, i32::from(near), self.preset)?;
        Ok(Scan { components, interleave, parameters })
    }
}

fn frame(segment: &[u8]) -> Result<Frame, Failure> {
    let [precision, y1, y0, x1, x0, count] =
        *segment.first_chunk::<6>().ok_or("an incomplete frame header")?;
    let list = segment.get(6..6 + 3 * usize::from(count)).ok_or("an incomplete frame header")?;
    if !(2..=16).contains(&precision) {
        return Err(format!("a precision of {precision} bits").into());
    }
    let list = list.as_chunks::<3>().0;
    Ok(Frame {
        precision: u32::from(precision),
        rows: usize::from(u16::from_be_bytes([y1, y0])),
        columns: usize::from(u16::from_be_bytes([x1, x0])),
        components: list.iter().map(|c| c[0]).collect(),
        full_sampling: list.windows(2).all(|pair| matches!(pair, [a, b] if a[1] == b[1])),
    })
}

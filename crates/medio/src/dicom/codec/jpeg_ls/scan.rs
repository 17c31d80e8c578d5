//! The lines of a JPEG-LS scan (ISO/IEC 14495-1 annexes A and B).

use super::super::Failure;
use super::bits::Bits;
use super::markers::{Frame, Interleave, Scan};
use super::model::{Model, RUN_ORDERS};

/// Two lines of one component with a sample more on each side: `line[x + 1]` is the sample at x.
struct Lines {
    above: Vec<i32>,
    current: Vec<i32>,
}

/// The four neighbours of a sample (figure A.1).
struct Neighbours {
    a: i32,
    b: i32,
    c: i32,
    d: i32,
}

impl Lines {
    fn new(columns: usize) -> Self {
        Self { above: vec![0; columns + 2], current: vec![0; columns + 2] }
    }

    /// Sets what lies beyond the edges (A.2.1): left the sample above, right the last of the line above.
    fn start(&mut self) {
        let first = self.above.get(1).copied().unwrap_or(0);
        if let Some(edge) = self.current.first_mut() {
            *edge = first;
        }
        if let [.., last, edge] = self.above.as_mut_slice() {
            *edge = *last;
        }
    }

    #[inline]
    fn at(&self, x: usize) -> Neighbours {
        let a = self.current.get(x).copied().unwrap_or(0);
        match self.above.get(x..).and_then(|above| above.first_chunk::<3>()) {
            Some([c, b, d]) => Neighbours { a, b: *b, c: *c, d: *d },
            None => Neighbours { a, b: 0, c: 0, d: 0 },
        }
    }

    #[inline]
    fn set(&mut self, x: usize, value: i32) {
        if let Some(cell) = self.current.get_mut(x + 1) {
            *cell = value;
        }
    }

    fn finish(&mut self, out: &mut [u16], component: usize, stride: usize) {
        for (cell, value) in out.iter_mut().skip(component).step_by(stride).zip(self.current.iter().skip(1)) {
            *cell = *value as u16;
        }
        std::mem::swap(&mut self.above, &mut self.current);
    }
}

impl Neighbours {
    /// The median edge detector (A.4.1).
    #[inline]
    fn predict(&self) -> i32 {
        let (low, high) = (self.a.min(self.b), self.a.max(self.b));
        if self.c >= high {
            low
        } else if self.c <= low {
            high
        } else {
            self.a + self.b - self.c
        }
    }
}

/// What a scan carries from line to line.
struct State {
    model: Model,
    lines: Vec<Lines>,
    /// Of each component, or of all in sample interleave.
    run_index: Vec<usize>,
}

impl State {
    fn new(scan: &Scan, columns: usize) -> Self {
        let count = scan.components.len();
        Self {
            model: Model::new(&scan.parameters),
            lines: (0..count).map(|_| Lines::new(columns)).collect(),
            run_index: vec![0; count],
        }
    }
}

/// Decodes a scan into samples by pixel; returns where it ends.
pub(super) fn decode(
    data: &[u8],
    at: usize,
    frame: &Frame,
    scan: &Scan,
    restart_lines: usize,
    samples: &mut [u16],
) -> Result<usize, Failure> {
    let (columns, stride) = (frame.columns, frame.components.len());
    let mut state = State::new(scan, columns);
    let mut bits = Bits::new(data, at);
    let by_sample = scan.interleave == Interleave::Sample && scan.components.len() > 1;
    for (row, out) in samples.chunks_exact_mut((columns * stride).max(1)).enumerate() {
        if restart_lines > 0 && row > 0 && row % restart_lines == 0 {
            bits.restart()?;
            state = State::new(scan, columns);
        }
        if by_sample {
            pixels(&mut bits, &mut state, scan, columns)?;
        } else {
            for (lines, run_index) in state.lines.iter_mut().zip(&mut state.run_index) {
                line(&mut bits, &mut state.model, lines, run_index, scan, columns)?;
            }
        }
        for (lines, component) in state.lines.iter_mut().zip(&scan.components) {
            lines.finish(out, *component, stride);
        }
        if bits.is_exhausted() {
            return Err(format!("the compressed data ends in row {row} of {}", frame.rows).into());
        }
    }
    Ok(bits.next_marker())
}

/// A line of one component.
fn line(
    bits: &mut Bits<'_>,
    model: &mut Model,
    lines: &mut Lines,
    run_index: &mut usize,
    scan: &Scan,
    columns: usize,
) -> Result<(), Failure> {
    lines.start();
    let parameters = &scan.parameters;
    let mut x = 0;
    while x < columns {
        let near = lines.at(x);
        let context = context(scan, &near);
        if context != 0 {
            let value = model.regular(bits, context, near.predict())?;
            lines.set(x, value);
            x += 1;
            continue;
        }
        debug_assert!((near.a - near.b).abs() <= 2 * parameters.most);
        let run = run_length(bits, run_index, columns - x)?;
        if let Some(cells) = lines.current.get_mut(x + 1..x + 1 + run) {
            cells.fill(near.a);
        }
        x += run;
        if x < columns {
            let above = lines.at(x).b;
            let value = model.end_of_run(bits, *run_index, near.a, above, false)?;
            lines.set(x, value);
            *run_index = run_index.saturating_sub(1);
            x += 1;
        }
    }
    Ok(())
}

/// A line of pixels whose components are coded in turn: they share runs (B.2.3).
fn pixels(bits: &mut Bits<'_>, state: &mut State, scan: &Scan, columns: usize) -> Result<(), Failure> {
    let State { model, lines, run_index } = state;
    let run_index = run_index.first_mut().ok_or("a scan without components")?;
    lines.iter_mut().for_each(Lines::start);
    let mut x = 0;
    while x < columns {
        if lines.iter().any(|lines| context(scan, &lines.at(x)) != 0) {
            for lines in lines.iter_mut() {
                let near = lines.at(x);
                let value = model.regular(bits, context(scan, &near), near.predict())?;
                lines.set(x, value);
            }
            x += 1;
            continue;
        }
        let run = run_length(bits, run_index, columns - x)?;
        for lines in lines.iter_mut() {
            let left = lines.at(x).a;
            if let Some(cells) = lines.current.get_mut(x + 1..x + 1 + run) {
                cells.fill(left);
            }
        }
        x += run;
        if x < columns {
            for lines in lines.iter_mut() {
                let near = lines.at(x);
                let value = model.end_of_run(bits, *run_index, near.a, near.b, true)?;
                lines.set(x, value);
            }
            *run_index = run_index.saturating_sub(1);
            x += 1;
        }
    }
    Ok(())
}

/// The context of the gradients (A.3.3 and A.3.4); 0 where a run starts.
#[inline]
fn context(scan: &Scan, near: &Neighbours) -> i32 {
    let quantize = |gradient| scan.parameters.quantize(gradient);
    (quantize(near.d - near.b) * 9 + quantize(near.b - near.c)) * 9 + quantize(near.c - near.a)
}

/// The length of the run that starts here, within the line (A.7.1).
fn run_length(bits: &mut Bits<'_>, run_index: &mut usize, left: usize) -> Result<usize, Failure> {
    let mut run = 0;
    while bits.take(1) == 1 {
        let block = 1usize << RUN_ORDERS.get(*run_index).copied().unwrap_or(15);
        if run + block > left {
            return Ok(left);
        }
        run += block;
        *run_index = (*run_index + 1).min(31);
        if run == left {
            return Ok(left);
        }
    }
    let order = RUN_ORDERS.get(*run_index).copied().unwrap_or(15);
    let rest = bits.take(u32::from(order)) as usize;
    if run + rest >= left {
        return Err("a run beyond the end of its line".into());
    }
    Ok(run + rest)
}

//! Lines over numbers.

use super::canvas::{Canvas, Rgb};
use super::text::{text_height, text_width};
use super::{Error, Result};

const PAPER: Rgb = [22, 23, 27];
const GRID: Rgb = [52, 55, 62];
const INK: Rgb = [196, 200, 208];
const SCALE: usize = 2;
const GAP: usize = 8;
/// About how many lines of the grid there are.
const TICKS: f64 = 5.0;

/// Colours that are told apart on a dark ground, in the order in which lines take them.
const COLORS: [Rgb; 6] =
    [[102, 178, 255], [255, 170, 80], [120, 214, 130], [240, 110, 130], [190, 150, 250], [230, 220, 110]];

/// Points in the order in which they are joined.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What it is.
    pub name: String,
    /// Across and up.
    pub points: Vec<[f64; 2]>,
}

/// A line chart: a grid, numbers at its lower and left side, the names of the lines above.
///
/// ```
/// # fn main() -> Result<(), medburn_examples::picture::Error> {
/// use medburn_examples::picture::{Chart, Line};
///
/// let loss = Line { name: "loss".into(), points: vec![[0.0, 1.2], [10.0, 0.7], [20.0, 0.4]] };
/// let chart = Chart { title: "training".into(), across: "step".into(), lines: vec![loss], ..Chart::default() };
/// assert_eq!(chart.draw()?.width(), 640);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// Over the whole.
    pub title: String,
    /// What the numbers below are.
    pub across: String,
    /// What is drawn; points that are not finite are left out.
    pub lines: Vec<Line>,
    /// Rows and columns of the picture.
    pub size: [usize; 2],
}

impl Default for Chart {
    fn default() -> Self {
        Self { title: String::new(), across: String::new(), lines: Vec::new(), size: [320, 640] }
    }
}

impl Chart {
    /// Draws it.
    ///
    /// # Errors
    /// [`Error::Empty`] without a finite point, [`Error::InvalidSize`].
    pub fn draw(&self) -> Result<Canvas> {
        let [height, width] = self.size;
        let mut canvas = Canvas::new(width, height, PAPER)?;
        let across = Axis::over(self.values(0))?;
        let up = Axis::over(self.values(1))?;
        let labels = up.ticks().map(|v| text_width(&up.label(v), SCALE)).max().unwrap_or(0);
        let line = text_height(SCALE) + GAP;
        let (left, top) = (GAP + labels + GAP, GAP + 2 * line);
        let (right, bottom) = (width.saturating_sub(2 * GAP), height.saturating_sub(GAP + 2 * line));
        if right <= left || bottom <= top {
            return Err(Error::InvalidSize { what: "a chart", limit: usize::MAX, found: self.size });
        }
        let frame = Frame { left, top, right, bottom };
        canvas.text(GAP, GAP, &self.title, INK, SCALE);
        let end = text_width(&self.across, SCALE);
        canvas.text(right.saturating_sub(end), bottom + line + GAP, &self.across, INK, SCALE);
        for value in up.ticks() {
            let y = frame.y(up.place(value));
            canvas.fill_rect(left, y, right - left, 1, GRID);
            let label = up.label(value);
            let x = left.saturating_sub(GAP + text_width(&label, SCALE));
            canvas.text(x, y.saturating_sub(text_height(SCALE) / 2), &label, INK, SCALE);
        }
        for value in across.ticks() {
            let x = frame.x(across.place(value));
            canvas.fill_rect(x, top, 1, bottom - top, GRID);
            let label = across.label(value);
            let half = text_width(&label, SCALE) / 2;
            let x = x.saturating_sub(half).min(width.saturating_sub(2 * half + 1));
            canvas.text(x, bottom + GAP, &label, INK, SCALE);
        }
        let mut x = left;
        for (line, color) in self.lines.iter().zip(COLORS.into_iter().cycle()) {
            canvas.text(x, GAP + text_height(SCALE) + GAP, &line.name, color, SCALE);
            x += text_width(&line.name, SCALE) + 3 * GAP;
            let points = finite(&line.points).map(|[a, b]| [frame.x(across.place(a)), frame.y(up.place(b))]);
            draw_line(&mut canvas, &points.collect::<Vec<_>>(), color);
        }
        Ok(canvas)
    }

    fn values(&self, axis: usize) -> impl Iterator<Item = f64> {
        self.lines.iter().flat_map(|line| finite(&line.points)).map(move |point| point[axis])
    }
}

fn finite(points: &[[f64; 2]]) -> impl Iterator<Item = [f64; 2]> {
    points.iter().copied().filter(|point| point.iter().all(|v| v.is_finite()))
}

/// Where the lines are, in pixels.
struct Frame {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
}

impl Frame {
    fn x(&self, place: f64) -> usize {
        self.left + ((self.right - self.left - 1) as f64 * place).round() as usize
    }

    fn y(&self, place: f64) -> usize {
        self.bottom - 1 - ((self.bottom - self.top - 1) as f64 * place).round() as usize
    }
}

/// From the lowest number shown to the highest.
struct Axis {
    low: f64,
    high: f64,
    step: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64>) -> Result<Self> {
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
        if low > high {
            return Err(Error::Empty { what: "points of a chart" });
        }
        // Halved first: the whole range of f64 has no width in f64.
        let width = (high / 2.0 - low / 2.0) * 2.0;
        let (low, width) = if width > 0.0 && width.is_finite() { (low, width) } else { (low - 0.5, 1.0) };
        let step = round_step(width / TICKS);
        let (first, last) = ((low / step).floor(), (high / step).ceil().max((low / step).floor() + 1.0));
        Ok(Self { low: first * step, high: last * step, step })
    }

    fn place(&self, value: f64) -> f64 {
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        let count = ((self.high - self.low) / self.step).round().clamp(1.0, 20.0) as usize;
        (0..=count).map(|i| self.low + self.step * i as f64)
    }

    fn label(&self, value: f64) -> String {
        if self.low.abs().max(self.high.abs()) >= 1e6 || self.step < 1e-6 {
            return format!("{value:.1e}");
        }
        let digits = (-self.step.log10().floor()).clamp(0.0, 9.0) as usize;
        // No minus sign before zero.
        let value = if value.abs() < self.step / 1e6 { 0.0 } else { value };
        if self.step < 1e9 { format!("{value:.digits$}") } else { format!("{value:.0e}") }
    }
}

/// 1, 2 or 5 times a power of ten, at least `least`.
fn round_step(least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|step| *step >= least).unwrap_or(10.0 * power)
}

fn draw_line(canvas: &mut Canvas, points: &[[usize; 2]], color: Rgb) {
    for pair in points.windows(2) {
        let [from, to] = [pair[0], pair[1]].map(|p| p.map(|v| v as f64));
        let length = (to[0] - from[0]).abs().max((to[1] - from[1]).abs()).max(1.0);
        for i in 0..=length as usize {
            let part = i as f64 / length;
            let at = [0, 1].map(|axis| (from[axis] + (to[axis] - from[axis]) * part).round() as usize);
            canvas.fill_rect(at[0], at[1], 2, 2, color);
        }
    }
    if let [only] = points {
        canvas.fill_rect(only[0].saturating_sub(1), only[1].saturating_sub(1), 4, 4, color);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: &[[f64; 2]]) -> Result<Canvas> {
        let line = Line { name: "a".into(), points: points.to_vec() };
        Chart { lines: vec![line], ..Chart::default() }.draw()
    }

    fn colored(canvas: &Canvas) -> Vec<[usize; 2]> {
        let below_names = GAP + 2 * (text_height(SCALE) + GAP);
        let all = (below_names..canvas.height()).flat_map(|y| (0..canvas.width()).map(move |x| [x, y]));
        all.filter(|[x, y]| canvas.pixel(*x, *y) == Some(COLORS[0])).collect()
    }

    #[test]
    fn lines_rise_where_numbers_do() {
        let places = colored(&chart(&[[0.0, 1.0], [4.0, 3.0], [f64::NAN, 9.0]]).unwrap());
        let first = places.iter().min_by_key(|p| p[0]).unwrap();
        let last = places.iter().max_by_key(|p| p[0]).unwrap();
        assert!(first[1] > last[1] + 150 && last[0] > first[0] + 400, "{first:?} {last:?}");
    }

    #[test]
    fn numbers_of_all_sizes() {
        for points in [
            &[[1.0, 2.0]][..],
            &[[0.0, 1e300], [1.0, -1e300]],
            &[[0.0, 1e-9], [1e9, 3e-9]],
            &[[5.0, 5.0], [5.0, 5.0]],
        ] {
            assert!(!colored(&chart(points).unwrap()).is_empty(), "{points:?}");
        }
        assert!(matches!(chart(&[]), Err(Error::Empty { .. })));
        assert!(matches!(chart(&[[f64::NAN, 1.0]]), Err(Error::Empty { .. })));
        let small = Chart {
            size: [20, 20],
            lines: vec![Line { name: "a".into(), points: vec![[0.0, 0.0]] }],
            ..Chart::default()
        };
        assert!(matches!(small.draw(), Err(Error::InvalidSize { .. })));
    }

    #[test]
    fn steps_are_round() {
        assert_eq!(
            [0.13, 0.2, 3.0, 70.0].map(round_step).map(|v| format!("{v:.1}")),
            ["0.2", "0.2", "5.0", "100.0"]
        );
        let axis = Axis::over([0.12, 0.93].into_iter()).unwrap();
        assert_eq!(
            axis.ticks().map(|v| axis.label(v)).collect::<Vec<_>>(),
            ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
        );
    }
}

//! A bar that says how long a millimetre is.

use super::canvas::{Canvas, Rgb};
use super::text::{text_height, text_width};

const INK: Rgb = [245, 245, 245];
/// Lengths that a bar may have, in mm.
const LENGTHS: [f64; 13] = [0.01, 0.05, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0];
/// Most of the picture's width that a bar takes.
const LONGEST: f64 = 0.35;

impl Canvas {
    /// Draws a bar with its length at the lower left: the longest round number of millimetres that fits into a third of the
    /// picture. Returns that length; nothing is drawn on pictures that are too small for any.
    ///
    /// ```
    /// # fn main() -> Result<(), medburn_examples::picture::Error> {
    /// use medburn_examples::picture::Canvas;
    ///
    /// let mut canvas = Canvas::new(300, 200, [0; 3])?;
    /// assert_eq!(canvas.scale_bar(1.0, 2), Some(100.0));
    /// # Ok(()) }
    /// ```
    pub fn scale_bar(&mut self, mm_per_pixel: f64, scale: usize) -> Option<f64> {
        let scale = scale.max(1);
        let inset = 3 * scale;
        let room = LONGEST * self.width() as f64 * mm_per_pixel;
        let length = LENGTHS.into_iter().rev().find(|length| *length <= room)?;
        let pixels = (length / mm_per_pixel).round() as usize;
        let label = format!("{length} mm");
        let height = text_height(scale) + 4 * scale;
        if pixels < 4 * scale
            || text_width(&label, scale) + 2 * inset > self.width()
            || height + inset > self.height()
        {
            return None;
        }
        let y = self.height() - inset - 2 * scale;
        let edge = scale.div_ceil(2);
        self.fill_rect(inset - edge, y - edge, pixels + 2 * edge, 2 * scale + 2 * edge, [0; 3]);
        self.fill_rect(inset, y, pixels, 2 * scale, INK);
        self.outlined_text(inset, self.height() - inset - height, &label, INK, scale);
        Some(length)
    }
}

#[cfg(test)]
mod tests {
    use super::INK;
    use crate::picture::Canvas;

    #[test]
    fn the_bar_is_as_long_as_it_says() {
        for (mm_per_pixel, expected) in [(0.7, 50.0), (0.1, 10.0), (3.0, 200.0)] {
            let mut canvas = Canvas::new(320, 240, [0; 3]).unwrap();
            assert_eq!(canvas.scale_bar(mm_per_pixel, 2), Some(expected));
            let bar_row = 240 - 6 - 4;
            let inked = (0..320).filter(|x| canvas.pixel(*x, bar_row) == Some(INK)).count();
            assert!((inked as f64 * mm_per_pixel - expected).abs() <= mm_per_pixel, "{inked}");
        }
    }

    #[test]
    fn nothing_on_small_pictures() {
        let mut canvas = Canvas::new(20, 20, [7; 3]).unwrap();
        assert_eq!(canvas.scale_bar(1.0, 2), None);
        assert_eq!(canvas.scale_bar(f64::NAN, 2), None);
        assert!(canvas.pixels().iter().all(|p| *p == [7; 3]));
    }
}

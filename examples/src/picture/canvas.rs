//! An RGB picture to draw on.

use ndarray::{ArrayView2, ArrayView3};

use super::{Error, Result};

/// Red, green and blue.
pub type Rgb = [u8; 3];

/// So that a slip in a layout is an error and no exhausted memory: 16,384 x 16,384.
const MAX_PIXELS: usize = 1 << 28;

/// An RGB picture with 8 bits a channel. What is drawn beyond its right or lower side is cut off.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use medburn_examples::picture::Canvas;
///
/// let mut canvas = Canvas::new(64, 20, [0, 0, 0])?;
/// canvas.text(4, 4, "T8", [255, 255, 255], 1);
/// assert_eq!(canvas.pixel(4, 4), Some([255, 255, 255]));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<Rgb>,
}

impl Canvas {
    /// A picture in one colour.
    ///
    /// # Errors
    /// [`Error::InvalidSize`] for a side of 0 or more than 2^28 pixels.
    pub fn new(width: usize, height: usize, background: Rgb) -> Result<Self> {
        let area = checked_area("a picture", [height, width])?;
        Ok(Self { width, height, pixels: vec![background; area] })
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The colour at column `x` and row `y`, if the picture reaches that far.
    pub fn pixel(&self, x: usize, y: usize) -> Option<Rgb> {
        let index = self.index(x, y)?;
        self.pixels.get(index).copied()
    }

    /// Row after row.
    pub fn pixels(&self) -> &[Rgb] {
        &self.pixels
    }

    /// Colours one pixel.
    pub fn set_pixel(&mut self, x: usize, y: usize, color: Rgb) {
        if let Some(pixel) = self.index(x, y).and_then(|index| self.pixels.get_mut(index)) {
            *pixel = color;
        }
    }

    /// Fills a rectangle whose upper left pixel is (`x`, `y`).
    pub fn fill_rect(&mut self, x: usize, y: usize, width: usize, height: usize, color: Rgb) {
        let right = x.saturating_add(width).min(self.width);
        let bottom = y.saturating_add(height).min(self.height);
        for y in y..bottom {
            for x in x..right {
                self.set_pixel(x, y, color);
            }
        }
    }

    /// Draws grey values from 0 (black) to 1 (white), `[row, column]`. Values beyond are clipped; NaN is black.
    pub fn blit_grey(&mut self, x: usize, y: usize, grey: &ArrayView2<f32>) {
        for ((row, column), &value) in grey.indexed_iter() {
            self.set_pixel(x.saturating_add(column), y.saturating_add(row), [grey_byte(value); 3]);
        }
    }

    /// Draws colours, `[row, column, 3]`.
    ///
    /// # Errors
    /// [`Error::InvalidShape`] when the last axis is not red, green and blue.
    pub fn blit_rgb(&mut self, x: usize, y: usize, rgb: &ArrayView3<u8>) -> Result<()> {
        check_rgb(rgb)?;
        for (row, line) in rgb.outer_iter().enumerate() {
            for (column, color) in line.outer_iter().enumerate() {
                let color = std::array::from_fn(|channel| color[channel]);
                self.set_pixel(x.saturating_add(column), y.saturating_add(row), color);
            }
        }
        Ok(())
    }

    /// Draws another picture.
    pub fn blit(&mut self, x: usize, y: usize, picture: &Self) {
        for (row, line) in picture.pixels.chunks_exact(picture.width).enumerate() {
            for (column, &color) in line.iter().enumerate() {
                self.set_pixel(x.saturating_add(column), y.saturating_add(row), color);
            }
        }
    }

    fn index(&self, x: usize, y: usize) -> Option<usize> {
        (x < self.width && y < self.height).then(|| y * self.width + x)
    }
}

/// From 0..=1 to 0..=255.
pub(super) fn grey_byte(value: f32) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0).round() as u8
}

/// That the last axis is red, green and blue.
pub(super) fn check_rgb(rgb: &ArrayView3<u8>) -> Result<()> {
    if rgb.shape()[2] == 3 {
        return Ok(());
    }
    Err(Error::InvalidShape {
        what: "a colour picture",
        expected: "[rows, columns, 3]".to_string(),
        found: format!("{:?}", rgb.shape()),
    })
}

/// Pixels of `[rows, columns]`.
pub(super) fn checked_area(what: &'static str, size: [usize; 2]) -> Result<usize> {
    size[0].checked_mul(size[1]).filter(|area| (1..=MAX_PIXELS).contains(area)).ok_or(Error::InvalidSize {
        what,
        limit: MAX_PIXELS,
        found: size,
    })
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, array};

    use super::Canvas;
    use crate::picture::Error;

    const RED: [u8; 3] = [255, 0, 0];

    #[test]
    fn sizes_are_checked() {
        for (width, height) in [(0, 4), (4, 0), (usize::MAX, 2), (1 << 20, 1 << 20)] {
            let error = Canvas::new(width, height, RED).unwrap_err();
            assert!(matches!(error, Error::InvalidSize { found, .. } if found == [height, width]));
        }
    }

    #[test]
    fn rectangles_are_cut_off_at_the_sides() {
        let mut canvas = Canvas::new(4, 3, [0; 3]).unwrap();
        canvas.fill_rect(2, 1, 9, usize::MAX, RED);
        let red: Vec<bool> = canvas.pixels().iter().map(|&p| p == RED).collect();
        let (o, x) = (false, true);
        assert_eq!(red, [o, o, o, o, o, o, x, x, o, o, x, x]);
        canvas.fill_rect(usize::MAX, 0, 2, 2, RED);
    }

    #[test]
    fn grey_is_clipped_and_rounded() {
        let mut canvas = Canvas::new(3, 3, RED).unwrap();
        canvas.blit_grey(1, 2, &array![[0.5, -3.0], [1.0, 1.0]].view());
        assert_eq!(canvas.pixel(1, 2), Some([128; 3]));
        assert_eq!(canvas.pixel(2, 2), Some([0; 3]));
        canvas.blit_grey(0, 0, &array![[f32::NAN, 7.0]].view());
        assert_eq!((canvas.pixel(0, 0), canvas.pixel(1, 0)), (Some([0; 3]), Some([255; 3])));
        assert_eq!(canvas.pixel(2, 0), Some(RED));
        assert_eq!(canvas.pixel(3, 0), None);
    }

    #[test]
    fn colours_keep_their_order() {
        let mut canvas = Canvas::new(3, 2, [9; 3]).unwrap();
        let rgb = Array3::from_shape_vec((1, 2, 3), vec![1, 2, 3, 4, 5, 6]).unwrap();
        canvas.blit_rgb(1, 1, &rgb.view()).unwrap();
        assert_eq!(canvas.pixels()[3..], [[9; 3], [1, 2, 3], [4, 5, 6]]);
        let mut larger = Canvas::new(4, 4, [0; 3]).unwrap();
        larger.blit(1, 2, &canvas);
        assert_eq!(larger.pixel(2, 3), Some([1, 2, 3]));
        assert_eq!(larger.pixel(0, 3), Some([0; 3]));
        let two = Array3::zeros((1, 2, 2));
        assert!(matches!(canvas.blit_rgb(0, 0, &two.view()), Err(Error::InvalidShape { .. })));
    }
}

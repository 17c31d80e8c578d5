//! An image in a square, and the way back.

use medcore::PixelBox;

use crate::error::{Error, Result};

/// Where an image lies in a square of `size` pixels: scaled so that its long side fills the square, centred, the rest padding.
///
/// Both sides are rounded to whole pixels, and boxes are scaled by what each side really became: the way back is exact.
///
/// ```
/// use medcore::PixelBox;
/// use medground::vision::Letterbox;
/// let letterbox = Letterbox::new(511, 640, 320)?;
/// assert_eq!((letterbox.content(), letterbox.offset()), ([256, 320], [32, 0]));
/// let lung = PixelBox::from_xywh(29.2, 1.6, 288.4, 442.3)?;
/// let back = letterbox.to_image(&letterbox.to_square(&lung)?)?;
/// assert!((back.xyxy()[3] - lung.xyxy()[3]).abs() < 1e-9);
/// # Ok::<(), medground::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Letterbox {
    size: usize,
    image: [usize; 2],
    content: [usize; 2],
    offset: [usize; 2],
}

/// Longest side of the square.
pub(crate) const MAX_SIZE: usize = 1 << 13;

impl Letterbox {
    /// Of an image of `height` x `width` pixels in a square of `size`.
    ///
    /// # Errors
    /// [`Error::Config`] when the size is 0 or above 8192; [`Error::TooThin`] when a side of the image is 0.
    pub fn new(height: usize, width: usize, size: usize) -> Result<Self> {
        if size == 0 || size > MAX_SIZE {
            let expected = format!("1 to {MAX_SIZE}");
            return Err(Error::Config { field: "image_size", expected, found: size.to_string() });
        }
        if height == 0 || width == 0 {
            return Err(Error::TooThin { height, width, content: 0, least: 1 });
        }
        let scale = size as f64 / height.max(width) as f64;
        let content = [height, width].map(|side| ((side as f64 * scale).round() as usize).clamp(1, size));
        let offset = content.map(|side| (size - side) / 2);
        Ok(Self { size, image: [height, width], content, offset })
    }

    /// Side of the square in pixels.
    pub const fn size(&self) -> usize {
        self.size
    }

    /// Height and width of the image.
    pub const fn image(&self) -> [usize; 2] {
        self.image
    }

    /// Rows and columns of the square that show the image.
    pub const fn content(&self) -> [usize; 2] {
        self.content
    }

    /// The first row and column of them.
    pub const fn offset(&self) -> [usize; 2] {
        self.offset
    }

    /// Whether the square shows the image at this row and column.
    pub const fn shows(&self, row: usize, column: usize) -> bool {
        row >= self.offset[0]
            && row < self.offset[0] + self.content[0]
            && column >= self.offset[1]
            && column < self.offset[1] + self.content[1]
    }

    /// From pixels of the image to pixels of the square.
    ///
    /// # Errors
    /// [`Error::Image`] when a coordinate overflows.
    pub fn to_square(&self, bounds: &PixelBox) -> Result<PixelBox> {
        let [x0, y0, x1, y1] = bounds.xyxy();
        let x = |x: f64| x * self.scale(1) + self.offset[1] as f64;
        let y = |y: f64| y * self.scale(0) + self.offset[0] as f64;
        Ok(PixelBox::new(x(x0), y(y0), x(x1), y(y1))?)
    }

    /// From pixels of the square to pixels of the image; not clipped.
    ///
    /// # Errors
    /// [`Error::Image`] when a coordinate overflows.
    pub fn to_image(&self, bounds: &PixelBox) -> Result<PixelBox> {
        let [x0, y0, x1, y1] = bounds.xyxy();
        let x = |x: f64| (x - self.offset[1] as f64) / self.scale(1);
        let y = |y: f64| (y - self.offset[0] as f64) / self.scale(0);
        Ok(PixelBox::new(x(x0), y(y0), x(x1), y(y1))?)
    }

    /// From pixels of the image to what models predict: centre x, centre y, width and height in 0..1 of the square.
    ///
    /// # Errors
    /// As [`to_square`](Self::to_square).
    pub fn to_unit(&self, bounds: &PixelBox) -> Result<[f64; 4]> {
        let square = self.to_square(bounds)?;
        let [x0, y0, x1, y1] = square.xyxy().map(|v| v / self.size as f64);
        Ok([(x0 + x1) / 2.0, (y0 + y1) / 2.0, x1 - x0, y1 - y0])
    }

    /// From what models predict to pixels of the image, clipped to it; none for a box that lies in the padding.
    ///
    /// # Errors
    /// [`Error::Image`] when a value is not finite or a side is negative.
    pub fn from_unit(&self, unit: [f64; 4]) -> Result<Option<PixelBox>> {
        let [cx, cy, width, height] = unit.map(|v| v * self.size as f64);
        let found = self.to_image(&PixelBox::from_cxcywh(cx, cy, width, height)?)?;
        Ok(found.clip(self.image[0], self.image[1]))
    }

    fn scale(&self, axis: usize) -> f64 {
        self.content[axis] as f64 / self.image[axis] as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_come_back() {
        for (height, width) in [(511, 640), (3000, 2500), (1, 1), (7, 6000), (640, 640), (333, 1001)] {
            for size in [224, 640, 641] {
                let letterbox = Letterbox::new(height, width, size).unwrap();
                let (h, w) = (height as f64, width as f64);
                let bounds = PixelBox::new(0.13 * w, 0.21 * h, 0.77 * w, 0.98 * h).unwrap();
                let unit = letterbox.to_unit(&bounds).unwrap();
                // As a model gives it.
                let unit = unit.map(|v| f64::from(v as f32));
                let back = letterbox.from_unit(unit).unwrap().unwrap();
                for (found, expected) in back.xyxy().into_iter().zip(bounds.xyxy()) {
                    let tolerance = 1e-4f64.max(1e-7 * h.max(w) * 2.0);
                    assert!((found - expected).abs() < tolerance, "{height} {width} {size}");
                }
                let exact = letterbox.to_image(&letterbox.to_square(&bounds).unwrap()).unwrap();
                for (found, expected) in exact.xyxy().into_iter().zip(bounds.xyxy()) {
                    assert!((found - expected).abs() < 1e-9 * h.max(w));
                }
            }
        }
    }

    #[test]
    fn the_whole_image_is_the_content() {
        let letterbox = Letterbox::new(100, 200, 64).unwrap();
        let all = letterbox.to_square(&PixelBox::new(0.0, 0.0, 200.0, 100.0).unwrap()).unwrap();
        assert_eq!(all.xyxy(), [0.0, 16.0, 64.0, 48.0]);
        assert!(letterbox.shows(16, 0) && letterbox.shows(47, 63));
        assert!(!letterbox.shows(15, 0) && !letterbox.shows(48, 0));
        // In the padding above the image.
        assert_eq!(letterbox.from_unit([0.5, 0.1, 0.2, 0.1]).unwrap(), None);
    }

    #[test]
    fn sides_that_cannot_be_are_refused() {
        assert!(matches!(Letterbox::new(0, 5, 64), Err(Error::TooThin { .. })));
        assert!(matches!(Letterbox::new(5, 5, 0), Err(Error::Config { .. })));
        assert!(matches!(Letterbox::new(5, 5, usize::MAX), Err(Error::Config { .. })));
        let letterbox = Letterbox::new(5, 5, 64).unwrap();
        assert!(letterbox.from_unit([f64::NAN, 0.5, 0.1, 0.1]).is_err());
    }
}

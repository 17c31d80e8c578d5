//! Several pictures on one.

use super::canvas::Canvas;
use super::mosaic::{BACKGROUND, MARGIN, TITLE, draw_lines, lines_height, wrap_title};
use super::{Error, Result};

/// One larger than the title of a mosaic at its default size.
const HEADING_SCALE: usize = 4;

/// Stacks pictures from top to bottom, with a heading over them unless it is empty.
///
/// # Errors
/// [`Error::Empty`] without pictures, [`Error::InvalidSize`] when the sheet would be too large.
pub fn sheet(heading: &str, pictures: &[Canvas]) -> Result<Canvas> {
    let width = pictures.iter().map(Canvas::width).max().ok_or(Error::Empty { what: "pictures" })?;
    let (lines, heading_width) = wrap_title(heading, width.saturating_sub(2 * MARGIN), HEADING_SCALE);
    let heading_height = if lines.is_empty() { 0 } else { MARGIN + lines_height(&lines, HEADING_SCALE) };
    let height = heading_height + pictures.iter().map(Canvas::height).sum::<usize>();

    let mut canvas = Canvas::new(width.max(heading_width + 2 * MARGIN), height, BACKGROUND)?;
    draw_lines(&mut canvas, [MARGIN, MARGIN], &lines, TITLE, HEADING_SCALE);
    let mut y = heading_height;
    for picture in pictures {
        canvas.blit(0, y, picture);
        y += picture.height();
    }
    Ok(canvas)
}

#[cfg(test)]
mod tests {
    use super::{BACKGROUND, TITLE, sheet};
    use crate::picture::{Canvas, Error};

    fn part(width: usize, height: usize, color: u8) -> Canvas {
        Canvas::new(width, height, [color; 3]).unwrap()
    }

    #[test]
    fn parts_lie_one_under_the_other() {
        let canvas = sheet("", &[part(40, 5, 1), part(30, 7, 2)]).unwrap();
        assert_eq!((canvas.width(), canvas.height()), (40, 12));
        assert_eq!(canvas.pixel(39, 4), Some([1; 3]));
        assert_eq!(canvas.pixel(29, 5), Some([2; 3]));
        assert_eq!(canvas.pixel(30, 5), Some(BACKGROUND));
        assert!(matches!(sheet("a", &[]), Err(Error::Empty { .. })));
    }

    #[test]
    fn a_long_heading_takes_more_lines() {
        let one = sheet("Chest", &[part(600, 5, 1)]).unwrap();
        let two = sheet("Chest CT of a patient with nodules", &[part(600, 5, 1)]).unwrap();
        assert_eq!((one.width(), two.width()), (600, 600));
        assert!(two.height() > one.height());
        let last = two.height() - 5;
        assert!((0..600).all(|x| two.pixel(x, last) == Some([1; 3])), "no letter lies over the part");
        assert!(two.pixels().contains(&TITLE));
    }
}

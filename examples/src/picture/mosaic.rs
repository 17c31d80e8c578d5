//! Slices and maps in a grid.

use ndarray::{Array2, Array3, ArrayView2, ArrayView3};

use super::canvas::{Canvas, Rgb, check_rgb, checked_area, grey_byte};
use super::text::{text_height, text_width, wrap};
use super::{Error, Result};

/// Around and between everything that is drawn.
pub(super) const BACKGROUND: Rgb = [22, 23, 27];
/// Titles and headings.
pub(super) const TITLE: Rgb = [245, 245, 245];
const CAPTION: Rgb = [196, 200, 208];
const LETTER: Rgb = [255, 214, 92];
/// Pixels around the whole.
pub(super) const MARGIN: usize = 12;
/// Pixels between tiles, and between a tile and its caption.
const GAP: usize = 6;
/// A caption is not broken into lines shorter than this many characters, however small its tile is.
const SHORTEST_LINE: &str = "z -1000.0 mm";

/// A picture with a caption.
#[derive(Debug, Clone)]
pub struct Tile {
    /// `[row, column, 3]`.
    pixels: Array3<u8>,
    caption: String,
    sides: Option<Sides>,
}

impl Tile {
    /// Grey values from 0 (black) to 1 (white), `[row, column]`; values beyond are clipped, NaN is black.
    ///
    /// # Errors
    /// [`Error::InvalidSize`] without pixels.
    pub fn grey(pixels: &ArrayView2<f32>, caption: impl Into<String>) -> Result<Self> {
        let (rows, columns) = pixels.dim();
        checked_area("a tile", [rows, columns])?;
        let bytes: Array2<u8> = pixels.mapv(grey_byte);
        let pixels = Array3::from_shape_fn([rows, columns, 3], |(row, column, _)| bytes[[row, column]]);
        Ok(Self { pixels, caption: caption.into(), sides: None })
    }

    /// Colours, `[row, column, 3]`.
    ///
    /// # Errors
    /// [`Error::InvalidSize`] without pixels, [`Error::InvalidShape`] when the last axis is not red, green and blue.
    pub fn rgb(pixels: &ArrayView3<u8>, caption: impl Into<String>) -> Result<Self> {
        check_rgb(pixels)?;
        let (rows, columns, _) = pixels.dim();
        checked_area("a tile", [rows, columns])?;
        Ok(Self { pixels: pixels.to_owned(), caption: caption.into(), sides: None })
    }

    /// A picture that was drawn.
    pub fn picture(canvas: &Canvas, caption: impl Into<String>) -> Self {
        let width = canvas.width();
        let color = |x: usize, y: usize| canvas.pixel(x, y).unwrap_or_default();
        let pixels = Array3::from_shape_fn([canvas.height(), width, 3], |(y, x, c)| color(x, y)[c]);
        Self { pixels, caption: caption.into(), sides: None }
    }

    /// With letters of its own, in place of those of the mosaic.
    #[must_use]
    pub fn with_sides(self, sides: Sides) -> Self {
        Self { sides: Some(sides), ..self }
    }

    fn height(&self) -> usize {
        self.pixels.dim().0
    }

    fn width(&self) -> usize {
        self.pixels.dim().1
    }
}

/// Where a caption stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CaptionPlace {
    /// Below its tile.
    #[default]
    Under,
    /// Above its tile.
    Over,
}

/// The letters at the sides of a tile that say which way the patient lies: `R`, `L`, `A`, `P`, `S`, `I`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sides {
    /// At the first column.
    pub left: char,
    /// At the last column.
    pub right: char,
    /// At the first row.
    pub top: char,
    /// At the last row.
    pub bottom: char,
}

impl Sides {
    /// Seen from the feet, the front up: rows of an LPS volume as they are.
    pub const AXIAL: Self = Self { left: 'R', right: 'L', top: 'A', bottom: 'P' };
    /// Seen from the front, the head up: an LPS volume with its slices in reverse.
    pub const CORONAL: Self = Self { left: 'R', right: 'L', top: 'S', bottom: 'I' };
    /// Seen from the patient's left, the head up: an LPS volume with its slices in reverse.
    pub const SAGITTAL: Self = Self { left: 'A', right: 'P', top: 'S', bottom: 'I' };
}

/// How tiles are laid out: in rows from the upper left, each in the middle of its cell.
///
/// Tiles are drawn at the size they have ([`resize_linear`](super::resize_linear) and its like make them larger). Texts
/// are broken into lines, never cut off, and a cell is at least as wide as its caption.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use medburn_examples::picture::{Mosaic, Sides, Tile};
/// use ndarray::Array2;
///
/// let slice = Array2::from_elem((64, 64), 0.5);
/// let tiles = [Tile::grey(&slice.view(), "z -312.5 mm")?, Tile::grey(&slice.view(), "z -310.0 mm")?];
/// let mosaic = Mosaic { title: "Chest CT".into(), sides: Some(Sides::AXIAL), ..Mosaic::default() };
/// let picture = mosaic.draw(&tiles)?;
/// assert!(picture.width() > 2 * 64);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mosaic {
    /// Over the whole; nothing when empty.
    pub title: String,
    /// Tiles in a row, at least 1.
    pub columns: usize,
    /// Letters on every tile that is large enough for them.
    pub sides: Option<Sides>,
    /// Where the captions stand.
    pub captions: CaptionPlace,
    /// Size of captions and letters, in pixels per pixel of the font, at least 1; the title is one larger.
    pub scale: usize,
}

impl Default for Mosaic {
    fn default() -> Self {
        Self { title: String::new(), columns: 6, sides: None, captions: CaptionPlace::Under, scale: 2 }
    }
}

impl Mosaic {
    /// Draws the tiles on a picture of the size that they need.
    ///
    /// # Errors
    /// [`Error::Empty`] without tiles, [`Error::InvalidSize`] when the picture would be too large.
    pub fn draw(&self, tiles: &[Tile]) -> Result<Canvas> {
        if tiles.is_empty() {
            return Err(Error::Empty { what: "tiles" });
        }
        let layout = Layout::new(self, tiles);
        let mut canvas = Canvas::new(layout.width, layout.height(), BACKGROUND)?;
        draw_lines(&mut canvas, [MARGIN, MARGIN], &layout.title, TITLE, self.title_scale());
        for (row, tiles) in layout.rows.iter().zip(tiles.chunks(layout.columns)) {
            for (column, (tile, caption)) in tiles.iter().zip(&row.captions).enumerate() {
                let left = MARGIN + column * (layout.cell_width + GAP);
                let x = left + (layout.cell_width - tile.width()) / 2;
                let y = row.tile_top + (row.tile_height - tile.height()) / 2;
                canvas.blit_rgb(x, y, &tile.pixels.view())?;
                self.draw_sides(&mut canvas, [x, y], tile);
                for (line, text) in caption.iter().enumerate() {
                    let x = left + (layout.cell_width - text_width(text, self.scale)) / 2;
                    let y = row.caption_top + line * line_step(self.scale);
                    canvas.text(x, y, text, CAPTION, self.scale);
                }
            }
        }
        Ok(canvas)
    }

    fn title_scale(&self) -> usize {
        self.scale.max(1) + 1
    }

    fn draw_sides(&self, canvas: &mut Canvas, [x, y]: [usize; 2], tile: &Tile) {
        let Some(sides) = tile.sides.or(self.sides) else { return };
        let scale = self.scale.max(1);
        let (width, height) = (text_width("R", scale), text_height(scale));
        let inset = 2 * scale;
        // Smaller tiles would be hidden under their letters.
        if tile.width() < 4 * (width + inset) || tile.height() < 3 * (height + inset) {
            return;
        }
        let (middle_x, middle_y) = (x + (tile.width() - width) / 2, y + (tile.height() - height) / 2);
        let (last_x, last_y) = (x + tile.width() - width - inset, y + tile.height() - 7 * scale - inset);
        for (letter, x, y) in [
            (sides.left, x + inset, middle_y),
            (sides.right, last_x, middle_y),
            (sides.top, middle_x, y + inset),
            (sides.bottom, middle_x, last_y),
        ] {
            canvas.outlined_text(x, y, letter.encode_utf8(&mut [0; 4]), LETTER, scale);
        }
    }
}

/// Where everything goes.
struct Layout {
    title: Vec<String>,
    columns: usize,
    cell_width: usize,
    width: usize,
    rows: Vec<Row>,
}

/// One row of tiles.
struct Row {
    captions: Vec<Vec<String>>,
    tile_top: usize,
    tile_height: usize,
    caption_top: usize,
    bottom: usize,
}

impl Layout {
    fn new(mosaic: &Mosaic, tiles: &[Tile]) -> Self {
        let columns = mosaic.columns.clamp(1, tiles.len());
        let widest = tiles.iter().map(Tile::width).max().unwrap_or(0);
        let line = widest.max(text_width(SHORTEST_LINE, mosaic.scale));
        let captions: Vec<Vec<String>> =
            tiles.iter().map(|tile| wrap(&tile.caption, line, mosaic.scale)).collect();
        let cell_width =
            widest.max(captions.iter().map(|lines| widest_line(lines, mosaic.scale)).max().unwrap_or(0));
        let grid_width = columns * (cell_width + GAP) - GAP;
        let (title, title_width) = wrap_title(&mosaic.title, grid_width, mosaic.title_scale());

        let mut top = MARGIN + lines_height(&title, mosaic.title_scale());
        let mut rows = vec![];
        for (tiles, captions) in tiles.chunks(columns).zip(captions.chunks(columns)) {
            let row = Row::new(mosaic, tiles, captions, top);
            top = row.bottom + 2 * GAP;
            rows.push(row);
        }
        Self { title, columns, cell_width, width: 2 * MARGIN + grid_width.max(title_width), rows }
    }

    fn height(&self) -> usize {
        self.rows.last().map_or(0, |row| row.bottom) + MARGIN
    }
}

impl Row {
    fn new(mosaic: &Mosaic, tiles: &[Tile], captions: &[Vec<String>], top: usize) -> Self {
        let tile_height = tiles.iter().map(Tile::height).max().unwrap_or(0);
        let lines = captions.iter().map(Vec::len).max().unwrap_or(0);
        let captions = captions.to_vec();
        let (caption_height, gap) = if lines == 0 {
            (0, 0)
        } else {
            ((lines - 1) * line_step(mosaic.scale) + text_height(mosaic.scale), GAP)
        };
        let bottom = top + tile_height + gap + caption_height;
        match mosaic.captions {
            CaptionPlace::Under => {
                Self { captions, tile_top: top, tile_height, caption_top: top + tile_height + gap, bottom }
            }
            CaptionPlace::Over => {
                Self { captions, tile_top: top + caption_height + gap, tile_height, caption_top: top, bottom }
            }
        }
    }
}

/// A title in lines, and the columns of the longest. It has room for a few words even over a narrow grid.
pub(super) fn wrap_title(title: &str, width: usize, scale: usize) -> (Vec<String>, usize) {
    let lines = wrap(title, width.max(text_width("a line of this length", scale)), scale);
    let widest = widest_line(&lines, scale);
    (lines, widest)
}

/// Rows that lines of text take, with the space under them.
pub(super) fn lines_height(lines: &[String], scale: usize) -> usize {
    if lines.is_empty() { 0 } else { lines.len() * line_step(scale) + GAP }
}

/// Draws lines one under the other.
pub(super) fn draw_lines(
    canvas: &mut Canvas,
    [x, y]: [usize; 2],
    lines: &[String],
    color: Rgb,
    scale: usize,
) {
    for (line, text) in lines.iter().enumerate() {
        canvas.text(x, y + line * line_step(scale), text, color, scale);
    }
}

fn widest_line(lines: &[String], scale: usize) -> usize {
    lines.iter().map(|line| text_width(line, scale)).max().unwrap_or(0)
}

fn line_step(scale: usize) -> usize {
    text_height(scale) + 2 * scale.max(1)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Array3};

    use super::{BACKGROUND, CAPTION, CaptionPlace, GAP, LETTER, MARGIN, Mosaic, Sides, TITLE, Tile};
    use crate::picture::{Canvas, Error, text_width};

    /// A tile in one colour.
    fn tile(rows: usize, columns: usize, color: u8, caption: &str) -> Tile {
        Tile::rgb(&Array3::from_elem((rows, columns, 3), color).view(), caption).unwrap()
    }

    fn places(canvas: &Canvas, color: [u8; 3]) -> Vec<(usize, usize)> {
        let all = (0..canvas.height()).flat_map(|y| (0..canvas.width()).map(move |x| (x, y)));
        all.filter(|&(x, y)| canvas.pixel(x, y) == Some(color)).collect()
    }

    #[test]
    fn tiles_fill_rows_from_the_upper_left() {
        let tiles: Vec<Tile> = (0..5).map(|i| tile(20, 30, 100 + i, "")).collect();
        let canvas = Mosaic { columns: 3, ..Mosaic::default() }.draw(&tiles).unwrap();
        assert_eq!(canvas.width(), 2 * MARGIN + 3 * 30 + 2 * GAP);
        assert_eq!(canvas.height(), 2 * MARGIN + 2 * 20 + 2 * GAP);
        for i in 0..5 {
            let (x, y) = (MARGIN + (i % 3) * (30 + GAP), MARGIN + (i / 3) * (20 + 2 * GAP));
            let drawn = places(&canvas, [100 + i as u8; 3]);
            assert_eq!(drawn.len(), 600, "nothing lies over tile {i}");
            assert_eq!((drawn[0], drawn[599]), ((x, y), (x + 29, y + 19)));
        }
    }

    #[test]
    fn captions_are_complete_and_touch_no_tile() {
        for captions in [CaptionPlace::Under, CaptionPlace::Over] {
            let tiles = [tile(16, 16, 101, "z -312.5 mm, a long caption"), tile(10, 16, 102, "b")];
            let mosaic = Mosaic { title: "Patch features".into(), captions, scale: 2, ..Mosaic::default() };
            let canvas = mosaic.draw(&tiles).unwrap();
            assert_eq!(places(&canvas, [101; 3]).len(), 256);
            assert_eq!(places(&canvas, [102; 3]).len(), 160);
            // As many pixels of ink as the same words take on an empty picture.
            let ink = |words: &[&str], scale: usize| -> usize {
                let draw = |word: &&str| {
                    let mut canvas = Canvas::new(text_width(word, scale), 9 * scale, [0; 3]).unwrap();
                    canvas.text(0, 0, word, TITLE, scale);
                    places(&canvas, TITLE).len()
                };
                words.iter().map(draw).sum()
            };
            let words = ["z", "-312.5", "mm,", "a", "long", "caption", "b"];
            assert_eq!(places(&canvas, CAPTION).len(), ink(&words, 2));
            assert_eq!(places(&canvas, TITLE).len(), ink(&["Patch", "features"], 3));
            let captions_top = places(&canvas, CAPTION)[0].1;
            let tile_top = places(&canvas, [101; 3])[0].1;
            assert_eq!(captions_top < tile_top, captions == CaptionPlace::Over);
        }
    }

    #[test]
    fn letters_stand_at_their_sides() {
        let sides = Some(Sides { left: 'I', right: 'I', top: 'I', bottom: 'I' });
        let canvas = Mosaic { sides, scale: 1, ..Mosaic::default() }.draw(&[tile(60, 80, 90, "")]).unwrap();
        let at = |x, y| places(&canvas, LETTER).contains(&(MARGIN + x, MARGIN + y));
        // The stem of an I is its third column.
        assert!(at(2 + 2, 27) && at(80 - 2 - 3, 27) && at(37 + 2, 2) && at(37 + 2, 60 - 3));
        assert_eq!(places(&canvas, LETTER).len(), 4 * 11);

        let small = Mosaic { sides, scale: 1, ..Mosaic::default() }.draw(&[tile(16, 16, 90, "")]).unwrap();
        assert!(places(&small, LETTER).is_empty());
    }

    #[test]
    fn grey_becomes_colour_and_shapes_are_checked() {
        let canvas = Mosaic::default()
            .draw(&[Tile::grey(&Array2::from_elem((3, 2), 0.2).view(), "").unwrap()])
            .unwrap();
        assert_eq!(places(&canvas, [51; 3]).len(), 6);
        assert_eq!(canvas.pixel(0, 0), Some(BACKGROUND));
        assert!(matches!(Mosaic::default().draw(&[]), Err(Error::Empty { .. })));
        assert!(Tile::grey(&Array2::zeros((0, 2)).view(), "").is_err());
        assert!(matches!(Tile::rgb(&Array3::zeros((2, 2, 1)).view(), ""), Err(Error::InvalidShape { .. })));
    }

    #[test]
    fn no_columns_is_one_column() {
        let mosaic = Mosaic { columns: 0, scale: 0, title: "x".into(), ..Mosaic::default() };
        let canvas = mosaic.draw(&[tile(4, 40, 9, "a"), tile(4, 40, 9, "b")]).unwrap();
        assert_eq!(places(&canvas, [9; 3]).len(), 320);
    }
}

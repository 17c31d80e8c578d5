//! Words on a picture.

use super::canvas::{Canvas, Rgb};
use super::font::{ADVANCE, HEIGHT, WIDTH, glyph};

/// Columns that a line of text covers at a scale (screen pixels per pixel of the font, at least 1).
pub fn text_width(text: &str, scale: usize) -> usize {
    let characters = text.chars().count();
    (characters * ADVANCE).saturating_sub(ADVANCE - WIDTH) * scale.max(1)
}

/// Rows that a line of text covers at a scale, from the top of a capital to the foot of a `g`.
pub fn text_height(scale: usize) -> usize {
    HEIGHT * scale.max(1)
}

impl Canvas {
    /// Draws one line of text whose upper left corner is (`x`, `y`). A character that is not printable ASCII is a box.
    ///
    /// It covers [`text_width`] columns and [`text_height`] rows.
    pub fn text(&mut self, x: usize, y: usize, text: &str, color: Rgb, scale: usize) {
        let scale = scale.max(1);
        for (position, character) in text.chars().enumerate() {
            let left = x.saturating_add(position * ADVANCE * scale);
            if left >= self.width() {
                break;
            }
            for (row, bits) in glyph(character).into_iter().enumerate() {
                for column in (0..WIDTH).filter(|column| bits >> (WIDTH - 1 - column) & 1 == 1) {
                    let (x, y) = (left + column * scale, y.saturating_add(row * scale));
                    self.fill_rect(x, y, scale, scale, color);
                }
            }
        }
    }

    /// Text with a dark edge, which stays readable on bright tissue.
    pub fn outlined_text(&mut self, x: usize, y: usize, text: &str, color: Rgb, scale: usize) {
        let scale = scale.max(1);
        for dy in [0, scale, 2 * scale] {
            for dx in [0, scale, 2 * scale] {
                // From one step up and left to one step down and right.
                if let (Some(x), Some(y)) = ((x + dx).checked_sub(scale), (y + dy).checked_sub(scale)) {
                    self.text(x, y, text, [0; 3], scale);
                }
            }
        }
        self.text(x, y, text, color, scale);
    }
}

/// Splits text into lines of at most `width` columns: at line ends, else between words, else within a word.
pub(super) fn wrap(text: &str, width: usize, scale: usize) -> Vec<String> {
    let longest = ((width / scale.max(1) + ADVANCE - WIDTH) / ADVANCE).max(1);
    text.lines().flat_map(|line| wrap_line(line, longest)).collect()
}

fn wrap_line(line: &str, longest: usize) -> Vec<String> {
    let mut lines = vec![];
    let mut current = String::new();
    let mut length = 0;
    for word in line.split_whitespace().flat_map(|word| pieces(word, longest)) {
        let characters = word.chars().count();
        if length > 0 && length + 1 + characters > longest {
            lines.push(std::mem::take(&mut current));
            length = 0;
        }
        if length > 0 {
            current.push(' ');
            length += 1;
        }
        current.push_str(&word);
        length += characters;
    }
    lines.push(current);
    lines
}

fn pieces(word: &str, longest: usize) -> Vec<String> {
    let characters: Vec<char> = word.chars().collect();
    characters.chunks(longest).map(|piece| piece.iter().collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::{text_height, text_width, wrap};
    use crate::picture::Canvas;

    const INK: [u8; 3] = [250, 240, 10];

    /// The columns and rows that have ink: first and last of each.
    fn inked(canvas: &Canvas) -> Option<[usize; 4]> {
        let places: Vec<(usize, usize)> = (0..canvas.height())
            .flat_map(|y| (0..canvas.width()).map(move |x| (x, y)))
            .filter(|&(x, y)| canvas.pixel(x, y) == Some(INK))
            .collect();
        let (xs, ys) = (places.iter().map(|p| p.0), places.iter().map(|p| p.1));
        Some([xs.clone().min()?, xs.max()?, ys.clone().min()?, ys.max()?])
    }

    #[test]
    fn ink_fills_what_is_measured() {
        for scale in 1..4 {
            let mut canvas = Canvas::new(200, 60, [0; 3]).unwrap();
            canvas.text(7, 5, "M-gE", INK, scale);
            let (width, height) = (text_width("M-gE", scale), text_height(scale));
            assert_eq!(inked(&canvas), Some([7, 6 + width, 5, 4 + height]));
        }
        assert_eq!((text_width("", 3), text_width("a", 3), text_width("é", 0)), (0, 15, 5));
    }

    #[test]
    fn a_letter_is_not_mirrored() {
        let mut canvas = Canvas::new(12, 18, [0; 3]).unwrap();
        canvas.text(0, 0, "L", INK, 2);
        assert_eq!(
            [canvas.pixel(1, 0), canvas.pixel(2, 0), canvas.pixel(9, 13)],
            [Some(INK), Some([0; 3]), Some(INK)]
        );
        assert_eq!(canvas.pixel(9, 1), Some([0; 3]));
    }

    #[test]
    fn text_off_the_canvas_is_cut_off() {
        let mut canvas = Canvas::new(8, 8, [0; 3]).unwrap();
        canvas.text(5, 6, "WWWW", INK, 1);
        canvas.outlined_text(0, 0, "i", INK, 1);
        canvas.text(usize::MAX, usize::MAX, "W", INK, 1);
        assert_eq!(canvas.pixel(5, 6), Some(INK));
    }

    #[test]
    fn an_outline_surrounds_the_ink() {
        let mut canvas = Canvas::new(20, 20, [200; 3]).unwrap();
        canvas.outlined_text(5, 5, "I", INK, 1);
        assert_eq!(canvas.pixel(6, 5), Some(INK));
        assert_eq!(
            [canvas.pixel(5, 4), canvas.pixel(9, 12), canvas.pixel(5, 7)],
            [Some([0; 3]), Some([0; 3]), Some([200; 3])]
        );
    }

    #[test]
    fn lines_break_between_words_and_within_long_ones() {
        let width = text_width("123456", 2);
        assert_eq!(wrap("ab cd efg\nh", width, 2), ["ab cd", "efg", "h"]);
        assert_eq!(wrap("ab cdefghijklmn o", width, 2), ["ab", "cdefgh", "ijklmn", "o"]);
        assert_eq!(wrap("a\n\nb", width, 2), ["a", "", "b"]);
        assert!(wrap("", width, 2).is_empty());
        assert_eq!(wrap("ab", 0, 1), ["a", "b"]);
        for line in wrap("one two three fourteen15", width, 2) {
            assert!(text_width(&line, 2) <= width, "{line}");
        }
    }
}

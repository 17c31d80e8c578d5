//! The picture: the radiograph with boxes, and below it what was refused.

use super::phrases::GroundedPhrase;
use super::radiograph::Radiograph;
use crate::error::Result;
use crate::picture::{
    Canvas, LabelledBox, Rgb, box_color, fit_within, resize_linear_rgb, text_height, text_width,
};

/// Longest side of the radiograph in the picture, in pixels.
const LONGEST: usize = 900;
const SCALE: usize = 2;
const MARGIN: usize = 12;
const BACKGROUND: Rgb = [22, 23, 27];
const REFUSED: Rgb = [140, 146, 158];
const LETTER: Rgb = [255, 214, 92];

/// Draws the boxes of all phrases, each phrase in a colour of its own, and lists phrases and scores below.
///
/// # Errors
/// [`Error::Picture`](crate::Error::Picture).
pub fn overlay(radiograph: &Radiograph, grounded: &[GroundedPhrase]) -> Result<Canvas> {
    let (rows, columns, _) = radiograph.shown.dim();
    let spacing = radiograph.image.spacing().map_or([1.0, 1.0], |s| [s.row, s.column]);
    let [height, width] = fit_within([rows, columns], spacing, LONGEST);
    let line = text_height(SCALE) + 6;
    let lines: Vec<(String, Rgb)> =
        grounded.iter().enumerate().map(|(index, one)| legend(index, one)).collect();
    let longest = lines.iter().map(|(text, _)| text_width(text, SCALE)).max().unwrap_or(0);
    let wide = width.max((longest + 2 * MARGIN).min(2 * LONGEST));
    let mut canvas = Canvas::new(wide, height + lines.len() * line + 2 * MARGIN, BACKGROUND)?;
    let mut picture = Canvas::new(width, height, BACKGROUND)?;
    picture.blit_rgb(0, 0, &resize_linear_rgb(&radiograph.shown.view(), [height, width])?.view())?;
    letters(&mut picture, radiograph);
    let scale = [width as f64 / columns as f64, height as f64 / rows as f64];
    picture.labelled_boxes(&boxes(grounded, scale), SCALE);
    canvas.blit((wide - width) / 2, 0, &picture);
    for (row, (text, color)) in lines.iter().enumerate() {
        canvas.text(MARGIN, height + MARGIN + row * line, text, *color, SCALE);
    }
    Ok(canvas)
}

fn boxes(grounded: &[GroundedPhrase], scale: [f64; 2]) -> Vec<LabelledBox> {
    let of = |(index, one): (usize, &GroundedPhrase)| {
        one.hits
            .iter()
            .map(|hit| {
                let [x0, y0, x1, y1] = hit.region.bounds().xyxy();
                LabelledBox {
                    xyxy: [x0 * scale[0], y0 * scale[1], x1 * scale[0], y1 * scale[1]],
                    label: format!("{} {:.2}", shortened(&one.phrase, 24), hit.score),
                    color: box_color(index),
                }
            })
            .collect::<Vec<_>>()
    };
    grounded.iter().enumerate().flat_map(of).collect()
}

fn legend(index: usize, one: &GroundedPhrase) -> (String, Rgb) {
    let phrase = shortened(&one.phrase, 70);
    match one.hits.first() {
        Some(hit) => (format!("{phrase}: {:.2}", hit.score), box_color(index)),
        None => (format!("{phrase}: not found ({:.2})", one.best_score), REFUSED),
    }
}

/// The patient's sides, in the middle of the edges.
fn letters(picture: &mut Canvas, radiograph: &Radiograph) {
    let Some(sides) = radiograph.sides else { return };
    let (middle, scale) = (picture.height() / 2, SCALE + 1);
    let right = picture.width().saturating_sub(text_width("R", scale) + MARGIN / 2);
    for (x, letter) in [(MARGIN / 2, sides.left), (right, sides.right)] {
        picture.outlined_text(x, middle, &letter.to_string(), LETTER, scale);
    }
    if radiograph.image.spacing().is_some() {
        let across = radiograph.image.width() as f64 / picture.width() as f64;
        let column = radiograph.image.spacing().map_or(1.0, |s| s.column);
        picture.scale_bar(column * across, SCALE);
    }
}

/// A text of at most so many characters.
fn shortened(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= most {
        return line;
    }
    line.chars().take(most.saturating_sub(3)).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn long_phrases_are_shortened() {
        assert_eq!(shortened("left\n lung", 20), "left lung");
        assert_eq!(shortened(&"größer ".repeat(9), 12), "größer gr...");
    }
}

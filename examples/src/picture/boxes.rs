//! Boxes with labels.

use super::canvas::{Canvas, Rgb};
use super::text::{text_height, text_width};

/// Colours that are told apart on grey pictures.
const PALETTE: [Rgb; 8] = [
    [76, 201, 240],
    [255, 183, 3],
    [128, 237, 153],
    [255, 112, 166],
    [199, 146, 255],
    [255, 241, 118],
    [255, 138, 101],
    [77, 208, 225],
];

/// The colour of the `index`-th thing; they repeat after eight.
pub fn box_color(index: usize) -> Rgb {
    PALETTE[index % PALETTE.len()]
}

/// A box on a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledBox {
    /// Left, top, right and bottom, in pixels of the picture from its upper left corner.
    pub xyxy: [f64; 4],
    /// What it is.
    pub label: String,
    /// Of its edge and its label.
    pub color: Rgb,
}

/// A place that is taken: left, top, width, height.
type Place = [usize; 4];

impl Canvas {
    /// The edge of a box, drawn inwards from its sides; what lies beyond the picture is cut off.
    pub fn outline(&mut self, xyxy: [f64; 4], color: Rgb, thickness: usize) {
        let [left, top, right, bottom] = self.pixels_of(xyxy);
        let (width, height) = (right - left, bottom - top);
        let (across, down) = (thickness.min(width), thickness.min(height));
        self.fill_rect(left, top, width, down, color);
        self.fill_rect(left, bottom - down, width, down, color);
        self.fill_rect(left, top, across, height, color);
        self.fill_rect(right - across, top, across, height, color);
    }

    /// Boxes with their labels, which are put where they cover no other label: within the box, above it or below it.
    pub fn labelled_boxes(&mut self, boxes: &[LabelledBox], scale: usize) {
        let scale = scale.max(1);
        for one in boxes {
            self.outline(one.xyxy, one.color, scale);
        }
        let mut taken: Vec<Place> = Vec::new();
        for one in boxes {
            let place = self.label_place(one, &taken, scale);
            let [x, y, width, height] = place;
            self.fill_rect(x, y, width, height, one.color);
            self.text(x + 2 * scale, y + 2 * scale, &one.label, [0; 3], scale);
            taken.push(place);
        }
    }

    /// The first place that is free, or else the first.
    fn label_place(&self, one: &LabelledBox, taken: &[Place], scale: usize) -> Place {
        let (width, height) = (text_width(&one.label, scale) + 4 * scale, text_height(scale) + 4 * scale);
        let [left, top, right, bottom] = self.pixels_of(one.xyxy);
        let most = [self.width().saturating_sub(width), self.height().saturating_sub(height)];
        let within = |x: usize, y: usize| [x.min(most[0]), y.min(most[1]), width, height];
        let inset = scale;
        let rows = [
            top + inset,
            bottom.saturating_sub(height + inset),
            top.saturating_sub(height),
            bottom,
            top + inset + height,
            bottom.saturating_sub(2 * height + inset),
        ];
        let columns = [left + inset, right.saturating_sub(width + inset)];
        let places: Vec<Place> = rows
            .into_iter()
            .flat_map(|y| columns.into_iter().map(move |x| (x, y)))
            .map(|(x, y)| within(x, y))
            .collect();
        let free = |place: &&Place| !taken.iter().any(|other| overlap(place, other));
        places.iter().find(free).or(places.first()).copied().unwrap_or([0, 0, width, height])
    }

    /// Whole pixels of the picture: left, top, and the ends, at least one pixel further.
    fn pixels_of(&self, [left, top, right, bottom]: [f64; 4]) -> [usize; 4] {
        // `as` takes NaN and what is negative to 0.
        let start = |value: f64, most: usize| (value.round() as usize).min(most.saturating_sub(1));
        let (x, y) = (start(left, self.width()), start(top, self.height()));
        let end = |value: f64, start: usize, most: usize| {
            (value.round() as usize).clamp(start + 1, most.max(start + 1))
        };
        [x, y, end(right, x, self.width()), end(bottom, y, self.height())]
    }
}

fn overlap(a: &Place, b: &Place) -> bool {
    a[0] < b[0] + b[2] && b[0] < a[0] + a[2] && a[1] < b[1] + b[3] && b[1] < a[1] + a[3]
}

#[cfg(test)]
mod tests {
    use super::*;

    const RED: Rgb = [255, 0, 0];

    #[test]
    fn an_edge_is_where_the_box_is() {
        let mut canvas = Canvas::new(20, 10, [0; 3]).unwrap();
        canvas.outline([3.0, 2.0, 12.0, 8.0], RED, 2);
        let red = |x: usize, y: usize| canvas.pixel(x, y) == Some(RED);
        assert!(red(3, 2) && red(11, 7) && red(4, 3) && red(10, 6));
        assert!(!red(2, 2) && !red(12, 7) && !red(5, 4) && !red(3, 8));
    }

    #[test]
    fn boxes_beyond_the_picture_are_cut_off() {
        let mut canvas = Canvas::new(8, 8, [0; 3]).unwrap();
        canvas.outline([-5.0, -5.0, 99.0, 99.0], RED, 1);
        assert_eq!(
            (canvas.pixel(0, 0), canvas.pixel(7, 7), canvas.pixel(4, 4)),
            (Some(RED), Some(RED), Some([0; 3]))
        );
        canvas.outline([f64::NAN, 50.0, f64::INFINITY, 50.0], RED, 3);
        let one = LabelledBox { xyxy: [90.0, 90.0, 91.0, 91.0], label: "far away".to_string(), color: RED };
        canvas.labelled_boxes(&[one], 3);
    }

    #[test]
    fn labels_cover_no_other() {
        let canvas = Canvas::new(300, 200, [0; 3]).unwrap();
        let one = |label: &str| LabelledBox {
            xyxy: [40.0, 50.0, 220.0, 150.0],
            label: label.to_string(),
            color: RED,
        };
        let mut taken = Vec::new();
        for label in ["right lung 0.99", "lungs 0.98", "right upper zone", "heart"] {
            let place = canvas.label_place(&one(label), &taken, 1);
            assert!(!taken.iter().any(|other| overlap(&place, other)), "{label}");
            assert!(place[0] + place[2] <= 300 && place[1] + place[3] <= 200);
            taken.push(place);
        }
        assert_eq!(box_color(8), box_color(0));
    }
}

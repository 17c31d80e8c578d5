//! Polygons as masks, pixel for pixel as pycocotools fills them.

use ndarray::{Array2, ShapeBuilder};

/// Steps of the fine grid that a pixel has along each axis.
const FINE: f64 = 5.0;
/// Keeps places on the fine grid within what f64 counts exactly, far outside of any image.
const FAR: f64 = 1e7;

/// Fills a closed polygon; `points` are x and y in pixels, the upper left pixel being from 0 to 1 in both.
///
/// The outline is drawn on a grid five times as fine. Where it passes the middle of a column of pixels, inside and outside
/// change places for the pixels of the column that lie below.
pub(super) fn fill(points: &[[f64; 2]], [height, width]: [usize; 2]) -> Array2<bool> {
    // Along the columns: whether inside and outside change places before a pixel.
    let mut changes = vec![false; height * width + 1];
    let mut before: Option<[i64; 2]> = None;
    for_outline(points, |[x, y]| {
        let Some([before_x, before_y]) = before.replace([x, y]).filter(|place| place[0] != x) else { return };
        let column = pixel(x.min(before_x.max(x) - 1));
        if column.fract() == 0.0 && column >= 0.0 && column <= width as f64 - 1.0 {
            let row = pixel(y.min(before_y)).clamp(0.0, height as f64).ceil();
            changes[column as usize * height + row as usize] ^= true;
        }
    });
    let mut inside = false;
    let pixels = changes[..height * width]
        .iter()
        .map(|change| {
            inside ^= change;
            inside
        })
        .collect();
    let size = (height, width);
    // As many as the mask has pixels.
    Array2::from_shape_vec(size.f(), pixels).unwrap_or_else(|_| Array2::from_elem(size, false))
}

/// The pixel whose middle a place of the fine grid is, whole where it is the middle of one.
fn pixel(fine: i64) -> f64 {
    (fine as f64 + 0.5) / FINE - 0.5
}

/// All places of the fine grid along the edges, in order.
fn for_outline(points: &[[f64; 2]], mut visit: impl FnMut([i64; 2])) {
    // Truncation, not rounding down, of places left of the image and above it.
    let corner = |point: &[f64; 2]| point.map(|v| (FINE * v.clamp(-FAR, FAR) + 0.5) as i64);
    let next = points.iter().cycle().skip(1);
    for (from, to) in points.iter().zip(next) {
        for_edge(corner(from), corner(to), &mut visit);
    }
}

/// The places of one edge: one for each step along its longer axis, both ends included.
fn for_edge(from: [i64; 2], to: [i64; 2], visit: &mut impl FnMut([i64; 2])) {
    let lengths = [(to[0] - from[0]).abs(), (to[1] - from[1]).abs()];
    let long = usize::from(lengths[0] < lengths[1]);
    let across = 1 - long;
    // Always walked upwards, so that an edge has the same places in both directions.
    let backwards = from[long] > to[long];
    let (start, end) = if backwards { (to, from) } else { (from, to) };
    // An edge of one point has no slope.
    let slope = (end[across] - start[across]) as f64 / lengths[long].max(1) as f64;
    for step in 0..=lengths[long] {
        let step = if backwards { lengths[long] - step } else { step };
        let mut place = [0; 2];
        place[long] = start[long] + step;
        place[across] = (start[across] as f64 + slope * step as f64 + 0.5) as i64;
        visit(place);
    }
}

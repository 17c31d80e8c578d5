//! The side of a segment of mean size.

/// The side in mm of a segment of `pixels` pixels, in a box of pixels. Along an axis that is shorter than that a segment goes from
/// end to end, and is longer along the others.
pub(crate) fn side(pixels: f64, extent: [usize; 3], spacing: [f64; 3]) -> f64 {
    let length = |axis: usize| extent[axis] as f64 * spacing[axis];
    let mut axes: Vec<usize> = (0..3).filter(|&a| extent[a] > 1).collect();
    let mut pixels = pixels;
    loop {
        let size = pixels * axes.iter().map(|&a| spacing[a]).product::<f64>();
        let side = size.powf(1.0 / axes.len().max(1) as f64);
        // The last axis stays: a segment is no longer than the box, whatever rounding makes of it.
        match axes.iter().position(|&a| length(a) < side) {
            Some(short) if axes.len() > 1 => pixels /= extent[axes.remove(short)] as f64,
            _ => return side,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_as_long_along_all_axes_that_have_room() {
        let close = |found: f64, expected: f64| assert!((found / expected - 1.0).abs() < 1e-12, "{found}");
        close(side(400.0, [1, 100, 100], [9.0, 1.0, 1.0]), 20.0);
        close(side(400.0, [1, 100, 100], [9.0, 0.5, 2.0]), 20.0);
        close(side(1000.0, [20, 100, 100], [1.0; 3]), 10.0);
        // Two rows, two slices; both, and the columns have all that is left.
        close(side(400.0, [1, 2, 1200], [1.0; 3]), 200.0);
        close(side(512.0, [2, 512, 512], [1.0; 3]), 16.0);
        close(side(600.0, [2, 3, 1200], [1.0, 2.0, 0.5]), 50.0);
        // As long as the side itself is long enough.
        close(side(400.0, [1, 20, 100], [1.0; 3]), 20.0);
        // One segment, one pixel.
        close(side(77.0, [1, 7, 11], [1.0, 0.7, 0.1]), 4.9);
        close(side(1.0, [1, 1, 1], [2.0, 3.0, 4.0]), 1.0);
    }
}

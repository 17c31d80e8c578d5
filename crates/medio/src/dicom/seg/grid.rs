//! The regular grid that the frames of a segmentation are on.

use medcore::{Affine3, Geometry, Lps, Point3, Vector3};

use crate::dicom::write::Plane;

/// How far a frame may be from its place, as a part of the step; 0.01 mm are always let pass.
const TOLERANCE: f64 = 0.01;
const LEAST_TOLERANCE: f64 = 0.01;
/// Frames closer than this, in mm, are at one place.
const SAME_PLACE: f64 = 1e-3;
/// Direction cosines and spacings of frames may differ by this.
const SAME_GRID: f64 = 1e-4;
/// A grid has at most so many times the slices that have frames.
const MOST_EMPTY: usize = 16;
/// Or so many slices, where these have no more voxels than that.
const MOST_SLICES: usize = 1024;
const MOST_VOXELS: usize = 1 << 28;
/// Into how many steps the smallest distance of frames may fall.
const MOST_STEPS: u8 = 4;

/// What keeps frames from being on a grid: the rule and what breaks it.
pub(super) type Fault = (&'static str, String);

pub(super) struct Grid {
    pub(super) geometry: Geometry,
    /// For each frame the slice that it is.
    pub(super) slices: Vec<usize>,
}

/// Finds the grid of the frames' planes. `between` is what the file says about the distance of slices, in mm.
pub(super) fn find(planes: &[Plane], between: Option<f64>) -> Result<Grid, Fault> {
    let first = planes.first().ok_or(("at least one frame", "none".to_string()))?;
    check_parallel(first, planes)?;
    let [a, b, c, d, e, f] = first.orientation;
    let (row, column) = (Vector3::<Lps>::new(a, b, c), Vector3::new(d, e, f));
    let normal = row.cross(column);
    let right_angled = [row.length() - 1.0, column.length() - 1.0, row.dot(column)];
    // Written so that what is no number is refused too.
    if !right_angled.iter().all(|x| x.abs() <= 1e-3) {
        return Err(("two unit directions at a right angle", format!("{:?}", first.orientation)));
    }
    let along = |plane: &Plane| Vector3::from_coords(plane.position).dot(normal);
    let mut order: Vec<&Plane> = planes.iter().collect();
    order.sort_by(|a, b| along(a).total_cmp(&along(b)));
    order.dedup_by(|a, b| along(a) - along(b) < SAME_PLACE);
    let (Some(low), Some(high)) = (order.first(), order.last()) else {
        return Err(("a frame", "none".into()));
    };
    let origin = Point3::<Lps>::from_coords(low.position);
    let extent = Point3::from_coords(high.position) - origin;
    let places: Vec<f64> = order.iter().map(|p| along(p) - along(low)).collect();
    let between = between.map(f64::abs).filter(|mm| *mm > 0.0 && mm.is_finite());
    let steps = count_steps(&places, between)?;
    let pixels = first.size.map(usize::from).into_iter().product::<usize>().max(1);
    if steps >= MOST_SLICES.min(MOST_VOXELS / pixels).max(MOST_EMPTY * order.len()) {
        return Err(("a grid of about as many slices as frames", format!("{} slices", steps + 1)));
    }
    let step =
        if steps == 0 { normal.scale(between.unwrap_or(1.0)) } else { extent.scale(1.0 / steps as f64) };
    let [between_rows, between_columns] = first.spacing;
    let (x, y) = (row.scale(between_columns), column.scale(between_rows));
    let linear = [[x.x, y.x, step.x], [x.y, y.y, step.y], [x.z, y.z, step.z]];
    let [rows, columns] = first.size.map(usize::from);
    let geometry = Geometry::new([steps + 1, rows, columns], Affine3::new(linear, origin.coords()))
        .map_err(|e| ("a grid with an inverse", e.to_string()))?;
    let slices =
        planes.iter().map(|plane| place(plane, origin, step, normal, steps)).collect::<Result<_, _>>()?;
    Ok(Grid { geometry, slices })
}

fn check_parallel(first: &Plane, planes: &[Plane]) -> Result<(), Fault> {
    let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= SAME_GRID);
    let same = |p: &&Plane| {
        close(&p.orientation, &first.orientation) && close(&p.spacing, &first.spacing) && p.size == first.size
    };
    match planes.iter().find(|p| !same(p)) {
        None => Ok(()),
        Some(other) => {
            Err(("frames of one orientation and pixel spacing", format!("{:?}", other.orientation)))
        }
    }
}

fn tolerance(step: f64) -> f64 {
    (TOLERANCE * step).max(LEAST_TOLERANCE)
}

/// How many steps there are from the first place to the last, so that all places are whole numbers of them.
fn count_steps(places: &[f64], between: Option<f64>) -> Result<usize, Fault> {
    let extent = places.last().copied().unwrap_or(0.0);
    if places.len() < 2 {
        return Ok(0);
    }
    let smallest =
        places.windows(2).filter_map(|p| Some(p.last()? - p.first()?)).fold(f64::INFINITY, f64::min);
    // Guessed parts of a distance fit anything if they are small and much is let pass.
    let guesses = (2..=MOST_STEPS).map(|n| (smallest / f64::from(n), false));
    let candidates = between.map(|mm| (mm, true)).into_iter().chain([(smallest, true)]).chain(guesses);
    for (candidate, lenient) in candidates {
        let steps = (extent / candidate).round();
        if !(1.0..=1e6).contains(&steps) {
            continue;
        }
        let step = extent / steps;
        let tolerance = if lenient { tolerance(step) } else { TOLERANCE * step };
        let fits = |t: &f64| (t - (t / step).round() * step).abs() <= tolerance;
        let is_near = (step - candidate).abs() <= 0.1 * candidate && tolerance < step / 4.0;
        if is_near && places.iter().all(fits) {
            return Ok(steps as usize);
        }
    }
    Err(("frames at equal distances, or at multiples of one", format!("{smallest:.4} mm and others")))
}

/// The slice that a plane is.
fn place(
    plane: &Plane,
    origin: Point3<Lps>,
    step: Vector3<Lps>,
    normal: Vector3<Lps>,
    steps: usize,
) -> Result<usize, Fault> {
    let position = Point3::<Lps>::from_coords(plane.position);
    let slice = ((position - origin).dot(normal) / step.dot(normal)).round();
    let miss = position.distance(origin + step.scale(slice));
    if miss <= tolerance(step.length()) && slice >= 0.0 && slice <= steps as f64 {
        Ok(slice as usize)
    } else {
        Err(("frames on one regular grid", format!("one {miss:.4} mm off it")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plane(position: [f64; 3]) -> Plane {
        Plane { position, orientation: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0], spacing: [0.5, 0.7], size: [3, 4] }
    }

    fn at(z: &[f64]) -> Vec<Plane> {
        z.iter().map(|z| plane([1.0, 2.0, *z])).collect()
    }

    #[test]
    fn gaps_are_slices_without_frames() {
        let grid = find(&at(&[10.0, 2.5, 5.0, 10.0]), Some(2.5)).unwrap();
        assert_eq!(grid.slices, [3, 0, 1, 3]);
        assert_eq!(grid.geometry.size(), [4, 3, 4]);
        assert_eq!(grid.geometry.position([3, 0, 0]).coords(), [1.0, 2.0, 10.0]);
        // Nothing is said: 2 and 3 have the common step 1.
        assert_eq!(find(&at(&[0.0, 2.0, 5.0]), None).unwrap().slices, [0, 2, 5]);
        // What is said is wrong.
        assert_eq!(find(&at(&[0.0, 2.0, 4.0]), Some(3.0)).unwrap().slices, [0, 1, 2]);
        assert_eq!(find(&at(&[0.0]), Some(3.0)).unwrap().geometry.spacing().slice, 3.0);
    }

    #[test]
    fn tilt_is_kept() {
        let planes: Vec<_> = (0..3).map(|k| plane([0.0, f64::from(k), 2.0 * f64::from(k)])).collect();
        let grid = find(&planes, Some(2.0)).unwrap();
        assert_eq!(grid.geometry.position([1, 0, 0]).coords(), [0.0, 1.0, 2.0]);
    }

    #[test]
    fn what_is_no_grid_is_refused() {
        assert!(find(&[], None).is_err());
        assert!(find(&at(&[0.0, 1.0, 2.37]), None).is_err());
        assert!(find(&at(&[0.0, 1.0, 1e5]), None).is_err());
        assert!(find(&at(&[0.0, f64::NAN]), None).is_err());
        // A thousand slices are fine, unless they are large.
        let large = |z: &[f64]| at(z).into_iter().map(|p| Plane { size: [4096; 2], ..p }).collect::<Vec<_>>();
        assert!(find(&at(&[0.0, 1.0, 1000.0]), None).is_ok());
        assert!(find(&large(&[0.0, 1.0, 1000.0]), None).is_err());
        assert!(find(&large(&[0.0, 1.0, 20.0]), None).is_ok());
        let turned = Plane { orientation: [0.0, 1.0, 0.0, 0.0, 0.0, 1.0], ..plane([0.0; 3]) };
        assert!(find(&[plane([0.0; 3]), turned], None).is_err());
        let off = [plane([0.0; 3]), plane([0.0, 0.0, 1.0]), plane([0.0, 1.0, 2.0])];
        assert!(find(&off, None).is_err());
    }
}

//! Where the slices of a series are, and whether they are equally far apart.

use std::ops::Range;
use std::path::Path;

use medcore::{Affine3, Geometry, Lps, Point3, Vector3};

use super::header::{Defect, Header};
use super::options::{LoadOptions, Policy, SpacingPolicy};
use super::report::{Assumption, Duplicate, IrregularSpacing};
use crate::error::{Error, Result};

/// Two images closer than this, in mm, have the same position: well below the thinnest slices, above the rounding of text.
const SAME_POSITION: f64 = 1e-3;
/// Deviations from a regular grid, in mm, that are always let pass.
const LEAST_TOLERANCE: f64 = 0.01;
/// Below this angle, in degrees, the direction cosines' own rounding may look like gantry tilt.
const LEAST_TILT: f64 = 0.1;
/// Direction cosines may be off by this much in length and angle.
const DIRECTION_TOLERANCE: f64 = 1e-3;
/// A regular grid has at most so many times the slices that are there: a position far away asks for no absurd memory.
const MOST_RESAMPLED: f64 = 16.0;

const IDENTITY: medcore::Matrix3 = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

/// How the slices of a series make a volume.
pub(super) struct Layout {
    /// The slices to read, as indices, ascending along the normal.
    pub(super) kept: Vec<usize>,
    /// Of the volume; it has other slices than `kept` when they are to be resampled.
    pub(super) geometry: Geometry,
    /// For each slice of the volume the slice of `kept` before it and the weight of the next one; `None` when the
    /// volume has the slices that were kept.
    pub(super) resampling: Option<Vec<(usize, f32)>>,
    pub(super) duplicates: Vec<Duplicate>,
    pub(super) irregular: Option<IrregularSpacing>,
    pub(super) tilt_degrees: Option<f64>,
    pub(super) assumed: Vec<Assumption>,
}

impl Layout {
    /// The layout of some slices of the volume.
    pub(super) fn part(self, range: Range<usize>, path: &Path) -> Result<Self> {
        let [slices, rows, columns] = self.geometry.size();
        if range.is_empty() || range.end > slices {
            return Err(Error::Invalid {
                path: path.to_path_buf(),
                what: "slices to load",
                expected: format!("a range within 0..{slices}"),
                found: format!("{range:?}"),
            });
        }
        let shift = Affine3::new(IDENTITY, [0.0, 0.0, range.start as f64]);
        let geometry = self
            .geometry
            .with_voxel_map([range.len(), rows, columns], &shift)
            .map_err(|source| Error::Geometry { path: path.to_path_buf(), source })?;
        let Some(weights) = &self.resampling else {
            let kept = self.kept.get(range).unwrap_or_default().to_vec();
            return Ok(Self { kept, geometry, ..self });
        };
        let weights = weights.get(range).unwrap_or_default();
        let first = weights.first().map_or(0, |(before, _)| *before);
        let last = weights.last().map_or(0, |(before, _)| before + 1);
        let kept = self.kept.get(first..=last).unwrap_or_default().to_vec();
        let resampling = weights.iter().map(|(before, weight)| (before - first, *weight)).collect();
        Ok(Self { kept, geometry, resampling: Some(resampling), ..self })
    }
}

/// Sorts along the slice normal; then, and where there are no positions, by InstanceNumber and path.
pub(super) fn sort(headers: &mut [Header]) {
    let normal = headers.first().and_then(|h| h.orientation).map(|o| normal_of(&o));
    let along = |h: &Header| normal.zip(h.position).map_or(0.0, |(n, p)| Vector3::from_coords(p).dot(n));
    headers.sort_by(|a, b| along(a).total_cmp(&along(b)).then_with(|| file_order(a).cmp(&file_order(b))));
}

/// How many sorted images have the position of the one before.
pub(super) fn repeated_positions(headers: &[Header]) -> usize {
    headers.windows(2).filter(|pair| matches!(pair, [a, b] if have_same_position(a, b))).count()
}

/// How many of sorted images have one position, at most.
pub(super) fn most_at_one_position(headers: &[Header]) -> usize {
    headers.chunk_by(have_same_position).map(<[_]>::len).max().unwrap_or(0)
}

fn have_same_position(a: &Header, b: &Header) -> bool {
    a.position.zip(b.position).is_some_and(|(a, b)| distance(a, b) < SAME_POSITION)
}

/// Places sorted slices.
pub(super) fn layout(headers: &[Header], options: &LoadOptions) -> Result<Layout> {
    let first = headers.first().ok_or_else(|| missing(Path::new(""), "PixelData"))?;
    if let Some((header, defect)) = headers.iter().find_map(|h| h.defect.as_deref().map(|d| (h, d))) {
        let Defect { what, expected, found } = defect.clone();
        return Err(Error::Invalid { path: header.path.clone(), what, expected, found });
    }
    let mut assumed = Vec::new();
    if headers.iter().any(|h| h.more_items_than_frames) {
        assumed.push(Assumption::FunctionalGroups);
    }
    let plane = Plane::of(first, &mut assumed)?;
    let positions = positions(headers, &mut assumed)?;
    let (kept, duplicates) = drop_duplicates(headers, &positions, plane.normal, options)?;
    let kept_positions: Vec<_> = kept.iter().filter_map(|&k| positions.get(k).copied()).collect();
    let origin = kept_positions.first().copied().unwrap_or(Point3::new(0.0, 0.0, 0.0));
    let mut step = match kept_positions.as_slice() {
        [.., last] if kept.len() > 1 => (*last - origin).scale(1.0 / (kept.len() - 1) as f64),
        _ => plane.normal.scale(single_slice_extent(first, &mut assumed)),
    };
    let grid = Grid { headers, kept: &kept, positions: &kept_positions, normal: plane.normal, step };
    let mut irregular = grid.irregularity(options);
    let mut resampling = None;
    if let Some(found) = &mut irregular {
        match options.irregular_spacing {
            SpacingPolicy::Reject => return Err(grid.rejection()),
            SpacingPolicy::Warn => {}
            SpacingPolicy::Resample => {
                let weights = grid.resample(options)?;
                step = step.scale((kept.len() - 1) as f64 / (weights.len() - 1) as f64);
                *found = IrregularSpacing { step_mm: step.length(), resampled: true, ..*found };
                resampling = Some(weights);
            }
        }
    }
    let slices = resampling.as_ref().map_or(kept.len(), Vec::len);
    let size = [slices, usize::from(first.rows.unwrap_or(0)), usize::from(first.columns.unwrap_or(0))];
    let affine = Affine3::new(columns_to_matrix(plane.column_step, plane.row_step, step), origin.coords());
    let geometry =
        Geometry::new(size, affine).map_err(|source| Error::Geometry { path: first.label(), source })?;
    let degrees = geometry.tilt_degrees();
    let tilt_degrees = (degrees > LEAST_TILT).then_some(degrees);
    if let (Some(degrees), Policy::Reject) = (tilt_degrees, options.tilt) {
        return Err(Error::Tilted { path: first.label(), degrees });
    }
    Ok(Layout { kept, geometry, resampling, duplicates, irregular, tilt_degrees, assumed })
}

/// The grid of pixels of one slice.
struct Plane {
    /// From one column to the next, in mm.
    column_step: Vector3<Lps>,
    /// From one row to the next, in mm.
    row_step: Vector3<Lps>,
    /// Unit normal: row direction x column direction.
    normal: Vector3<Lps>,
}

impl Plane {
    fn of(header: &Header, assumed: &mut Vec<Assumption>) -> Result<Self> {
        let orientation = match header.orientation {
            Some(orientation) => orientation,
            None if header.must_have_position() => {
                return Err(missing(&header.label(), "ImageOrientationPatient"));
            }
            None => {
                assumed.push(Assumption::Orientation);
                [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
            }
        };
        let (row, column) = directions(&orientation);
        let fine = (row.length() - 1.0).abs() <= DIRECTION_TOLERANCE
            && (column.length() - 1.0).abs() <= DIRECTION_TOLERANCE
            && row.dot(column).abs() <= DIRECTION_TOLERANCE;
        if !fine {
            return Err(Error::Invalid {
                path: header.label(),
                what: "ImageOrientationPatient",
                expected: "two unit directions at a right angle".to_string(),
                found: format!("{orientation:?}"),
            });
        }
        let [between_rows, between_columns] = pixel_spacing(header, assumed)?;
        Ok(Self {
            column_step: row.scale(between_columns / row.length()),
            row_step: column.scale(between_rows / column.length()),
            normal: normal_of(&orientation),
        })
    }
}

fn pixel_spacing(header: &Header, assumed: &mut Vec<Assumption>) -> Result<[f64; 2]> {
    if !header.must_have_position() {
        let (spacing, assumption) =
            projected_spacing(header).unwrap_or(([1.0; 2], Some(Assumption::PixelSpacing)));
        assumed.extend(assumption);
        return Ok(spacing);
    }
    let spacing = header.pixel_spacing.ok_or_else(|| missing(&header.label(), "PixelSpacing"))?;
    if spacing.iter().all(|mm| *mm > 0.0) {
        return Ok(spacing);
    }
    Err(Error::Invalid {
        path: header.label(),
        what: "PixelSpacing",
        expected: "two positive distances".to_string(),
        found: format!("{spacing:?}"),
    })
}

/// The distances of pixels between rows and between columns in an image that need not say them, in mm, and what they are if not
/// those in the patient (PS3.3 10.7.1.3).
pub(super) fn projected_spacing(header: &Header) -> Option<([f64; 2], Option<Assumption>)> {
    // Projections say 0 when they do not know.
    let known = |spacing: Option<[f64; 2]>| spacing.filter(|s| s.iter().all(|mm| *mm > 0.0));
    let (own, imager) = (known(header.pixel_spacing), known(header.imager_pixel_spacing));
    match (own, imager) {
        (Some(own), imager) if header.spacing_calibrated || imager != Some(own) => Some((own, None)),
        (_, Some(imager)) => Some(match header.magnification.filter(|factor| *factor > 0.0) {
            Some(factor) => (imager.map(|mm| mm / factor), Some(Assumption::MagnificationFactor)),
            None => (imager, Some(Assumption::ImagerPixelSpacing)),
        }),
        _ => known(header.scanned_pixel_spacing).map(|s| (s, Some(Assumption::NominalScannedPixelSpacing))),
    }
}

fn positions(headers: &[Header], assumed: &mut Vec<Assumption>) -> Result<Vec<Point3<Lps>>> {
    if let [only] = headers
        && only.position.is_none()
        && !only.must_have_position()
    {
        assumed.push(Assumption::Position);
        return Ok(vec![Point3::new(0.0, 0.0, 0.0)]);
    }
    headers
        .iter()
        .map(|h| {
            h.position.map(Point3::from_coords).ok_or_else(|| missing(&h.label(), "ImagePositionPatient"))
        })
        .collect()
}

fn drop_duplicates(
    headers: &[Header],
    positions: &[Point3<Lps>],
    normal: Vector3<Lps>,
    options: &LoadOptions,
) -> Result<(Vec<usize>, Vec<Duplicate>)> {
    let slices: Vec<_> = headers.iter().zip(positions).enumerate().collect();
    let mut kept = Vec::new();
    let mut duplicates = Vec::new();
    for same in slices.chunk_by(|(_, (_, a)), (_, (_, b))| a.distance(**b) < SAME_POSITION) {
        let Some(&(index, (header, position))) = same.iter().min_by_key(|(_, (h, _))| file_order(h)) else {
            continue;
        };
        kept.push(index);
        let dropped: Vec<_> = same.iter().filter(|(i, _)| *i != index).map(|(_, (h, _))| h.label()).collect();
        let Some(other) = dropped.first() else { continue };
        let position_mm = along(*position, normal);
        if options.duplicates == Policy::Reject {
            return Err(Error::DuplicatePosition { path: header.label(), other: other.clone(), position_mm });
        }
        duplicates.push(Duplicate { position_mm, kept: header.label(), dropped });
    }
    Ok((kept, duplicates))
}

fn single_slice_extent(header: &Header, assumed: &mut Vec<Assumption>) -> f64 {
    // Some writers give a sign to the first (PS3.3 C.8.4.15 lets them); a distance is meant.
    let positive = |x: Option<f64>| x.map(f64::abs).filter(|x| *x > 0.0);
    let (extent, assumption) = if let Some(spacing) = positive(header.spacing_between_slices) {
        (spacing, Assumption::SliceSpacingFromHeader)
    } else if let Some(thickness) = positive(header.slice_thickness) {
        (thickness, Assumption::SliceSpacingFromThickness)
    } else {
        (1.0, Assumption::SliceSpacing)
    };
    assumed.push(assumption);
    extent
}

/// Slices and the regular grid from the first to the last.
struct Grid<'a> {
    headers: &'a [Header],
    kept: &'a [usize],
    positions: &'a [Point3<Lps>],
    normal: Vector3<Lps>,
    step: Vector3<Lps>,
}

impl Grid<'_> {
    fn tolerance(&self, options: &LoadOptions) -> f64 {
        (options.spacing_tolerance * self.step.length()).max(LEAST_TOLERANCE)
    }

    /// Where `slice` steps from the first slice are.
    fn place(&self, slice: f64) -> Point3<Lps> {
        let first = self.positions.first().copied().unwrap_or(Point3::new(0.0, 0.0, 0.0));
        first + self.step.scale(slice)
    }

    /// The largest deviation from the grid, if it is beyond the tolerance.
    fn irregularity(&self, options: &LoadOptions) -> Option<IrregularSpacing> {
        let deviation = |(slice, p): (usize, &Point3<Lps>)| (slice, p.distance(self.place(slice as f64)));
        let worst = self.positions.iter().enumerate().map(deviation).max_by(|a, b| a.1.total_cmp(&b.1))?;
        let (slice, largest_deviation_mm) = worst;
        // Written so that a position beyond all numbers counts as irregular.
        let within = largest_deviation_mm <= self.tolerance(options);
        let step_mm = self.step.length();
        (!within).then_some(IrregularSpacing { step_mm, largest_deviation_mm, slice, resampled: false })
    }

    fn distances(&self) -> Vec<f64> {
        self.positions
            .windows(2)
            .filter_map(|p| p.last().zip(p.first()).map(|(b, a)| a.distance(*b)))
            .collect()
    }

    fn median_distance(&self) -> f64 {
        let mut distances = self.distances();
        distances.sort_by(f64::total_cmp);
        distances.get(distances.len() / 2).copied().unwrap_or(0.0)
    }

    /// The error, about the two slices whose distance is the most unusual.
    fn rejection(&self) -> Error {
        let expected_mm = self.median_distance();
        let unusual = |d: &f64| (d - expected_mm).abs();
        let distances = self.distances();
        let worst = distances.iter().enumerate().max_by(|a, b| unusual(a.1).total_cmp(&unusual(b.1)));
        let (before, found_mm) = worst.map_or((0, 0.0), |(k, d)| (k, *d));
        let path_of = |slice: usize| {
            self.kept.get(slice).and_then(|&k| self.headers.get(k)).map(|h| h.label()).unwrap_or_default()
        };
        let position_of = |slice: usize| self.positions.get(slice).map_or(0.0, |p| along(*p, self.normal));
        Error::IrregularSpacing {
            path: path_of(before),
            next: path_of(before + 1),
            expected_mm,
            found_mm,
            from_mm: position_of(before),
            to_mm: position_of(before + 1),
        }
    }

    /// For each slice of a regular grid at about the median distance, the slice before it and the weight of the next one.
    fn resample(&self, options: &LoadOptions) -> Result<Vec<(usize, f32)>> {
        let extent = self.step.length() * (self.positions.len() - 1) as f64;
        let count = (extent / self.median_distance()).round();
        // Interpolation needs the slices to lie on one line, at different places of it.
        let direction = self.step.scale(1.0 / self.step.length());
        let places: Vec<f64> = self.positions.iter().map(|p| (*p - self.place(0.0)).dot(direction)).collect();
        let on_line = self
            .positions
            .iter()
            .zip(&places)
            .all(|(p, t)| p.distance(self.place(0.0) + direction.scale(*t)) <= self.tolerance(options));
        let ascending = places.is_sorted_by(|a, b| a < b);
        let in_bounds = count >= 1.0 && count <= MOST_RESAMPLED * self.positions.len() as f64;
        if !(on_line && ascending && in_bounds) {
            return Err(self.rejection());
        }
        let count = count as usize;
        let weigh = |slice: usize| {
            let place = extent * slice as f64 / count as f64;
            let before = places.partition_point(|t| *t <= place).clamp(1, places.len() - 1) - 1;
            let pair = places.get(before).copied().zip(places.get(before + 1).copied());
            let weight = pair.map_or(0.0, |(a, b)| ((place - a) / (b - a)).clamp(0.0, 1.0));
            (before, weight as f32)
        };
        Ok((0..=count).map(weigh).collect())
    }
}

fn directions(orientation: &[f64; 6]) -> (Vector3<Lps>, Vector3<Lps>) {
    let [a, b, c, d, e, f] = *orientation;
    (Vector3::new(a, b, c), Vector3::new(d, e, f))
}

/// Unit normal of a plane, or nothing useful when the directions are parallel.
fn normal_of(orientation: &[f64; 6]) -> Vector3<Lps> {
    let (row, column) = directions(orientation);
    let normal = row.cross(column);
    normal.scale(1.0 / normal.length().max(f64::MIN_POSITIVE))
}

fn along(position: Point3<Lps>, normal: Vector3<Lps>) -> f64 {
    Vector3::from_coords(position.coords()).dot(normal)
}

fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    Point3::<Lps>::from_coords(a).distance(Point3::from_coords(b))
}

fn file_order(header: &Header) -> (i64, &Path, u32) {
    (header.instance_number.unwrap_or(i64::MAX), &header.path, header.frame)
}

fn columns_to_matrix(x: Vector3<Lps>, y: Vector3<Lps>, z: Vector3<Lps>) -> medcore::Matrix3 {
    [[x.x, y.x, z.x], [x.y, y.y, z.y], [x.z, y.z, z.z]]
}

fn missing(path: &Path, attribute: &'static str) -> Error {
    Error::MissingAttribute { path: path.to_path_buf(), attribute }
}

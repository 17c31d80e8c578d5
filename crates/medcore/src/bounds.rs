//! Axis-aligned boxes, in pixels and in patient space.

use crate::error::{Error, Result};
use crate::space::{Affine3, Point3, Space, Voxel};

/// A box in the pixels of an image, with sides along its axes.
///
/// Coordinates are continuous and count from the outer corner of the first pixel: pixel column `c` covers `c` to `c + 1`, so
/// the box of a single pixel `(row 3, column 5)` is x 5 to 6, y 3 to 4, and its width is 1. This is the convention of COCO
/// and of detection models; pixel *centres* are at `c + 0.5` here.
///
/// ```
/// use medcore::PixelBox;
/// let a = PixelBox::new(0.0, 0.0, 10.0, 10.0)?;
/// let b = PixelBox::from_xywh(5.0, 0.0, 10.0, 10.0)?;
/// assert!((a.iou(&b) - 1.0 / 3.0).abs() < 1e-12);
/// # Ok::<(), medcore::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PixelBox {
    x_min: f64,
    y_min: f64,
    x_max: f64,
    y_max: f64,
}

impl PixelBox {
    /// From its corners.
    ///
    /// # Errors
    /// [`Error::InvalidBox`] when a coordinate is not finite or a maximum lies below its minimum.
    pub fn new(x_min: f64, y_min: f64, x_max: f64, y_max: f64) -> Result<Self> {
        check(&[x_min, y_min], &[x_max, y_max])?;
        Ok(Self { x_min, y_min, x_max, y_max })
    }

    /// From the upper left corner, width and height, as COCO writes boxes.
    ///
    /// # Errors
    /// As [`PixelBox::new`].
    pub fn from_xywh(x: f64, y: f64, width: f64, height: f64) -> Result<Self> {
        Self::new(x, y, x + width, y + height)
    }

    /// From the centre, width and height, as DETR-like models predict boxes.
    ///
    /// # Errors
    /// As [`PixelBox::new`].
    pub fn from_cxcywh(cx: f64, cy: f64, width: f64, height: f64) -> Result<Self> {
        Self::new(cx - width / 2.0, cy - height / 2.0, cx + width / 2.0, cy + height / 2.0)
    }

    /// `[x_min, y_min, x_max, y_max]`.
    pub const fn xyxy(&self) -> [f64; 4] {
        [self.x_min, self.y_min, self.x_max, self.y_max]
    }

    /// `[x_min, y_min, width, height]`.
    pub fn xywh(&self) -> [f64; 4] {
        [self.x_min, self.y_min, self.width(), self.height()]
    }

    /// Extent along x in pixels.
    pub fn width(&self) -> f64 {
        self.x_max - self.x_min
    }

    /// Extent along y in pixels.
    pub fn height(&self) -> f64 {
        self.y_max - self.y_min
    }

    /// Area in square pixels.
    pub fn area(&self) -> f64 {
        self.width() * self.height()
    }

    /// The part that lies in an image of this size, if any.
    pub fn clip(&self, height: usize, width: usize) -> Option<Self> {
        self.intersection(&Self { x_min: 0.0, y_min: 0.0, x_max: width as f64, y_max: height as f64 })
    }

    /// The part common to both, if they overlap or touch.
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        Self::new(
            self.x_min.max(other.x_min),
            self.y_min.max(other.y_min),
            self.x_max.min(other.x_max),
            self.y_max.min(other.y_max),
        )
        .ok()
    }

    /// The smallest box around both.
    pub fn hull(&self, other: &Self) -> Self {
        Self {
            x_min: self.x_min.min(other.x_min),
            y_min: self.y_min.min(other.y_min),
            x_max: self.x_max.max(other.x_max),
            y_max: self.y_max.max(other.y_max),
        }
    }

    /// Intersection over union, 0 to 1; 0 when both are empty.
    pub fn iou(&self, other: &Self) -> f64 {
        let shared = self.intersection(other).map_or(0.0, |b| b.area());
        ratio(shared, self.area() + other.area() - shared)
    }

    /// Generalised intersection over union, -1 to 1 (Rezatofighi et al., CVPR 2019).
    pub fn giou(&self, other: &Self) -> f64 {
        let shared = self.intersection(other).map_or(0.0, |b| b.area());
        let union = self.area() + other.area() - shared;
        let hull = self.hull(other).area();
        ratio(shared, union) - ratio(hull - union, hull)
    }
}

/// A box in space `S` with sides along its axes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Box3<S: Space> {
    min: Point3<S>,
    max: Point3<S>,
}

impl<S: Space> Box3<S> {
    /// From its lower and upper corners.
    ///
    /// # Errors
    /// [`Error::InvalidBox`] when a coordinate is not finite or a maximum lies below its minimum.
    pub fn new(min: Point3<S>, max: Point3<S>) -> Result<Self> {
        check(&min.coords(), &max.coords())?;
        Ok(Self { min, max })
    }

    /// The box with two points as opposite corners, whichever way round they are.
    pub fn spanning(a: Point3<S>, b: Point3<S>) -> Self {
        Self {
            min: Point3::new(a.x.min(b.x), a.y.min(b.y), a.z.min(b.z)),
            max: Point3::new(a.x.max(b.x), a.y.max(b.y), a.z.max(b.z)),
        }
    }

    /// Lower corner.
    pub const fn min(&self) -> Point3<S> {
        self.min
    }

    /// Upper corner.
    pub const fn max(&self) -> Point3<S> {
        self.max
    }

    /// Extents along the three axes.
    pub fn extent(&self) -> [f64; 3] {
        (self.max - self.min).coords()
    }

    /// Product of the extents (mm3 in patient space).
    pub fn volume(&self) -> f64 {
        self.extent().iter().product()
    }

    /// Whether a point lies in the box or on its surface.
    pub fn contains(&self, p: Point3<S>) -> bool {
        let (p, min, max) = (p.coords(), self.min.coords(), self.max.coords());
        (0..3).all(|axis| min[axis] <= p[axis] && p[axis] <= max[axis])
    }

    /// The part common to both, if they overlap or touch.
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        let (a, b) = (self.min, other.min);
        let (c, d) = (self.max, other.max);
        let min = Point3::new(a.x.max(b.x), a.y.max(b.y), a.z.max(b.z));
        Self::new(min, Point3::new(c.x.min(d.x), c.y.min(d.y), c.z.min(d.z))).ok()
    }

    /// Intersection over union, 0 to 1; 0 when both are empty.
    pub fn iou(&self, other: &Self) -> f64 {
        let shared = self.intersection(other).map_or(0.0, |b| b.volume());
        ratio(shared, self.volume() + other.volume() - shared)
    }

    /// The smallest box in another space around this one: all eight corners are mapped.
    pub fn map_affine<T: Space>(&self, affine: &Affine3<S, T>) -> Box3<T> {
        let corner = |bits: usize| {
            let pick = |axis: usize| {
                let p = if bits >> axis & 1 == 0 { self.min } else { self.max };
                p.coords()[axis]
            };
            affine.apply(Point3::new(pick(0), pick(1), pick(2)))
        };
        let first = Box3 { min: corner(0), max: corner(0) };
        (1..8).map(corner).fold(first, |b, p| {
            let (min, max) = (b.min, b.max);
            Box3 {
                min: Point3::new(min.x.min(p.x), min.y.min(p.y), min.z.min(p.z)),
                max: Point3::new(max.x.max(p.x), max.y.max(p.y), max.z.max(p.z)),
            }
        })
    }
}

impl Box3<Voxel> {
    /// The box of the voxels from `start` up to, not including, `end` (array order), to their outer faces.
    ///
    /// # Errors
    /// [`Error::InvalidBox`] when an end lies before its start.
    pub fn of_voxels(start: [usize; 3], end: [usize; 3]) -> Result<Self> {
        let face = |[slice, row, column]: [usize; 3]| {
            Point3::new(column as f64 - 0.5, row as f64 - 0.5, slice as f64 - 0.5)
        };
        Self::new(face(start), face(end))
    }
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

fn check(min: &[f64], max: &[f64]) -> Result<()> {
    let fine = min.iter().zip(max).all(|(a, b)| a.is_finite() && b.is_finite() && a <= b);
    if fine { Ok(()) } else { Err(Error::InvalidBox { min: min.to_vec(), max: max.to_vec() }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Geometry, Lps, Spacing};

    #[test]
    fn iou_and_giou_of_known_boxes() {
        let a = PixelBox::new(0.0, 0.0, 2.0, 2.0).unwrap();
        let far = PixelBox::new(4.0, 0.0, 6.0, 2.0).unwrap();
        assert_eq!(a.iou(&a), 1.0);
        assert_eq!(a.giou(&a), 1.0);
        assert_eq!(a.iou(&far), 0.0);
        assert!((a.giou(&far) + 4.0 / 12.0).abs() < 1e-12);
        let empty = PixelBox::new(1.0, 1.0, 1.0, 1.0).unwrap();
        assert_eq!(empty.iou(&empty), 0.0);
    }

    #[test]
    fn boxes_that_cannot_be_are_refused() {
        assert!(matches!(PixelBox::new(2.0, 0.0, 1.0, 1.0), Err(Error::InvalidBox { .. })));
        assert!(matches!(PixelBox::new(0.0, 0.0, f64::NAN, 1.0), Err(Error::InvalidBox { .. })));
        assert!(PixelBox::new(8.0, 8.0, 9.0, 9.0).unwrap().clip(4, 4).is_none());
    }

    #[test]
    fn voxels_to_patient_and_volume_in_mm() {
        let g = Geometry::axial([4, 4, 4], Spacing::new(0.5, 1.0, 2.0), Point3::new(0.0, 0.0, 0.0)).unwrap();
        let b: Box3<Lps> = Box3::of_voxels([1, 1, 1], [2, 3, 4]).unwrap().map_affine(g.voxel_to_lps());
        assert_eq!(b.min().coords(), [0.25, 0.5, 1.0]);
        assert_eq!(b.extent(), [1.5, 2.0, 2.0]);
        assert_eq!(b.volume(), 6.0);
        assert_eq!(b.iou(&b), 1.0);
        assert!(b.contains(g.position([1, 1, 1])));
    }
}

//! A box in an image, and where that is in the patient.

use medcore::{Box3, Geometry, Image, Lps, PixelBox, PixelSpacing, Point3, Scalar, Voxel};

/// A box in the pixels of an image, with what the image knows of its place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Region {
    bounds: PixelBox,
    place: Place,
}

/// Spacing and geometry of an image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Place {
    pub(crate) spacing: Option<PixelSpacing>,
    pub(crate) geometry: Option<Geometry>,
}

impl Place {
    pub(crate) fn of<T: Scalar>(image: &Image<T>) -> Self {
        Self { spacing: image.spacing(), geometry: image.geometry().copied() }
    }
}

impl Region {
    /// A box of an image.
    pub fn new<T: Scalar>(bounds: PixelBox, image: &Image<T>) -> Self {
        Self::placed(bounds, Place::of(image))
    }

    pub(crate) const fn placed(bounds: PixelBox, place: Place) -> Self {
        Self { bounds, place }
    }

    /// The box in pixels of the original image.
    pub const fn bounds(&self) -> PixelBox {
        self.bounds
    }

    /// Left, top, width and height in mm from the upper left corner of the image, where its spacing is known. For projection
    /// images these may be millimetres at the detector.
    pub fn millimetres(&self) -> Option<[f64; 4]> {
        let spacing = self.place.spacing?;
        let [x, y, width, height] = self.bounds.xywh();
        Some([x * spacing.column, y * spacing.row, width * spacing.column, height * spacing.row])
    }

    /// The four corners in patient space in mm, in the plane of the pixel centres: upper left, upper right, lower right, lower
    /// left as displayed. None for an image that does not know where it is.
    pub fn corners_lps(&self) -> Option<[Point3<Lps>; 4]> {
        let affine = self.place.geometry?;
        let [x0, y0, x1, y1] = self.bounds.xyxy().map(|v| v - 0.5);
        let at = |x, y| affine.voxel_to_lps().apply(Point3::new(x, y, 0.0));
        Some([at(x0, y0), at(x1, y0), at(x1, y1), at(x0, y1)])
    }

    /// The smallest box along the patient's axes around the region, in mm; for a slice, over its thickness. None for an image
    /// that does not know where it is.
    pub fn to_lps(&self) -> Option<Box3<Lps>> {
        let geometry = self.place.geometry?;
        // Voxel coordinates are those of centres, boxes of pixels count from the corner.
        let [x0, y0, x1, y1] = self.bounds.xyxy().map(|v| v - 0.5);
        let slab = Box3::<Voxel>::spanning(Point3::new(x0, y0, -0.5), Point3::new(x1, y1, 0.5));
        Some(slab.map_affine(geometry.voxel_to_lps()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use medcore::{Affine3, Spacing};
    use ndarray::Array2;

    #[test]
    fn millimetres_and_lps_of_an_axial_slice() {
        let geometry =
            Geometry::axial([1, 40, 60], Spacing::new(0.5, 0.25, 3.0), Point3::new(10.0, 20.0, 30.0))
                .unwrap();
        let image = Image::grey(Array2::<f32>::zeros([40, 60])).unwrap().with_geometry(geometry).unwrap();
        let region = Region::new(PixelBox::new(4.0, 8.0, 10.0, 20.0).unwrap(), &image);
        assert_eq!(region.millimetres().unwrap(), [2.0, 2.0, 3.0, 3.0]);
        let lps = region.to_lps().unwrap();
        assert_eq!(lps.min().coords(), [11.75, 21.875, 28.5]);
        assert_eq!(lps.max().coords(), [14.75, 24.875, 31.5]);
        let plain = Image::grey(Array2::<f32>::zeros([40, 60])).unwrap();
        let region = Region::new(region.bounds(), &plain);
        assert!(region.to_lps().is_none() && region.millimetres().is_none());
    }

    #[test]
    fn a_turned_image_gives_turned_corners() {
        // Columns along the patient's feet, rows to the left: a sagittal-like turn, and 30 degrees about the slice normal.
        let (s, c) = 30f64.to_radians().sin_cos();
        let (w, h) = (0.5, 2.0);
        let linear = [[w * c, -h * s, 0.0], [w * s, h * c, 0.0], [0.0, 0.0, 4.0]];
        let geometry = Geometry::new([1, 50, 50], Affine3::new(linear, [1.0, 2.0, 3.0])).unwrap();
        let image = Image::grey(Array2::<f32>::zeros([50, 50])).unwrap().with_geometry(geometry).unwrap();
        let region = Region::new(PixelBox::new(10.5, 20.5, 14.5, 22.5).unwrap(), &image);
        let corners = region.corners_lps().unwrap();
        let expected = |x: f64, y: f64| [w * c * x - h * s * y + 1.0, w * s * x + h * c * y + 2.0, 3.0];
        let places = [(10.0, 20.0), (14.0, 20.0), (14.0, 22.0), (10.0, 22.0)];
        for (corner, (x, y)) in corners.iter().zip(places) {
            for (found, expected) in corner.coords().into_iter().zip(expected(x, y)) {
                assert!((found - expected).abs() < 1e-12);
            }
        }
        // A turned rectangle keeps its sides in mm.
        assert!((corners[0].distance(corners[1]) - 2.0).abs() < 1e-12);
        assert!((corners[1].distance(corners[2]) - 4.0).abs() < 1e-12);
        let hull = region.to_lps().unwrap();
        assert!(corners.iter().all(|p| hull.contains(*p)));
        assert!((hull.extent()[0] - (2.0 * c + 4.0 * s)).abs() < 1e-12);
    }
}

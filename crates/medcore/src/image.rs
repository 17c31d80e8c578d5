//! Two-dimensional images, grey or with several channels.

use ndarray::{Array2, Array3, ArrayView2, ArrayView3, ArrayViewMut3, Axis, Zip};

use crate::error::{Error, Result};
use crate::geometry::{Geometry, check_size};
use crate::scalar::Scalar;

/// Millimetres between the centres of neighbouring columns and rows.
///
/// For projection images (CR, DX, MG) this may be measured at the detector, not in the patient.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PixelSpacing {
    /// From one column to the next, in mm.
    pub column: f64,
    /// From one row to the next, in mm.
    pub row: f64,
}

/// Pixels `[channel, row, column]` with their spacing where it is known.
///
/// A grey image has one channel, a colour image three (red, green, blue) or four (with opacity). Where the image
/// is a slice of a volume its [`Geometry`] (of one slice) says where it is in the patient.
///
/// ```
/// use medcore::Image;
/// use ndarray::Array3;
/// let rgb = Image::new(Array3::<u8>::zeros([3, 480, 640]))?;
/// assert_eq!((rgb.channels(), rgb.height(), rgb.width()), (3, 480, 640));
/// # Ok::<(), medcore::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Image<T> {
    pixels: Array3<T>,
    spacing: Option<PixelSpacing>,
    geometry: Option<Geometry>,
}

impl<T: Scalar> Image<T> {
    /// From an array `[channel, row, column]`, without a spacing.
    ///
    /// # Errors
    /// [`Error::InvalidSize`] when an extent is 0.
    pub fn new(pixels: Array3<T>) -> Result<Self> {
        check_size(pixels.shape())?;
        let pixels =
            if pixels.is_standard_layout() { pixels } else { pixels.as_standard_layout().into_owned() };
        Ok(Self { pixels, spacing: None, geometry: None })
    }

    /// From a grey array `[row, column]`, without a spacing.
    ///
    /// # Errors
    /// As [`Image::new`].
    pub fn grey(pixels: Array2<T>) -> Result<Self> {
        Self::new(pixels.insert_axis(Axis(0)))
    }

    /// With the distances between pixel centres.
    ///
    /// # Errors
    /// [`Error::InvalidSpacing`] unless both are positive and finite.
    pub fn with_spacing(mut self, spacing: PixelSpacing) -> Result<Self> {
        let (column, row) = (spacing.column, spacing.row);
        if !(column.is_finite() && row.is_finite() && column > 0.0 && row > 0.0) {
            return Err(Error::InvalidSpacing { found: [column, row, f64::NAN] });
        }
        self.spacing = Some(spacing);
        Ok(self)
    }

    /// With a place in the patient; sets the spacing too.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] unless the geometry is that of one slice of this height and width.
    pub fn with_geometry(mut self, geometry: Geometry) -> Result<Self> {
        let expected = vec![1, self.height(), self.width()];
        if geometry.size() != expected[..] {
            return Err(Error::ShapeMismatch { expected, found: geometry.size().to_vec() });
        }
        let spacing = geometry.spacing();
        self.spacing = Some(PixelSpacing { column: spacing.column, row: spacing.row });
        self.geometry = Some(geometry);
        Ok(self)
    }

    /// The pixels `[channel, row, column]`.
    pub fn pixels(&self) -> ArrayView3<'_, T> {
        self.pixels.view()
    }

    /// The pixels `[channel, row, column]`, to be changed.
    pub fn pixels_mut(&mut self) -> ArrayViewMut3<'_, T> {
        self.pixels.view_mut()
    }

    /// One channel `[row, column]`, if there is one of this index.
    pub fn channel(&self, index: usize) -> Option<ArrayView2<'_, T>> {
        (index < self.channels()).then(|| self.pixels.index_axis(Axis(0), index))
    }

    /// Gives up spacing and geometry.
    pub fn into_pixels(self) -> Array3<T> {
        self.pixels
    }

    /// How many channels.
    pub fn channels(&self) -> usize {
        self.pixels.dim().0
    }

    /// How many rows.
    pub fn height(&self) -> usize {
        self.pixels.dim().1
    }

    /// How many columns.
    pub fn width(&self) -> usize {
        self.pixels.dim().2
    }

    /// Distances between pixel centres, where known.
    pub const fn spacing(&self) -> Option<PixelSpacing> {
        self.spacing
    }

    /// Place in the patient, where known: a volume geometry of one slice.
    pub const fn geometry(&self) -> Option<&Geometry> {
        self.geometry.as_ref()
    }

    /// Each pixel through a function; spacing and geometry stay.
    pub fn map<U: Scalar>(&self, f: impl Fn(T) -> U + Sync + Send) -> Image<U> {
        let pixels = Zip::from(&self.pixels).par_map_collect(|&v| f(v));
        Image { pixels, spacing: self.spacing, geometry: self.geometry }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Point3, Spacing};

    #[test]
    fn geometry_must_fit_and_brings_the_spacing() {
        let g = Geometry::axial([1, 4, 5], Spacing::new(0.5, 0.7, 3.0), Point3::new(1.0, 2.0, 3.0)).unwrap();
        let image = Image::grey(Array2::<f32>::zeros([4, 5])).unwrap().with_geometry(g).unwrap();
        assert_eq!(image.spacing(), Some(PixelSpacing { column: 0.5, row: 0.7 }));
        let other = Image::grey(Array2::<f32>::zeros([5, 4])).unwrap();
        assert!(matches!(other.with_geometry(g), Err(Error::ShapeMismatch { .. })));
    }

    #[test]
    fn no_pixels_no_image() {
        assert!(matches!(Image::new(Array3::<u8>::zeros([3, 0, 5])), Err(Error::InvalidSize { .. })));
        let one = Image::new(Array3::<u8>::zeros([1, 1, 1])).unwrap();
        assert!(one.with_spacing(PixelSpacing { column: 0.0, row: 1.0 }).is_err());
    }
}

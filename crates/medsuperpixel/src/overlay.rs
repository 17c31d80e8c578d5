//! Pictures of regions.

use medcore::{Image, Scalar, Volume};
use ndarray::{Array2, Array3, ArrayView2};

use crate::error::{Error, Result};
use crate::superpixels::Superpixels;

impl Superpixels {
    /// Where regions meet in a slice: the pixels `[row, column]` whose right or lower neighbour has another label.
    ///
    /// # Errors
    /// [`Error::Slice`].
    pub fn boundaries(&self, slice: usize) -> Result<Array2<bool>> {
        let labels = self.slice(slice).ok_or(Error::Slice { slices: self.size()[0], found: slice })?;
        Ok(inner_boundaries(labels))
    }

    /// An image with the borders of regions drawn over it: red, green, blue. Values from `low` to `high` become 0 to 255; an image
    /// of three or more channels is drawn in colour by its first three, any other in grey by its first.
    ///
    /// # Errors
    /// [`Error::Shape`] when the image has another size; [`Error::Option`] unless `low` is below `high` and both finite.
    pub fn image_overlay<T: Scalar>(
        &self,
        image: &Image<T>,
        (low, high): (f64, f64),
        color: [u8; 3],
    ) -> Result<Image<u8>> {
        let pixels = image.pixels();
        let (channels, rows, columns) = pixels.dim();
        let found = [1, rows, columns];
        if found != self.size() {
            return Err(Error::Shape {
                what: "image",
                expected: self.size().to_vec(),
                found: found.to_vec(),
            });
        }
        let of = |c: usize| if channels >= 3 { c } else { 0 };
        self.draw(0, (low, high), color, |c, y, x| pixels[[of(c), y, x]].to_f64())
    }

    /// A slice of a volume with the borders of regions drawn over it: red, green, blue. Values from `low` to `high` become 0 to 255.
    ///
    /// # Errors
    /// As [`Superpixels::image_overlay`]; [`Error::Slice`].
    pub fn slice_overlay<T: Scalar>(
        &self,
        volume: &Volume<T>,
        slice: usize,
        (low, high): (f64, f64),
        color: [u8; 3],
    ) -> Result<Image<u8>> {
        if volume.size() != self.size() {
            let (expected, found) = (self.size().to_vec(), volume.size().to_vec());
            return Err(Error::Shape { what: "volume", expected, found });
        }
        let voxels = volume.voxels();
        self.draw(slice, (low, high), color, |_, y, x| voxels[[slice, y, x]].to_f64())
    }

    fn draw(
        &self,
        slice: usize,
        (low, high): (f64, f64),
        color: [u8; 3],
        value: impl Fn(usize, usize, usize) -> f64,
    ) -> Result<Image<u8>> {
        if !(low.is_finite() && high.is_finite() && low < high) {
            return Err(Error::Option {
                option: "display range",
                expected: "finite, the low value below the high one",
                found: high - low,
            });
        }
        let boundaries = self.boundaries(slice)?;
        let (rows, columns) = boundaries.dim();
        let pixels = Array3::from_shape_fn([3, rows, columns], |(c, y, x)| {
            if boundaries[[y, x]] {
                color[c]
            } else {
                u8::from_f64((value(c, y, x) - low) / (high - low) * 255.0)
            }
        });
        Ok(Image::new(pixels)?)
    }
}

fn inner_boundaries(labels: ArrayView2<'_, u32>) -> Array2<bool> {
    let (rows, columns) = labels.dim();
    Array2::from_shape_fn([rows, columns], |(y, x)| {
        let label = labels[[y, x]];
        (y + 1 < rows && labels[[y + 1, x]] != label) || (x + 1 < columns && labels[[y, x + 1]] != label)
    })
}

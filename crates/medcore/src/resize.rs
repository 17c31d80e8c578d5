//! Volumes and images of another size that cover the same field of view.

use ndarray::Array3;

use crate::error::Result;
use crate::geometry::{Geometry, check_size};
use crate::image::{Image, PixelSpacing};
use crate::interpolation::Interpolation;
use crate::resample::along_axes;
use crate::scalar::Scalar;
use crate::space::{Affine3, Voxel};
use crate::taps::AxisMap;
use crate::volume::Volume;

impl<T: Scalar> Volume<T> {
    /// As `size` voxels `[slices, rows, columns]` over the same field of view: the outer faces coincide on all six sides, and
    /// the spacing changes accordingly. Anti-aliased where an axis shrinks (see [`Interpolation`]).
    ///
    /// # Errors
    /// [`Error::InvalidSize`](crate::Error::InvalidSize) when an extent is 0 or there are more voxels than can be
    /// addressed; [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn resize(&self, size: [usize; 3], interpolation: Interpolation) -> Result<Self> {
        check_size(&size)?;
        let maps = maps(self.size(), size);
        let voxels = along_axes(self.as_slice(), self.size(), &maps, interpolation)?;
        Self::from_vec(voxels, resized(self.geometry(), &maps)?)
    }
}

impl<T: Scalar> Image<T> {
    /// As `height` x `width` pixels over the same field of view: the outer edges coincide on all four sides; spacing and
    /// geometry are kept true. Anti-aliased where an axis shrinks (see [`Interpolation`]).
    ///
    /// ```
    /// use medcore::{Image, Interpolation, PixelSpacing};
    /// use ndarray::Array2;
    /// let xray = Image::grey(Array2::<u16>::zeros([3000, 2000]))?
    ///     .with_spacing(PixelSpacing { column: 0.15, row: 0.15 })?;
    /// let small = xray.resize(600, 500, Interpolation::Linear)?;
    /// assert_eq!((small.height(), small.width()), (600, 500));
    /// assert_eq!(small.spacing(), Some(PixelSpacing { column: 0.6, row: 0.75 }));
    /// # Ok::<(), medcore::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidSize`](crate::Error::InvalidSize) when an extent is 0 or there are more pixels than can be
    /// addressed; [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn resize(&self, height: usize, width: usize, interpolation: Interpolation) -> Result<Self> {
        let size = [self.channels(), height, width];
        check_size(&size)?;
        let maps = maps(self.shape(), size);
        let pixels = along_axes(self.memory(), self.shape(), &maps, interpolation)?;
        let scaled = |s: PixelSpacing| PixelSpacing {
            column: s.column * self.width() as f64 / width as f64,
            row: s.row * self.height() as f64 / height as f64,
        };
        let one_slice = [AxisMap::identity(1), maps[1], maps[2]];
        let geometry = self.geometry().map(|g| resized(g, &one_slice)).transpose()?;
        Self::from_parts(pixels, size, self.spacing().map(scaled), geometry)
    }

    /// `[channels, rows, columns]`.
    pub(crate) fn shape(&self) -> [usize; 3] {
        [self.channels(), self.height(), self.width()]
    }

    /// The pixels in memory order: columns fastest, then rows, then channels.
    pub(crate) fn memory(&self) -> &[T] {
        // The constructors see to the standard layout, so this is never the empty default.
        self.pixels().to_slice().unwrap_or_default()
    }

    pub(crate) fn from_parts(
        pixels: Vec<T>,
        size: [usize; 3],
        spacing: Option<PixelSpacing>,
        geometry: Option<Geometry>,
    ) -> Result<Self> {
        let found = vec![pixels.len()];
        let expected = size.to_vec();
        let pixels = Array3::from_shape_vec(size, pixels)
            .map_err(|_| crate::Error::ShapeMismatch { expected, found })?;
        let mut image = Self::new(pixels)?;
        if let Some(geometry) = geometry {
            image = image.with_geometry(geometry)?;
        }
        // After the geometry, which would set its own: the two may differ, as with spacing measured at a detector.
        match spacing {
            Some(spacing) => image.with_spacing(spacing),
            None => Ok(image),
        }
    }
}

fn maps(old: [usize; 3], new: [usize; 3]) -> [AxisMap; 3] {
    std::array::from_fn(|axis| {
        let (old, new) = (old[axis], new[axis]);
        AxisMap::from_lower_face(old, new, old as f64 / new as f64)
    })
}

/// The geometry of the voxels that lie at `maps` (array order) on the old ones.
pub(crate) fn resized(old: &Geometry, maps: &[AxisMap; 3]) -> Result<Geometry> {
    let mut linear = [[0.0; 3]; 3];
    let mut offset = [0.0; 3];
    for (axis, map) in maps.iter().rev().enumerate() {
        linear[axis][axis] = map.step;
        offset[axis] = map.offset;
    }
    old.with_voxel_map(maps.map(|map| map.new), &Affine3::<Voxel, Voxel>::new(linear, offset))
}

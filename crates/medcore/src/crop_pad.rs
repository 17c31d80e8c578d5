//! Parts of volumes and images, and more room around them.

use rayon::prelude::*;

use crate::allocate::filled;
use crate::error::{Error, Result};
use crate::geometry::{Geometry, check_size};
use crate::image::Image;
use crate::label_map::LabelMap;
use crate::scalar::Scalar;
use crate::space::{Affine3, Voxel};
use crate::volume::Volume;

impl<T: Scalar> Volume<T> {
    /// The `size` voxels from `start` on, both `[slice, row, column]`. Every voxel stays where it is in the patient.
    ///
    /// ```
    /// use medcore::{Geometry, Point3, Spacing, Volume};
    /// let g = Geometry::axial([4, 4, 4], Spacing::isotropic(2.0), Point3::new(0.0, 0.0, 0.0))?;
    /// let part = Volume::filled(1u8, g).crop([1, 0, 2], [3, 4, 2])?;
    /// assert_eq!(part.size(), [3, 4, 2]);
    /// assert_eq!(part.geometry().origin().coords(), [4.0, 0.0, 2.0]);
    /// # Ok::<(), medcore::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] when the part does not lie in the volume, [`Error::InvalidSize`] when it has no voxels;
    /// [`Error::OutOfMemory`].
    pub fn crop(&self, start: [usize; 3], size: [usize; 3]) -> Result<Self> {
        let frame = Frame::crop(self.size(), start, size)?;
        Self::from_vec(frame.copy(self.as_slice(), T::default())?, frame.geometry(self.geometry())?)
    }

    /// With voxels of a value added `before` the first and `after` the last of each axis, both `[slice, row, column]`. Every
    /// voxel stays where it is in the patient.
    ///
    /// # Errors
    /// [`Error::InvalidSize`] when the result has more voxels than can be addressed; [`Error::OutOfMemory`].
    pub fn pad(&self, before: [usize; 3], after: [usize; 3], value: T) -> Result<Self> {
        let frame = Frame::pad(self.size(), before, after)?;
        Self::from_vec(frame.copy(self.as_slice(), value)?, frame.geometry(self.geometry())?)
    }

    /// Cropped where an axis is longer than `size` `[slice, row, column]`, padded with a value where it is shorter, about the
    /// centre. Every voxel stays where it is in the patient.
    ///
    /// Of an odd number of voxels to add, the odd one comes after the last voxel. Cropping `n` voxels to `m` starts at voxel
    /// `n / 2 - m / 2` (whole-number division): the odd one is cut off at the end where `n` is odd, else at the start.
    /// These are the rules of MONAI's `ResizeWithPadOrCrop`.
    ///
    /// # Errors
    /// [`Error::InvalidSize`] when an extent is 0 or there are more voxels than can be addressed; [`Error::OutOfMemory`].
    pub fn crop_or_pad(&self, size: [usize; 3], value: T) -> Result<Self> {
        let frame = Frame::centred(self.size(), size)?;
        Self::from_vec(frame.copy(self.as_slice(), value)?, frame.geometry(self.geometry())?)
    }
}

impl<T: Scalar> Image<T> {
    /// The `height` x `width` pixels from `row` and `column` on, of all channels; spacing and geometry are kept true.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] when the part does not lie in the image, [`Error::InvalidSize`] when it has no pixels;
    /// [`Error::OutOfMemory`].
    pub fn crop(&self, row: usize, column: usize, height: usize, width: usize) -> Result<Self> {
        let channels = self.channels();
        let frame = Frame::crop(self.shape(), [0, row, column], [channels, height, width])?;
        self.framed(&frame, T::default())
    }

    /// With pixels of a value added `before` the first and `after` the last `[row, column]`, in all channels; spacing and
    /// geometry are kept true.
    ///
    /// # Errors
    /// [`Error::InvalidSize`] when the result has more pixels than can be addressed; [`Error::OutOfMemory`].
    pub fn pad(&self, before: [usize; 2], after: [usize; 2], value: T) -> Result<Self> {
        let frame = Frame::pad(self.shape(), [0, before[0], before[1]], [0, after[0], after[1]])?;
        self.framed(&frame, value)
    }

    fn framed(&self, frame: &Frame, value: T) -> Result<Self> {
        let pixels = frame.copy(self.memory(), value)?;
        let geometry = self.geometry().map(|g| frame.of_one_slice().geometry(g)).transpose()?;
        Self::from_parts(pixels, frame.size, self.spacing(), geometry)
    }
}

impl LabelMap {
    /// As [`Volume::crop`]; names are kept.
    ///
    /// # Errors
    /// As [`Volume::crop`].
    pub fn crop(&self, start: [usize; 3], size: [usize; 3]) -> Result<Self> {
        Ok(self.with_volume(self.volume().crop(start, size)?))
    }
}

/// How a new array lies over an old one: what of each they share. All in array order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Frame {
    old_size: [usize; 3],
    size: [usize; 3],
    /// First shared voxel in the old array.
    old_start: [usize; 3],
    /// First shared voxel in the new array.
    start: [usize; 3],
    /// How many voxels are shared.
    shared: [usize; 3],
}

impl Frame {
    fn crop(old_size: [usize; 3], old_start: [usize; 3], size: [usize; 3]) -> Result<Self> {
        check_size(&size)?;
        let end: [usize; 3] = std::array::from_fn(|axis| old_start[axis].saturating_add(size[axis]));
        if (0..3).any(|axis| end[axis] > old_size[axis]) {
            let (start, end, size) = (old_start.to_vec(), end.to_vec(), old_size.to_vec());
            return Err(Error::OutOfBounds { start, end, size });
        }
        Ok(Self { old_size, size, old_start, start: [0; 3], shared: size })
    }

    fn pad(old_size: [usize; 3], before: [usize; 3], after: [usize; 3]) -> Result<Self> {
        let sum = |axis: usize| before[axis].saturating_add(old_size[axis]).saturating_add(after[axis]);
        let size = std::array::from_fn(sum);
        check_size(&size)?;
        Ok(Self { old_size, size, old_start: [0; 3], start: before, shared: old_size })
    }

    fn centred(old_size: [usize; 3], size: [usize; 3]) -> Result<Self> {
        check_size(&size)?;
        let halves = |long: usize, short: usize| (long / 2).saturating_sub(short / 2);
        let cropped = |axis: usize| size[axis] < old_size[axis];
        Ok(Self {
            old_size,
            size,
            old_start: std::array::from_fn(|a| if cropped(a) { halves(old_size[a], size[a]) } else { 0 }),
            start: std::array::from_fn(|a| size[a].saturating_sub(old_size[a]) / 2),
            shared: std::array::from_fn(|a| size[a].min(old_size[a])),
        })
    }

    /// The same for the one slice of an image's geometry.
    fn of_one_slice(&self) -> Self {
        let one = |[_, row, column]: [usize; 3], slice| [slice, row, column];
        Self {
            old_size: one(self.old_size, 1),
            size: one(self.size, 1),
            old_start: one(self.old_start, 0),
            start: one(self.start, 0),
            shared: one(self.shared, 1),
        }
    }

    fn geometry(&self, old: &Geometry) -> Result<Geometry> {
        let offset = |axis: usize| self.old_start[2 - axis] as f64 - self.start[2 - axis] as f64;
        let unit = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        old.with_voxel_map(self.size, &Affine3::<Voxel, Voxel>::new(unit, std::array::from_fn(offset)))
    }

    fn copy<T: Scalar>(&self, old: &[T], value: T) -> Result<Vec<T>> {
        let mut new = filled(self.size.iter().product(), value)?;
        paste(old, self.old_size, self.old_start, &mut new, self.size, self.start, self.shared);
        Ok(new)
    }
}

/// Copies a block of one array into another.
pub(crate) fn paste<T: Scalar>(
    from: &[T],
    from_size: [usize; 3],
    from_start: [usize; 3],
    to: &mut [T],
    to_size: [usize; 3],
    to_start: [usize; 3],
    block: [usize; 3],
) {
    let slices = to.par_chunks_mut(to_size[1] * to_size[2]).skip(to_start[0]).take(block[0]);
    slices.enumerate().for_each(|(slice, out)| {
        for row in 0..block[1] {
            let line = (from_start[0] + slice) * from_size[1] + from_start[1] + row;
            let read = line * from_size[2] + from_start[2];
            let write = (to_start[1] + row) * to_size[2] + to_start[2];
            out[write..write + block[2]].copy_from_slice(&from[read..read + block[2]]);
        }
    });
}

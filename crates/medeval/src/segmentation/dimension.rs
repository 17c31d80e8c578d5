//! Masks in two and three dimensions.

use medcore::{PixelSpacing, Spacing};
use ndarray::{Array, Array3, ArrayView, ArrayView3, Axis, Dimension, Ix2, Ix3};

use crate::error::{Error, Result};

mod sealed {
    pub trait Sealed {}
    impl Sealed for ndarray::Ix2 {}
    impl Sealed for ndarray::Ix3 {}
}

/// Two or three dimensions, with the spacing that belongs to each; sealed.
pub trait MaskDimension: Dimension + sealed::Sealed {
    /// Millimetres between neighbouring centres: [`PixelSpacing`] in two dimensions, [`Spacing`] in three.
    type Spacing: Copy;
    /// Whether slices are neighbours of each other.
    #[doc(hidden)]
    const HAS_SLICES: bool;
    #[doc(hidden)]
    fn steps(spacing: Self::Spacing) -> [f64; 3];
    #[doc(hidden)]
    fn as_slices<T>(view: ArrayView<'_, T, Self>) -> ArrayView3<'_, T>;
    #[doc(hidden)]
    fn from_slices<T>(slices: Array3<T>) -> Array<T, Self>;
}

impl MaskDimension for Ix2 {
    type Spacing = PixelSpacing;
    const HAS_SLICES: bool = false;

    fn steps(spacing: PixelSpacing) -> [f64; 3] {
        [1.0, spacing.row, spacing.column]
    }

    fn as_slices<T>(view: ArrayView<'_, T, Self>) -> ArrayView3<'_, T> {
        view.insert_axis(Axis(0))
    }

    fn from_slices<T>(slices: Array3<T>) -> Array<T, Self> {
        slices.index_axis_move(Axis(0), 0)
    }
}

impl MaskDimension for Ix3 {
    type Spacing = Spacing;
    const HAS_SLICES: bool = true;

    fn steps(spacing: Spacing) -> [f64; 3] {
        [spacing.slice, spacing.row, spacing.column]
    }

    fn as_slices<T>(view: ArrayView<'_, T, Self>) -> ArrayView3<'_, T> {
        view
    }

    fn from_slices<T>(slices: Array3<T>) -> Array<T, Self> {
        slices
    }
}

/// Steps along slices, rows and columns in mm, checked.
pub(crate) fn checked_steps<D: MaskDimension>(spacing: D::Spacing) -> Result<[f64; 3]> {
    let found = D::steps(spacing);
    if found.iter().all(|s| s.is_finite() && *s > 0.0) {
        Ok(found)
    } else {
        Err(Error::InvalidSpacing { found })
    }
}

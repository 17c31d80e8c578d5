//! Distances between neighbouring voxel centres.

use crate::error::{Error, Result};

/// Millimetres between the centres of neighbouring columns, rows and slices.
///
/// `column` is the step from one column to the next (along x), so it equals the *second* value of DICOM's
/// PixelSpacing, which lists the distance between rows first (PS3.3 10.7.1.3).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spacing {
    /// From one column to the next, in mm.
    pub column: f64,
    /// From one row to the next, in mm.
    pub row: f64,
    /// From one slice to the next, in mm.
    pub slice: f64,
}

impl Spacing {
    /// The three distances in mm.
    pub const fn new(column: f64, row: f64, slice: f64) -> Self {
        Self { column, row, slice }
    }

    /// The same distance along all axes, in mm.
    pub const fn isotropic(mm: f64) -> Self {
        Self::new(mm, mm, mm)
    }

    /// As `[column, row, slice]`, the order of voxel coordinates.
    pub const fn to_array(self) -> [f64; 3] {
        [self.column, self.row, self.slice]
    }

    /// The volume of one voxel in cubic millimetres, for axes at right angles.
    pub const fn voxel_volume(self) -> f64 {
        self.column * self.row * self.slice
    }

    /// Checks that all three are positive and finite.
    ///
    /// # Errors
    /// [`Error::InvalidSpacing`] otherwise.
    pub fn validate(self) -> Result<()> {
        if self.to_array().iter().all(|s| s.is_finite() && *s > 0.0) {
            Ok(())
        } else {
            Err(Error::InvalidSpacing { found: self.to_array() })
        }
    }
}

//! Planes of pixels in the patient (PS3.3 C.7.6.2).

use std::path::Path;

use dicom_dictionary_std::tags;
use medcore::{Affine3, Geometry, Lps, Vector3, Voxel};

use super::data_set::NewDataSet;
use super::decimal;
use crate::dicom::header::Header;
use crate::error::{Error, Result};

/// Rows and columns are 16 bits.
const MOST_PIXELS: usize = u16::MAX as usize;
/// How far in mm a pixel may be from where DICOM, whose rows and columns are at right angles, puts it.
const SKEW_TOLERANCE: f64 = 0.01;
/// Planes that are closer than this at each corner, in mm, are the same.
const SAME_PLANE: f64 = 0.01;

/// A grid of pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::dicom) struct Plane {
    /// Of the centre of the first pixel, in LPS mm.
    pub(in crate::dicom) position: [f64; 3],
    /// Directions of a row and of a column.
    pub(in crate::dicom) orientation: [f64; 6],
    /// Between rows, between columns, in mm.
    pub(in crate::dicom) spacing: [f64; 2],
    /// Rows, columns.
    pub(in crate::dicom) size: [u16; 2],
}

impl Plane {
    pub(super) fn of_header(header: &Header) -> Option<Self> {
        Some(Self {
            position: header.position?,
            orientation: header.orientation?,
            spacing: header.pixel_spacing?,
            size: [header.rows?, header.columns?],
        })
    }

    /// Whether the pixels of both are at the same places.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let close = |a: [f64; 3], b: [f64; 3]| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= SAME_PLANE);
        self.size == other.size && self.corners().into_iter().zip(other.corners()).all(|(a, b)| close(a, b))
    }

    /// The centres of the pixels at three corners: the first, the last of the first row, the first of the last row.
    pub(in crate::dicom) fn corners(&self) -> [[f64; 3]; 3] {
        let [a, b, c, d, e, f] = self.orientation;
        let [between_rows, between_columns] = self.spacing;
        let [last_row, last_column] = self.size.map(|n| f64::from(n.saturating_sub(1)));
        let along = |direction: [f64; 3], mm: f64| {
            std::array::from_fn(|axis| self.position[axis] + direction[axis] * mm)
        };
        [
            self.position,
            along([a, b, c], between_columns * last_column),
            along([d, e, f], between_rows * last_row),
        ]
    }
}

/// The planes of a volume, ascending along the slice normal as DICOM readers sort them.
#[derive(Debug, Clone)]
pub(in crate::dicom) struct Planes {
    pub(in crate::dicom) planes: Vec<Plane>,
    /// Which slice of the volume each plane is.
    pub(in crate::dicom) slices: Vec<usize>,
    /// Distance of neighbouring planes along the normal, in mm.
    pub(in crate::dicom) distance: f64,
}

impl Planes {
    /// The slices of a geometry. Shear between slices, as of gantry tilt, is in the positions.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for more than 65 535 rows or columns and for rows that are not at a right angle to columns.
    pub(in crate::dicom) fn of(path: &Path, geometry: &Geometry) -> Result<Self> {
        let [count, rows, columns] = geometry.size();
        if rows > MOST_PIXELS || columns > MOST_PIXELS {
            let found = format!("{rows} x {columns}; DICOM has at most {MOST_PIXELS}");
            return Err(Error::Unsupported { path: path.into(), what: "rows and columns", found });
        }
        let affine = geometry.voxel_to_lps();
        let (x, y) = (affine.column(0), affine.column(1));
        let skew = x.dot(y) / (x.length() * y.length());
        let extent = (x.length() * columns as f64).min(y.length() * rows as f64);
        if skew.abs() * extent > SKEW_TOLERANCE {
            let found = format!("{:.4} degrees between rows and columns", skew.acos().to_degrees());
            return Err(Error::Unsupported { path: path.into(), what: "an in-plane shear:", found });
        }
        let step = affine.column(2).dot(geometry.slice_normal());
        let slices: Vec<usize> = if step < 0.0 { (0..count).rev().collect() } else { (0..count).collect() };
        let plane = |slice: &usize| Plane {
            position: geometry.position([*slice, 0, 0]).coords().map(decimal::rounded),
            orientation: orientation(affine),
            spacing: [y.length(), x.length()].map(decimal::rounded),
            size: [rows as u16, columns as u16],
        };
        Ok(Self { planes: slices.iter().map(plane).collect(), slices, distance: step.abs() })
    }
}

fn orientation(affine: &Affine3<Voxel, Lps>) -> [f64; 6] {
    let unit = |v: Vector3<Lps>| v.scale(1.0 / v.length()).coords().map(decimal::rounded);
    let ([a, b, c], [d, e, f]) = (unit(affine.column(0)), unit(affine.column(1)));
    [a, b, c, d, e, f]
}

impl NewDataSet {
    /// Rows and Columns.
    pub(in crate::dicom) fn plane_size(&mut self, plane: &Plane) -> &mut Self {
        let [rows, columns] = plane.size;
        self.shorts(tags::ROWS, &[rows]).shorts(tags::COLUMNS, &[columns])
    }
}

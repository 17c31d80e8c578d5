//! What an encoder says about a study.

use medcore::{Geometry, Lps, Point3};
use ndarray::{Array1, Array2};

/// The embedding of a study, with the place of each slice in the patient.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// The study `[width]`.
    pub study: Array1<f32>,
    /// Each slice in the context of the others `[slices, width]`.
    pub slices: Array2<f32>,
    /// Each slice on its own, as the 2D encoder sees it `[slices, width]`; equal to `slices` without a sequence model.
    pub features: Array2<f32>,
    /// Where the slices are: the grid that was encoded, after reorientation.
    pub geometry: Geometry,
}

impl Embedding {
    /// The centre of a slice in the patient, in mm.
    pub fn position(&self, slice: usize) -> Point3<Lps> {
        let [_, rows, columns] = self.geometry.size();
        let center = |n: usize| (n as f64 - 1.0) / 2.0;
        let at = Point3::new(center(columns), center(rows), slice as f64);
        self.geometry.voxel_to_lps().apply(at)
    }

    /// The centres of all slices in the patient, in mm.
    pub fn positions(&self) -> Vec<Point3<Lps>> {
        (0..self.slices.nrows()).map(|slice| self.position(slice)).collect()
    }
}

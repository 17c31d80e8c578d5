//! The result: one label per pixel.

use medcore::{Geometry, Spacing, Volume};
use ndarray::{Array3, ArrayView2, ArrayView3, Axis};
use rayon::prelude::*;

use crate::error::{Error, Result};

/// A division of an image or a volume into regions.
///
/// Labels are `[slice, row, column]` (an image has one slice) and go from 1 to [`Superpixels::count`]; 0 is outside of the mask.
/// Unless connectivity was switched off every region is connected: its pixels reach each other over shared sides.
#[derive(Debug, Clone, PartialEq)]
pub struct Superpixels {
    labels: Array3<u32>,
    count: usize,
    spacing: Spacing,
    geometry: Option<Geometry>,
}

impl Superpixels {
    /// From labels `[slice, row, column]` of any origin, with distances between pixels in mm (1 where unknown).
    ///
    /// # Errors
    /// [`Error::Labels`] unless the labels that occur are 1 to some number, besides 0; [`Error::Empty`];
    /// [`Error::Geometry`] when the spacing is not positive and finite.
    pub fn from_labels(labels: Array3<u32>, spacing: Spacing) -> Result<Self> {
        spacing.validate()?;
        if labels.is_empty() {
            return Err(Error::Empty { found: labels.shape().to_vec() });
        }
        let expected = labels.iter().max().map_or(0, |l| *l as usize);
        let mut used: Vec<u32> = labels.iter().copied().filter(|l| *l > 0).collect();
        used.par_sort_unstable();
        used.dedup();
        let found = used.len();
        if found != expected {
            return Err(Error::Labels { expected, found });
        }
        let labels =
            if labels.is_standard_layout() { labels } else { labels.as_standard_layout().into_owned() };
        Ok(Self { labels, count: found, spacing, geometry: None })
    }

    /// With a place in the patient; sets the spacing too.
    ///
    /// # Errors
    /// [`Error::Shape`] unless the geometry has the size of the labels.
    pub fn with_geometry(mut self, geometry: Geometry) -> Result<Self> {
        if geometry.size() != self.size() {
            let (expected, found) = (self.size().to_vec(), geometry.size().to_vec());
            return Err(Error::Shape { what: "geometry", expected, found });
        }
        self.spacing = geometry.spacing();
        self.geometry = Some(geometry);
        Ok(self)
    }

    /// Labels that are known to be numbered from 1 to `count`.
    pub(crate) const fn new(
        labels: Array3<u32>,
        count: usize,
        spacing: Spacing,
        geometry: Option<Geometry>,
    ) -> Self {
        Self { labels, count, spacing, geometry }
    }

    /// The labels `[slice, row, column]`.
    pub fn labels(&self) -> ArrayView3<'_, u32> {
        self.labels.view()
    }

    /// The labels `[row, column]` of one slice, if there is one of this index.
    pub fn slice(&self, index: usize) -> Option<ArrayView2<'_, u32>> {
        (index < self.size()[0]).then(|| self.labels.index_axis(Axis(0), index))
    }

    /// Gives up everything but the labels.
    pub fn into_labels(self) -> Array3<u32> {
        self.labels
    }

    /// The labels from 0 on, and -1 outside of the mask: scikit-image's `start_label=0`.
    pub fn zero_based(&self) -> Array3<i64> {
        self.labels.mapv(|l| i64::from(l) - 1)
    }

    /// How many regions there are.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// `[slices, rows, columns]`.
    pub fn size(&self) -> [usize; 3] {
        self.labels.dim().into()
    }

    /// Whether this is an image: one slice.
    pub fn is_2d(&self) -> bool {
        self.size()[0] == 1
    }

    /// Distances between pixel centres in mm; 1 where the image did not say.
    pub const fn spacing(&self) -> Spacing {
        self.spacing
    }

    /// Place in the patient, where known.
    pub const fn geometry(&self) -> Option<&Geometry> {
        self.geometry.as_ref()
    }

    /// The labels as a volume, where the place in the patient is known.
    pub fn to_volume(&self) -> Option<Volume<u32>> {
        self.geometry.and_then(|geometry| Volume::new(self.labels.clone(), geometry).ok())
    }

    /// The labels in memory order: columns fastest, then rows, then slices.
    pub(crate) fn as_slice(&self) -> &[u32] {
        // The constructors see to the standard layout, so this is never the empty default.
        self.labels.as_slice().unwrap_or_default()
    }
}

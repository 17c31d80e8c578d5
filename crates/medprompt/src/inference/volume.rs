//! Volumes, slice by slice.

use burn::config::Config;
use medcore::{LabelMap, Scalar, Volume};
use ndarray::{Array3, Axis};
use serde::{Deserialize, Serialize};

use super::components::keep_components;
use super::output::VolumeSegmentation;
use super::preprocess::{scale, three};
use super::segmenter::PromptSegmenter;
use crate::error::Result;

/// The axis of a volume's array along which slices follow each other.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
#[serde(rename_all = "snake_case")]
pub enum Plane {
    /// Slices `[row, column]`, as stored.
    #[default]
    Slices,
    /// Slices `[slice, column]`, one per row.
    Rows,
    /// Slices `[slice, row]`, one per column.
    Columns,
}

/// How volumes are segmented.
#[derive(Config, Debug, PartialEq)]
pub struct VolumeOptions {
    /// Which slices the model sees. With several the probabilities are averaged.
    #[config(default = "vec![Plane::Slices]")]
    pub planes: Vec<Plane>,
    /// Connected parts with fewer voxels become background.
    #[config(default = 0)]
    pub min_voxels: usize,
    /// Whether only the largest connected part of each class stays.
    #[config(default = false)]
    pub largest_only: bool,
}

impl PromptSegmenter {
    /// Segments a volume slice by slice; values are scaled over the whole volume.
    ///
    /// # Errors
    /// [`Error::NotFinite`](crate::Error::NotFinite) (its channel is the slice); [`Error::Config`](crate::Error::Config) without a plane; as [`segment`](Self::segment).
    pub fn segment_volume<T: Scalar>(
        &self,
        volume: &Volume<T>,
        options: &VolumeOptions,
    ) -> Result<VolumeSegmentation> {
        if options.planes.is_empty() {
            return Err(crate::error::config("planes", "at least one", "none"));
        }
        let mut voxels = volume.voxels().mapv(Scalar::to_f32);
        crate::training::check_finite(&voxels)?;
        let range = self.options().preprocessor.range(voxels.view())?;
        voxels.mapv_inplace(|v| scale(v, range));
        let classes = self.model().config().classes.max(2);
        let mut sums: Vec<Array3<f32>> = (0..classes).map(|_| Array3::zeros(voxels.dim())).collect();
        for plane in &options.planes {
            self.add_plane(&voxels, plane.axis(), &mut sums)?;
        }
        let count = options.planes.len() as f32;
        let foreground = sums[0].mapv(|background| 1.0 - background / count);
        let mut labels = labels(sums);
        if options.min_voxels > 1 || options.largest_only {
            keep_components(labels.view_mut(), options.min_voxels, options.largest_only);
        }
        let geometry = *volume.geometry();
        Ok(VolumeSegmentation {
            labels: LabelMap::new(Volume::new(labels, geometry)?),
            foreground: Volume::new(foreground, geometry)?,
        })
    }

    fn add_plane(&self, voxels: &Array3<f32>, axis: Axis, sums: &mut [Array3<f32>]) -> Result<()> {
        for index in 0..voxels.len_of(axis) {
            let slice = voxels.index_axis(axis, index);
            let found = self.segment_array(three(slice.insert_axis(Axis(0)))?.view())?;
            for (sum, class) in sums.iter_mut().zip(found.outer_iter()) {
                let mut slice = sum.index_axis_mut(axis, index);
                slice += &class;
            }
        }
        Ok(())
    }
}

impl Plane {
    const fn axis(self) -> Axis {
        match self {
            Self::Slices => Axis(0),
            Self::Rows => Axis(1),
            Self::Columns => Axis(2),
        }
    }
}

/// The class of largest sum of every voxel.
fn labels(sums: Vec<Array3<f32>>) -> Array3<u16> {
    let mut sums = sums.into_iter();
    let mut best = sums.next().unwrap_or_default();
    let mut labels = Array3::<u16>::zeros(best.dim());
    for (class, sum) in (1u16..).zip(sums) {
        ndarray::Zip::from(&mut labels).and(&mut best).and(&sum).for_each(|label, best, &value| {
            if value > *best {
                (*label, *best) = (class, value);
            }
        });
    }
    labels
}

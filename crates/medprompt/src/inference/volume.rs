//! Volumes, slice by slice.

use burn::config::Config;
use medcore::{Geometry, LabelMap, Scalar, Volume};
use ndarray::{Array2, Array3, ArrayView3, Axis};
use serde::{Deserialize, Serialize};

use super::components::keep_components;
use super::output::{VolumeSegmentation, check_threshold, classes};
use super::preprocess::{scale, three};
use super::progress::{Counter, ProgressFn, no_progress};
use super::segmenter::PromptSegmenter;
use crate::error::{Result, config};
use crate::training::check_finite;

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
    /// The least probability of the foreground (1 less that of the background) at which a voxel is of a class at all: of the most
    /// probable one but the background. Without it, a voxel is of the most probable class, the background included.
    #[config(default = "None")]
    pub threshold: Option<f32>,
    /// Connected parts with fewer voxels become background.
    #[config(default = 0)]
    pub min_voxels: usize,
    /// Whether only the largest connected part of each class stays.
    #[config(default = false)]
    pub largest_only: bool,
    /// Whether [`VolumeSegmentation::foreground`] is kept: 4 bytes per voxel.
    #[config(default = false)]
    pub keep_foreground: bool,
}

impl VolumeOptions {
    /// Checks the settings.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) with the field that cannot be.
    pub fn validate(&self) -> Result<()> {
        let planes = &self.planes;
        let twice = (1..planes.len()).any(|i| planes[..i].contains(&planes[i]));
        if planes.is_empty() || twice {
            return Err(config("planes", "at least one, each once", format!("{planes:?}")));
        }
        check_threshold(self.threshold)
    }
}

impl PromptSegmenter {
    /// Segments a volume slice by slice; values are scaled over the whole volume.
    ///
    /// With an [orientation](field@super::SegmentOptions::orientation) the planes are those of the volume as it is turned for the model, which
    /// takes a copy of it; labels and probabilities have the geometry of the volume as stored.
    ///
    /// Along one axis nothing is kept but labels: 2 bytes per voxel beside the volume itself. With several axes each class but the
    /// background takes 2 bytes more, its mean probability to within 1/20000. What the model needs for one slice comes on top;
    /// [`Intensity::Percentiles`](super::Intensity::Percentiles) takes 4 bytes per voxel before the first one.
    ///
    /// # Errors
    /// [`Error::NotFinite`](crate::Error::NotFinite) (its channel is the slice); as [`VolumeOptions::validate`] and
    /// [`segment`](Self::segment).
    pub fn segment_volume<T: Scalar>(
        &self,
        volume: &Volume<T>,
        options: &VolumeOptions,
    ) -> Result<VolumeSegmentation> {
        self.segment_volume_with(volume, options, &mut no_progress)
    }

    /// [`segment_volume`](Self::segment_volume) with a callback after each slice, which may cancel.
    ///
    /// # Errors
    /// As there, and [`Error::Cancelled`](crate::Error::Cancelled).
    pub fn segment_volume_with<T: Scalar>(
        &self,
        volume: &Volume<T>,
        options: &VolumeOptions,
        progress: &mut ProgressFn<'_>,
    ) -> Result<VolumeSegmentation> {
        options.validate()?;
        check_finite(volume.voxels())?;
        match self.options().orientation()? {
            Some(orientation) if orientation != volume.orientation() => {
                let found = self.segment_as_stored(&volume.reorient(orientation)?, options, progress)?;
                found.turned_back(volume.geometry())
            }
            _ => self.segment_as_stored(volume, options, progress),
        }
    }

    /// Of finite voxels.
    fn segment_as_stored<T: Scalar>(
        &self,
        volume: &Volume<T>,
        options: &VolumeOptions,
        progress: &mut ProgressFn<'_>,
    ) -> Result<VolumeSegmentation> {
        let voxels = volume.voxels();
        let range = self.options().preprocessor.range(voxels.view())?;
        let planes = &options.planes;
        let total = planes.iter().map(|plane| voxels.len_of(plane.axis())).sum();
        let mut counter = Counter::new(total, progress);
        let scaled = Scaled { voxels: voxels.view(), range };
        let mut fusion = Fusion::new(self.model().config().classes.max(2), voxels.dim(), planes.len());
        let mut labels = Array3::<u16>::zeros(voxels.dim());
        let mut foreground = options.keep_foreground.then(|| Array3::<f32>::zeros(voxels.dim()));
        for (number, plane) in planes.iter().enumerate() {
            let (axis, last) = (plane.axis(), number + 1 == planes.len());
            for index in 0..voxels.len_of(axis) {
                let mut found = self.segment_array(scaled.slice(axis, index)?.view())?;
                if last {
                    fusion.fuse(axis, index, &mut found);
                    labels.index_axis_mut(axis, index).assign(&classes(found.view(), options.threshold));
                    if let Some(foreground) = &mut foreground {
                        let background = found.index_axis(Axis(0), 0);
                        foreground.index_axis_mut(axis, index).assign(&background.mapv(|p| 1.0 - p));
                    }
                } else {
                    fusion.add(axis, index, found.view());
                }
                counter.step()?;
            }
        }
        drop(fusion);
        if options.min_voxels > 1 || options.largest_only {
            keep_components(labels.view_mut(), options.min_voxels, options.largest_only);
        }
        let geometry = *volume.geometry();
        Ok(VolumeSegmentation {
            labels: LabelMap::new(Volume::new(labels, geometry)?),
            foreground: foreground.map(|f| Volume::new(f, geometry)).transpose()?,
        })
    }
}

impl VolumeSegmentation {
    /// On the grid of the volume that was turned.
    fn turned_back(self, geometry: &Geometry) -> Result<Self> {
        let labels = self.labels.volume().reorient(geometry.orientation())?.into_voxels();
        let back = |found: Volume<f32>| -> Result<Volume<f32>> {
            // The geometry itself: one turned twice has been rounded twice.
            Ok(Volume::new(found.reorient(geometry.orientation())?.into_voxels(), *geometry)?)
        };
        Ok(Self {
            labels: LabelMap::new(Volume::new(labels, *geometry)?),
            foreground: self.foreground.map(back).transpose()?,
        })
    }
}

impl Plane {
    /// The axis of `[slice, row, column]` across which its slices lie.
    pub const fn axis(self) -> Axis {
        match self {
            Self::Slices => Axis(0),
            Self::Rows => Axis(1),
            Self::Columns => Axis(2),
        }
    }
}

/// Slices of a volume as the model sees them.
struct Scaled<'a, T> {
    voxels: ArrayView3<'a, T>,
    range: (f32, f32),
}

impl<T: Scalar> Scaled<'_, T> {
    fn slice(&self, axis: Axis, index: usize) -> Result<Array3<f32>> {
        let slice = self.voxels.index_axis(axis, index);
        let grey: Array2<f32> = slice.mapv(|v| scale(v.to_f32(), self.range));
        three(grey.insert_axis(Axis(0)).view())
    }
}

/// Sums of the probabilities of all classes but the background over several planes, in 16 bits: each adds `65535 / planes` at most.
struct Fusion {
    sums: Vec<Array3<u16>>,
    /// What 1 becomes.
    unit: f32,
    planes: usize,
}

impl Fusion {
    /// Of so many classes, the background among them; empty for one plane, which needs no sums.
    fn new(classes: usize, size: (usize, usize, usize), planes: usize) -> Self {
        let kept = if planes > 1 { classes - 1 } else { 0 };
        let unit = f32::from(u16::MAX / planes.clamp(1, 3) as u16);
        Self { sums: (0..kept).map(|_| Array3::zeros(size)).collect(), unit, planes }
    }

    /// Adds a slice `[class, row, column]` of one plane.
    fn add(&mut self, axis: Axis, index: usize, found: ArrayView3<'_, f32>) {
        for (sum, class) in self.sums.iter_mut().zip(found.outer_iter().skip(1)) {
            let mut slice = sum.index_axis_mut(axis, index);
            slice.zip_mut_with(&class, |sum, p| *sum += (p.clamp(0.0, 1.0) * self.unit).round() as u16);
        }
    }

    /// Makes a slice of the last plane the mean of all.
    fn fuse(&self, axis: Axis, index: usize, found: &mut Array3<f32>) {
        if self.sums.is_empty() {
            return;
        }
        let planes = self.planes as f32;
        let mut background = Array2::<f32>::ones((found.dim().1, found.dim().2));
        for (sum, mut class) in self.sums.iter().zip(found.outer_iter_mut().skip(1)) {
            class.zip_mut_with(&sum.index_axis(axis, index), |p, &sum| {
                *p = (*p + f32::from(sum) / self.unit) / planes
            });
            background -= &class;
        }
        found.index_axis_mut(Axis(0), 0).assign(&background);
    }
}

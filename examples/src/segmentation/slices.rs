//! Volumes with label maps, slice by slice.

use std::path::Path;

use clap::ValueEnum;
use medcore::{LabelMap, Volume};
use medprompt::data::Classes;
use medprompt::inference::{Intensity, Preprocessor};
use ndarray::{Array3, ArrayView2};
use serde::Serialize;

use super::item::{Cutting, Item, Source};
use super::manifest::Manifest;
use super::pairs::{Pair, pairs};
use crate::error::{Error, Result};
use crate::progress;

const EXTENSIONS: [&str; 5] = [".nii", ".nii.gz", ".nrrd", ".mha", ".mhd"];
/// Of the values of an MR volume, become 0 and 1.
const PERCENTILES: Intensity = Intensity::Percentiles { low: 0.5, high: 99.5 };

/// How slices lie in the patient.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SlicePlane {
    /// From feet to head.
    #[default]
    Axial,
    /// From front to back.
    Coronal,
    /// From side to side.
    Sagittal,
}

impl SlicePlane {
    /// Towards which sides of the patient columns, rows and slices run.
    pub const fn orientation(self) -> &'static str {
        match self {
            Self::Axial => "LPS",
            Self::Coronal => "LIP",
            Self::Sagittal => "PIL",
        }
    }
}

/// Which slices become items, and how values become 0 to 1.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Slicing {
    /// How slices lie.
    pub plane: SlicePlane,
    /// Values that become 0 and 1, in HU for CT; without them, two percentiles of the volume.
    pub window: Option<[f32; 2]>,
    /// Whether slices of background alone are items too.
    pub empty: bool,
    /// Every so many slices are a group of their own, where one volume is all there is.
    pub block: Option<usize>,
}

impl Slicing {
    /// How values become 0 to 1.
    pub fn intensity(&self) -> Intensity {
        self.window.map_or(PERCENTILES, |[low, high]| Intensity::Range { low, high })
    }
}

/// The items of a folder of volumes and one of label maps.
///
/// # Errors
/// [`Error::Io`], [`Error::File`]; [`Error::Unfit`] when no volume has a label map, or one lies elsewhere; [`Error::Unusable`] for a
/// voxel that is not finite; as [`read_pairs`](super::read_pairs).
pub fn read_volumes(
    images: &Path,
    labels: &Path,
    manifest: Option<&Manifest>,
    classes: &Classes,
    slicing: &Slicing,
    cutting: &Cutting,
) -> Result<Vec<Item>> {
    let pairs = if images.is_file() {
        vec![Pair { stem: "volume".into(), image: images.into(), mask: labels.into() }]
    } else {
        pairs(images, labels, manifest, &EXTENSIONS, &EXTENSIONS)?
    };
    let bar = progress::bar(pairs.len(), "volumes");
    let mut items = Vec::new();
    for Pair { stem, image, mask } in pairs {
        let (volume, labels): (Volume<f32>, LabelMap) = (medio::read(&image)?, medio::read_labels(&mask)?);
        if !volume.geometry().is_close(labels.geometry(), 0.1) {
            return Err(Error::Unfit {
                what: "a label map",
                expected: format!("the grid of its volume, {:?}", volume.size()),
                found: format!("{:?}, or another place ({stem})", labels.volume().size()),
            });
        }
        let source = Source::of(&stem, manifest);
        let prepared = Preprocessor::new().with_intensity(slicing.intensity()).prepare_volume(&volume);
        let scaled = prepared.map_err(|source| Error::Unusable { path: image.clone(), source })?;
        let volume = Volume::new(scaled, *volume.geometry())?;
        items.extend(slices(&volume, &labels, &source, classes, slicing, cutting)?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(items)
}

/// Of a volume with values from 0 to 1.
fn slices(
    volume: &Volume<f32>,
    labels: &LabelMap,
    source: &Source,
    classes: &Classes,
    slicing: &Slicing,
    cutting: &Cutting,
) -> Result<Vec<Item>> {
    let volume = volume.reorient(slicing.plane.orientation())?;
    let labels = labels.reorient(slicing.plane.orientation())?;
    let mut items = Vec::new();
    let (voxels, marks) = (volume.voxels(), labels.volume().voxels());
    for (index, (values, labels)) in voxels.outer_iter().zip(marks.outer_iter()).enumerate() {
        let mask = classes.apply(labels.mapv(u32::from).view())?;
        if !slicing.empty && mask.iter().all(|class| *class == 0) {
            continue;
        }
        let mut source = source.part(index);
        if let Some(block) = slicing.block {
            source.group = format!("{} {}", source.group, index / block.max(1));
        }
        items.extend(cutting.items(colored(values), mask, &source)?);
    }
    Ok(items)
}

/// Grey in three channels.
fn colored(grey: ArrayView2<'_, f32>) -> Array3<f32> {
    Array3::from_shape_fn([3, grey.nrows(), grey.ncols()], |(_, row, column)| grey[[row, column]])
}

//! Volumes with label maps, slice by slice.

use std::path::Path;

use clap::ValueEnum;
use medcore::{LabelMap, Volume};
use medprompt::data::Classes;
use ndarray::{Array3, ArrayView2, Axis, stack};

use super::item::{Cutting, Item};
use super::manifest::Manifest;
use super::pairs::{Pair, group_of, pairs};
use crate::error::{Error, Result};
use crate::progress;

const EXTENSIONS: [&str; 5] = [".nii", ".nii.gz", ".nrrd", ".mha", ".mhd"];
/// Of the values of an MR volume, become 0 and 1.
const PERCENTILES: [f64; 2] = [0.5, 99.5];

/// How slices lie in the patient.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
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
    const fn orientation(self) -> &'static str {
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

/// The items of a folder of volumes and one of label maps.
///
/// # Errors
/// [`Error::Io`], [`Error::File`]; [`Error::Unfit`] when no volume has a label map, or one lies elsewhere; as
/// [`read_pairs`](super::read_pairs).
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
        pairs(images, labels, manifest, &EXTENSIONS)?
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
        let group = group_of(&stem, manifest);
        items.extend(slices(&volume, &labels, [&stem, &group], classes, slicing, cutting)?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(items)
}

fn slices(
    volume: &Volume<f32>,
    labels: &LabelMap,
    [stem, group]: [&str; 2],
    classes: &Classes,
    slicing: &Slicing,
    cutting: &Cutting,
) -> Result<Vec<Item>> {
    let volume = volume.reorient(slicing.plane.orientation())?;
    let labels = labels.reorient(slicing.plane.orientation())?;
    let window = slicing.window.unwrap_or_else(|| percentiles(volume.as_slice()));
    let mut items = Vec::new();
    let (voxels, marks) = (volume.voxels(), labels.volume().voxels());
    for (index, (values, labels)) in voxels.outer_iter().zip(marks.outer_iter()).enumerate() {
        let mask = classes.apply(labels.mapv(u32::from).view())?;
        if !slicing.empty && mask.iter().all(|class| *class == 0) {
            continue;
        }
        let group = match slicing.block {
            Some(block) => format!("{group} {}", index / block.max(1)),
            None => group.to_string(),
        };
        let image = colored(values, window)?;
        items.extend(cutting.items(image, mask, &format!("{stem} {index}"), &group)?);
    }
    Ok(items)
}

/// Grey from 0 to 1 in three channels.
fn colored(values: ArrayView2<'_, f32>, [low, high]: [f32; 2]) -> Result<Array3<f32>> {
    let width = (high - low).max(f32::MIN_POSITIVE);
    // NaN becomes 0, as what scanners leave blank.
    let grey = values.mapv(|v| if v.is_nan() { 0.0 } else { ((v - low) / width).clamp(0.0, 1.0) });
    stack(Axis(0), &[grey.view(), grey.view(), grey.view()]).map_err(|_| Error::Unfit {
        what: "a slice",
        expected: "pixels".into(),
        found: "none".into(),
    })
}

fn percentiles(values: &[f32]) -> [f32; 2] {
    let mut finite: Vec<f32> = values.iter().copied().filter(|v| v.is_finite()).collect();
    let last = finite.len().saturating_sub(1) as f64;
    PERCENTILES.map(|percent| {
        let place = (last * percent / 100.0).round() as usize;
        if finite.is_empty() { 0.0 } else { *finite.select_nth_unstable_by(place, f32::total_cmp).1 }
    })
}

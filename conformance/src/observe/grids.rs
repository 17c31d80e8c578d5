//! NIfTI, NRRD and MetaImage: one array in each file.

use std::path::Path;

use medcore::{Geometry, Volume};
use medio::nifti::{self, ComplexPart, DataType};
use medio::{metaimage, nrrd};

use super::found::{Array, Found};

/// The whole array of a file, slowest axis first.
struct Grid {
    axes: &'static str,
    shape: Vec<usize>,
    values: Vec<f32>,
    geometry: Geometry,
    report: String,
}

impl Grid {
    /// Of `count` volumes of `channels` each (0 for plain numbers), in their order.
    fn new(volumes: &[Volume<f32>], count: usize, channels: usize, report: String) -> Option<Self> {
        let geometry = *volumes.first()?.geometry();
        let axes = match (count, channels) {
            (1, 0) => "zyx",
            (1, _) => "czyx",
            (_, 0) => "tzyx",
            _ => "tczyx",
        };
        let extents = [count, channels, geometry.size()[0], geometry.size()[1], geometry.size()[2]];
        let shape = match (count, channels) {
            (1, 0) => extents[2..].to_vec(),
            (1, _) => extents[1..].to_vec(),
            (_, 0) => [&extents[..1], &extents[2..]].concat(),
            _ => extents.to_vec(),
        };
        let values = volumes.iter().flat_map(|volume| volume.as_slice()).copied().collect();
        Some(Self { axes, shape, values, geometry, report })
    }
}

impl Found<'_> {
    fn grid(&mut self, format: &str, grid: medio::Result<Option<Grid>>) {
        match grid {
            Ok(Some(Grid { axes, shape, values, geometry, report })) => {
                let (shape, values) = (shape.as_slice(), values.as_slice());
                self.values(Array { format, axes, shape, values, geometry: Some(geometry), report });
            }
            // The readers give at least one volume or an error.
            Ok(None) => {}
            Err(error) => self.refuse(&error),
        }
    }
}

pub(super) fn nifti(found: &mut Found<'_>) {
    let grid = read_nifti(found.path);
    found.grid("nifti", grid);
}

fn read_nifti(path: &Path) -> medio::Result<Option<Grid>> {
    let file = nifti::open(path)?;
    let text =
        |report: &nifti::Report| format!("{:?} {:?} {:?}", report.datatype, report.transform, report.notes);
    let count = file.volumes();
    match file.report().datatype {
        DataType::Complex64 | DataType::Complex128 => {
            let mut volumes = Vec::new();
            for volume in 0..count {
                for part in [ComplexPart::Real, ComplexPart::Imaginary] {
                    let options = nifti::ReadOptions::new().volume(volume).complex(part);
                    volumes.push(nifti::read_with::<f32>(path, &options)?.0);
                }
            }
            Ok(Grid::new(&volumes, count, 2, text(file.report())))
        }
        DataType::Rgb24 | DataType::Rgba32 => {
            let mut volumes = Vec::new();
            for volume in 0..count {
                let (color, _) = nifti::read_color(path, &nifti::ReadOptions::new().volume(volume))?;
                let channels = [Some(color.red), Some(color.green), Some(color.blue), color.alpha];
                volumes.extend(channels.into_iter().flatten().map(|channel| channel.cast::<f32>()));
            }
            Ok(Grid::new(&volumes, count, volumes.len() / count.max(1), text(file.report())))
        }
        _ => {
            let (series, report) = nifti::read_series::<f32>(path, &nifti::ReadOptions::new())?;
            // What one pass reads, a volume read alone is.
            let last = count.saturating_sub(1);
            let alone = file.read_volume::<f32>(last)?;
            let same = series.volumes().get(last).is_some_and(|volume| same(volume, &alone));
            let note = if same { "" } else { " DIFFERS WHEN READ ALONE" };
            Ok(Grid::new(series.volumes(), count, 0, text(&report) + note))
        }
    }
}

/// The same numbers, one NaN for all.
fn same(a: &Volume<f32>, b: &Volume<f32>) -> bool {
    let equal = |(a, b): (&f32, &f32)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
    a.size() == b.size() && a.as_slice().iter().zip(b.as_slice()).all(equal)
}

pub(super) fn nrrd(found: &mut Found<'_>) {
    let grid = volumes(|volume| {
        let options = nrrd::ReadOptions::default().volume(volume);
        let (read, report) = nrrd::read_with::<f32>(found.path, &options)?;
        let text = format!("{:?} {:?} {:?}", report.number_type, report.space, report.notes);
        Ok((read, report.volumes, text))
    });
    found.grid("nrrd", grid);
}

pub(super) fn metaimage(found: &mut Found<'_>) {
    let grid = volumes(|volume| {
        let options = metaimage::ReadOptions::default().volume(volume);
        let (read, report) = metaimage::read_with::<f32>(found.path, &options)?;
        let text = format!("{:?} {:?} {:?}", report.number_type, report.scaling, report.notes);
        Ok((read, report.volumes, text))
    });
    found.grid("metaimage", grid);
}

/// All volumes of a file whose reader gives one at a time, their number and a report.
fn volumes(
    read: impl Fn(usize) -> medio::Result<(Volume<f32>, usize, String)>,
) -> medio::Result<Option<Grid>> {
    let (first, count, text) = read(0)?;
    let mut volumes = vec![first];
    for volume in 1..count {
        volumes.push(read(volume)?.0);
    }
    Ok(Grid::new(&volumes, count, 0, text))
}

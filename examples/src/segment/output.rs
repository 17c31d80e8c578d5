//! The files that are written.
//!
//! | input | files |
//! |---|---|
//! | a picture | `mask.png` (classes, with a palette), `overlay.png`, `objects.csv` |
//! | a DICOM image that is placed in the patient | the same, `labels.nii.gz` and `labels.dcm`, a DICOM segmentation |
//! | a scan | `labels.nii.gz` with its geometry, `overlay.png` (slices), `objects.csv`; `labels.dcm` where it is DICOM |

use std::fmt::Write as _;
use std::path::Path;

use medcore::{Geometry, LabelMap, Orientation};
use medio::dicom::seg::{self, SegOptions, Segment};
use medio::dicom::{NewSeries, Series};
use medprompt::inference::{Interaction, Plane};
use ndarray::{Array2, Array3, ArrayView2, Axis};

use super::findings::{Findings, Unit};
use super::input::Picture;
use super::job::label_map;
use super::mask_file::write_mask;
use crate::error::{Error, Result};
use crate::input::Scan;
use crate::picture::{
    Canvas, Mosaic, Rgb, Sides, Tile, evenly_spaced, fit_within, overlay, resize_linear, resize_nearest,
};

/// Small pictures are drawn larger, until a side has about so many pixels.
const LONGEST: usize = 768;
/// How many slices of a scan are shown, in how many columns, how large.
const SLICES: usize = 12;
const COLUMNS: usize = 4;
const TILE: usize = 256;
/// How much of a region's colour covers it.
const TINT: f32 = 0.25;
/// What a user said.
const INTERACTION: Rgb = [255, 255, 255];
/// What a user said is not the object.
const EXCLUDED: Rgb = [255, 40, 40];

/// Writes what was found in a picture; `labels` are `[1, row, column]`.
///
/// # Errors
/// [`Error::Io`], [`Error::Picture`], [`Error::File`].
pub fn picture(
    folder: &Path,
    picture: &Picture,
    labels: Array3<u16>,
    interactions: &[Interaction],
    findings: &mut Findings,
) -> Result<()> {
    let mask = labels.index_axis(Axis(0), 0).to_owned();
    let path = folder.join("mask.png");
    write_mask(&path, &mask, findings.classes.len() + 1)?;
    findings.written.push(path);
    let path = folder.join("overlay.png");
    draw(picture, mask.view(), interactions)?.write_png(&path)?;
    findings.written.push(path);
    objects(&folder.join("objects.csv"), findings)?;
    match (picture.image.geometry(), &picture.source) {
        (Some(geometry), Some(series)) => {
            let labels = label_map(labels, *geometry, findings)?;
            volumes(folder, &labels, Some(series), findings)
        }
        (None, Some(_)) => {
            let note = "the image is not placed in the patient: no DICOM segmentation is written";
            findings.notes.push(note.to_string());
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Writes what was found in a scan; slices are drawn as `plane` takes them.
///
/// # Errors
/// As [`picture`].
pub fn scan(
    folder: &Path,
    scan: &Scan,
    labels: Array3<u16>,
    plane: Plane,
    findings: &mut Findings,
) -> Result<()> {
    let labels = label_map(labels, *scan.volume.geometry(), findings)?;
    volumes(folder, &labels, scan.source.as_ref().map(|(series, _)| series), findings)?;
    let path = folder.join("overlay.png");
    slices(scan, &labels, plane)?.write_png(&path)?;
    findings.written.push(path);
    objects(&folder.join("objects.csv"), findings)
}

/// `labels.nii.gz`, and `labels.dcm` beside the series that was segmented.
fn volumes(folder: &Path, labels: &LabelMap, source: Option<&Series>, findings: &mut Findings) -> Result<()> {
    let path = folder.join("labels.nii.gz");
    medio::write_labels(&path, labels)?;
    findings.written.push(path);
    let Some(series) = source else { return Ok(()) };
    if findings.classes.iter().all(|class| class.objects.is_empty()) {
        findings.notes.push("nothing was found: no DICOM segmentation is written".to_string());
        return Ok(());
    }
    let path = folder.join("labels.dcm");
    let named = |options: SegOptions, (number, label): (&u16, &medcore::Label)| {
        options.segment(Segment::named(*number, &label.name).color(label.color))
    };
    let present = labels.counts();
    let options = SegOptions::new().series(NewSeries::new("Segmentation by medburn"));
    let described = labels.labels().iter().filter(|(number, _)| present.contains_key(number));
    seg::write(&path, labels, series, &described.fold(options, named))?;
    findings.written.push(path);
    Ok(())
}

/// One line for each object.
fn objects(path: &Path, findings: &mut Findings) -> Result<()> {
    let mut text = String::new();
    for class in &findings.classes {
        let unit = class.size.unit;
        if text.is_empty() {
            let counted = if matches!(unit, Unit::CubicMillimetres(_)) { "voxels" } else { "pixels" };
            let _ = writeln!(
                text,
                "class,name,{counted},size_{},first_slice,first_row,first_column,last_slice,last_row,last_column",
                unit.name()
            );
        }
        for object in &class.objects {
            let ([s0, r0, c0], [s1, r1, c1]) = (object.start, object.end.map(|end| end - 1));
            let size = unit.of(object.voxels);
            let name = class.name.replace(['"', ',', '\n'], " ");
            let _ = writeln!(
                text,
                "{},{name},{},{size:.3},{s0},{r0},{c0},{s1},{r1},{c1}",
                class.class, object.voxels
            );
        }
    }
    std::fs::write(path, text).map_err(|source| Error::Io { path: path.to_path_buf(), source })?;
    findings.written.push(path.to_path_buf());
    Ok(())
}

fn draw(picture: &Picture, mask: ArrayView2<'_, u16>, interactions: &[Interaction]) -> Result<Canvas> {
    let rgb = picture.rgb();
    let (rows, columns, _) = rgb.dim();
    let factor = (LONGEST / rows.max(columns)).max(1);
    let size = [rows * factor, columns * factor];
    let drawn =
        overlay(&resize_nearest(&rgb.view(), size)?.view(), &resize_nearest(&mask, size)?.view(), TINT)?;
    let mut canvas = Canvas::new(size[1], size[0], [0; 3])?;
    canvas.blit_rgb(0, 0, &drawn.view())?;
    for interaction in interactions {
        draw_interaction(&mut canvas, interaction, factor);
    }
    Ok(canvas)
}

fn draw_interaction(canvas: &mut Canvas, interaction: &Interaction, factor: usize) {
    let mut dot = |[row, column]: [usize; 2], color| {
        let middle = |at: usize| (at * factor + factor / 2).saturating_sub(2);
        canvas.fill_rect(middle(column), middle(row), 5, 5, color);
    };
    match interaction {
        Interaction::Click(at) => dot(*at, INTERACTION),
        Interaction::Exclude(at) => dot(*at, EXCLUDED),
        Interaction::Scribble(points) => points.iter().for_each(|at| dot(*at, INTERACTION)),
        Interaction::Box { start, end } => {
            let [top, left] = start.map(|v| v * factor);
            let [height, width] = [0, 1].map(|axis| (end[axis] - start[axis]) * factor);
            for (x, y, w, h) in [
                (left, top, width, 1),
                (left, (top + height).saturating_sub(1), width, 1),
                (left, top, 1, height),
                ((left + width).saturating_sub(1), top, 1, height),
            ] {
                canvas.fill_rect(x, y, w, h, INTERACTION);
            }
        }
        _ => {}
    }
}

/// Slices in a grid: those that have something, or any.
fn slices(scan: &Scan, labels: &LabelMap, plane: Plane) -> Result<Canvas> {
    let axis = plane.axis();
    let labels = labels.volume().voxels();
    let voxels = scan.volume.voxels();
    let count = labels.len_of(axis);
    let full: Vec<usize> =
        (0..count).filter(|i| labels.index_axis(axis, *i).iter().any(|label| *label > 0)).collect();
    let candidates: Vec<usize> = if full.is_empty() { (0..count).collect() } else { full };
    let (low, high) = shown_range(scan);
    let geometry = scan.volume.geometry();
    let mut tiles = Vec::new();
    for index in evenly_spaced(candidates.len(), SLICES).into_iter().map(|i| candidates[i]) {
        let grey: Array2<f32> = voxels
            .index_axis(axis, index)
            .mapv(|v| ((v - low) / (high - low).max(f32::MIN_POSITIVE)).clamp(0.0, 1.0));
        let size = fit_within([grey.nrows(), grey.ncols()], in_plane(geometry, axis), TILE);
        let grey = resize_linear(&grey.view(), size)?;
        let rgb =
            Array3::from_shape_fn((size[0], size[1], 3), |(r, c, _)| (grey[[r, c]] * 255.0).round() as u8);
        let mask = resize_nearest(&labels.index_axis(axis, index), size)?;
        tiles.push(Tile::rgb(&overlay(&rgb.view(), &mask.view(), TINT)?.view(), format!("slice {index}"))?);
    }
    let sides = sides(geometry.orientation(), axis);
    let title = format!("{} of {count} slices", tiles.len());
    Ok(Mosaic { title, columns: COLUMNS, sides: Some(sides), ..Mosaic::default() }.draw(&tiles)?)
}

/// Percentiles 1 and 99 of the values.
fn shown_range(scan: &Scan) -> (f32, f32) {
    // A few values are enough for a picture.
    let values = scan.volume.as_slice();
    let step = (values.len() / 100_000).max(1);
    let mut some: Vec<f32> = values.iter().copied().step_by(step).filter(|v| v.is_finite()).collect();
    some.sort_by(f32::total_cmp);
    let at = |part: f64| some.get(((some.len().max(1) - 1) as f64 * part) as usize).copied();
    (at(0.01).unwrap_or(0.0), at(0.99).unwrap_or(1.0))
}

/// Millimetres between rows and columns of a slice across an axis.
fn in_plane(geometry: &Geometry, axis: Axis) -> [f64; 2] {
    let s = geometry.spacing();
    match axis.index() {
        0 => [s.row, s.column],
        1 => [s.slice, s.column],
        _ => [s.slice, s.row],
    }
}

/// The letters at the sides of a slice across an axis.
fn sides(orientation: Orientation, axis: Axis) -> Sides {
    let [columns, rows, slices] = orientation.directions();
    let (across, down) = match axis.index() {
        0 => (columns, rows),
        1 => (columns, slices),
        _ => (rows, slices),
    };
    Sides {
        left: across.opposite().letter(),
        right: across.letter(),
        top: down.opposite().letter(),
        bottom: down.letter(),
    }
}

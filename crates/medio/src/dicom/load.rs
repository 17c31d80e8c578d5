//! Reading the pixels of a series into one volume.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use medcore::Volume;
use rayon::prelude::*;

use super::codec::{self, Decoded};
use super::header::Header;
use super::job::Job;
use super::options::{LoadOptions, Policy, Progress, ProgressFn};
use super::pet;
use super::philips;
use super::report::Report;
use super::stack::{self, Layout};
use crate::error::{Error, Result};

/// What the PhotometricInterpretation of colour starts with (PS3.3 C.7.6.3.1.2).
const COLOURS: [&str; 6] = ["RGB", "YBR_", "PALETTE COLOR", "ARGB", "HSV", "CMYK"];

/// Reads the volume, or the slices of it in a range.
pub(super) fn load(
    headers: &[Header],
    range: Option<Range<usize>>,
    options: &LoadOptions,
    progress: &ProgressFn<'_>,
) -> Result<(Volume<f32>, Report)> {
    check_is_volume(headers)?;
    let mut layout = stack::layout(headers, options)?;
    let whole: Vec<&Header> = layout.kept.iter().filter_map(|&k| headers.get(k)).collect();
    if let Some(range) = range {
        layout = layout.part(range, &headers.first().map(|h| h.path.clone()).unwrap_or_default())?;
    }
    let slices: Vec<&Header> = layout.kept.iter().filter_map(|&k| headers.get(k)).collect();
    let mut jobs = slices.iter().map(|header| Job::new(header, options)).collect::<Result<Vec<_>>>()?;
    check_has_scales(&slices, options)?;
    if let Some(kind) = options.suv {
        scale(&mut jobs, &pet::factors(&whole, &slices, kind)?)?;
    }
    if options.philips_scale {
        scale(&mut jobs, &philips::factors(&slices)?)?;
    }
    let mut report = describe(&slices, &jobs, options)?;
    let (voxels, padding_voxels) = read(&jobs, progress)?;
    let [_, rows, columns] = layout.geometry.size();
    let voxels = match &layout.resampling {
        Some(weights) => resample(&voxels, weights, rows * columns, &slices)?,
        None => voxels,
    };
    let volume = Volume::from_vec(voxels, layout.geometry).map_err(|source| Error::Geometry {
        path: slices.first().map(|h| h.path.clone()).unwrap_or_default(),
        source,
    })?;
    let Layout { duplicates, irregular, tilt_degrees, assumed, .. } = layout;
    report =
        Report { duplicates, irregular_spacing: irregular, tilt_degrees, padding_voxels, assumed, ..report };
    Ok((volume, report))
}

/// Multiplies the real values of each slice by a factor.
fn scale(jobs: &mut [Job<'_>], factors: &[f64]) -> Result<()> {
    for (job, factor) in jobs.iter_mut().zip(factors) {
        if job.header.has_modality_lut {
            return Err(Error::Unsupported {
                path: job.header.label(),
                what: "SUV or the private scale of Philips",
                found: "for values of a ModalityLUTSequence".to_string(),
            });
        }
        job.conversion.rescale = job.conversion.rescale.times(*factor);
    }
    Ok(())
}

/// Whether the scales that the options ask for are those of such images at all.
fn check_has_scales(slices: &[&Header], options: &LoadOptions) -> Result<()> {
    let unsupported = |header: &Header, what, found: String| {
        Err(Error::Unsupported { path: header.path.clone(), what, found })
    };
    let Some(first) = slices.first() else { return Ok(()) };
    if options.suv.is_some() && first.modality != "PT" {
        return unsupported(first, "SUV for modality", first.modality.to_string());
    }
    if options.philips_scale && !first.manufacturer.to_ascii_uppercase().contains("PHILIPS") {
        return unsupported(first, "the private scale of Philips", "for images of another maker".to_string());
    }
    Ok(())
}

/// Whether the images have a place in one volume, and one value per voxel.
fn check_is_volume(headers: &[Header]) -> Result<()> {
    let not = |header: &Header, found: String| Err(Error::NotAVolume { path: header.path.clone(), found });
    let is_colour = |h: &&Header| {
        h.samples_per_pixel.is_some_and(|n| n > 1) || COLOURS.iter().any(|c| h.photometric.starts_with(c))
    };
    if let Some(header) = headers.iter().find(|h| h.is_segmentation()) {
        let one = headers.iter().all(|h| h.distinctions.segment == header.distinctions.segment);
        if header.segmentation_type != "BINARY" || !one {
            return not(header, "a segmentation, see Series::segmentation".to_string());
        }
    }
    if let Some(header) = headers.iter().find(|h| h.count > 1) {
        return not(header, format!("a sequence of {} images", header.count));
    }
    match headers.iter().find(is_colour) {
        Some(header) => not(header, format!("colour ({})", header.photometric)),
        None => Ok(()),
    }
}

/// What the headers of the slices have to report.
fn describe(slices: &[&Header], jobs: &[Job<'_>], options: &LoadOptions) -> Result<Report> {
    let is_lossy = |h: &&&Header| h.marked_lossy || codec::is_lossy(&h.transfer_syntax);
    if let (Some(header), Policy::Reject) = (slices.iter().find(is_lossy), options.lossy) {
        return Err(Error::Lossy { path: header.path.clone() });
    }
    Ok(Report {
        lossy_slices: slices.iter().filter(is_lossy).count(),
        varying_rescale: jobs.windows(2).any(|pair| match pair {
            [a, b] => a.conversion.rescale != b.conversion.rescale,
            _ => false,
        }),
        monochrome1: slices.iter().any(|h| h.photometric == "MONOCHROME1"),
        ..Report::default()
    })
}

/// Reads each slice on a thread straight to its place. Returns the voxels and how many are padding.
fn read(jobs: &[Job<'_>], progress: &ProgressFn<'_>) -> Result<(Vec<f32>, u64)> {
    let Some(first) = jobs.first() else { return Ok((Vec::new(), 0)) };
    let pixels = first.header.pixel_count();
    let mut voxels = allocate(jobs.len() * pixels, first.header)?;
    let _inflated = keep_inflated(jobs)?;
    let _mosaics = keep_mosaics(jobs)?;
    let done = AtomicUsize::new(0);
    let padded = voxels
        .par_chunks_mut(pixels.max(1))
        .zip(jobs)
        .map_init(Vec::new, |buffer, (out, job)| {
            let padded = job.run(buffer, out)?;
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            match progress(Progress { done, total: jobs.len() }) {
                ControlFlow::Continue(()) => Ok(padded),
                ControlFlow::Break(()) => Err(Error::Cancelled { path: job.header.path.clone() }),
            }
        })
        .try_reduce(|| 0, |a, b| Ok(a + b))?;
    Ok((voxels, padded))
}

/// Files of several frames that have to be inflated, so that they are inflated once.
fn keep_inflated(jobs: &[Job<'_>]) -> Result<Vec<Arc<Vec<u8>>>> {
    let mut kept = Vec::new();
    let mut last: Option<&Header> = None;
    for header in jobs.iter().map(|job| job.header).filter(|h| h.frames > 1) {
        if last.is_none_or(|last| !Arc::ptr_eq(&last.file, &header.file)) {
            kept.extend(header.location.keep().map_err(|source| header.read_error(source))?);
            last = Some(header);
        }
    }
    Ok(kept)
}

/// Compressed mosaics of which several slices are wanted, so that they are decompressed once.
fn keep_mosaics(jobs: &[Job<'_>]) -> Result<Vec<Arc<Decoded>>> {
    let files =
        jobs.chunk_by(|a, b| Arc::ptr_eq(&a.header.file, &b.header.file)).filter(|jobs| jobs.len() > 1);
    let kept: Vec<_> = files.filter_map(|jobs| jobs.first()).map(Job::keep_mosaic).collect::<Result<_>>()?;
    Ok(kept.into_iter().flatten().collect())
}

fn allocate(voxels: usize, header: &Header) -> Result<Vec<f32>> {
    let source = || std::io::ErrorKind::OutOfMemory.into();
    medcore::zeroed(voxels).map_err(|_| Error::Io { path: header.path.clone(), source: source() })
}

/// Linear interpolation between slices.
fn resample(voxels: &[f32], weights: &[(usize, f32)], pixels: usize, slices: &[&Header]) -> Result<Vec<f32>> {
    let Some(first) = slices.first() else { return Ok(Vec::new()) };
    let mut out = allocate(weights.len() * pixels, first)?;
    out.par_chunks_mut(pixels.max(1)).zip(weights).for_each(|(out, &(before, weight))| {
        let slice = |k: usize| voxels.get(k * pixels..(k + 1) * pixels).unwrap_or_default();
        for ((out, a), b) in out.iter_mut().zip(slice(before)).zip(slice(before + 1)) {
            // Written so that equal neighbours, infinite ones too, stay what they are at the ends.
            *out = match weight {
                0.0 => *a,
                1.0 => *b,
                _ => a * (1.0 - weight) + b * weight,
            };
        }
    });
    Ok(out)
}

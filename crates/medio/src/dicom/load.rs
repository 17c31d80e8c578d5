//! Reading the pixels of a series into one volume.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

use medcore::Volume;
use rayon::prelude::*;

use super::codec;
use super::header::Header;
use super::job::Job;
use super::options::{LoadOptions, Policy, Progress, ProgressFn};
use super::pet;
use super::philips;
use super::report::Report;
use super::stack::{self, Layout};
use crate::error::{Error, Result};

pub(super) fn load(
    headers: &[Header],
    options: &LoadOptions,
    progress: &ProgressFn<'_>,
) -> Result<(Volume<f32>, Report)> {
    let layout = stack::layout(headers, options)?;
    let slices: Vec<&Header> = layout.kept.iter().filter_map(|&k| headers.get(k)).collect();
    let mut jobs = slices.iter().map(|header| Job::new(header, options)).collect::<Result<Vec<_>>>()?;
    if let Some(kind) = options.suv {
        for (job, factor) in jobs.iter_mut().zip(pet::factors(&slices, kind)?) {
            job.conversion.rescale = job.conversion.rescale.times(factor);
        }
    }
    if options.philips_scale {
        for job in &mut jobs {
            job.conversion.rescale = job.conversion.rescale.times(philips::factor(job.header)?);
        }
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

fn allocate(voxels: usize, header: &Header) -> Result<Vec<f32>> {
    // `vec!` gets zeroed pages from the system for nothing but ends the process when there are none: ask first.
    let mut probe: Vec<f32> = Vec::new();
    probe.try_reserve_exact(voxels).map_err(|_| Error::Io {
        path: header.path.clone(),
        source: std::io::ErrorKind::OutOfMemory.into(),
    })?;
    drop(probe);
    Ok(vec![0.0; voxels])
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

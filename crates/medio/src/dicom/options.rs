//! What to do about defects, and how to follow the work.

use std::ops::ControlFlow;

use super::suv::SuvKind;

/// What to do about a defect of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Policy {
    /// An error.
    Reject,
    /// Load it, and say so in the report.
    Warn,
}

/// What to do when slices are not equally far apart, most often because one is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpacingPolicy {
    /// An error.
    Reject,
    /// Load the slices as if they were equally far apart, from the first to the last: positions between are wrong by up to what
    /// the report says.
    Warn,
    /// Interpolate linearly between the slices, on a regular grid from the first to the last at about their median distance.
    Resample,
}

/// What becomes of padding: pixels outside of what was imaged, marked by PixelPaddingValue (PS3.3 C.7.5.1.1.2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Padding {
    /// It is rescaled as any other value, which gives the files' own "outside", below -1024 HU on many CT scanners.
    Keep,
    /// It gets this value, in real units.
    Value(f32),
}

/// How a series is loaded: what to reject, what to accept and report.
///
/// The default rejects what would silently place voxels wrongly (missing slices, two images at one position) and accepts
/// what does not (gantry tilt, lossy compression).
///
/// ```
/// use medio::dicom::{LoadOptions, Padding, Policy, SpacingPolicy};
/// let options = LoadOptions::new()
///     .irregular_spacing(SpacingPolicy::Resample)
///     .duplicates(Policy::Warn)
///     .padding(Padding::Value(-1024.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LoadOptions {
    pub(super) irregular_spacing: SpacingPolicy,
    pub(super) spacing_tolerance: f64,
    pub(super) duplicates: Policy,
    pub(super) tilt: Policy,
    pub(super) lossy: Policy,
    pub(super) padding: Padding,
    pub(super) suv: Option<SuvKind>,
    pub(super) philips_scale: bool,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            irregular_spacing: SpacingPolicy::Reject,
            spacing_tolerance: 0.01,
            duplicates: Policy::Reject,
            tilt: Policy::Warn,
            lossy: Policy::Warn,
            padding: Padding::Keep,
            suv: None,
            philips_scale: false,
        }
    }
}

impl LoadOptions {
    /// The default.
    pub fn new() -> Self {
        Self::default()
    }

    /// When slices are not equally far apart. Default: [`SpacingPolicy::Reject`].
    #[must_use]
    pub fn irregular_spacing(self, policy: SpacingPolicy) -> Self {
        Self { irregular_spacing: policy, ..self }
    }

    /// How far a slice may be from its place on a regular grid, as a part of the step; 0.01 mm are always let pass. Default:
    /// 0.01. Files that round positions to 0.1 mm need more at thin slices.
    #[must_use]
    pub fn spacing_tolerance(self, part_of_step: f64) -> Self {
        Self { spacing_tolerance: part_of_step, ..self }
    }

    /// When several images have one position. [`Policy::Warn`] keeps the first by InstanceNumber. Default:
    /// [`Policy::Reject`].
    #[must_use]
    pub fn duplicates(self, policy: Policy) -> Self {
        Self { duplicates: policy, ..self }
    }

    /// When slices are shifted against each other (gantry tilt). Accepted, the volume has a sheared affine. Default:
    /// [`Policy::Warn`].
    #[must_use]
    pub fn tilt(self, policy: Policy) -> Self {
        Self { tilt: policy, ..self }
    }

    /// When pixels went through a lossy compression. Default: [`Policy::Warn`].
    #[must_use]
    pub fn lossy(self, policy: Policy) -> Self {
        Self { lossy: policy, ..self }
    }

    /// What becomes of padding. Default: [`Padding::Keep`].
    #[must_use]
    pub fn padding(self, padding: Padding) -> Self {
        Self { padding, ..self }
    }

    /// Values of Philips MR images on the scale of the reconstruction, which compares between series, in place of that of the
    /// console: `(slope * stored + intercept) / (slope * scale slope)` with the private scale slope. An error for images
    /// without one. Default: no.
    #[must_use]
    pub fn philips_scale(self, yes: bool) -> Self {
        Self { philips_scale: yes, ..self }
    }

    /// Values of a PET series as standardized uptake values, by the rules of QIBA: an error unless the files say all that this
    /// needs. Default: as the files have them, mostly Bq/ml.
    #[must_use]
    pub fn suv(self, kind: SuvKind) -> Self {
        Self { suv: Some(kind), ..self }
    }
}

/// How far a scan or a load is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Files done.
    pub done: usize,
    /// Files in all.
    pub total: usize,
}

/// Called after each file, from several threads at once; [`ControlFlow::Break`] cancels.
pub type ProgressFn<'a> = dyn Fn(Progress) -> ControlFlow<()> + Sync + 'a;

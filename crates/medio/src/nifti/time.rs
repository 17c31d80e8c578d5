//! The fourth axis.

/// Unit of a file's fourth axis (`xyzt_units`, bits 3 to 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TimeUnit {
    /// The file names none.
    Unknown,
    /// `NIFTI_UNITS_SEC`.
    Second,
    /// `NIFTI_UNITS_MSEC`.
    Millisecond,
    /// `NIFTI_UNITS_USEC`.
    Microsecond,
    /// `NIFTI_UNITS_HZ`: a spectrum, no time.
    Hertz,
    /// `NIFTI_UNITS_PPM`: a spectrum, no time.
    Ppm,
    /// `NIFTI_UNITS_RADS`: radians per second, no time.
    RadianPerSecond,
}

impl TimeUnit {
    /// From `xyzt_units`.
    pub(super) fn from_code(units: u8) -> Self {
        match units & 0x38 {
            8 => Self::Second,
            16 => Self::Millisecond,
            24 => Self::Microsecond,
            32 => Self::Hertz,
            40 => Self::Ppm,
            48 => Self::RadianPerSecond,
            _ => Self::Unknown,
        }
    }

    /// As in `xyzt_units`.
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::Second => 8,
            Self::Millisecond => 16,
            Self::Microsecond => 24,
            Self::Hertz => 32,
            Self::Ppm => 40,
            Self::RadianPerSecond => 48,
        }
    }

    /// Seconds in one unit; `None` for what is no time.
    pub const fn seconds(self) -> Option<f64> {
        match self {
            Self::Second => Some(1.0),
            Self::Millisecond => Some(1e-3),
            Self::Microsecond => Some(1e-6),
            _ => None,
        }
    }
}

/// What the fourth axis stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimeAxis {
    /// Position of the first volume (`toffset`).
    pub start: f64,
    /// From one volume to the next (`pixdim[4]`); 0 when not known.
    pub step: f64,
    /// Unit of both.
    pub unit: TimeUnit,
}

impl TimeAxis {
    /// The step in seconds; `None` when it is not known or the axis is no time.
    pub fn step_seconds(&self) -> Option<f64> {
        let seconds = self.unit.seconds()? * self.step;
        (seconds > 0.0 && seconds.is_finite()).then_some(seconds)
    }
}

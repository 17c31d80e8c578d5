//! Display windows: from stored intensities (HU in CT) to grey values.

use crate::Image;
use crate::error::{Error, Result};
use crate::scalar::Scalar;
use crate::volume::Volume;

/// The curve of a window (DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum VoiFunction {
    /// `LINEAR`: the standard's default, with its half-unit offsets; width at least 1.
    #[default]
    Linear,
    /// `LINEAR_EXACT`: centre and width as a mathematician would read them; width above 0.
    LinearExact,
    /// `SIGMOID`: a logistic curve; width above 0.
    Sigmoid,
}

/// A display window: centre and width in the units of the image (HU for CT), and its curve.
///
/// ```
/// use medcore::Window;
/// let lung = Window::LUNG;
/// assert_eq!(lung.apply(-2000.0), 0.0);
/// assert_eq!(lung.apply(500.0), 1.0);
/// assert!((lung.apply(-600.0) - 0.5).abs() < 1e-3);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    center: f64,
    width: f64,
    function: VoiFunction,
}

impl Window {
    /// CT lung: centre -600 HU, width 1500 HU.
    pub const LUNG: Self = Self::linear(-600.0, 1500.0);
    /// CT mediastinum: centre 50 HU, width 350 HU.
    pub const MEDIASTINUM: Self = Self::linear(50.0, 350.0);
    /// CT soft tissue (abdomen): centre 40 HU, width 400 HU.
    pub const SOFT_TISSUE: Self = Self::linear(40.0, 400.0);
    /// CT bone: centre 400 HU, width 1800 HU.
    pub const BONE: Self = Self::linear(400.0, 1800.0);
    /// CT brain: centre 40 HU, width 80 HU.
    pub const BRAIN: Self = Self::linear(40.0, 80.0);
    /// CT liver: centre 60 HU, width 160 HU.
    pub const LIVER: Self = Self::linear(60.0, 160.0);
    /// All of -1000 to 1000 HU, as chest-CT models clip.
    pub const CT_FULL: Self = Self { center: 0.0, width: 2000.0, function: VoiFunction::LinearExact };

    const fn linear(center: f64, width: f64) -> Self {
        Self { center, width, function: VoiFunction::Linear }
    }

    /// From centre, width and curve.
    ///
    /// # Errors
    /// [`Error::InvalidWindow`] when the width is below 1 (linear) or not above 0 (the others);
    /// [`Error::NotFinite`] for a centre or width that is no finite number.
    pub fn new(center: f64, width: f64, function: VoiFunction) -> Result<Self> {
        for (what, found) in [("window centre", center), ("window width", width)] {
            if !found.is_finite() {
                return Err(Error::NotFinite { what, found });
            }
        }
        match function {
            VoiFunction::Linear if width < 1.0 => {
                Err(Error::InvalidWindow { expected: "at least 1 for LINEAR", found: width })
            }
            _ if width <= 0.0 => Err(Error::InvalidWindow { expected: "above 0", found: width }),
            _ => Ok(Self { center, width, function }),
        }
    }

    /// The window whose exact linear ramp runs from `low` (0) to `high` (1).
    ///
    /// # Errors
    /// As [`Window::new`], when `high` is not above `low`.
    pub fn range(low: f64, high: f64) -> Result<Self> {
        Self::new((low + high) / 2.0, high - low, VoiFunction::LinearExact)
    }

    /// Centre, in the units of the image.
    pub const fn center(&self) -> f64 {
        self.center
    }

    /// Width, in the units of the image.
    pub const fn width(&self) -> f64 {
        self.width
    }

    /// The curve.
    pub const fn function(&self) -> VoiFunction {
        self.function
    }

    /// One intensity to 0..=1. NaN becomes 0.
    pub fn apply(&self, value: f64) -> f64 {
        let Self { center: c, width: w, function } = *self;
        let y = match function {
            // The threshold form of the standard: with w = 1 it is a step, without a division by 0.
            VoiFunction::Linear if value <= c - 0.5 - (w - 1.0) / 2.0 => 0.0,
            VoiFunction::Linear if value > c - 0.5 + (w - 1.0) / 2.0 => 1.0,
            VoiFunction::Linear => (value - (c - 0.5)) / (w - 1.0) + 0.5,
            VoiFunction::LinearExact => (value - c) / w + 0.5,
            VoiFunction::Sigmoid => 1.0 / (1.0 + (-4.0 * (value - c) / w).exp()),
        };
        if y.is_nan() { 0.0 } else { y.clamp(0.0, 1.0) }
    }
}

impl<T: Scalar> Volume<T> {
    /// Every voxel through a window, to 0..=1.
    pub fn window(&self, window: Window) -> Volume<f32> {
        self.map(|v| window.apply(v.to_f64()) as f32)
    }
}

impl<T: Scalar> Image<T> {
    /// Every pixel through a window, to 0..=1.
    pub fn window(&self, window: Window) -> Image<f32> {
        self.map(|v| window.apply(v.to_f64()) as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
    }

    /// The worked example of PS3.3 C.11.2.1.2.1: c = 2048, w = 4096 on 12-bit values is the identity.
    #[test]
    fn linear_as_in_the_standard() {
        let w = Window::new(2048.0, 4096.0, VoiFunction::Linear).unwrap();
        for x in [0.0, 1.0, 1000.0, 2048.0, 4094.0, 4095.0] {
            assert_close(w.apply(x) * 4095.0, x);
        }
        let step = Window::new(2048.0, 1.0, VoiFunction::Linear).unwrap();
        assert_eq!((step.apply(2047.0), step.apply(2048.0)), (0.0, 1.0));
        let w = Window::new(0.0, 100.0, VoiFunction::Linear).unwrap();
        assert_close(w.apply(0.0), 0.5 / 99.0 + 0.5);
        assert_eq!((w.apply(-50.0), w.apply(49.5)), (0.0, 1.0));
    }

    #[test]
    fn exact_and_sigmoid() {
        let w = Window::new(0.0, 100.0, VoiFunction::LinearExact).unwrap();
        for (x, y) in [(-50.0, 0.0), (0.0, 0.5), (25.0, 0.75), (50.0, 1.0), (80.0, 1.0)] {
            assert_close(w.apply(x), y);
        }
        let w = Window::new(0.0, 100.0, VoiFunction::Sigmoid).unwrap();
        assert_close(w.apply(0.0), 0.5);
        assert_close(w.apply(50.0), 1.0 / (1.0 + (-2f64).exp()));
        assert_eq!(Window::range(-1000.0, 1000.0).unwrap(), Window::CT_FULL);
    }

    #[test]
    fn nan_is_black_and_bad_widths_are_refused() {
        for f in [VoiFunction::Linear, VoiFunction::LinearExact, VoiFunction::Sigmoid] {
            assert_eq!(Window::new(0.0, 10.0, f).unwrap().apply(f64::NAN), 0.0);
            assert!(matches!(Window::new(0.0, 0.0, f), Err(Error::InvalidWindow { .. })));
            assert!(matches!(Window::new(f64::NAN, 10.0, f), Err(Error::NotFinite { .. })));
        }
        assert!(Window::new(0.0, 0.5, VoiFunction::Linear).is_err());
        assert!(Window::new(0.0, 0.5, VoiFunction::Sigmoid).is_ok());
    }
}

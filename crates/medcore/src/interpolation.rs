//! How values between voxel centres are found.

/// How a value between voxel centres is computed from the voxels around it.
///
/// | | kernel | where the grid gets coarser |
/// |---|---|---|
/// | `Nearest` | the voxel that contains the point | voxels are skipped |
/// | `Linear` | triangle, reaching 1 voxel to each side | anti-aliased |
/// | `Cubic` | cubic convolution with a = -0.5, reaching 2 voxels | anti-aliased |
///
/// Anti-aliasing stretches the kernel by the factor by which an axis shrinks, so that every voxel of the source counts; the
/// method of Pillow and of PyTorch's `interpolate(antialias=True)`. The cubic kernel is that of Keys, "Cubic convolution
/// interpolation for digital image processing", IEEE TASSP 29(6), 1981; it overshoots at edges. As in
/// those libraries a factor that is no whole number leaves the stretched kernel's centre of mass up to 0.09 (linear) or 0.03
/// (cubic) source voxels off, where the voxels happen to sample it unevenly.
///
/// `Nearest` copies values as they are. A point that lies half way between two voxels goes to the one with the higher index.
/// The other two compute in `f32`, so integers above 2^24 and `f64` lose digits where values are blended; results for
/// integer types are rounded and saturated. A NaN voxel makes every result NaN in which it has a weight other than 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Interpolation {
    /// The voxel that contains the point: the only choice for labels.
    Nearest,
    /// Between the two neighbours along each axis.
    #[default]
    Linear,
    /// Between the four neighbours along each axis.
    Cubic,
}

/// A kernel that blends voxels: [`Interpolation`] but for `Nearest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kernel {
    Triangle,
    Keys,
}

impl Interpolation {
    pub(crate) const fn kernel(self) -> Option<Kernel> {
        match self {
            Self::Nearest => None,
            Self::Linear => Some(Kernel::Triangle),
            Self::Cubic => Some(Kernel::Keys),
        }
    }
}

impl Kernel {
    /// How far it reaches to each side, in voxels.
    pub(crate) const fn reach(self) -> f64 {
        match self {
            Self::Triangle => 1.0,
            Self::Keys => 2.0,
        }
    }

    /// The weight of a voxel at a distance in voxels.
    pub(crate) fn weight(self, distance: f64) -> f64 {
        let x = distance.abs();
        match self {
            Self::Triangle => (1.0 - x).max(0.0),
            Self::Keys if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Self::Keys if x < 2.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
            Self::Keys => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_one_at_the_centre_and_zero_at_the_other_voxels() {
        for kernel in [Kernel::Triangle, Kernel::Keys] {
            assert_eq!(kernel.weight(0.0), 1.0);
            for distance in [1.0, -1.0, 2.0, -2.0, 3.0] {
                assert_eq!(kernel.weight(distance), 0.0, "{kernel:?} at {distance}");
            }
        }
    }

    #[test]
    fn weights_of_all_voxels_sum_to_one() {
        for kernel in [Kernel::Triangle, Kernel::Keys] {
            for shift in [0.1, 0.25, 0.5, 0.9] {
                let sum: f64 = (-3..=3).map(|i| kernel.weight(f64::from(i) + shift)).sum();
                assert!((sum - 1.0).abs() < 1e-12, "{kernel:?} at {shift}");
            }
        }
    }
}

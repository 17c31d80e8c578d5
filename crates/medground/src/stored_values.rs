//! Features that are kept on the host.

use half::f16;
use mednn::weights::Precision;

/// Numbers in 32 or in 16 bits.
#[derive(Debug, Clone)]
pub(crate) enum StoredValues {
    Single(Vec<f32>),
    Half(Vec<f16>),
}

impl StoredValues {
    pub(crate) fn new(values: Vec<f32>, precision: Precision) -> Self {
        match precision {
            Precision::F32 => Self::Single(values),
            Precision::F16 => Self::Half(values.into_iter().map(f16::from_f32).collect()),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Single(values) => 4 * values.len(),
            Self::Half(values) => 2 * values.len(),
        }
    }

    /// Adds them to the end of `to`.
    pub(crate) fn append_to(&self, to: &mut Vec<f32>) {
        match self {
            Self::Single(values) => to.extend_from_slice(values),
            Self::Half(values) => to.extend(values.iter().map(|v| v.to_f32())),
        }
    }
}

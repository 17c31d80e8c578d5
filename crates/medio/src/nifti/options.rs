//! Choices of the caller.

/// Which of a file's two transforms places the voxels when it has both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TransformPrecedence {
    /// The sform, else the qform, else `pixdim`: what nibabel, FSL and SPM do.
    #[default]
    SformFirst,
    /// The qform, else the sform, else `pixdim`.
    QformFirst,
}

/// What becomes of complex voxels `a + bi`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ComplexPart {
    /// `sqrt(a^2 + b^2)`.
    Magnitude,
    /// The angle `atan2(b, a)` in radians, from -pi to pi.
    Phase,
    /// `a`.
    Real,
    /// `b`.
    Imaginary,
}

impl ComplexPart {
    /// Of one voxel.
    pub(super) fn of(self, real: f64, imaginary: f64) -> f64 {
        match self {
            Self::Magnitude => real.hypot(imaginary),
            Self::Phase => imaginary.atan2(real),
            Self::Real => real,
            Self::Imaginary => imaginary,
        }
    }
}

/// How to read a file.
///
/// ```
/// use medio::nifti::{ComplexPart, ReadOptions, TransformPrecedence};
/// let options = ReadOptions::new()
///     .volume(3)
///     .precedence(TransformPrecedence::QformFirst)
///     .max_disagreement_mm(0.1)
///     .complex(ComplexPart::Magnitude);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ReadOptions {
    pub(super) precedence: TransformPrecedence,
    pub(super) max_disagreement_mm: Option<f64>,
    pub(super) volume: Option<usize>,
    pub(super) complex: Option<ComplexPart>,
}

impl ReadOptions {
    /// The default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Which transform wins when there are two. Default: [`TransformPrecedence::SformFirst`].
    #[must_use]
    pub fn precedence(self, precedence: TransformPrecedence) -> Self {
        Self { precedence, ..self }
    }

    /// Refuses a file whose sform and qform place a corner voxel further apart than this, in mm. Default: any distance is
    /// accepted, and reported.
    #[must_use]
    pub fn max_disagreement_mm(self, mm: f64) -> Self {
        Self { max_disagreement_mm: Some(mm), ..self }
    }

    /// Which volume of a file with more than three dimensions, from 0, in file order (`dim[4]` fastest). Default: only files
    /// that hold a single one are accepted. Of a compressed file nothing after the chosen volume is read, so the
    /// checksum at its end is checked only when the last one is chosen.
    #[must_use]
    pub fn volume(self, index: usize) -> Self {
        Self { volume: Some(index), ..self }
    }

    /// Which part of complex voxels. Default: complex files are refused.
    #[must_use]
    pub fn complex(self, part: ComplexPart) -> Self {
        Self { complex: Some(part), ..self }
    }
}

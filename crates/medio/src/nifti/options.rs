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

/// How to read a file.
///
/// ```
/// use medio::nifti::{ReadOptions, TransformPrecedence};
/// let options = ReadOptions { precedence: TransformPrecedence::QformFirst, ..ReadOptions::default() };
/// assert_eq!(options.volume, None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadOptions {
    /// Which transform wins when there are two.
    pub precedence: TransformPrecedence,
    /// Which volume of a file with more than three dimensions, from 0, in file order (`dim[4]` fastest). `None` accepts
    /// only files that hold a single one. Of a compressed file nothing after the chosen volume is read, so the
    /// checksum at its end is checked only when the last one is chosen.
    pub volume: Option<usize>,
}

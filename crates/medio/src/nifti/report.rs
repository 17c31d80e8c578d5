//! What a file was like, and what was odd about it.

use std::fmt;

use super::datatype::DataType;
use super::extension::Extension;
use super::time::TimeAxis;
use crate::stored::{ByteOrder, Scaling};

/// Version of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// NIfTI-1: a header of 348 bytes.
    Nifti1,
    /// NIfTI-2: a header of 540 bytes.
    Nifti2,
    /// ANALYZE 7.5, the format that NIfTI-1 grew out of: a header of 348 bytes without magic, and always a second file.
    Analyze75,
}

/// Where the placement of the voxels came from.
///
/// Codes (`nifti1.h`): 1 scanner, 2 aligned to another scan, 3 Talairach, 4 MNI 152, 5 another template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transform {
    /// The affine of `srow_x`, `srow_y` and `srow_z`.
    Sform {
        /// What the coordinates are aligned to.
        code: i32,
    },
    /// Quaternion, `pixdim` and offset.
    Qform {
        /// What the coordinates are aligned to.
        code: i32,
    },
    /// The file has neither: only the voxel sizes are known, the orientation is a guess.
    Pixdim,
    /// ANALYZE 7.5 with the origin that SPM writes: voxel sizes and position are known, the orientation is a guess.
    AnalyzeOrigin,
}

/// What [`read_with`](super::read_with) found out about a file beside its voxels.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// Version of the format.
    pub version: Version,
    /// Byte order of header and voxels.
    pub byte_order: ByteOrder,
    /// Whether the file is compressed with gzip.
    pub compressed: bool,
    /// Type of the stored voxels.
    pub datatype: DataType,
    /// The scaling that was applied, if any.
    pub scaling: Option<Scaling>,
    /// How many 3D volumes the file holds.
    pub volumes: usize,
    /// Extents of the axes after the third, the fastest first: none for a single volume.
    pub further_extents: Vec<usize>,
    /// What the fourth axis stands for, where there is one.
    pub time: Option<TimeAxis>,
    /// `sform_code` as it is.
    pub sform_code: i32,
    /// `qform_code` as it is.
    pub qform_code: i32,
    /// `intent_code`: what the values are, 0 for none, 1002 for labels.
    pub intent: i32,
    /// `descrip`. Writers put anything here, names of patients included.
    pub description: String,
    /// Header extensions.
    pub extensions: Vec<Extension>,
    /// Which transform places the voxels.
    pub transform: Transform,
    /// Where the file has both sform and qform: the largest distance in mm between the two places of a corner voxel; infinite
    /// when one of them has numbers that are not finite.
    pub disagreement_mm: Option<f64>,
    /// What the file says that had to be corrected or was passed over.
    pub notes: Vec<Note>,
}

/// Transforms that differ by less, in mm, differ by rounding.
const AGREEMENT_MM: f64 = 0.01;

impl Report {
    /// Whether nothing was odd: no notes, an orientation that the file states, and transforms that agree within 0.01 mm
    /// where there are two.
    pub fn is_clean(&self) -> bool {
        self.notes.is_empty()
            && matches!(self.transform, Transform::Sform { .. } | Transform::Qform { .. })
            && self.disagreement_mm.is_none_or(|mm| mm <= AGREEMENT_MM)
    }
}

/// Something in a file that breaks a rule without making the voxels unusable, or that was passed over.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Note {
    /// Slope or intercept is no finite number: the stored values are taken as they are.
    ScalingIgnored {
        /// `scl_slope`.
        slope: f64,
        /// `scl_inter`.
        inter: f64,
    },
    /// `pixdim[0]` is neither 1 nor -1: its sign counts, and 0 or NaN as 1.
    QfacAssumed {
        /// `pixdim[0]`.
        found: f64,
    },
    /// A voxel size below 0: its magnitude was taken.
    NegativePixdim {
        /// 1 to 3.
        axis: usize,
        /// `pixdim[axis]`.
        found: f64,
    },
    /// A voxel size of 0: taken as 1.
    ZeroPixdim {
        /// 1 to 3.
        axis: usize,
    },
    /// The quaternion is longer than rounding explains: it was normalised.
    QuaternionNormalized {
        /// Length of (b, c, d); at most 1 in a sound file.
        norm: f64,
    },
    /// A transform code that the standard does not define. Above 5 the transform is used, below 0 it is not.
    UnknownTransformCode {
        /// `sform_code` or `qform_code`.
        field: &'static str,
        /// Its value.
        code: i32,
    },
    /// `bitpix` is not the size of `datatype`; the latter counts.
    BitpixMismatch {
        /// Bits of the data type.
        expected: u32,
        /// `bitpix`.
        found: i32,
    },
    /// `vox_offset` is 0 in a single file: the voxels are taken to follow the header.
    VoxOffsetAssumed {
        /// The offset that was used.
        used: u64,
    },
    /// A header extension has a size that cannot be: it and what follows it were passed over.
    ExtensionsMalformed {
        /// Bytes passed over.
        bytes: u64,
    },
    /// A transform cannot be inverted or is not finite: the other one was taken.
    TransformUnusable {
        /// `sform` or `qform`.
        field: &'static str,
    },
    /// An extent of 0 after the first was taken as 1, as the reference library does.
    ZeroExtent {
        /// 2 to 7.
        axis: usize,
    },
    /// The file goes on after its voxels.
    TrailingBytes {
        /// How many bytes (decompressed).
        bytes: u64,
    },
    /// Something that is not gzip follows the compressed data.
    BytesAfterGzip {
        /// How many bytes.
        bytes: u64,
    },
    /// The file's spatial unit is not the millimetre: positions were converted.
    UnitsConverted {
        /// Millimetres in one unit of the file.
        factor: f64,
    },
    /// `xyzt_units` names no spatial unit that the standard defines: millimetres are assumed.
    UnknownUnits {
        /// The spatial part of `xyzt_units`.
        code: u8,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ScalingIgnored { slope, inter } => {
                write!(f, "scaling ignored: slope {slope}, intercept {inter}")
            }
            Self::QfacAssumed { found } => write!(f, "pixdim[0] (qfac) is {found}, neither 1 nor -1"),
            Self::NegativePixdim { axis, found } => {
                write!(f, "pixdim[{axis}] is {found}: its magnitude is used")
            }
            Self::ZeroPixdim { axis } => write!(f, "pixdim[{axis}] is 0: taken as 1"),
            Self::QuaternionNormalized { norm } => write!(f, "quaternion of length {norm} normalised"),
            Self::UnknownTransformCode { field, code } => write!(f, "{field} {code} is not defined"),
            Self::BitpixMismatch { expected, found } => {
                write!(f, "bitpix is {found}, the data type has {expected}")
            }
            Self::VoxOffsetAssumed { used } => write!(f, "vox_offset is 0: {used} is used"),
            Self::ExtensionsMalformed { bytes } => {
                write!(f, "{bytes} bytes of malformed extensions passed over")
            }
            Self::TransformUnusable { field } => {
                write!(f, "the {field} is not usable: the other one is taken")
            }
            Self::ZeroExtent { axis } => write!(f, "dim[{axis}] is 0: taken as 1"),
            Self::TrailingBytes { bytes } => write!(f, "{bytes} bytes after the voxels"),
            Self::BytesAfterGzip { bytes } => write!(f, "{bytes} bytes after the compressed data"),
            Self::UnitsConverted { factor } => write!(f, "positions converted: 1 unit is {factor} mm"),
            Self::UnknownUnits { code } => write!(f, "spatial unit {code} is not defined: taken as mm"),
        }
    }
}

//! What a file was like, and what was odd about it.

use std::fmt;

use super::datatype::DataType;
use crate::stored::{ByteOrder, Scaling};

/// Version of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// NIfTI-1: a header of 348 bytes.
    Nifti1,
    /// NIfTI-2: a header of 540 bytes.
    Nifti2,
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
    /// Which transform places the voxels.
    pub transform: Transform,
    /// Where the file has both sform and qform: the largest distance in mm between the two places of a corner voxel; infinite
    /// when one of them has numbers that are not finite.
    pub disagreement_mm: Option<f64>,
    /// What the file says that had to be corrected or was passed over.
    pub notes: Vec<Note>,
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
    /// Header extensions were passed over.
    ExtensionsSkipped {
        /// Bytes between the header and the voxels.
        bytes: u64,
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
            Self::ExtensionsSkipped { bytes } => write!(f, "{bytes} bytes of extensions passed over"),
            Self::TrailingBytes { bytes } => write!(f, "{bytes} bytes after the voxels"),
            Self::BytesAfterGzip { bytes } => write!(f, "{bytes} bytes after the compressed data"),
            Self::UnitsConverted { factor } => write!(f, "positions converted: 1 unit is {factor} mm"),
            Self::UnknownUnits { code } => write!(f, "spatial unit {code} is not defined: taken as mm"),
        }
    }
}

//! How voxels are stored.

use std::path::Path;

use crate::error::{Error, Result};
use crate::stored::NumberType;

/// Type of the stored voxels: those of the standard's `datatype` codes whose numbers have 8 to 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DataType {
    /// `NIFTI_TYPE_UINT8`, 2.
    U8,
    /// `NIFTI_TYPE_INT16`, 4.
    I16,
    /// `NIFTI_TYPE_INT32`, 8.
    I32,
    /// `NIFTI_TYPE_FLOAT32`, 16.
    F32,
    /// `NIFTI_TYPE_FLOAT64`, 64.
    F64,
    /// `NIFTI_TYPE_INT8`, 256.
    I8,
    /// `NIFTI_TYPE_UINT16`, 512.
    U16,
    /// `NIFTI_TYPE_UINT32`, 768.
    U32,
    /// `NIFTI_TYPE_INT64`, 1024.
    I64,
    /// `NIFTI_TYPE_UINT64`, 1280.
    U64,
    /// `NIFTI_TYPE_COMPLEX64`, 32: two [`F32`](Self::F32).
    Complex64,
    /// `NIFTI_TYPE_COMPLEX128`, 1792: two [`F64`](Self::F64).
    Complex128,
    /// `NIFTI_TYPE_RGB24`, 128: red, green, blue, 8 bits each.
    Rgb24,
    /// `NIFTI_TYPE_RGBA32`, 2304: red, green, blue, alpha, 8 bits each.
    Rgba32,
}

impl DataType {
    /// The code in the header.
    pub const fn code(self) -> i16 {
        match self {
            Self::U8 => 2,
            Self::I16 => 4,
            Self::I32 => 8,
            Self::F32 => 16,
            Self::F64 => 64,
            Self::I8 => 256,
            Self::U16 => 512,
            Self::U32 => 768,
            Self::I64 => 1024,
            Self::U64 => 1280,
            Self::Complex64 => 32,
            Self::Complex128 => 1792,
            Self::Rgb24 => 128,
            Self::Rgba32 => 2304,
        }
    }

    /// Bytes of one voxel.
    pub const fn size(self) -> usize {
        self.components() * self.number().size()
    }

    /// Numbers of one voxel: 2 for complex, 3 or 4 for colour.
    pub const fn components(self) -> usize {
        match self {
            Self::Complex64 | Self::Complex128 => 2,
            Self::Rgb24 => 3,
            Self::Rgba32 => 4,
            _ => 1,
        }
    }

    /// The type of the numbers.
    pub const fn number(self) -> NumberType {
        match self {
            Self::U8 | Self::Rgb24 | Self::Rgba32 => NumberType::U8,
            Self::I8 => NumberType::I8,
            Self::U16 => NumberType::U16,
            Self::I16 => NumberType::I16,
            Self::U32 => NumberType::U32,
            Self::I32 => NumberType::I32,
            Self::U64 => NumberType::U64,
            Self::I64 => NumberType::I64,
            Self::F32 | Self::Complex64 => NumberType::F32,
            Self::F64 | Self::Complex128 => NumberType::F64,
        }
    }

    /// How numbers of a type are stored.
    pub(super) const fn from_number(number: NumberType) -> Self {
        match number {
            NumberType::U8 => Self::U8,
            NumberType::I8 => Self::I8,
            NumberType::U16 => Self::U16,
            NumberType::I16 => Self::I16,
            NumberType::U32 => Self::U32,
            NumberType::I32 => Self::I32,
            NumberType::U64 => Self::U64,
            NumberType::I64 => Self::I64,
            NumberType::F32 => Self::F32,
            NumberType::F64 => Self::F64,
        }
    }

    /// From the code in the header.
    pub(super) fn from_code(code: i16, path: &Path) -> Result<Self> {
        let unsupported = |name: &str| {
            let found = format!("{code} ({name})");
            Err(Error::Unsupported { path: path.into(), what: "NIfTI datatype", found })
        };
        match code {
            2 => Ok(Self::U8),
            4 => Ok(Self::I16),
            8 => Ok(Self::I32),
            16 => Ok(Self::F32),
            64 => Ok(Self::F64),
            256 => Ok(Self::I8),
            512 => Ok(Self::U16),
            768 => Ok(Self::U32),
            1024 => Ok(Self::I64),
            1280 => Ok(Self::U64),
            1 => unsupported("1-bit"),
            32 => Ok(Self::Complex64),
            128 => Ok(Self::Rgb24),
            1792 => Ok(Self::Complex128),
            2304 => Ok(Self::Rgba32),
            1536 => unsupported("128-bit float"),
            2048 => unsupported("complex, 2 x 128 bits"),
            _ => Err(Error::Invalid {
                path: path.into(),
                what: "NIfTI datatype",
                expected: "a code of the standard".into(),
                found: code.to_string(),
            }),
        }
    }
}

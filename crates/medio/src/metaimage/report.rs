//! What a file was like, and what was odd about it.

use std::fmt;
use std::path::PathBuf;

use crate::stored::{ByteOrder, NumberType, Scaling};

/// What [`read_with`](super::read_with) found out about a file beside its voxels.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// Type of the stored numbers.
    pub number_type: NumberType,
    /// Byte order of the stored numbers; without meaning for text.
    pub byte_order: ByteOrder,
    /// Whether the numbers are text (`BinaryData = False`).
    pub text: bool,
    /// Whether they are compressed.
    pub compressed: bool,
    /// The scaling of `ElementToIntensityFunctionSlope` and `Offset`, whether it was applied or not.
    pub scaling: Option<Scaling>,
    /// Numbers for each voxel (`ElementNumberOfChannels`).
    pub components: usize,
    /// How many 3D volumes the file holds: components times the fourth dimension.
    pub volumes: usize,
    /// All fields but `ElementDataFile`, in order: `CenterOfRotation`, `AnatomicalOrientation` and others that place no voxel.
    pub fields: Vec<(String, String)>,
    /// The files that hold the voxels, in order; empty where these follow the header.
    pub data_files: Vec<PathBuf>,
    /// What the file says that had to be corrected or was passed over.
    pub notes: Vec<Note>,
}

impl Report {
    /// Whether nothing was odd about the file: no notes, but that a scaling was applied.
    pub fn is_clean(&self) -> bool {
        self.notes.iter().all(|note| *note == Note::ScalingApplied)
    }
}

/// Something in a file that leaves a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// The header has no `ElementSpacing`; its `ElementSize` is used, as in ITK.
    SpacingFromElementSize,
    /// The header has neither: taken as 1 mm.
    SpacingAssumed,
    /// The header has no `Offset`, `Position` or `Origin`: taken as 0.
    OffsetAssumed,
    /// The header names no byte order: taken as little endian.
    LittleEndianAssumed,
    /// Slope and offset were applied to the values; ITK passes over them ([`ReadOptions::stored_values`](super::ReadOptions)
    /// does so too).
    ScalingApplied,
    /// Slope is 0 or one of the two not finite: the stored values are taken as they are.
    ScalingIgnored,
    /// The data goes on after the voxels.
    TrailingBytes {
        /// How many bytes, decoded.
        bytes: u64,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SpacingFromElementSize => write!(f, "no ElementSpacing: ElementSize is used"),
            Self::SpacingAssumed => write!(f, "no ElementSpacing: taken as 1 mm"),
            Self::OffsetAssumed => write!(f, "no Offset: taken as 0"),
            Self::LittleEndianAssumed => write!(f, "no byte order: taken as little endian"),
            Self::ScalingApplied => write!(f, "slope and offset applied"),
            Self::ScalingIgnored => write!(f, "slope and offset cannot be applied"),
            Self::TrailingBytes { bytes } => write!(f, "{bytes} bytes after the voxels"),
        }
    }
}

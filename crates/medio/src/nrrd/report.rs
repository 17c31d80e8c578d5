//! What a file was like, and what was odd about it.

use std::fmt;
use std::path::PathBuf;

use medcore::Matrix3;

use crate::stored::{ByteOrder, NumberType};

/// How the voxels are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Encoding {
    /// `raw`: bytes as they are.
    Raw,
    /// `gzip`.
    #[default]
    Gzip,
    /// `text` (also called `ascii`): numbers.
    Text,
    /// `hex`: two digits for each byte.
    Hex,
}

/// What the axes of the patient coordinates mean (`space`, or `space dimension` alone).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Space {
    /// `left-posterior-superior`, also with time.
    Lps,
    /// `right-anterior-superior`, also with time.
    Ras,
    /// `left-anterior-superior`, also with time.
    Las,
    /// Another one, such as `scanner-xyz` or `3D-right-handed`: not tied to the patient.
    Other(String),
}

impl Space {
    pub(super) fn parse(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "left-posterior-superior" | "lps" | "left-posterior-superior-time" | "lpst" => Self::Lps,
            "right-anterior-superior" | "ras" | "right-anterior-superior-time" | "rast" => Self::Ras,
            "left-anterior-superior" | "las" | "left-anterior-superior-time" | "last" => Self::Las,
            _ => Self::Other(name.into()),
        }
    }

    /// The signs that bring x and y to LPS.
    pub(super) const fn signs(&self) -> [f64; 3] {
        match self {
            Self::Lps | Self::Other(_) => [1.0, 1.0, 1.0],
            Self::Ras => [-1.0, -1.0, 1.0],
            Self::Las => [1.0, -1.0, 1.0],
        }
    }
}

/// What [`read_with`](super::read_with) found out about a file beside its voxels.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// Version of the format: 1 for `NRRD0001`, and so on to 5.
    pub version: u8,
    /// Type of the stored numbers.
    pub number_type: NumberType,
    /// Byte order of the stored numbers, where the header names one.
    pub byte_order: Option<ByteOrder>,
    /// How they are stored.
    pub encoding: Encoding,
    /// How many 3D volumes the file holds: the product of the sizes of its axes that are not in space.
    pub volumes: usize,
    /// `sizes`, fastest axis first.
    pub sizes: Vec<usize>,
    /// `kinds` in lower case, one for each axis; empty where the file does not say.
    pub kinds: Vec<String>,
    /// `centerings`, one for each axis (`cell`, `node`); empty where the file does not say.
    pub centerings: Vec<String>,
    /// The space of the header's coordinates; `None` without one.
    pub space: Option<Space>,
    /// `measurement frame`: the frame of vectors and tensors in the voxels, its vectors as columns and in the header's
    /// space. It is not applied.
    pub measurement_frame: Option<Matrix3>,
    /// `content`.
    pub content: Option<String>,
    /// The `key:=value` pairs, in order.
    pub key_values: Vec<(String, String)>,
    /// The comments, without the `#`.
    pub comments: Vec<String>,
    /// The files that hold the voxels, in order; empty where these follow the header.
    pub data_files: Vec<PathBuf>,
    /// What the file says that had to be corrected or was passed over.
    pub notes: Vec<Note>,
}

impl Report {
    /// Whether nothing was odd about the file: no notes.
    pub fn is_clean(&self) -> bool {
        self.notes.is_empty()
    }
}

/// Something in a file that leaves a choice, or that was passed over.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Note {
    /// A field that the format does not have was passed over.
    UnknownField {
        /// Its name.
        name: String,
    },
    /// The header has no space, or one that is not tied to the patient: its axes were taken to be those of LPS, as ITK does.
    LpsAssumed,
    /// The spatial unit is not the millimetre: positions were converted.
    UnitsConverted {
        /// Millimetres in one unit of the file.
        factor: f64,
    },
    /// A spatial unit that is not known: taken as millimetres.
    UnknownUnit {
        /// Its name.
        name: String,
    },
    /// An axis without spacing: taken as 1 mm.
    SpacingAssumed {
        /// Its number, from 0, fastest first.
        axis: usize,
    },
    /// The header has no `space origin`: taken as 0.
    OriginAssumed,
    /// The data goes on after the voxels.
    TrailingBytes {
        /// How many bytes, decoded.
        bytes: u64,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownField { name } => write!(f, "field {name:?} is not defined"),
            Self::LpsAssumed => write!(f, "the space is not tied to the patient: taken as LPS"),
            Self::UnitsConverted { factor } => write!(f, "positions converted: 1 unit is {factor} mm"),
            Self::UnknownUnit { name } => write!(f, "unit {name:?} is not known: taken as mm"),
            Self::SpacingAssumed { axis } => write!(f, "axis {axis} has no spacing: taken as 1 mm"),
            Self::OriginAssumed => write!(f, "no space origin: taken as 0"),
            Self::TrailingBytes { bytes } => write!(f, "{bytes} bytes after the voxels"),
        }
    }
}

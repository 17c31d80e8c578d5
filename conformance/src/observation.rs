//! What medio says about a file, in numbers that can be compared.

use medcore::{Geometry, Scalar};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// One image or volume of a file or folder, or the refusal of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// The file or folder, as it was given.
    pub path: String,
    /// Which of the file's images, from 0.
    pub item: usize,
    /// What came out.
    pub outcome: Outcome,
}

/// Values or a refusal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was read.
    Read(Box<Values>),
    /// A typed error.
    Refused {
        /// Name of the error's variant, and of the reason in it: `NoImages/NotDicom`.
        kind: String,
        /// The message.
        message: String,
    },
}

/// An array that was read, without the array.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Values {
    /// `dicom`, `nifti`, ...
    pub format: String,
    /// The axes of the shape, slowest first: t(ime), z (slice), y (row), x (column), c(hannel), f(rame), s(egment).
    pub axes: String,
    /// Extents along the axes.
    pub shape: Vec<usize>,
    /// Voxel (column, row, slice) to LPS in mm, three rows of four; `None` for what has no place.
    pub affine: Option<[[f64; 4]; 3]>,
    /// Distances between pixels in mm, column then row, of what has no place.
    pub pixel_spacing: Option<[f64; 2]>,
    /// First 16 hexadecimal digits of the SHA-256 of the values as little-endian `f32`, slowest axis first.
    pub hash: String,
    /// Smallest value that is a number.
    pub min: Option<f32>,
    /// Largest value that is a number.
    pub max: Option<f32>,
    /// Mean of the values that are numbers.
    pub mean: Option<f64>,
    /// Values that are not numbers.
    pub not_numbers: usize,
    /// The file of each slice, of a folder.
    pub files: Vec<String>,
    /// Which frame of its file each slice is, from 1.
    pub frames: Vec<u32>,
    /// Images that the reader says it left out, as another one has their position.
    pub dropped: usize,
    /// How far slices are from where the affine puts them, by the reader's own account, in mm.
    pub slack_mm: f64,
    /// What the reader reports besides, for people.
    pub report: String,
    /// Where the values were written, if they were.
    pub dump: Option<String>,
}

/// Bytes of the values as little-endian `f32`, part by part.
pub fn little_endian<T: Scalar>(values: &[T], mut each: impl FnMut(&[u8])) {
    let mut bytes = Vec::with_capacity(1 << 16);
    for part in values.chunks(1 << 14) {
        bytes.clear();
        // One NaN for all of them: conversions may change its bits.
        let number = |v: f32| if v.is_nan() { f32::NAN } else { v };
        bytes.extend(part.iter().flat_map(|v| number(v.to_f32()).to_le_bytes()));
        each(&bytes);
    }
}

/// The first 16 hexadecimal digits of a SHA-256.
#[must_use]
pub fn short_hash(hasher: Sha256) -> String {
    hasher.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// [`short_hash`] of bytes.
#[must_use]
pub fn hash_bytes(bytes: &[u8]) -> String {
    short_hash(Sha256::new_with_prefix(bytes))
}

impl Values {
    /// Sums up an array.
    pub fn new<T: Scalar>(format: &str, axes: &str, shape: &[usize], values: &[T]) -> Self {
        let mut hasher = Sha256::new();
        little_endian(values, |bytes| hasher.update(bytes));
        let (mut min, mut max, mut sum, mut numbers) = (f64::INFINITY, f64::NEG_INFINITY, 0.0, 0usize);
        for value in values.iter().map(|v| v.to_f64()).filter(|v| !v.is_nan()) {
            min = min.min(value);
            max = max.max(value);
            sum += value;
            numbers += 1;
        }
        let some = numbers > 0;
        Self {
            format: format.into(),
            axes: axes.into(),
            shape: shape.to_vec(),
            affine: None,
            pixel_spacing: None,
            hash: short_hash(hasher),
            min: some.then_some(min as f32),
            max: some.then_some(max as f32),
            mean: some.then(|| sum / numbers as f64),
            not_numbers: values.len() - numbers,
            files: Vec::new(),
            frames: Vec::new(),
            dropped: 0,
            slack_mm: 0.0,
            report: String::new(),
            dump: None,
        }
    }

    /// With a place in the patient.
    #[must_use]
    pub fn placed(self, geometry: &Geometry) -> Self {
        let [x, y, z, _] = geometry.voxel_to_lps().to_rows();
        Self { affine: Some([x, y, z]), ..self }
    }

    /// The affine in one line, rounded to a millionth of a millimetre; `-` without one.
    #[must_use]
    pub fn affine_text(&self) -> String {
        let Some(rows) = &self.affine else { return "-".into() };
        // Adding 0 turns -0 into 0.
        let number = |x: &f64| format!("{}", (x * 1e6).round() / 1e6 + 0.0);
        rows.iter().flatten().map(number).collect::<Vec<_>>().join(" ")
    }

    /// The axes and extents in one line: `zyx 4x6x8`.
    #[must_use]
    pub fn shape_text(&self) -> String {
        let extents: Vec<_> = self.shape.iter().map(usize::to_string).collect();
        format!("{} {}", self.axes, extents.join("x"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_up() {
        let values = Values::new("test", "yx", &[2, 2], &[1.0f32, f32::NAN, 3.0, -1.0]);
        assert_eq!((values.min, values.max, values.mean), (Some(-1.0), Some(3.0), Some(1.0)));
        assert_eq!(values.not_numbers, 1);
        let bytes: Vec<u8> = [1.0f32, f32::NAN, 3.0, -1.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        assert_eq!(values.hash, hash_bytes(&bytes));
        assert_eq!(values.shape_text(), "yx 2x2");
    }
}

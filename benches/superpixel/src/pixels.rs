//! Pixels from files without a header.

use std::path::Path;

use medcore::Spacing;
use medsuperpixel::{Slic, Superpixels};
use ndarray::{Array4, ArrayView4};

use crate::error::{Error, Result};

/// Pixels `[channel, slice, row, column]`, and the distances between them.
pub(crate) struct Pixels {
    values: Values,
    spacing: Spacing,
}

enum Values {
    U8(Array4<u8>),
    I16(Array4<i16>),
}

impl Pixels {
    /// Of a file of `u8` or little-endian `i16`, from the words `TYPE CHANNELS SLICES ROWS COLUMNS SLICE_MM ROW_MM COLUMN_MM PATH`.
    ///
    /// # Errors
    /// [`Error::Command`], [`Error::Io`] and [`Error::Size`].
    pub(crate) fn load(words: &[&str]) -> Result<Self> {
        let [kind, numbers @ .., path] = words else { return Err(bad("TYPE ... PATH", &words.join(" "))) };
        let numbers: Vec<f64> =
            numbers.iter().map(|w| w.parse().map_err(|_| bad("a number", w))).collect::<Result<_>>()?;
        let [channels, slices, rows, columns, slice, row, column] = numbers[..] else {
            return Err(bad("7 numbers", &words.join(" ")));
        };
        let shape = [channels, slices, rows, columns].map(|v| v as usize);
        let path = Path::new(path);
        let bytes = std::fs::read(path).map_err(Error::io(path))?;
        let values = match *kind {
            "u8" => Values::U8(array(bytes, shape, path)?),
            "i16" => {
                let values = bytes.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect();
                Values::I16(array(values, shape, path)?)
            }
            other => return Err(bad("u8 or i16", other)),
        };
        Ok(Self { values, spacing: Spacing::new(column, row, slice) })
    }

    /// # Errors
    /// As `medsuperpixel` has them.
    pub(crate) fn divide(&self, slic: &Slic) -> Result<Superpixels> {
        let spacing = self.spacing;
        Ok(match &self.values {
            Values::U8(v) => slic.channels(ArrayView4::from(v), spacing, None)?,
            Values::I16(v) => slic.channels(ArrayView4::from(v), spacing, None)?,
        })
    }
}

fn array<T>(values: Vec<T>, shape: [usize; 4], path: &Path) -> Result<Array4<T>> {
    let found = values.len();
    Array4::from_shape_vec(shape, values).map_err(|_| Error::Size {
        path: path.into(),
        expected: shape.iter().product(),
        found,
    })
}

pub(crate) fn bad(expected: &'static str, found: &str) -> Error {
    Error::Command { expected, found: found.to_string() }
}

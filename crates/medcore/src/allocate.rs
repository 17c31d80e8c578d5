//! Memory for results whose size the caller chose.

use crate::error::{Error, Result};

/// A vector of `len` copies of a value.
///
/// # Errors
/// [`Error::OutOfMemory`] where there is no room for it, instead of the abort of `vec![]`.
pub(crate) fn filled<T: Clone>(len: usize, value: T) -> Result<Vec<T>> {
    let mut values = with_capacity(len)?;
    values.resize(len, value);
    Ok(values)
}

/// An empty vector with room for `len` values.
pub(crate) fn with_capacity<T>(len: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    let bytes = len.saturating_mul(size_of::<T>());
    values.try_reserve_exact(len).map_err(|_| Error::OutOfMemory { bytes })?;
    Ok(values)
}

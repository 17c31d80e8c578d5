//! Memory for voxels, whose number a caller or a file chose.

use bytemuck::allocation::try_zeroed_vec;

use crate::error::{Error, Result};
use crate::huge_pages;
use crate::scalar::Scalar;

/// Zeros, of memory that the system has not had to provide yet: it does so where, and on the thread on which, they are first
/// touched, in huge pages where it can.
///
/// ```
/// assert_eq!(medcore::zeroed::<i16>(3)?, [0, 0, 0]);
/// assert!(medcore::zeroed::<f32>(usize::MAX / 8).is_err());
/// # Ok::<(), medcore::Error>(())
/// ```
///
/// # Errors
/// [`Error::OutOfMemory`], instead of the abort of `vec![]`.
pub fn zeroed<T: Scalar>(len: usize) -> Result<Vec<T>> {
    let values = try_zeroed_vec(len).map_err(|()| out_of_memory::<T>(len))?;
    huge_pages::advise(&values);
    Ok(values)
}

/// Makes room for at least so many more values, and for no more where that can be, in huge pages where the system can.
///
/// # Errors
/// [`Error::OutOfMemory`], instead of the abort of [`Vec::reserve_exact`].
pub fn reserve<T: Scalar>(values: &mut Vec<T>, more: usize) -> Result<()> {
    values.try_reserve_exact(more).map_err(|_| out_of_memory::<T>(values.len().saturating_add(more)))?;
    huge_pages::advise(values);
    Ok(())
}

/// A vector of `len` copies of a value.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub(crate) fn filled<T: Scalar>(len: usize, value: T) -> Result<Vec<T>> {
    // Not -0.0.
    if value.to_f64().to_bits() == 0 {
        return zeroed(len);
    }
    let mut values = Vec::new();
    reserve(&mut values, len)?;
    values.resize(len, value);
    Ok(values)
}

/// An empty vector with room for `len` values.
pub(crate) fn with_capacity<T>(len: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    values.try_reserve_exact(len).map_err(|_| out_of_memory::<T>(len))?;
    Ok(values)
}

fn out_of_memory<T>(len: usize) -> Error {
    Error::OutOfMemory { bytes: len.saturating_mul(size_of::<T>()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_zero_is_kept() {
        assert!(filled(2, -0.0f32).unwrap().iter().all(|v| v.is_sign_negative()));
        assert_eq!(filled(2, 7u8).unwrap(), [7, 7]);
    }

    #[test]
    fn room_is_refused_without_abort() {
        let mut values = vec![1.0f64];
        let found = reserve(&mut values, usize::MAX / 4).unwrap_err();
        assert!(matches!(found, Error::OutOfMemory { .. }), "{found}");
        assert_eq!(values, [1.0]);
    }
}

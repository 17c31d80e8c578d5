//! Numbers of values.

/// The product of sizes.
///
/// # Panics
/// When it is too large to count: unchecked, it could come out as small as what there is.
pub(crate) fn product(sizes: &[usize]) -> usize {
    let product = sizes.iter().try_fold(1_usize, |product, &size| product.checked_mul(size));
    assert!(product.is_some(), "{sizes:?} values are too many to count");
    product.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::product;

    #[test]
    fn products_do_not_wrap() {
        assert_eq!(product(&[]), 1);
        assert_eq!(product(&[3, 0, 5]), 0);
        assert!(std::panic::catch_unwind(|| product(&[1 << 32, 1 << 32])).is_err());
    }
}

//! Layer normalisation.

use burn::tensor::Tensor;

/// `gamma * (x - mean) / sqrt(variance + epsilon) + beta` over the last axis (Ba et al., arXiv 1607.06450).
///
/// # Shapes
/// - `x` and output: `[.., width]`; `gamma`, `beta`: `[width]`
///
/// # Panics
/// On other shapes.
pub fn layer_norm<const D: usize>(
    x: Tensor<D>,
    gamma: Tensor<1>,
    beta: Option<Tensor<1>>,
    epsilon: f64,
) -> Tensor<D> {
    let width = x.dims()[D - 1];
    assert_eq!(gamma.dims(), [width], "factors of a normalisation over {width} values");
    assert!(
        beta.as_ref().is_none_or(|beta| beta.dims() == [width]),
        "summands of a normalisation over {width} values"
    );
    #[cfg(feature = "kernels")]
    if super::kernels::usable(&x) {
        return super::kernels::layer_norm(x, gamma, beta, epsilon);
    }
    burn::tensor::module::layer_norm(x, gamma, beta, epsilon)
}

//! Whether the kernels are used.

use std::sync::atomic::{AtomicU8, Ordering};

use burn::tensor::Tensor;

/// Not decided yet, off, on.
static STATE: AtomicU8 = AtomicU8::new(0);

/// Whether operations on the `flex` device run the kernels of `medkernels`.
///
/// They do where the feature `kernels` is compiled in, unless [`set_kernels_enabled`] or the environment variable `MEDBURN_KERNELS=0`
/// says otherwise.
pub fn kernels_enabled() -> bool {
    match STATE.load(Ordering::Relaxed) {
        0 => {
            let off = std::env::var("MEDBURN_KERNELS").is_ok_and(|value| matches!(value.trim(), "0" | "off"));
            set_kernels_enabled(!off);
            !off && cfg!(feature = "kernels")
        }
        state => state == 2 && cfg!(feature = "kernels"),
    }
}

/// Switches the kernels on or off for the whole process, to compare them with burn's own operations.
pub fn set_kernels_enabled(enabled: bool) {
    STATE.store(1 + u8::from(enabled), Ordering::Relaxed);
}

/// Whether the kernels take this tensor, and no gradients are asked for: channels are then best last, and weights packed.
pub(crate) fn kernels_infer<const D: usize>(x: &Tensor<D>) -> bool {
    #[cfg(feature = "kernels")]
    if super::kernels::usable(x) {
        return !x.device().is_autodiff();
    }
    let _ = x;
    false
}

//! From the instruction set in use to code compiled for it.
#![allow(unsafe_code)]

use super::{Isa, Portable, Simd};

/// Work that is written once over [`Simd`].
pub(crate) trait Kernel {
    /// What the work returns.
    type Output;

    /// Does the work. Mark it `#[inline(always)]`, and all that it calls with `simd`: only what is inlined is compiled
    /// for the instruction set.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// Runs `kernel` compiled for `isa`, or as plain Rust where the processor lacks it.
pub(crate) fn run<K: Kernel>(isa: Isa, kernel: K) -> K::Output {
    match isa {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the processor was asked for the features.
        Isa::Avx512 if isa.is_available() => unsafe { run_avx512(kernel) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the processor was asked for the features.
        Isa::Avx2 if isa.is_available() => unsafe { run_avx2(kernel) },
        #[cfg(target_arch = "aarch64")]
        // SAFETY: the processor was asked for the feature.
        Isa::Neon if isa.is_available() => unsafe { run_neon(kernel) },
        _ => kernel.run(Portable),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
    // SAFETY: this function is compiled for the feature, so its caller has vouched for it.
    kernel.run(unsafe { super::Avx512::assume() })
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
    // SAFETY: this function is compiled for the features, so its caller has vouched for them.
    kernel.run(unsafe { super::Avx2::assume() })
}

#[cfg(target_arch = "aarch64")]
#[target_feature(enable = "neon")]
fn run_neon<K: Kernel>(kernel: K) -> K::Output {
    // SAFETY: this function is compiled for the feature, so its caller has vouched for it.
    kernel.run(unsafe { super::Neon::assume() })
}

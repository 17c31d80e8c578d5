//! Which instruction set the kernels use.

use std::cell::Cell;
use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

/// An instruction set that the kernels are compiled for.
///
/// The fastest one that the processor has is found once. The environment variable `MEDKERNELS_ISA` (`avx512`, `avx2`,
/// `neon` or `portable`), read when first needed, picks another one; a name that is unknown, or names what this
/// processor lacks, changes nothing. [`with_isa`] does the same for one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Isa {
    /// x86-64 with AVX-512F: 16 numbers a register.
    Avx512,
    /// x86-64 with AVX2 and FMA: 8 numbers a register.
    Avx2,
    /// AArch64 with NEON: 4 numbers a register.
    Neon,
    /// Plain Rust, which the compiler vectorises for its baseline.
    Portable,
}

impl Isa {
    /// Every instruction set, fastest first.
    pub const ALL: [Isa; 4] = [Isa::Avx512, Isa::Avx2, Isa::Neon, Isa::Portable];

    /// The instruction set that the next call on this thread uses.
    pub fn current() -> Isa {
        OVERRIDE.with(Cell::get).unwrap_or_else(Isa::detected)
    }

    /// Whether this processor has it.
    pub fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => is_x86_feature_detected!("avx512f"),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => std::arch::is_aarch64_feature_detected!("neon"),
            Isa::Portable => true,
            #[allow(unreachable_patterns)]
            _ => false,
        }
    }

    /// Those that this processor has, fastest first.
    pub fn available() -> impl Iterator<Item = Isa> {
        Isa::ALL.into_iter().filter(|isa| isa.is_available())
    }

    fn detected() -> Isa {
        static DETECTED: OnceLock<Isa> = OnceLock::new();
        *DETECTED.get_or_init(|| Isa::choose(std::env::var("MEDKERNELS_ISA").ok().as_deref()))
    }

    /// The one called `name` where the processor has it, else the fastest.
    fn choose(name: Option<&str>) -> Isa {
        name.and_then(|name| name.parse().ok())
            .filter(|isa: &Isa| isa.is_available())
            .or_else(|| Isa::available().next())
            .unwrap_or(Isa::Portable)
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Isa::Avx512 => "avx512",
            Isa::Avx2 => "avx2",
            Isa::Neon => "neon",
            Isa::Portable => "portable",
        })
    }
}

/// The name is that of no instruction set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseIsaError;

impl fmt::Display for ParseIsaError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("expected avx512, avx2, neon or portable")
    }
}

impl std::error::Error for ParseIsaError {}

impl FromStr for Isa {
    type Err = ParseIsaError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Isa::ALL
            .into_iter()
            .find(|isa| name.trim().eq_ignore_ascii_case(&isa.to_string()))
            .ok_or(ParseIsaError)
    }
}

thread_local! {
    static OVERRIDE: Cell<Option<Isa>> = const { Cell::new(None) };
}

/// Runs `body` with the kernels that it calls using `isa`; `None`, and `body` is not run, where the processor lacks it.
///
/// Holds for calls made by this thread; the threads that a kernel spreads its work over follow it.
///
/// ```
/// use medkernels::{Isa, with_isa};
/// assert_eq!(with_isa(Isa::Portable, Isa::current), Some(Isa::Portable));
/// ```
pub fn with_isa<R>(isa: Isa, body: impl FnOnce() -> R) -> Option<R> {
    struct Restore(Option<Isa>);
    impl Drop for Restore {
        fn drop(&mut self) {
            OVERRIDE.with(|cell| cell.set(self.0));
        }
    }
    if !isa.is_available() {
        return None;
    }
    let _restore = Restore(OVERRIDE.with(|cell| cell.replace(Some(isa))));
    Some(body())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for isa in Isa::ALL {
            assert_eq!(isa.to_string().parse(), Ok(isa));
        }
        assert_eq!(" AVX2 ".parse(), Ok(Isa::Avx2));
        assert_eq!("sse9".parse::<Isa>(), Err(ParseIsaError));
    }

    #[test]
    fn a_name_that_cannot_be_followed_changes_nothing() {
        let fastest = Isa::available().next();
        assert_eq!(Some(Isa::choose(None)), fastest);
        assert_eq!(Some(Isa::choose(Some("sse9"))), fastest);
        for isa in Isa::ALL {
            let expected = if isa.is_available() { Some(isa) } else { fastest };
            assert_eq!(Some(Isa::choose(Some(&isa.to_string()))), expected);
        }
    }

    #[test]
    fn an_override_ends_with_its_call() {
        let before = Isa::current();
        assert_eq!(with_isa(Isa::Portable, Isa::current), Some(Isa::Portable));
        assert_eq!(Isa::current(), before);
        for isa in Isa::ALL.into_iter().filter(|isa| !isa.is_available()) {
            assert_eq!(with_isa(isa, || ()), None);
        }
    }
}

//! Choosing the device that tensors live and run on.

use std::fmt;
use std::str::FromStr;

use burn::tensor::Device;

use crate::error::{Error, Result};

/// A way to run tensors. Which ones a build has is decided by Cargo features of the same names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Backend {
    /// burn's portable CPU backend.
    Flex,
    /// The older CPU backend on the `ndarray` crate.
    NdArray,
    /// GPUs through Vulkan, Metal, Direct3D 12 or WebGPU.
    Wgpu,
    /// NVIDIA GPUs through CUDA.
    Cuda,
}

impl Backend {
    /// All that this crate knows, compiled in or not.
    pub const ALL: [Self; 4] = [Self::Flex, Self::NdArray, Self::Wgpu, Self::Cuda];

    /// Name, also that of its Cargo feature.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::NdArray => "ndarray",
            Self::Wgpu => "wgpu",
            Self::Cuda => "cuda",
        }
    }

    /// Whether this build has it.
    pub const fn is_compiled(self) -> bool {
        match self {
            Self::Flex => cfg!(feature = "flex"),
            Self::NdArray => cfg!(feature = "ndarray"),
            Self::Wgpu => cfg!(feature = "wgpu"),
            Self::Cuda => cfg!(feature = "cuda"),
        }
    }

    /// Those that this build has.
    pub fn compiled() -> Vec<Self> {
        Self::ALL.into_iter().filter(|b| b.is_compiled()).collect()
    }

    /// The default device of this backend, opened and checked.
    ///
    /// ```
    /// use mednn::{Backend, Error};
    /// match "flex".parse::<Backend>()?.open() {
    ///     Ok(device) => println!("running on {device}"),
    ///     Err(Error::BackendNotCompiled { .. }) => println!("compile with --features flex"),
    ///     Err(other) => return Err(other),
    /// }
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::BackendNotCompiled`]; [`Error::NoDevice`] when there is no hardware or driver for it.
    pub fn open(self) -> Result<OpenDevice> {
        match self {
            #[cfg(feature = "flex")]
            Self::Flex => Ok(OpenDevice::cpu(self, Device::flex())),
            #[cfg(feature = "ndarray")]
            #[allow(deprecated)]
            // leaves burn in 0.23; kept as a second opinion on the numbers until then
            Self::NdArray => Ok(OpenDevice::cpu(self, Device::ndarray())),
            #[cfg(feature = "wgpu")]
            Self::Wgpu => {
                use burn::tensor::{DeviceKind, DeviceType};
                OpenDevice::probe(self, DeviceType::Wgpu, || Device::wgpu(DeviceKind::DefaultDevice))
            }
            #[cfg(feature = "cuda")]
            Self::Cuda => OpenDevice::probe(self, burn::tensor::DeviceType::Cuda, || Device::cuda(0)),
            #[allow(unreachable_patterns)] // with all features on
            _ => Err(Error::BackendNotCompiled { backend: self, available: compiled_names() }),
        }
    }
}

fn compiled_names() -> String {
    let names: Vec<_> = Backend::compiled().into_iter().map(Backend::name).collect();
    if names.is_empty() { "none".to_string() } else { names.join(", ") }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Backend {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|b| b.name() == name)
            .ok_or_else(|| Error::UnknownBackend { found: name.to_string() })
    }
}

/// A device that answered.
#[derive(Debug, Clone)]
pub struct OpenDevice {
    backend: Backend,
    device: Device,
    hardware: String,
}

impl OpenDevice {
    #[cfg(any(feature = "flex", feature = "ndarray"))]
    fn cpu(backend: Backend, device: Device) -> Self {
        let hardware = format!("CPU, {}", std::env::consts::ARCH);
        Self { backend, device, hardware }
    }

    /// Opens a device, if there is one to be found, and runs one addition on it. Drivers report what is missing by panicking, on
    /// this thread or on their own; that becomes an error here.
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    fn probe(
        backend: Backend,
        kind: burn::tensor::DeviceType,
        open: impl FnOnce() -> Device + std::panic::UnwindSafe,
    ) -> Result<Self> {
        use burn::tensor::Tensor;
        let no_device = |reason| Error::NoDevice { backend, reason };
        // Looked for first: opening what is not there panics on a thread of the driver's.
        let found = std::panic::catch_unwind(|| Device::enumerate(kind).into_vec());
        if found.map_err(|panic| no_device(panic_text(&*panic)))?.is_empty() {
            return Err(no_device("found no adapter with a driver".to_string()));
        }
        let opened = std::panic::catch_unwind(|| {
            let device = open();
            let hardware = device.identity().map_or_else(|| "unnamed".to_string(), |i| i.name.to_string());
            let sum = Tensor::<1>::from_floats([1.0, 2.0], &device) + 1.0;
            (device, hardware, crate::bridge::read_f32(sum))
        });
        let (device, hardware, sum) = opened.map_err(|panic| no_device(panic_text(&*panic)))?;
        let sum = sum.map_err(|error| no_device(error.to_string()))?;
        if sum == [2.0, 3.0] {
            Ok(Self { backend, device, hardware })
        } else {
            Err(no_device(format!("[1, 2] + 1 came back as {sum:?}")))
        }
    }

    /// Which backend it belongs to.
    pub const fn backend(&self) -> Backend {
        self.backend
    }

    /// The device, for burn.
    pub const fn device(&self) -> &Device {
        &self.device
    }

    /// What it runs on, as the driver calls it.
    pub fn hardware(&self) -> &str {
        &self.hardware
    }
}

impl fmt::Display for OpenDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.backend, self.hardware)
    }
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("the driver failed to start");
    text.lines().next().unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_others_are_refused() {
        for backend in Backend::ALL {
            assert_eq!(backend.to_string().parse::<Backend>().unwrap(), backend);
        }
        assert!(matches!("tpu".parse::<Backend>(), Err(Error::UnknownBackend { .. })));
    }

    #[test]
    fn a_backend_that_was_not_compiled_says_which_feature_it_wants() {
        for backend in Backend::ALL.into_iter().filter(|b| !b.is_compiled()) {
            let error = backend.open().unwrap_err();
            assert!(matches!(error, Error::BackendNotCompiled { .. }));
            assert!(error.to_string().contains(&format!("feature `{backend}`")), "{error}");
        }
    }
}

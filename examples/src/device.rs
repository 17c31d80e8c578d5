//! The `--device` argument.

use clap::Args;
use mednn::{Backend, OpenDevice};

use crate::error::Result;

/// Where tensors run.
#[derive(Args, Debug, Clone)]
pub struct DeviceArgs {
    /// Device: flex, ndarray, wgpu or cuda, as far as compiled in (Cargo features of the same names).
    #[arg(long, default_value_t = first_compiled(), value_name = "NAME")]
    pub device: String,
}

impl DeviceArgs {
    /// Opens the device, and checks that it answers.
    ///
    /// # Errors
    /// [`Error::Network`](crate::Error::Network) when it is unknown, not compiled in or not there.
    pub fn open(&self) -> Result<OpenDevice> {
        Ok(self.device.parse::<Backend>()?.open()?)
    }
}

/// The first backend that this build has.
fn first_compiled() -> String {
    Backend::compiled().first().copied().unwrap_or(Backend::Flex).to_string()
}

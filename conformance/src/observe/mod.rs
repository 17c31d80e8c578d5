//! The one place that knows the interface of medio: from a path to [`Observation`](crate::observation::Observation)s, and from
//! damaged bytes to a verdict.

mod damaged;
mod dicom;
mod format;
mod found;
mod grids;

pub use damaged::{Came, read_bytes, scan_bytes};
pub use format::Format;
pub use found::{kind, observe};

//! Findings with boxes and measurements as DICOM structured reports (TID 1500, PS3.16), written and read back.
//!
//! | region | content item | template |
//! |---|---|---|
//! | [`Region::Box`], in the patient | the six faces of the box, `SCOORD3D` polygons | 1411, volumetric |
//! | [`Region::Rectangle`], on an image | a closed `SCOORD` polyline | 1410, planar |
//!
//! Reports are Comprehensive 3D SR Storage (PS3.3 A.35.13).

mod content;
mod finding;
mod options;
mod read;
mod write;

pub use finding::{Finding, Measurement, Region, Site};
pub use options::SrOptions;
pub use read::{MeasurementReport, read, read_bytes};
pub use write::write_measurements;

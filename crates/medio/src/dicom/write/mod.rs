//! Writing DICOM objects: data sets, new UIDs, and what is taken over from the source series.

mod charset;
mod clock;
mod code;
mod data_set;
mod decimal;
mod encode;
mod new_series;
mod object;
mod origin;
mod plane;
mod text_rules;
mod uid;

pub use code::Code;
pub(super) use data_set::NewDataSet;
pub(super) use decimal::{rounded as rounded_decimal, text as decimal_text};
pub(super) use encode::write_file;
pub use new_series::NewSeries;
pub(super) use object::{MANUFACTURER, MODEL, Output, new_study_uid};
pub(super) use origin::{Origin, SourceImage};
pub(super) use plane::{Plane, Planes};
pub(super) use text_rules::check_single;

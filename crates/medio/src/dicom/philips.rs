//! The private scale of Philips MR images.
//!
//! The standard's rescale (RescaleSlope RS, RescaleIntercept RI) brings stored values to what the console displays, and a
//! series may be scaled so that its display range fills 12 bits. What the reconstruction computed, and what compares between
//! series, is `(RS stored + RI) / (RS SS)` with the private scale slope SS in (2005,xx0E) of `Philips MR Imaging DD 001`.

use std::sync::Arc;

use dicom_dictionary_std::tags;

use super::dataset::DataSet;
use super::header::Header;
use super::private;
use crate::error::{Error, Result};

const CREATOR: &str = "Philips MR Imaging DD 001";
const SCALE_SLOPE: u8 = 0x0E;

/// The factor of each image from rescaled values to those of the reconstruction.
pub(super) fn factors(headers: &[&Header]) -> Result<Vec<f64>> {
    let mut factors = Vec::with_capacity(headers.len());
    // The frames of one file follow each other: it is read once for them.
    for images in headers.chunk_by(|a, b| Arc::ptr_eq(&a.file, &b.file)) {
        let Some(first) = images.first() else { continue };
        let elements = first.read_elements()?;
        for header in images {
            factors.push(factor(header, elements.data_set())?);
        }
    }
    Ok(factors)
}

fn factor(header: &Header, set: DataSet<'_>) -> Result<f64> {
    let slope = header.slope.unwrap_or(1.0);
    let scale = scale_slope(set, header.frame as usize).ok_or_else(|| Error::MissingAttribute {
        path: header.label(),
        attribute: "Scale Slope (2005,xx0E) of Philips",
    })?;
    let factor = 1.0 / (slope * scale);
    if factor.is_finite() {
        return Ok(factor);
    }
    Err(Error::Invalid {
        path: header.label(),
        what: "RescaleSlope and Scale Slope (2005,xx0E) of Philips",
        expected: "numbers other than 0".to_string(),
        found: format!("{slope} and {scale}"),
    })
}

/// In the data set itself, or, in enhanced objects, in a private group of the frame.
fn scale_slope(set: DataSet<'_>, frame: usize) -> Option<f64> {
    let of =
        |set: DataSet<'_>| private::find(set, 0x2005, CREATOR, SCALE_SLOPE)?.floats().next().map(f64::from);
    let groups = set.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).nth(frame);
    let in_frame = groups.and_then(|groups| groups.elements().find_map(|group| of(group.items().next()?)));
    in_frame.or_else(|| of(set))
}

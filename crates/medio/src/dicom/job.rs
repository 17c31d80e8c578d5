//! Reading the pixels of one image to real values.

use std::sync::Arc;

use super::codec::Decoded;
use super::frame::{Frame, FrameSource};
use super::header::Header;
use super::lut::Lut;
use super::options::{LoadOptions, Padding};
use super::pixels::{Conversion, PaddingRange, Rescale};
use crate::error::{Error, Result};

/// One slice to read: its header, checked.
pub(super) struct Job<'a> {
    pub(super) header: &'a Header,
    source: FrameSource<'a>,
    pub(super) conversion: Conversion,
}

impl<'a> Job<'a> {
    /// Checks all that can be told without reading the pixels, so that nothing is allocated for a file that cannot be read.
    pub(super) fn new(header: &'a Header, options: &LoadOptions) -> Result<Self> {
        let source = FrameSource::new(header)?;
        check_grey(header, &source)?;
        let conversion = conversion(header, options);
        Ok(Self { header, source, conversion })
    }

    /// Decompresses the mosaic that the slice lies in, so that its other slices need not, as long as the result lives.
    pub(super) fn keep_mosaic(&self) -> Result<Option<Arc<Decoded>>> {
        self.source.keep_mosaic()
    }

    /// Reads and converts the slice. Returns how many voxels are padding.
    pub(super) fn run(&self, buffer: &mut Vec<u8>, out: &mut [f32]) -> Result<u64> {
        let lut = self.lut()?;
        let frame = self.source.read(buffer)?;
        Ok(match lut {
            Some(lut) => self.convert_by_table(&frame, &lut, out),
            None => Conversion { format: frame.format, ..self.conversion }.apply(
                &frame.bytes,
                frame.skipped_bits,
                out,
            ),
        })
    }

    /// The table of a file of several images is kept.
    fn lut(&self) -> Result<Option<Arc<Lut>>> {
        let file = &self.header.file;
        if !file.has_modality_lut {
            return Ok(None);
        }
        if let Some(known) = file.modality_lut.get() {
            return Ok(Some(known.clone()));
        }
        let lut = Arc::new(self.read_lut()?);
        if file.frames == 1 {
            return Ok(Some(lut));
        }
        Ok(Some(file.modality_lut.get_or_init(|| lut).clone()))
    }

    fn read_lut(&self) -> Result<Lut> {
        let elements = self.header.read_elements()?;
        let signed = self.header.format.signed;
        Lut::modality(elements.data_set(), signed).ok_or_else(|| Error::Invalid {
            path: self.header.path.clone(),
            what: "ModalityLUTSequence",
            expected: "a table as its descriptor says".to_string(),
            found: "none".to_string(),
        })
    }

    fn convert_by_table(&self, frame: &Frame<'_>, lut: &Lut, out: &mut [f32]) -> u64 {
        let stored = Conversion {
            format: frame.format,
            rescale: Rescale { slope: 1.0, intercept: 0.0 },
            padding: None,
            float_padding: None,
            padding_value: None,
        };
        stored.apply(&frame.bytes, frame.skipped_bits, out);
        let mut padded = 0;
        for voxel in out {
            let is_padding = |p: &PaddingRange| {
                f64::from(p.low) <= f64::from(*voxel) && f64::from(*voxel) <= f64::from(p.high)
            };
            let is_padding = self.conversion.padding.as_ref().is_some_and(is_padding);
            padded += u64::from(is_padding);
            *voxel = match self.conversion.padding_value {
                Some(value) if is_padding => value,
                _ => f32::from(lut.apply(f64::from(*voxel))),
            };
        }
        padded
    }
}

/// Whether these are grey pixels whose real values are known.
fn check_grey(header: &Header, source: &FrameSource<'_>) -> Result<()> {
    if !source.image.photometric.is_grey() {
        return Err(Error::Unsupported {
            path: header.path.clone(),
            what: "PhotometricInterpretation",
            found: format!("{} where grey values are wanted", header.photometric.as_str()),
        });
    }
    let invalid = |what, expected: &str, found: String| {
        Err(Error::Invalid { path: header.path.clone(), what, expected: expected.to_string(), found })
    };
    let Rescale { slope, intercept } = rescale(header);
    if header.has_modality_lut {
        // One excludes the other (PS3.3 C.11.1); only a rescale that changes nothing contradicts no table.
        if slope != 1.0 || intercept != 0.0 {
            let found = format!("both, with {slope} and {intercept}");
            return invalid("ModalityLUTSequence", "a table or a rescale", found);
        }
        return Ok(());
    }
    let missing = |attribute| Err(Error::MissingAttribute { path: header.path.clone(), attribute });
    match (header.slope, header.intercept) {
        // Stored values in place of HU or activity would go unnoticed.
        (None, _) if header.must_have_rescale() => return missing("RescaleSlope"),
        (_, None) if header.must_have_rescale() => return missing("RescaleIntercept"),
        _ => {}
    }
    if !slope.is_finite() || slope == 0.0 || !intercept.is_finite() {
        let found = format!("{slope} and {intercept}");
        return invalid("RescaleSlope and RescaleIntercept", "a number other than 0 and a number", found);
    }
    Ok(())
}

fn rescale(header: &Header) -> Rescale {
    Rescale { slope: header.slope.unwrap_or(1.0), intercept: header.intercept.unwrap_or(0.0) }
}

fn conversion(header: &Header, options: &LoadOptions) -> Conversion {
    let format = header.format;
    let padding = header.padding.map(|value| {
        let value = format.attribute(value);
        let limit = header.padding_limit.map_or(value, |limit| format.attribute(limit));
        PaddingRange { low: value.min(limit), high: value.max(limit) }
    });
    let float_padding = header.float_padding.map(|value| {
        let limit = header.float_padding_limit.unwrap_or(value);
        if limit < value { (limit, value) } else { (value, limit) }
    });
    Conversion {
        format,
        rescale: rescale(header),
        padding,
        float_padding,
        padding_value: match options.padding {
            Padding::Keep => None,
            Padding::Value(value) => Some(value),
        },
    }
}

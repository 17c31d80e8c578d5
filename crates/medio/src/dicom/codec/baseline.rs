//! Lossy JPEG of 8 bits: baseline, extended and progressive.

use jpeg_decoder::{ColorTransform, Decoder};

use super::{Failure, Samples};

/// Decodes an image whose size was checked before; its components are not transformed.
pub(super) fn decode(codestream: &[u8]) -> Result<Samples, Failure> {
    let mut decoder = Decoder::new(codestream);
    // Three components are taken for red, green and blue, which need no transform; `None` would leave them row by row.
    decoder.set_color_transform(ColorTransform::RGB);
    decoder.decode().map(Samples::U8).map_err(|e| e.to_string().into())
}

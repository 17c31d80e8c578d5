//! Encoder and decode head.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::config::SegformerConfig;
use super::decode_head::DecodeHead;
use super::output::SegformerOutput;
use crate::error::{Error, Result};
use crate::mit::Mit;

/// A SegFormer; see the [module documentation](super).
///
/// Made by [`SegformerConfig::init`] with random weights or by [`Segformer::from_pretrained`].
#[derive(Module, Debug)]
pub struct Segformer {
    encoder: Mit,
    head: DecodeHead,
}

impl Segformer {
    pub(super) fn new(config: &SegformerConfig, device: &Device) -> Self {
        Self { encoder: config.encoder.init(device), head: DecodeHead::new(config, device) }
    }

    /// Segments normalised images of any size.
    ///
    /// # Shapes
    /// - `images`: `[batch, channels, height, width]`
    ///
    /// # Errors
    /// As [`Mit::encode`].
    pub fn segment(&self, images: Tensor<4>) -> Result<SegformerOutput> {
        self.encoder.check(&images)?;
        let [_, _, height, width] = images.dims();
        Ok(SegformerOutput::new(self.forward(images), [height, width]))
    }

    /// Logits of a batch of images without checking it.
    ///
    /// # Shapes
    /// - `images`: `[batch, channels, height, width]`
    /// - output: `[batch, classes, height / 4, width / 4]`, rounded up
    ///
    /// # Panics
    /// As [`Mit::forward`].
    pub fn forward(&self, images: Tensor<4>) -> Tensor<4> {
        self.head.forward(&self.encoder.forward(images))
    }

    /// The encoder.
    pub const fn encoder(&self) -> &Mit {
        &self.encoder
    }

    /// The decode head.
    pub const fn head(&self) -> &DecodeHead {
        &self.head
    }

    /// With another encoder of the same widths: one that was trained elsewhere, or a frozen one
    /// (`encoder.freeze()`).
    ///
    /// # Errors
    /// [`Error::Shape`] when its widths are others.
    pub fn with_encoder(self, encoder: Mit) -> Result<Self> {
        if encoder.widths() == self.encoder.widths() {
            return Ok(Self { encoder, ..self });
        }
        let expected = format!("widths {:?}", self.encoder.widths());
        Err(Error::Shape { what: "encoder", expected, found: encoder.widths().to_vec() })
    }

    /// Encoder and head.
    pub fn into_parts(self) -> (Mit, DecodeHead) {
        (self.encoder, self.head)
    }
}

//! How the pixels of one image are laid out (PS3.3 C.7.6.3.1).

use super::pixels::SampleFormat;

/// What the samples of a pixel mean (PS3.3 C.7.6.3.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Photometric {
    /// Grey, high values dark.
    Monochrome1,
    /// Grey, high values bright.
    #[default]
    Monochrome2,
    /// Indices into a table of colours.
    Palette,
    Rgb,
    YbrFull,
    /// One pair of colour differences for two pixels, where the pixels are native.
    YbrFull422,
    /// The same within the range of television signals; retired.
    YbrPartial422,
    YbrPartial420,
    /// The irreversible transform of JPEG 2000.
    YbrIct,
    /// The reversible one.
    YbrRct,
}

impl Photometric {
    /// By its defined term; `None` for those retired without a successor (HSV, ARGB, CMYK) and others.
    pub(super) fn parse(term: &str) -> Option<Self> {
        Some(match term {
            "MONOCHROME1" => Self::Monochrome1,
            "MONOCHROME2" => Self::Monochrome2,
            "PALETTE COLOR" => Self::Palette,
            "RGB" => Self::Rgb,
            "YBR_FULL" => Self::YbrFull,
            "YBR_FULL_422" => Self::YbrFull422,
            "YBR_PARTIAL_422" => Self::YbrPartial422,
            "YBR_PARTIAL_420" => Self::YbrPartial420,
            "YBR_ICT" => Self::YbrIct,
            "YBR_RCT" => Self::YbrRct,
            _ => return None,
        })
    }

    pub(super) fn is_grey(self) -> bool {
        matches!(self, Self::Monochrome1 | Self::Monochrome2)
    }

    /// Samples of a pixel.
    pub(super) fn samples(self) -> usize {
        if self.is_grey() || self == Self::Palette { 1 } else { 3 }
    }
}

/// The layout of one image, as its header says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ImageFormat {
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Samples of a pixel.
    pub(super) samples: usize,
    pub(super) sample: SampleFormat,
    pub(super) photometric: Photometric,
    /// All samples of one kind come before those of the next, in place of pixel by pixel.
    pub(super) planar: bool,
}

/// Where one frame is within native pixel data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NativeRange {
    /// Of its first byte.
    pub(super) start: u64,
    /// Its bytes.
    pub(super) length: u64,
    /// The bits of its first byte that belong to the frame before; only images of 1 bit have any.
    pub(super) skipped_bits: u8,
}

impl ImageFormat {
    /// Rows times columns.
    pub(super) const fn pixels(&self) -> usize {
        self.rows * self.columns
    }

    /// Bits that one native frame takes.
    fn native_bits(&self) -> u64 {
        let bits = self.pixels() as u64 * u64::from(self.sample.bits_allocated);
        match self.photometric {
            Photometric::YbrFull422 | Photometric::YbrPartial422 => {
                // Two luminances and a pair of colour differences; rows have an even number of columns.
                (self.rows * self.columns.next_multiple_of(2)) as u64
                    * 2
                    * u64::from(self.sample.bits_allocated)
            }
            Photometric::YbrPartial420 => bits * 3 / 2,
            _ => bits * self.samples as u64,
        }
    }

    /// Bytes of all samples of one frame, none left out.
    pub(super) fn decoded_bytes(&self) -> u64 {
        (self.pixels() * self.samples) as u64 * u64::from(self.sample.bits_allocated).div_ceil(8)
    }

    /// Where a frame is within native pixel data. Frames of 1 bit follow each other without a gap (PS3.5 8.1.1).
    pub(super) fn native_range(&self, frame: u32) -> NativeRange {
        let bits = self.native_bits();
        let first = bits.saturating_mul(u64::from(frame));
        let skipped = first % 8;
        NativeRange { start: first / 8, length: (skipped + bits).div_ceil(8), skipped_bits: skipped as u8 }
    }
}

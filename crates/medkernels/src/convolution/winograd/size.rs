//! Which convolutions gain by which tiles.

use super::super::conv2d::Conv2d;

/// Outputs along each axis of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::convolution) enum TileSize {
    Two,
    Four,
}

/// Channels, of input or output, below which transforming takes longer than it saves.
const FEW: usize = 16;
/// Channels above which a column of weights does not fit the first cache.
const MANY: usize = 1024;
/// Tiles of an image that pay for reading weights that are 16/9 as many (two outputs) or four times as many (four): those of maps from 13 x 13 and
/// from 25 x 25 on.
const TILES: usize = 49;

impl TileSize {
    /// Those for a convolution, if any pay.
    ///
    /// It depends on one image and not on the batch, so that what comes of an image does not depend on what is beside it.
    pub(in crate::convolution) fn paying(sizes: &Conv2d, outputs: usize) -> Option<Self> {
        let Conv2d { channels, kernel, stride, dilation, .. } = *sizes;
        let channels_pay = (FEW..=MANY).contains(&channels) && outputs >= FEW;
        if kernel != [3, 3] || stride != [1, 1] || dilation != [1, 1] || !channels_pay {
            return None;
        }
        let tiles = |side: usize| sizes.output_size().iter().map(|n| n.div_ceil(side)).product::<usize>();
        if tiles(4) >= TILES {
            Some(Self::Four)
        } else if tiles(2) >= TILES {
            Some(Self::Two)
        } else {
            None
        }
    }
}

//! Which pixels belong to which tile.

use super::super::conv2d::Conv2d;

/// The tiles of outputs of a batch of images: image after image, row after row. The last ones of a row or column may reach beyond the output.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    sizes: Conv2d,
    output: [usize; 2],
    /// Outputs of a tile along an axis.
    side: usize,
    tiles: [usize; 2],
}

/// A tile of outputs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    image: usize,
    row: usize,
    column: usize,
}

impl Grid {
    pub(super) fn new(sizes: &Conv2d, side: usize) -> Self {
        let output = sizes.output_size();
        Self { sizes: *sizes, output, side, tiles: output.map(|n| n.div_ceil(side)) }
    }

    /// Tiles of an image.
    pub(super) const fn tiles(&self) -> usize {
        self.tiles[0] * self.tiles[1]
    }

    pub(super) const fn place(&self, tile: usize) -> Place {
        let [_, wide] = self.tiles;
        let row = tile / wide % self.tiles[0] * self.side;
        Place { image: tile / self.tiles(), row, column: tile % wide * self.side }
    }

    /// Rows and columns of the tile that are outputs.
    pub(super) fn inside(&self, place: Place) -> [usize; 2] {
        [(self.output[0] - place.row).min(self.side), (self.output[1] - place.column).min(self.side)]
    }

    /// An output of the tile, counted over all images.
    pub(super) const fn output(&self, place: Place, row: usize, column: usize) -> usize {
        (place.image * self.output[0] + place.row + row) * self.output[1] + place.column + column
    }

    /// A pixel that the tile sees, counted over all images; `None` beyond the image.
    pub(super) fn pixel(&self, place: Place, row: usize, column: usize) -> Option<usize> {
        let Conv2d { size: [height, width], padding, .. } = self.sizes;
        let row = (place.row + row).checked_sub(padding[0]).filter(|&row| row < height)?;
        let column = (place.column + column).checked_sub(padding[1]).filter(|&column| column < width)?;
        Some((place.image * height + row) * width + column)
    }
}

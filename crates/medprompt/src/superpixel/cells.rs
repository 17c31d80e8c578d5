//! Pixels by the cell of a regular grid that they lie in.
//!
//! Of all superpixels a pixel looks at nine. Laid out cell by cell, those nine are the same for all pixels of a cell: what is known of
//! pixels and superpixels takes nine values a pixel, not one for each superpixel of the image.

use burn::tensor::{Device, IndexingUpdateOp, Int, Tensor, TensorData};

/// Cells around one, itself included.
pub(super) const NEIGHBOURS: usize = 9;
/// The squared distance to what is not there.
const FAR: f32 = 1e16;

/// Which pixels and which other cells belong to each cell. All cells have room for as many pixels as the fullest.
#[derive(Debug, Clone)]
pub(super) struct Cells {
    count: usize,
    capacity: usize,
    /// The pixel at each place of each cell, any pixel where a cell has none: `[count * capacity]`.
    order: Tensor<1, Int>,
    /// The place of each pixel: `[pixels]`.
    places: Tensor<1, Int>,
    /// 1 where a place has a pixel, else 0: `[1, count, capacity, 1]`.
    present: Tensor<4>,
    /// The cells around each, row by row, any cell where there is none: `[count * 9]`.
    neighbours: Tensor<1, Int>,
    /// 0 where there is a neighbour, else [`FAR`]: `[1, count, 1, 9]`.
    hidden: Tensor<4>,
}

impl Cells {
    /// A grid of cells over an image of a size.
    pub(super) fn new(size: [usize; 2], grid: [usize; 2], device: &Device) -> Self {
        let (count, pixels) = (grid[0] * grid[1], size[0] * size[1]);
        let cell = |pixel: usize| {
            let [y, x] = [pixel / size[1] * grid[0] / size[0], pixel % size[1] * grid[1] / size[1]];
            y * grid[1] + x
        };
        let mut members = vec![Vec::new(); count];
        (0..pixels).for_each(|pixel| members[cell(pixel)].push(pixel as i64));
        let capacity = members.iter().map(Vec::len).max().unwrap_or(0);
        let (mut order, mut present) = (vec![0; count * capacity], vec![0.0_f32; count * capacity]);
        let mut places = vec![0; pixels];
        for (cell, members) in members.iter().enumerate() {
            for (place, &pixel) in (cell * capacity..).zip(members) {
                (order[place], present[place], places[pixel as usize]) = (pixel, 1.0, place as i64);
            }
        }
        let (neighbours, hidden) = neighbours(grid);
        let indices =
            |values: Vec<i64>| Tensor::from_data(TensorData::new(values.clone(), [values.len()]), device);
        Self {
            count,
            capacity,
            order: indices(order),
            places: indices(places),
            present: Tensor::from_data(TensorData::new(present, [1, count, capacity, 1]), device),
            neighbours: indices(neighbours),
            hidden: Tensor::from_data(TensorData::new(hidden, [1, count, 1, NEIGHBOURS]), device),
        }
    }

    /// Values of pixels `[batch, channels, pixels]` by cells: `[batch, count, capacity, channels]`.
    pub(super) fn by_cell(&self, values: Tensor<3>) -> Tensor<4> {
        let [batch, channels, _] = values.dims();
        let values = values.swap_dims(1, 2).select(1, self.order.clone());
        values.reshape([batch, self.count, self.capacity, channels])
    }

    /// Values by cells `[batch, count, capacity, channels]` of pixels: `[batch, pixels, channels]`.
    pub(super) fn by_pixel(&self, values: Tensor<4>) -> Tensor<3> {
        let [batch, _, _, channels] = values.dims();
        values.reshape([batch, self.count * self.capacity, channels]).select(1, self.places.clone())
    }

    /// What the nine cells around each have: `[batch, count, channels]` to `[batch, count, 9, channels]`.
    pub(super) fn around(&self, values: Tensor<3>) -> Tensor<4> {
        let [batch, _, channels] = values.dims();
        values.select(1, self.neighbours.clone()).reshape([batch, self.count, NEIGHBOURS, channels])
    }

    /// What each cell gets from those around it, added up: `[batch, count, 9, channels]` to `[batch, count, channels]`.
    pub(super) fn gather(&self, values: Tensor<4>) -> Tensor<3> {
        let [batch, _, _, channels] = values.dims();
        let nothing = Tensor::zeros([batch, self.count, channels], &values.device());
        let values = values.reshape([batch, self.count * NEIGHBOURS, channels]);
        nothing.select_assign(1, self.neighbours.clone(), values, IndexingUpdateOp::Add)
    }

    /// 1 where a place has a pixel, else 0: `[1, count, capacity, 1]`.
    pub(super) fn present(&self) -> Tensor<4> {
        self.present.clone()
    }

    /// A distance that leaves out neighbours beyond the border: `[1, count, 1, 9]`.
    pub(super) fn hidden(&self) -> Tensor<4> {
        self.hidden.clone()
    }

    /// The nine cells that each pixel looks at: `[pixels, 9]`.
    pub(super) fn seen(&self) -> Tensor<2, Int> {
        let around = self.neighbours.clone().reshape([self.count, 1, NEIGHBOURS]);
        let places = around.expand([self.count, self.capacity, NEIGHBOURS]);
        places.reshape([self.count * self.capacity, NEIGHBOURS]).select(0, self.places.clone())
    }

    /// The number of cells.
    pub(super) const fn count(&self) -> usize {
        self.count
    }
}

/// The cells around each cell of a grid, and how far they are for not being there.
fn neighbours(grid: [usize; 2]) -> (Vec<i64>, Vec<f32>) {
    let along = |at: usize, step: usize, count: usize| (at + step).checked_sub(1).filter(|&to| to < count);
    let cells = (0..grid[0] * grid[1]).flat_map(|cell| (0..NEIGHBOURS).map(move |step| (cell, step)));
    cells
        .map(|(cell, step)| {
            let row = along(cell / grid[1], step / 3, grid[0]);
            let column = along(cell % grid[1], step % 3, grid[1]);
            row.zip(column).map_or((0, FAR), |(row, column)| ((row * grid[1] + column) as i64, 0.0))
        })
        .unzip()
}

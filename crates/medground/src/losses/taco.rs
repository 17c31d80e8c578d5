//! The region of a phrase beside other regions of the image.

use burn::tensor::activation::{log_softmax, softmax};
use burn::tensor::{Bool, Tensor, TensorData};
use medcore::PixelBox;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use crate::error::Result;

/// Temperature of the cosines.
const TEMPERATURE: f64 = 0.1;
/// Boxes of about the size of the true one, elsewhere: how far each side may differ, and how much they may overlap it.
const SIZE_CHANGE: f64 = 0.1;
const LARGEST_IOU: f64 = 0.25;
/// Draws before a box that overlaps more is taken all the same: a box that fills the image leaves no room elsewhere.
const DRAWS: usize = 100;

/// Draws boxes beside a true one; the same seed gives the same boxes on every machine.
#[derive(Debug)]
pub struct TacoNegatives {
    rng: ChaCha8Rng,
    count: usize,
}

impl TacoNegatives {
    /// Five for each box, as in the paper.
    pub fn new(seed: u64) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(seed), count: 5 }
    }

    /// Boxes whose sides are within 10 % of the true one's, and whose IoU with it is at most 0.25 where there is room for that;
    /// else the one of least overlap that was drawn.
    ///
    /// # Errors
    /// [`Error::Image`](crate::Error::Image) when the true box is not finite.
    pub fn draw(&mut self, truth: [f32; 4]) -> Result<Vec<[f32; 4]>> {
        let [cx, cy, width, height] = truth.map(f64::from);
        let wanted = PixelBox::from_cxcywh(cx, cy, width, height)?;
        let mut found = Vec::with_capacity(self.count);
        for _ in 0..self.count {
            let mut best: Option<(f64, [f64; 4])> = None;
            for _ in 0..DRAWS {
                let [w, h] = [width, height].map(|side| {
                    (side * self.rng.random_range(1.0 - SIZE_CHANGE..=1.0 + SIZE_CHANGE)).clamp(1e-3, 1.0)
                });
                let x = w / 2.0 + (1.0 - w) * self.rng.random::<f64>();
                let y = h / 2.0 + (1.0 - h) * self.rng.random::<f64>();
                let iou = PixelBox::from_cxcywh(x, y, w, h)?.iou(&wanted);
                if best.is_none_or(|(least, _)| iou < least) {
                    best = Some((iou, [x, y, w, h]));
                }
                if iou <= LARGEST_IOU {
                    break;
                }
            }
            found.extend(best.map(|(_, unit)| unit.map(|v| v as f32)));
        }
        Ok(found)
    }
}

/// The weight of the loss in an epoch: `0.05 (epoch / epochs)^0.9`.
pub fn taco_weight(epoch: usize, epochs: usize) -> f64 {
    0.05 * (epoch as f64 / epochs.max(1) as f64).powf(0.9)
}

/// Tri-attention context contrastive alignment (MedRPG: Chen et al., MICCAI 2023): the phrase is to be closer to its region than to
/// others of the same image. Cross-entropy over cosines / 0.1, the mean over the batch.
///
/// A region is the mean of the image's tokens in its box; the phrase is the first token of its text. Both get their context added:
/// for a region what it finds in the text by softmax attention, for the phrase what it finds in the image. How the context is
/// computed is this crate's reading of the paper.
///
/// # Shapes
/// - `image`: `[batch, rows * columns, width]`, row by row, with `valid` `[batch, rows * columns]`
/// - `text`: `[batch, length, width]`, with `text_valid` `[batch, length]`
/// - `boxes`: for each of the batch its true box first, then the others, as many for each
/// - output: `[1]`
///
/// # Panics
/// On other shapes.
pub fn taco_loss(
    image: Tensor<3>,
    valid: Tensor<2, Bool>,
    grid: [usize; 2],
    text: Tensor<3>,
    text_valid: Tensor<2, Bool>,
    boxes: &[Vec<[f32; 4]>],
) -> Tensor<1> {
    let [batch, tokens, width] = image.dims();
    let regions = boxes.first().map_or(0, Vec::len);
    let means: Vec<f32> = boxes.iter().flat_map(|boxes| boxes.iter().flat_map(|b| shares(b, grid))).collect();
    let means = Tensor::from_data(TensorData::new(means, [batch, regions, tokens]), &image.device());
    let region = Tensor::<3>::matmul(means, image.clone());
    let phrase = text.clone().narrow(1, 0, 1);
    let region = region.clone() + attended(region, text, text_valid);
    let phrase = phrase.clone() + attended(phrase, image, valid);
    let length = |x: &Tensor<3>| x.clone().powi_scalar(2).sum_dim(2).clamp_min(1e-12).sqrt();
    let phrase = phrase.expand([batch, regions, width]);
    let cosine = (region.clone() * phrase.clone()).sum_dim(2) / (length(&region) * length(&phrase));
    let scores = log_softmax(cosine.reshape([batch, regions]) / TEMPERATURE, 1);
    scores.narrow(1, 0, 1).sum() / -(batch as f64)
}

/// What queries find among keys, by scaled dot products.
fn attended(query: Tensor<3>, keys: Tensor<3>, valid: Tensor<2, Bool>) -> Tensor<3> {
    let [batch, count, width] = query.dims();
    let length = keys.dims()[1];
    let scores = query.matmul(keys.clone().swap_dims(1, 2)) / (width as f64).sqrt();
    let hidden = valid.bool_not().unsqueeze_dim::<3>(1).expand([batch, count, length]);
    softmax(scores.mask_fill(hidden, -1e9), 2).matmul(keys)
}

/// The share that each cell of a grid has in a box: cells whose centre lies in it, evenly; the nearest cell where none does.
fn shares([cx, cy, width, height]: &[f32; 4], [rows, columns]: [usize; 2]) -> Vec<f32> {
    let inside = |at: usize, of: usize, centre: f32, side: f32| {
        let place = (at as f32 + 0.5) / of as f32;
        (place - centre).abs() <= side / 2.0
    };
    let cell = |i: usize| {
        f32::from(inside(i / columns, rows, *cy, *height) && inside(i % columns, columns, *cx, *width))
    };
    let mut cells: Vec<f32> = (0..rows * columns).map(cell).collect();
    let total: f32 = cells.iter().sum();
    if total > 0.0 {
        cells.iter_mut().for_each(|c| *c /= total);
    } else {
        let nearest = |centre: f32, of: usize| ((centre * of as f32) as usize).min(of - 1);
        cells[nearest(*cy, rows) * columns + nearest(*cx, columns)] = 1.0;
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_regions_are_elsewhere_and_alike() {
        let truth = [0.3, 0.4, 0.3, 0.2];
        let drawn = TacoNegatives::new(7).draw(truth).unwrap();
        assert_eq!(drawn.len(), 5);
        let pixel = |b: [f32; 4]| {
            let [x, y, w, h] = b.map(f64::from);
            PixelBox::from_cxcywh(x, y, w, h).unwrap()
        };
        for b in &drawn {
            assert!(pixel(*b).iou(&pixel(truth)) <= 0.25 + 1e-6);
            assert!((b[2] / truth[2] - 1.0).abs() <= 0.1001 && (b[3] / truth[3] - 1.0).abs() <= 0.1001);
            assert!(pixel(*b).xyxy().iter().all(|v| (-1e-6..=1.0 + 1e-6).contains(v)));
        }
        assert_eq!(TacoNegatives::new(7).draw(truth).unwrap(), drawn);
        // A box that fills the image still gets its five.
        assert_eq!(TacoNegatives::new(7).draw([0.5, 0.5, 1.0, 1.0]).unwrap().len(), 5);
    }

    #[test]
    fn a_region_is_the_mean_of_its_cells() {
        let found = shares(&[0.25, 0.5, 0.5, 1.0], [2, 4]);
        assert_eq!(found, [0.25, 0.25, 0.0, 0.0, 0.25, 0.25, 0.0, 0.0]);
        assert_eq!(shares(&[0.99, 0.99, 0.01, 0.01], [2, 2]), [0.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn the_weight_grows() {
        assert_eq!(taco_weight(0, 90), 0.0);
        assert!((taco_weight(90, 90) - 0.05).abs() < 1e-12);
    }
}

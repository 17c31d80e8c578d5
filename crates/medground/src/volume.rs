//! Phrases in volumes.

use std::ops::Range;

use burn::tensor::{Tensor, TensorData};
use medcore::{Box3, Geometry, Image, Lps, PixelBox, Point3, Volume, Voxel};
use medeval::detection::ScoredBox;

use crate::error::{Error, Result};
use crate::phrase_grounder::PhraseGrounder;
use crate::vision::{ImageFeatures, Letterbox, PreparedPixels};

/// How a phrase is looked for in the slices of a volume.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VolumeOptions {
    /// Slices that go through the backbone at once.
    pub slice_batch: usize,
    /// How many slices to each side the features of a slice are fused with, by falling weights; 0 for each slice alone.
    pub fusion_radius: usize,
    /// Boxes of neighbouring slices belong together when their IoU reaches this.
    pub link_iou: f64,
    /// Boxes on fewer slices are left out.
    pub least_slices: usize,
}

impl Default for VolumeOptions {
    fn default() -> Self {
        Self { slice_batch: 8, fusion_radius: 1, link_iou: 0.3, least_slices: 2 }
    }
}

/// A box in a volume that a phrase stands for.
#[derive(Debug, Clone, PartialEq)]
pub struct VolumeHit {
    /// The mean over its slices, 0 to 1.
    pub score: f64,
    /// The slices it is on.
    pub slices: Range<usize>,
    /// The smallest box around its boxes on all slices, to the outer faces.
    pub voxels: Box3<Voxel>,
    geometry: Geometry,
}

impl VolumeHit {
    /// The smallest box along the patient's axes around it, in mm.
    pub fn to_lps(&self) -> Box3<Lps> {
        self.voxels.map_affine(self.geometry.voxel_to_lps())
    }
}

/// A volume whose slices have been through the backbone.
#[derive(Debug, Clone)]
pub struct PreparedVolume {
    features: ImageFeatures,
    letterbox: Letterbox,
    geometry: Geometry,
}

/// Boxes of neighbouring slices that belong together.
struct Chain {
    first: usize,
    boxes: Vec<ScoredBox<PixelBox>>,
}

impl PhraseGrounder {
    /// Sends the slices of a volume through the backbone, as they are stored, and fuses the features of neighbours. Grey values are
    /// scaled by one range for all slices. Memory grows with the number of slices.
    ///
    /// # Errors
    /// [`Error::Config`] for a model that does not score its boxes (TransVG finds something on every slice), and for a
    /// `slice_batch` of 0; as [`prepare`](Self::prepare).
    pub fn prepare_volume(&self, volume: &Volume<f32>, options: &VolumeOptions) -> Result<PreparedVolume> {
        let wrong = |field, expected: &str, found: String| {
            Err(Error::Config { field, expected: expected.to_string(), found })
        };
        if !self.model().scores_boxes() {
            return wrong("model_type", "a model that scores its boxes", "transvg".to_string());
        }
        if options.slice_batch == 0 {
            return wrong("slice_batch", "at least 1", "0".to_string());
        }
        let vision = self.config().vision();
        let preprocessor = self.preprocessor().for_volume(volume)?;
        let [slices, rows, columns] = volume.size();
        let mut batches = Vec::new();
        for start in (0..slices).step_by(options.slice_batch) {
            let range = start..(start + options.slice_batch).min(slices);
            let prepared = range
                .filter_map(|index| volume.slice(index))
                .map(|slice| {
                    let image = Image::grey(slice.to_owned())?;
                    preprocessor.prepare(&image, vision.channels(), vision.stride())
                })
                .collect::<Result<Vec<_>>>()?;
            let (images, pixels) =
                PreparedPixels::batch(&prepared.iter().collect::<Vec<_>>(), self.device())?;
            batches.push(self.model().encode_images(images, pixels));
        }
        let features = fuse(ImageFeatures::cat(&batches), options.fusion_radius);
        let letterbox = Letterbox::new(rows, columns, preprocessor.size)?;
        Ok(PreparedVolume { features, letterbox, geometry: *volume.geometry() })
    }

    /// The boxes of a phrase in a prepared volume, best first.
    ///
    /// On each slice the phrase is grounded as in an image; boxes of neighbouring slices that overlap become one, from the best
    /// pairs down, and a box ends on a slice where nothing overlaps it.
    ///
    /// # Errors
    /// As [`ground_all`](Self::ground_all).
    pub fn ground_volume(
        &self,
        volume: &PreparedVolume,
        phrase: &str,
        options: &VolumeOptions,
    ) -> Result<Vec<VolumeHit>> {
        let slices = volume.features.images();
        let mut boxes = Vec::with_capacity(slices);
        for start in (0..slices).step_by(options.slice_batch.max(1)) {
            let range: Vec<usize> = (start..(start + options.slice_batch.max(1)).min(slices)).collect();
            let found = self.candidates(&volume.features.select(&range), &vec![phrase; range.len()])?;
            for candidates in found {
                boxes.push(self.kept(candidates, &volume.letterbox)?);
            }
        }
        let mut hits: Vec<VolumeHit> = link(&boxes, options.link_iou)
            .into_iter()
            .filter(|chain| chain.boxes.len() >= options.least_slices)
            .map(|chain| chain.hit(volume.geometry))
            .collect();
        hits.sort_by(|a, b| b.score.total_cmp(&a.score));
        Ok(hits)
    }
}

impl Chain {
    fn hit(&self, geometry: Geometry) -> VolumeHit {
        let slices = self.first..self.first + self.boxes.len();
        let score = self.boxes.iter().map(|b| b.score).sum::<f64>() / self.boxes.len().max(1) as f64;
        let corners = self.boxes.iter().map(|b| b.bounds).reduce(|a, b| a.hull(&b));
        let [x0, y0, x1, y1] = corners.map_or([0.0; 4], |hull| hull.xyxy().map(|v| v - 0.5));
        let [z0, z1] = [slices.start, slices.end].map(|z| z as f64 - 0.5);
        let voxels = Box3::spanning(Point3::new(x0, y0, z0), Point3::new(x1, y1, z1));
        VolumeHit { score, slices, voxels, geometry }
    }
}

/// Chains of boxes over neighbouring slices: the pair of largest overlap first, each box in one chain.
fn link(slices: &[Vec<ScoredBox<PixelBox>>], least_iou: f64) -> Vec<Chain> {
    let (mut closed, mut open): (Vec<Chain>, Vec<Chain>) = (Vec::new(), Vec::new());
    for (index, boxes) in slices.iter().enumerate() {
        let mut pairs = Vec::new();
        for (c, chain) in open.iter().enumerate() {
            for (b, found) in boxes.iter().enumerate() {
                let iou = chain.boxes.last().map_or(0.0, |last| last.bounds.iou(&found.bounds));
                if iou >= least_iou && iou > 0.0 {
                    pairs.push((iou, c, b));
                }
            }
        }
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
        let (mut chain_of, mut box_of) = (vec![None; boxes.len()], vec![None; open.len()]);
        for (_, c, b) in pairs {
            if chain_of[b].is_none() && box_of[c].is_none() {
                (chain_of[b], box_of[c]) = (Some(c), Some(b));
            }
        }
        let mut next = Vec::new();
        for (mut chain, found) in open.into_iter().zip(box_of) {
            match found {
                Some(b) => {
                    chain.boxes.push(boxes[b]);
                    next.push(chain);
                }
                None => closed.push(chain),
            }
        }
        let alone = boxes.iter().zip(chain_of).filter(|(_, chain)| chain.is_none());
        next.extend(alone.map(|(b, _)| Chain { first: index, boxes: vec![*b] }));
        open = next;
    }
    closed.extend(open);
    closed
}

/// The features of each slice with those of its neighbours: weights fall evenly to 0 beyond the radius.
fn fuse(features: ImageFeatures, radius: usize) -> ImageFeatures {
    let [slices, tokens, width] = features.tokens.dims();
    if radius == 0 || slices < 2 {
        return features;
    }
    let weight = |a: usize, b: usize| (radius + 1).saturating_sub(a.abs_diff(b)) as f32;
    let mut weights = Vec::with_capacity(slices * slices);
    for row in 0..slices {
        let total: f32 = (0..slices).map(|column| weight(row, column)).sum();
        weights.extend((0..slices).map(|column| weight(row, column) / total));
    }
    let device = features.tokens.device();
    let weights = Tensor::<2>::from_data(TensorData::new(weights, [slices, slices]), &device);
    let fused = weights.matmul(features.tokens.reshape([slices, tokens * width]));
    ImageFeatures { tokens: fused.reshape([slices, tokens, width]), ..features }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(x: f64, score: f64) -> ScoredBox<PixelBox> {
        ScoredBox::new(PixelBox::new(x, 0.0, x + 10.0, 10.0).unwrap(), score)
    }

    #[test]
    fn boxes_of_neighbours_become_one() {
        let slices = [
            vec![],
            vec![scored(0.0, 0.9), scored(50.0, 0.8)],
            vec![scored(51.0, 0.6), scored(2.0, 0.7)],
            vec![scored(4.0, 0.8)],
            vec![scored(90.0, 0.9)],
        ];
        let mut chains = link(&slices, 0.3);
        chains.sort_by_key(|chain| (chain.first, chain.boxes.len()));
        let found: Vec<_> = chains.iter().map(|c| (c.first, c.boxes.len())).collect();
        assert_eq!(found, [(1, 2), (1, 3), (4, 1)]);
        let geometry =
            Geometry::axial([5, 20, 100], medcore::Spacing::new(0.5, 0.5, 2.0), Point3::new(1.0, 0.0, 0.0))
                .unwrap();
        let hit = chains[1].hit(geometry);
        assert_eq!(hit.slices, 1..4);
        assert!((hit.score - 0.8).abs() < 1e-12);
        let lps = hit.to_lps();
        assert_eq!(lps.min().coords(), [0.75, -0.25, 1.0]);
        assert_eq!(lps.max().coords(), [7.75, 4.75, 7.0]);
    }
}

//! Phrases in volumes.

use std::ops::Range;

use burn::tensor::{Tensor, TensorData};
use medcore::{Box3, Geometry, Image, Lps, PixelBox, Point3, Volume, Voxel};
use medeval::detection::ScoredBox;
use mednn::bridge::read_f32;
use mednn::weights::Precision;

use crate::error::{Error, Result};
use crate::phrase_grounder::PhraseGrounder;
use crate::stored_values::StoredValues;
use crate::text::tokenize;
use crate::vision::{ImageFeatures, ImagePreprocessor, Letterbox, PreparedPixels};

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
    /// How the features of a [`PreparedVolume`] are kept; in 16 bits they are rounded to three significant digits.
    pub precision: Precision,
}

impl Default for VolumeOptions {
    fn default() -> Self {
        Self { slice_batch: 8, fusion_radius: 1, link_iou: 0.3, least_slices: 2, precision: Precision::F32 }
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

/// A volume whose slices have been through the backbone: any number of phrases can be grounded in it.
///
/// It takes `4 * slices * tokens * width` bytes of the host's memory, half of that with [`VolumeOptions::precision`] in 16 bits: 300 slices of
/// 20 x 20 tokens of 256 are 123 or 61 MB. [`PhraseGrounder::ground_in_volume`] grounds given phrases without keeping that.
#[derive(Debug, Clone)]
pub struct PreparedVolume {
    /// The fused tokens of each slice.
    slices: Vec<StoredValues>,
    /// One slice: where its tokens are, which all slices share.
    like: ImageFeatures,
    letterbox: Letterbox,
    geometry: Geometry,
}

impl PreparedVolume {
    /// How many bytes its features take.
    pub fn bytes(&self) -> usize {
        self.slices.iter().map(StoredValues::bytes).sum()
    }

    fn features(&self, range: Range<usize>) -> ImageFeatures {
        let [_, tokens, width] = self.like.tokens.dims();
        let (count, device) = (range.len(), self.like.tokens.device());
        let mut values = Vec::with_capacity(count * tokens * width);
        for slice in &self.slices[range] {
            slice.append_to(&mut values);
        }
        let values = TensorData::new(values, [count, tokens, width]);
        ImageFeatures { tokens: Tensor::from_data(values, &device), ..self.like.select(&vec![0; count]) }
    }
}

/// Boxes of neighbouring slices that belong together.
struct Chain {
    first: usize,
    boxes: Vec<ScoredBox<PixelBox>>,
}

impl PhraseGrounder {
    /// Sends the slices of a volume through the backbone, as they are stored, and fuses the features of neighbours. Grey values are
    /// scaled by one range for all slices. For its memory see [`PreparedVolume`].
    ///
    /// # Errors
    /// [`Error::Config`] for a model that does not score its boxes (TransVG finds something on every slice), and for a
    /// `slice_batch` of 0; as [`prepare`](Self::prepare).
    pub fn prepare_volume(&self, volume: &Volume<f32>, options: &VolumeOptions) -> Result<PreparedVolume> {
        let mut slices = Vec::with_capacity(volume.size()[0]);
        let mut like = None;
        let letterbox = self.for_each_slices(volume, options, |features| {
            let [_, tokens, width] = features.tokens.dims();
            let values = read_f32(features.tokens.clone())?;
            let each = values.chunks((tokens * width).max(1));
            slices.extend(each.map(|slice| StoredValues::new(slice.to_vec(), options.precision)));
            like.get_or_insert_with(|| features.select(&[0]));
            Ok(())
        })?;
        let like = like.ok_or_else(|| Error::Batch {
            what: "slices",
            expected: "at least one".to_string(),
            found: "none".to_string(),
        })?;
        Ok(PreparedVolume { slices, like, letterbox, geometry: *volume.geometry() })
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
        let slices = volume.slices.len();
        let mut boxes = Vec::with_capacity(slices);
        let batch = options.slice_batch.max(1);
        for start in (0..slices).step_by(batch) {
            let features = volume.features(start..(start + batch).min(slices));
            boxes.extend(self.boxes_on_slices(&features, phrase, &volume.letterbox)?);
        }
        Ok(hits(&boxes, options, volume.geometry))
    }

    /// The boxes of several phrases in a volume, best first, in one pass over its slices: as [`prepare_volume`](Self::prepare_volume) and
    /// [`ground_volume`](Self::ground_volume), but with the features of no more than `slice_batch + 2 * fusion_radius` slices at a time, whatever
    /// the volume.
    ///
    /// # Errors
    /// As both.
    pub fn ground_in_volume(
        &self,
        volume: &Volume<f32>,
        phrases: &[&str],
        options: &VolumeOptions,
    ) -> Result<Vec<Vec<VolumeHit>>> {
        for phrase in phrases {
            // First: it costs nothing to refuse.
            tokenize(self.tokenizer(), phrase, self.config().text_tokens())?;
        }
        let [_, rows, columns] = volume.size();
        let letterbox = Letterbox::new(rows, columns, self.preprocessor().size)?;
        let mut boxes = vec![Vec::new(); phrases.len()];
        self.for_each_slices(volume, options, |features| {
            for (boxes, phrase) in boxes.iter_mut().zip(phrases) {
                boxes.extend(self.boxes_on_slices(&features, phrase, &letterbox)?);
            }
            Ok(())
        })?;
        Ok(boxes.iter().map(|boxes| hits(boxes, options, *volume.geometry())).collect())
    }

    fn boxes_on_slices(
        &self,
        features: &ImageFeatures,
        phrase: &str,
        letterbox: &Letterbox,
    ) -> Result<Vec<Vec<ScoredBox<PixelBox>>>> {
        let found = self.candidates(features, &vec![phrase; features.images()])?;
        found.into_iter().map(|candidates| self.kept(candidates, letterbox)).collect()
    }

    /// The fused features of the slices of a volume, some at a time, in order. Those of no more slices are kept than the fusion still needs.
    fn for_each_slices(
        &self,
        volume: &Volume<f32>,
        options: &VolumeOptions,
        mut each: impl FnMut(ImageFeatures) -> Result<()>,
    ) -> Result<Letterbox> {
        let wrong = |field, expected: &str, found: String| {
            Err(Error::Config { field, expected: expected.to_string(), found })
        };
        if !self.model().scores_boxes() {
            return wrong("model_type", "a model that scores its boxes", "transvg".to_string());
        }
        if options.slice_batch == 0 {
            return wrong("slice_batch", "at least 1", "0".to_string());
        }
        let preprocessor = self.preprocessor().for_volume(volume)?;
        let [slices, rows, columns] = volume.size();
        let radius = options.fusion_radius.min(slices);
        // Features as the backbone gave them, of slices from `first`; those before `done` have been given to `each`.
        let mut seen: Option<ImageFeatures> = None;
        let (mut first, mut done) = (0, 0);
        for start in (0..slices).step_by(options.slice_batch) {
            let end = (start + options.slice_batch).min(slices);
            let new = self.encode_slices(volume, start..end, &preprocessor)?;
            let all = match seen.take() {
                Some(old) => ImageFeatures::cat(&[old, new]),
                None => new,
            };
            let ready = if end == slices { slices } else { end.saturating_sub(radius) };
            if ready > done {
                each(fuse(&all, first, done..ready, slices, radius))?;
                done = ready;
            }
            let keep = done.saturating_sub(radius).max(first);
            seen = (keep < end).then(|| all.select(&(keep - first..end - first).collect::<Vec<_>>()));
            first = keep;
        }
        Letterbox::new(rows, columns, preprocessor.size)
    }

    fn encode_slices(
        &self,
        volume: &Volume<f32>,
        range: Range<usize>,
        preprocessor: &ImagePreprocessor,
    ) -> Result<ImageFeatures> {
        let vision = self.config().vision();
        let prepared = range
            .filter_map(|index| volume.slice(index))
            .map(|slice| {
                let image = Image::grey(slice.to_owned())?;
                preprocessor.prepare(&image, vision.channels(), vision.stride())
            })
            .collect::<Result<Vec<_>>>()?;
        let (images, pixels) = PreparedPixels::batch(&prepared.iter().collect::<Vec<_>>(), self.device())?;
        Ok(self.model().encode_images(images, pixels))
    }
}

/// The chains of boxes that are long enough, best first.
fn hits(boxes: &[Vec<ScoredBox<PixelBox>>], options: &VolumeOptions, geometry: Geometry) -> Vec<VolumeHit> {
    let mut hits: Vec<VolumeHit> = link(boxes, options.link_iou)
        .into_iter()
        .filter(|chain| chain.boxes.len() >= options.least_slices)
        .map(|chain| chain.hit(geometry))
        .collect();
    hits.sort_by(|a, b| b.score.total_cmp(&a.score));
    hits
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

/// The features of the slices of a range with those of their neighbours: weights fall evenly to 0 beyond the radius. `features` are of
/// slices from `first` on, and reach as far as the radius, or the volume.
fn fuse(
    features: &ImageFeatures,
    first: usize,
    range: Range<usize>,
    slices: usize,
    radius: usize,
) -> ImageFeatures {
    let [known, tokens, width] = features.tokens.dims();
    let own: Vec<usize> = range.clone().map(|slice| slice - first).collect();
    if radius == 0 || slices < 2 {
        return features.select(&own);
    }
    let weight = |a: usize, b: usize| (radius + 1).saturating_sub(a.abs_diff(b)) as f32;
    let mut weights = Vec::with_capacity(range.len() * known);
    for row in range.clone() {
        let total: f32 = (first..first + known).map(|column| weight(row, column)).sum();
        weights.extend((first..first + known).map(|column| weight(row, column) / total));
    }
    let device = features.tokens.device();
    let weights = Tensor::<2>::from_data(TensorData::new(weights, [range.len(), known]), &device);
    let fused = weights.matmul(features.tokens.clone().reshape([known, tokens * width]));
    ImageFeatures { tokens: fused.reshape([range.len(), tokens, width]), ..features.select(&own) }
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

//! Samples as a batch on a device.

use burn::tensor::{Bool, Device, Tensor};
use medcore::Image;
use mednn::bridge::read_f32;

use crate::data::GroundingSample;
use crate::error::{Error, Result};
use crate::grounder::generalised_grounder_loss;
use crate::losses::{TacoNegatives, box_losses, taco_loss};
use crate::mdetr::{MdetrTargets, matched_boxes, mdetr_loss, rows_of_four};
use crate::model::GroundingModel;
use crate::phrase_grounder::PhraseGrounder;
use crate::text::PhraseBatch;
use crate::vision::{ImageFeatures, PreparedPixels};

/// The images of a batch.
#[derive(Debug, Clone)]
pub enum BatchImages {
    /// In their squares: `[batch, channels, size, size]`.
    Pixels(Tensor<4>),
    /// As a backbone that is not trained has seen them: `[batch, width, rows, columns]`.
    Map(Tensor<4>),
}

/// Images and phrases, and what is to be found.
#[derive(Debug, Clone)]
pub struct TrainingBatch {
    /// The images.
    pub images: BatchImages,
    /// `[batch, size, size]`, true where a pixel is real.
    pub pixels: Tensor<3, Bool>,
    /// The phrases.
    pub phrases: PhraseBatch,
    /// The phrases as a text encoder that is not trained has read them, `[batch, length, width]`; without it they go through the
    /// text encoder of the model.
    pub text: Option<Tensor<3>>,
    /// The boxes of each: centre, width and height in 0..1 of the square.
    pub boxes: Vec<Vec<[f32; 4]>>,
    /// Phrases that were cut off at the model's number of tokens.
    pub cut_phrases: usize,
}

/// MedRPG's term in the loss of TransVG.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TacoTerm {
    /// What it counts; see [`taco_weight`](crate::losses::taco_weight).
    pub weight: f64,
    /// Seed of the other regions.
    pub seed: u64,
}

impl TrainingBatch {
    /// From images and their samples, prepared as the grounder prepares images. Long phrases are cut off.
    ///
    /// # Errors
    /// [`Error::Batch`] without samples; as [`PhraseGrounder::prepare`], and [`Error::Network`] for an empty phrase.
    pub fn new(
        grounder: &PhraseGrounder,
        samples: &[(Image<f32>, GroundingSample)],
        device: &Device,
    ) -> Result<Self> {
        let vision = grounder.config().vision();
        let limit = grounder.config().text_tokens();
        let (mut images, mut tokens, mut boxes) = (Vec::new(), Vec::new(), Vec::new());
        for (image, sample) in samples {
            let prepared = grounder.preprocessor().prepare(image, vision.channels(), vision.stride())?;
            let unit = |b| Ok(prepared.letterbox.to_unit(b)?.map(|v| v as f32));
            boxes.push(sample.boxes.iter().map(unit).collect::<Result<Vec<_>>>()?);
            tokens.push(grounder.tokenizer().tokenize(&sample.phrase, limit)?);
            images.push(prepared);
        }
        let cut_phrases = tokens.iter().filter(|t| t.total > t.ids.len()).count();
        let (images, pixels) = PreparedPixels::batch(&images.iter().collect::<Vec<_>>(), device)?;
        let pad = grounder.tokenizer().pad_token();
        let phrases = PhraseBatch::new(tokens, pad, grounder.config().padded_length(), device)?;
        Ok(Self { images: BatchImages::Pixels(images), pixels, phrases, text: None, boxes, cut_phrases })
    }

    /// The loss that the model is trained with.
    ///
    /// - TransVG: L1 and GIoU, the mean over the batch, and `taco` if given. Each phrase needs boxes; several are taken as the one
    ///   around them.
    /// - MDETR: all its losses; each box is of all words of the phrase.
    /// - The generalised grounder: groundability, L1 and GIoU.
    ///
    /// # Errors
    /// [`Error::Batch`] when a phrase has boxes that the model cannot learn; [`Error::Image`] and [`Error::Evaluation`] when outputs
    /// are not finite.
    pub fn loss(&self, model: &GroundingModel, taco: Option<TacoTerm>) -> Result<Tensor<1>> {
        let pixels = self.pixels.clone();
        let images = match &self.images {
            BatchImages::Pixels(images) => model.encode_images(images.clone(), pixels),
            BatchImages::Map(map) => model.encode_map(map.clone(), pixels),
        };
        let (ids, valid) = (self.phrases.ids.clone(), self.phrases.valid.clone());
        let text = self.text.clone().unwrap_or_else(|| model.text().forward(ids, Some(valid.clone())));
        match model {
            GroundingModel::TransVg(model) => {
                let truth = self.single_boxes(&images.tokens)?;
                let output = model.forward_encoded(&images, text, valid.clone());
                let (l1, giou) = box_losses(output.boxes, truth);
                let loss = l1.mean() + giou.mean();
                match taco {
                    Some(term) => Ok(loss + self.taco(&images, output.text, valid, term)?),
                    None => Ok(loss),
                }
            }
            GroundingModel::Mdetr(model) => {
                let layers = model.forward_each_encoded(&images, text, valid.clone());
                let words = |(tokens, boxes): (&mednn::text::Tokens, &Vec<_>)| {
                    vec![PhraseBatch::word_slots(tokens); boxes.len()]
                };
                let tokens = self.phrases.tokens.iter().zip(&self.boxes).map(words).collect();
                let targets = MdetrTargets { boxes: self.boxes.clone(), tokens };
                Ok(mdetr_loss(&layers, &valid, &targets)?.total())
            }
            GroundingModel::Generalised(model) => {
                let layers = model.forward_each_encoded(&images, text, valid);
                Ok(generalised_grounder_loss(&layers, &self.boxes)?.total())
            }
        }
    }

    /// The weighted contrast of each phrase's region with others of its image.
    fn taco(
        &self,
        images: &ImageFeatures,
        text: Tensor<3>,
        valid: Tensor<2, Bool>,
        term: TacoTerm,
    ) -> Result<Tensor<1>> {
        let truth = self.single_boxes(&images.tokens)?;
        let mut negatives = TacoNegatives::new(term.seed);
        let regions = rows_of_four(&read_f32(truth)?)
            .into_iter()
            .map(|truth| Ok(std::iter::once(truth).chain(negatives.draw(truth)?).collect()))
            .collect::<Result<Vec<Vec<_>>>>()?;
        // Squares of tokens, as the images are.
        let side = images.tokens.dims()[1].isqrt();
        let (tokens, shown) = (images.tokens.clone(), images.valid.clone());
        Ok(taco_loss(tokens, shown, [side, side], text, valid, &regions) * term.weight)
    }

    /// One box for each phrase.
    fn single_boxes(&self, like: &Tensor<3>) -> Result<Tensor<2>> {
        let around = |boxes: &Vec<[f32; 4]>| {
            let corners =
                boxes.iter().map(|[x, y, w, h]| [x - w / 2.0, y - h / 2.0, x + w / 2.0, y + h / 2.0]);
            let hull =
                corners.reduce(|a, b| [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]);
            let [x0, y0, x1, y1] = hull.ok_or_else(|| Error::Batch {
                what: "boxes of a phrase",
                expected: "at least one, as TransVG always finds one".to_string(),
                found: "none".to_string(),
            })?;
            Ok(vec![[(x0 + x1) / 2.0, (y0 + y1) / 2.0, x1 - x0, y1 - y0]])
        };
        let boxes = self.boxes.iter().map(around).collect::<Result<Vec<_>>>()?;
        let every = |batch| crate::losses::MatchedQuery { batch, query: 0, truth: 0 };
        Ok(matched_boxes(&(0..boxes.len()).map(every).collect::<Vec<_>>(), &boxes, like))
    }
}

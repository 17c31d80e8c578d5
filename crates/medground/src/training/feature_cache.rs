//! What frozen encoders say of images and phrases, kept from epoch to epoch.

use std::collections::HashMap;

use burn::module::Module;
use burn::tensor::{Bool, Device, Tensor, TensorData};
use medcore::Image;
use mednn::bridge::read_f32;
use mednn::text::{TextModel, Tokens};
use mednn::weights::Precision;

use super::batch::{BatchImages, TrainingBatch};
use super::config::TrainingConfig;
use crate::data::GroundingSample;
use crate::error::Result;
use crate::phrase_grounder::{PhraseGrounder, PreparedImage};
use crate::stored_values::StoredValues;
use crate::text::PhraseBatch;
use crate::vision::{ImageFeatures, Letterbox, Place, PreparedPixels, VisionBackbone};

/// How much of what frozen encoders say is kept.
///
/// An image takes `4 * width * tokens` bytes in 32 bits, half of that in 16: 393 KiB with DINOv2-S at 224 pixels. With fixed views
/// ([`TrainingConfig::fixed_views`]) that is for each view of each sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeatureCacheOptions {
    /// What is kept takes at most about this many bytes; what is more is computed each time. 0 keeps nothing.
    pub max_bytes: usize,
    /// In 16 bits features are rounded to three significant digits.
    pub precision: Precision,
}

impl Default for FeatureCacheOptions {
    /// 1 GiB, 32 bits: training is the same as without but for rounding.
    fn default() -> Self {
        Self { max_bytes: 1 << 30, precision: Precision::F32 }
    }
}

impl FeatureCacheOptions {
    /// Nothing is kept: images go through the encoders in each epoch.
    pub const fn off() -> Self {
        Self { max_bytes: 0, precision: Precision::F32 }
    }
}

/// An image as it is, shared by its phrases, or one view of a sample.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum ImageKey {
    Whole(String),
    View { sample: usize, view: usize },
}

/// The map of an image.
#[derive(Debug)]
struct EncodedImage {
    values: StoredValues,
    shape: [usize; 3],
    letterbox: Letterbox,
    place: Place,
    /// The sample as its view shows it.
    varied: Option<GroundingSample>,
}

/// The tokens of a phrase: `[length, width]`.
#[derive(Debug)]
struct EncodedPhrase {
    values: StoredValues,
    width: usize,
}

/// Frozen encoders on the device without autodiff, and what they have said.
#[derive(Debug)]
pub(super) struct FeatureCache {
    options: FeatureCacheOptions,
    backbone: Option<VisionBackbone>,
    text: Option<TextModel>,
    images: HashMap<ImageKey, EncodedImage>,
    phrases: HashMap<Vec<u32>, EncodedPhrase>,
    bytes: usize,
}

impl FeatureCache {
    /// For the encoders that a configuration freezes; images only where they come again as they were.
    pub(super) fn new(
        grounder: &PhraseGrounder,
        config: &TrainingConfig,
        options: FeatureCacheOptions,
    ) -> Self {
        let on = options.max_bytes > 0;
        let images = on && config.freeze_vision && config.repeats_images();
        Self {
            options,
            backbone: images.then(|| grounder.model().backbone().valid()),
            text: (on && config.freeze_text).then(|| grounder.model().text().valid()),
            images: HashMap::new(),
            phrases: HashMap::new(),
            bytes: 0,
        }
    }

    /// Whether images come as maps.
    pub(super) const fn encodes_images(&self) -> bool {
        self.backbone.is_some()
    }

    /// Bytes that are kept.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The batch of some samples, by index, in a view of theirs; without views whole.
    pub(super) fn batch(
        &mut self,
        grounder: &PhraseGrounder,
        samples: &[(usize, &GroundingSample)],
        view: Option<usize>,
        mut load: impl FnMut(usize, &GroundingSample) -> Result<(Image<f32>, GroundingSample)>,
    ) -> Result<TrainingBatch> {
        let device = grounder.device();
        let limit = grounder.config().text_tokens();
        let (mut values, mut shape) = (Vec::new(), [0; 3]);
        let (mut letterboxes, mut tokens, mut boxes) = (Vec::new(), Vec::new(), Vec::new());
        for &(index, sample) in samples {
            let key = match view {
                Some(view) => ImageKey::View { sample: index, view },
                None => ImageKey::Whole(sample.image.clone()),
            };
            self.with_image(
                grounder,
                key,
                || load(index, sample),
                |image| {
                    image.values.append_to(&mut values);
                    shape = image.shape;
                    letterboxes.push(image.letterbox);
                    let sample = image.varied.as_ref().filter(|_| view.is_some()).unwrap_or(sample);
                    let unit = |b| Ok(image.letterbox.to_unit(b)?.map(|v| v as f32));
                    boxes.push(sample.boxes.iter().map(unit).collect::<Result<Vec<_>>>()?);
                    tokens.push(grounder.tokenizer().tokenize(&sample.phrase, limit)?);
                    Ok(())
                },
            )?;
        }
        let cut_phrases = tokens.iter().filter(|t| t.total > t.ids.len()).count();
        let pad = grounder.tokenizer().pad_token();
        let phrases = PhraseBatch::new(tokens, pad, grounder.config().padded_length(), device)?;
        let [width, rows, columns] = shape;
        let map = TensorData::new(values, [samples.len(), width, rows, columns]);
        Ok(TrainingBatch {
            images: BatchImages::Map(Tensor::from_data(map, device)),
            pixels: shown_pixels(&letterboxes, device),
            text: self.text(&phrases, device)?,
            phrases,
            boxes,
            cut_phrases,
        })
    }

    /// The tokens of phrases as the frozen text encoder reads them, 0 where there is padding; none if it is trained.
    pub(super) fn text(&mut self, phrases: &PhraseBatch, device: &Device) -> Result<Option<Tensor<3>>> {
        let Some(encoder) = self.text.clone() else { return Ok(None) };
        let [batch, length] = phrases.ids.dims();
        let (mut values, mut width) = (Vec::new(), 0);
        for tokens in &phrases.tokens {
            let start = values.len();
            if let Some(kept) = self.phrases.get(&tokens.ids) {
                kept.values.append_to(&mut values);
                width = kept.width;
            } else {
                let phrase = encode_phrase(&encoder, tokens, self.options.precision, device)?;
                phrase.values.append_to(&mut values);
                width = phrase.width;
                if self.bytes + phrase.values.bytes() <= self.options.max_bytes {
                    self.bytes += phrase.values.bytes();
                    self.phrases.insert(tokens.ids.clone(), phrase);
                }
            }
            values.resize(start + length * width, 0.0);
        }
        Ok(Some(Tensor::from_data(TensorData::new(values, [batch, length, width]), device)))
    }

    /// A whole image for phrases to be grounded in, by the encoders here and the other weights of `grounder`.
    pub(super) fn prepare(
        &mut self,
        grounder: &PhraseGrounder,
        sample: &GroundingSample,
        load: impl FnOnce(&GroundingSample) -> Result<Image<f32>>,
    ) -> Result<PreparedImage> {
        if !self.encodes_images() {
            return grounder.prepare(&load(sample)?);
        }
        let key = ImageKey::Whole(sample.image.clone());
        let device = grounder.device();
        self.with_image(
            grounder,
            key,
            || Ok((load(sample)?, sample.clone())),
            |image| {
                let [width, rows, columns] = image.shape;
                let mut values = Vec::new();
                image.values.append_to(&mut values);
                let map = TensorData::new(values, [1, width, rows, columns]);
                let pixels = shown_pixels(&[image.letterbox], device);
                let features: ImageFeatures =
                    grounder.model().encode_map(Tensor::from_data(map, device), pixels);
                Ok(PreparedImage::new(features, image.letterbox, image.place))
            },
        )
    }

    /// Uses an image that is kept, or encodes it, and keeps it if there is room.
    fn with_image<T>(
        &mut self,
        grounder: &PhraseGrounder,
        key: ImageKey,
        load: impl FnOnce() -> Result<(Image<f32>, GroundingSample)>,
        using: impl FnOnce(&EncodedImage) -> Result<T>,
    ) -> Result<T> {
        if let Some(image) = self.images.get(&key) {
            return using(image);
        }
        let (image, sample) = load()?;
        let varied = matches!(key, ImageKey::View { .. }).then_some(sample);
        let encoded = self.encode_image(grounder, &image, varied)?;
        let result = using(&encoded)?;
        if self.bytes + encoded.values.bytes() <= self.options.max_bytes {
            self.bytes += encoded.values.bytes();
            self.images.insert(key, encoded);
        }
        Ok(result)
    }

    /// Alone, so that it does not matter with which others it comes.
    fn encode_image(
        &self,
        grounder: &PhraseGrounder,
        image: &Image<f32>,
        varied: Option<GroundingSample>,
    ) -> Result<EncodedImage> {
        let vision = grounder.config().vision();
        let prepared = grounder.preprocessor().prepare(image, vision.channels(), vision.stride())?;
        let (pixels, _) = PreparedPixels::batch(&[&prepared], &grounder.device().clone().inner())?;
        let backbone = self.backbone.as_ref().unwrap_or_else(|| grounder.model().backbone());
        let map = backbone.forward(pixels);
        let [_, width, rows, columns] = map.dims();
        Ok(EncodedImage {
            values: StoredValues::new(read_f32(map)?, self.options.precision),
            shape: [width, rows, columns],
            letterbox: prepared.letterbox,
            place: Place::of(image),
            varied,
        })
    }
}

fn encode_phrase(
    encoder: &TextModel,
    tokens: &Tokens,
    precision: Precision,
    device: &Device,
) -> Result<EncodedPhrase> {
    let alone = PhraseBatch::new(vec![tokens.clone()], 0, None, &device.clone().inner())?;
    let text = encoder.forward(alone.ids, Some(alone.valid));
    let [_, _, width] = text.dims();
    Ok(EncodedPhrase { values: StoredValues::new(read_f32(text)?, precision), width })
}

/// True where squares show pixels: `[batch, size, size]`.
fn shown_pixels(letterboxes: &[Letterbox], device: &Device) -> Tensor<3, Bool> {
    let size = letterboxes.first().map_or(0, Letterbox::size);
    let shows = |letterbox: &Letterbox| {
        let letterbox = *letterbox;
        (0..size * size).map(move |at| letterbox.shows(at / size, at % size))
    };
    let shown: Vec<bool> = letterboxes.iter().flat_map(shows).collect();
    Tensor::from_data(TensorData::new(shown, [letterboxes.len(), size, size]), device)
}

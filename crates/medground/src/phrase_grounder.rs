//! Images and phrases in, boxes out.

use std::ops::Range;
use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;
use medcore::{Image, PixelBox};
use medeval::detection::{FusionOptions, ScoredBox, weighted_box_fusion};
use mednn::bridge::read_f32;
use mednn::int8::{QuantizeReport, quantize};
use mednn::text::Tokenizer;
use mednn::weights::{Precision, WeightSource, WeightWriter};

use crate::error::{Error, Result, read_text, write_file};
use crate::mdetr::rows_of_four;
use crate::model::{GroundingConfig, GroundingModel};
use crate::text::{PhraseBatch, sentences, tokenize};
use crate::vision::{ImageFeatures, ImagePreprocessor, Letterbox, Place, PreparedPixels, Region};

/// A box in 0..1 of the square, and its score.
pub(crate) type Candidate = ([f64; 4], f64);

/// Which boxes are kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroundOptions {
    /// Boxes with a lower score are left out.
    pub least_score: f64,
    /// Boxes whose IoU is above this are fused into one.
    pub fusion_iou: f64,
}

impl GroundOptions {
    /// The generalised grounder's: 0.8, and 0.1.
    pub const fn generalised() -> Self {
        Self { least_score: 0.8, fusion_iou: 0.1 }
    }

    fn of(model: &GroundingModel) -> Self {
        match model {
            GroundingModel::TransVg(_) => Self { least_score: 0.0, fusion_iou: 1.0 },
            // MDETR's demonstrations keep 0.7.
            GroundingModel::Mdetr(_) => Self { least_score: 0.7, fusion_iou: 0.5 },
            GroundingModel::Generalised(_) => Self::generalised(),
        }
    }
}

/// A box that a phrase stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// 0 to 1; always 1 with TransVG, which does not score its box.
    pub score: f64,
    /// Where it is.
    pub region: Region,
}

/// An image that has been through the backbone: any number of phrases can be grounded in it.
#[derive(Debug, Clone)]
pub struct PreparedImage {
    features: ImageFeatures,
    letterbox: Letterbox,
    place: Place,
}

impl PreparedImage {
    pub(crate) const fn new(features: ImageFeatures, letterbox: Letterbox, place: Place) -> Self {
        Self { features, letterbox, place }
    }

    /// Its tokens.
    pub const fn features(&self) -> &ImageFeatures {
        &self.features
    }
}

/// A sentence of a report and what it stands for.
#[derive(Debug)]
pub struct SentenceGrounding<'a> {
    /// Its text.
    pub text: &'a str,
    /// Its bytes in the report.
    pub span: Range<usize>,
    /// Its boxes, best first; an error for a sentence that cannot be grounded, such as one that is too long.
    pub hits: Result<Vec<Hit>>,
}

/// A model with its tokeniser and its preprocessing, on a device.
///
/// ```no_run
/// # fn example(device: &burn::tensor::Device, image: &medcore::Image<f32>) -> Result<(), medground::Error> {
/// use medground::PhraseGrounder;
/// let grounder = PhraseGrounder::from_pretrained("grounder/", device)?;
/// let image = grounder.prepare(image)?;
/// for phrase in ["left lung", "right pleural effusion"] {
///     for hit in grounder.ground_prepared(&image, phrase)? {
///         println!("{phrase}: {:.2} {:?} {:?}", hit.score, hit.region.bounds(), hit.region.to_lps());
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct PhraseGrounder {
    config: GroundingConfig,
    model: GroundingModel,
    tokenizer: Tokenizer,
    preprocessor: ImagePreprocessor,
    options: GroundOptions,
    device: Device,
}

const PREPROCESSOR: &str = "image_preprocessor.json";

impl PhraseGrounder {
    /// From its parts; the model is moved to `device` if it is not there.
    ///
    /// # Errors
    /// [`Error::Config`] when the preprocessing does not fit the backbone or the configuration; [`Error::Network`] when the tokeniser
    /// has ids that the word table of the model does not have.
    pub fn new(
        config: GroundingConfig,
        model: GroundingModel,
        tokenizer: Tokenizer,
        preprocessor: ImagePreprocessor,
        device: &Device,
    ) -> Result<Self> {
        config.validate()?;
        preprocessor.validate(config.vision().channels(), config.vision().stride())?;
        if preprocessor.size != config.image_size() {
            return Err(Error::Config {
                field: "size",
                expected: format!("image_size of the model, {}", config.image_size()),
                found: preprocessor.size.to_string(),
            });
        }
        let (largest, rows) = (tokenizer.largest_id(), model.text().vocab_size());
        if largest as usize >= rows {
            return Err(mednn::Error::Vocabulary { largest, rows }.into());
        }
        if config.text_tokens() > model.text().max_length() {
            return Err(Error::Config {
                field: "text_tokens",
                expected: format!("at most {}, the positions of the text encoder", model.text().max_length()),
                found: config.text_tokens().to_string(),
            });
        }
        let options = GroundOptions::of(&model);
        let model = on_device(model, device);
        Ok(Self { config, model, tokenizer, preprocessor, options, device: device.clone() })
    }

    /// From a folder with `config.json` ([`GroundingConfig`]), `model.safetensors`, `tokenizer.json` and
    /// `image_preprocessor.json` ([`ImagePreprocessor`]; without it that of radiographs).
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Syntax`], and as [`new`](Self::new) and [`GroundingModel::from_source`].
    pub fn from_pretrained(folder: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let folder = folder.as_ref();
        let config = GroundingConfig::from_json(&read_text(&folder.join("config.json"))?)?;
        let tokenizer = Tokenizer::from_pretrained(folder)?;
        let source = WeightSource::open(folder.join("model.safetensors"))?;
        let path = folder.join(PREPROCESSOR);
        let preprocessor = if path.exists() {
            let syntax = |source| Error::Syntax { what: PREPROCESSOR.to_string(), source };
            serde_json::from_str(&read_text(&path)?).map_err(syntax)?
        } else {
            ImagePreprocessor::radiograph(config.image_size())
        };
        let (model, _) = GroundingModel::from_source(&config, source, device)?;
        Self::new(config, model, tokenizer, preprocessor, device)
    }

    /// Writes a folder that [`from_pretrained`](Self::from_pretrained) reads.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Syntax`], and [`Error::Network`] when the device fails.
    pub fn save_pretrained(&self, folder: impl AsRef<Path>, precision: Precision) -> Result<()> {
        let folder = folder.as_ref();
        std::fs::create_dir_all(folder).map_err(|source| Error::Io { path: folder.to_path_buf(), source })?;
        let mut writer = WeightWriter::new(precision);
        self.model.add_weights(&self.config, &mut writer)?;
        writer.write(folder.join("model.safetensors"))?;
        write_file(&folder.join("config.json"), self.config.to_json()?.as_bytes())?;
        write_file(&folder.join("tokenizer.json"), self.tokenizer.json())?;
        let syntax = |source| Error::Syntax { what: PREPROCESSOR.to_string(), source };
        let json = serde_json::to_string_pretty(&self.preprocessor).map_err(syntax)? + "\n";
        write_file(&folder.join(PREPROCESSOR), json.as_bytes())
    }

    /// With those linear layers in 8 bits whose weights are `wanted`: see [`mednn::int8`].
    pub fn into_int8(self, wanted: impl FnMut(&str) -> bool) -> (Self, QuantizeReport) {
        let (model, report) = quantize(self.model, wanted);
        (Self { model, ..self }, report)
    }

    /// With other rules for which boxes are kept.
    ///
    /// # Errors
    /// [`Error::Config`] unless both are from 0 to 1.
    pub fn with_options(mut self, options: GroundOptions) -> Result<Self> {
        for (field, value) in [("least_score", options.least_score), ("fusion_iou", options.fusion_iou)] {
            if !(0.0..=1.0).contains(&value) {
                return Err(Error::Config {
                    field,
                    expected: "0 to 1".to_string(),
                    found: value.to_string(),
                });
            }
        }
        self.options = options;
        Ok(self)
    }

    /// The rules for which boxes are kept.
    pub const fn options(&self) -> GroundOptions {
        self.options
    }

    /// The boxes of a phrase in an image, best first: none where nothing reaches the score.
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare) and [`ground_prepared`](Self::ground_prepared).
    pub fn ground(&self, image: &Image<f32>, phrase: &str) -> Result<Vec<Hit>> {
        // The phrase first: it costs nothing to refuse.
        tokenize(&self.tokenizer, phrase, self.config.text_tokens())?;
        self.ground_prepared(&self.prepare(image)?, phrase)
    }

    /// Sends an image through the backbone, once for all its phrases.
    ///
    /// # Errors
    /// As [`ImagePreprocessor::prepare`].
    pub fn prepare(&self, image: &Image<f32>) -> Result<PreparedImage> {
        let vision = self.config.vision();
        let prepared = self.preprocessor.prepare(image, vision.channels(), vision.stride())?;
        let (images, pixels) = PreparedPixels::batch(&[&prepared], &self.device)?;
        let features = self.model.encode_images(images, pixels);
        Ok(PreparedImage { features, letterbox: prepared.letterbox, place: Place::of(image) })
    }

    /// The boxes of a phrase in a prepared image, best first.
    ///
    /// # Errors
    /// As [`ground_all`](Self::ground_all).
    pub fn ground_prepared(&self, image: &PreparedImage, phrase: &str) -> Result<Vec<Hit>> {
        Ok(self.ground_all(image, &[phrase])?.pop().unwrap_or_default())
    }

    /// The boxes of several phrases in a prepared image, as one batch.
    ///
    /// # Errors
    /// [`Error::PhraseTooLong`] for a phrase with more tokens than the model reads; [`Error::Network`] for an empty one, and when
    /// the device fails; [`Error::Batch`] without phrases.
    pub fn ground_all(&self, image: &PreparedImage, phrases: &[&str]) -> Result<Vec<Vec<Hit>>> {
        let features = image.features.select(&vec![0; phrases.len()]);
        let found = self.candidates(&features, phrases)?;
        let boxes = |candidates: Vec<Candidate>| self.kept(candidates, &image.letterbox);
        let hit =
            |b: ScoredBox<PixelBox>| Hit { score: b.score, region: Region::placed(b.bounds, image.place) };
        found.into_iter().map(|c| Ok(boxes(c)?.into_iter().map(hit).collect())).collect()
    }

    /// The highest score that any box of each phrase has, kept or not: how near a phrase without boxes came to one.
    ///
    /// # Errors
    /// As [`ground_all`](Self::ground_all).
    pub fn best_scores(&self, image: &PreparedImage, phrases: &[&str]) -> Result<Vec<f64>> {
        let features = image.features.select(&vec![0; phrases.len()]);
        let best = |boxes: Vec<Candidate>| boxes.into_iter().map(|(_, score)| score).fold(0.0, f64::max);
        // A softmax in f32 may come to a little more than 1.
        Ok(self.candidates(&features, phrases)?.into_iter().map(|boxes| best(boxes).min(1.0)).collect())
    }

    /// Grounds each sentence of a report; sentences keep their places in it.
    pub fn ground_report<'a>(&self, image: &PreparedImage, report: &'a str) -> Vec<SentenceGrounding<'a>> {
        let one = |sentence: crate::text::Sentence<'a>| SentenceGrounding {
            hits: self.ground_prepared(image, sentence.text),
            text: sentence.text,
            span: sentence.span,
        };
        sentences(report).into_iter().map(one).collect()
    }

    /// All boxes of each phrase, each in the image of the same place in the batch.
    pub(crate) fn candidates(&self, images: &ImageFeatures, phrases: &[&str]) -> Result<Vec<Vec<Candidate>>> {
        let limit = self.config.text_tokens();
        let tokens = phrases.iter().map(|p| tokenize(&self.tokenizer, p, limit)).collect::<Result<_>>()?;
        let length = self.config.padded_length();
        let batch = PhraseBatch::new(tokens, self.tokenizer.pad_token(), length, &self.device)?;
        let found = self.model.candidates(images, &batch);
        let each = found.scores.dims()[1].max(1);
        let boxes = rows_of_four(&read_f32(found.boxes)?);
        let pairs =
            boxes.iter().map(|b| b.map(f64::from)).zip(read_f32(found.scores)?.into_iter().map(f64::from));
        let pairs: Vec<_> = pairs.collect();
        Ok(pairs.chunks(each).map(<[_]>::to_vec).collect())
    }

    /// Those that reach the score, fused, in pixels of the image.
    pub(crate) fn kept(
        &self,
        candidates: Vec<Candidate>,
        letterbox: &Letterbox,
    ) -> Result<Vec<ScoredBox<PixelBox>>> {
        let mut boxes = Vec::new();
        for (unit, score) in candidates.into_iter().filter(|(_, score)| *score >= self.options.least_score) {
            if let Some(bounds) = letterbox.from_unit(unit)?.filter(|b| b.area() > 0.0) {
                // A softmax in f32 may come to a little more than 1.
                boxes.push(ScoredBox::new(bounds, score.min(1.0)));
            }
        }
        let options = FusionOptions { iou_threshold: self.options.fusion_iou, least_score: 0.0 };
        Ok(weighted_box_fusion(&[boxes], &[1.0], options)?)
    }

    /// The model.
    pub const fn model(&self) -> &GroundingModel {
        &self.model
    }

    /// With another model of the same configuration, such as one that has been trained on.
    #[must_use]
    pub fn with_model(self, model: GroundingModel) -> Self {
        Self { model: on_device(model, &self.device), ..self }
    }

    pub(crate) const fn model_mut(&mut self) -> &mut GroundingModel {
        &mut self.model
    }

    /// The same for inference, without autodiff: what is dropped in training is not dropped.
    #[must_use]
    pub fn for_inference(&self) -> Self {
        Self { model: self.model.valid(), device: self.device.clone().inner(), ..self.clone() }
    }

    /// The configuration of the model.
    pub const fn config(&self) -> &GroundingConfig {
        &self.config
    }

    /// The tokeniser.
    pub const fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// How images are prepared.
    pub const fn preprocessor(&self) -> &ImagePreprocessor {
        &self.preprocessor
    }

    /// Where it computes.
    pub const fn device(&self) -> &Device {
        &self.device
    }
}

/// The model on a device; one that is there is left alone, as moving would be a part of what is trained.
fn on_device(model: GroundingModel, device: &Device) -> GroundingModel {
    if model.devices().iter().all(|other| other == device) { model } else { model.fork(device) }
}

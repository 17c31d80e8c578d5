//! The segmenter.

use std::path::Path;

use burn::config::Config;
use burn::module::Module;
use burn::tensor::{Device, Tensor, activation};
use medcore::{Image, Orientation, Scalar};
use mednn::bridge::{array_to_tensor, tensor_to_array};
use mednn::int8::{QuantizeReport, quantize};
use mednn::weights::WeightSource;
use mednn::{Mit, Vit};
use ndarray::{Array3, Array4, ArrayView3, ArrayView4, Axis, Ix4, s};

use super::output::Segmentation;
use super::preprocess::Preprocessor;
use super::progress::{Counter, ProgressFn, no_progress};
use super::resizing::Resizing;
use super::tiles::{Blend, MIRRORS, Mirror, mirror_pad, places, weights};
use super::usage::Usage;
use crate::error::{Error, Result, config, shape};
use crate::model::{Backbone, BackboneConfig, SegmentationModel, TrainedWeights};

/// How images are segmented.
#[derive(Config, Debug, PartialEq)]
pub struct SegmentOptions {
    /// Side of the square windows that slide over an image, in pixels; rounded up to what the backbone takes. Smaller images are
    /// continued by their mirror images.
    #[config(default = 352)]
    pub window: usize,
    /// What neighbouring windows have in common, as a part of a window.
    #[config(default = 0.25)]
    pub overlap: f64,
    /// Whether the mirror images (left-right, top-bottom, both) are segmented too, and all four averaged.
    #[config(default = false)]
    pub flips: bool,
    /// Windows that go through the model at once, mirror images included: fills a GPU, and bounds the memory.
    #[config(default = 1)]
    pub batch: usize,
    /// Values.
    #[config(default = "Preprocessor::new()")]
    pub preprocessor: Preprocessor,
    /// The scale at which the model sees images; without it, they stay as they are.
    pub resizing: Option<Resizing>,
    /// Towards which sides of the patient columns, rows and slices of volumes run when the model sees them, as in `LPS` (see
    /// [`medcore::Orientation`]): volumes are turned, and what is found is turned back. Without it, they stay as stored.
    pub orientation: Option<String>,
}

impl SegmentOptions {
    /// Checks the settings.
    ///
    /// # Errors
    /// [`Error::Config`] with the field that cannot be.
    pub fn validate(&self) -> Result<()> {
        if !(1..=65_536).contains(&self.window) {
            return Err(config("window", "1 to 65536", self.window));
        }
        if !(0.0..=0.9).contains(&self.overlap) {
            return Err(config("overlap", "0 to 0.9", self.overlap));
        }
        if !(1..=1024).contains(&self.batch) {
            return Err(config("batch", "1 to 1024", self.batch));
        }
        self.orientation()?;
        self.resizing.as_ref().map_or(Ok(()), Resizing::validate)
    }

    /// The orientation of volumes, if there is one.
    pub(super) fn orientation(&self) -> Result<Option<Orientation>> {
        let parse = |code: &String| {
            let rule = "three letters of R, L, A, P, I and S, one for each axis, as in LPS";
            code.parse().map_err(|_| config("orientation", rule, code))
        };
        self.orientation.as_ref().map(parse).transpose()
    }
}

/// Segments images and volumes of any size.
///
/// ```no_run
/// use medprompt::inference::{PromptSegmenter, SegmentOptions};
/// # fn run(image: medcore::Image<u8>) -> medprompt::Result<()> {
/// let device = mednn::Backend::Flex.open()?;
/// let segmenter = PromptSegmenter::from_pretrained("mit-b4/", "polyps.safetensors", device.device())?
///     .with_options(SegmentOptions::new().with_flips(true))?;
/// let found = segmenter.segment(&image)?;
/// println!("{} pixels of class 1", found.labels().iter().filter(|k| **k == 1).count());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct PromptSegmenter {
    model: SegmentationModel,
    options: SegmentOptions,
    device: Device,
    class_names: Vec<String>,
}

impl PromptSegmenter {
    /// Of a model; one in training is taken as it is now.
    pub fn new(model: &SegmentationModel, device: &Device) -> Self {
        let device = device.clone().without_autodiff();
        Self { model: model.valid(), options: SegmentOptions::new(), device, class_names: Vec::new() }
    }

    /// Of the folder of a published backbone (`config.json`, `model.safetensors`) and a file of trained weights, which is used as it was
    /// trained, as far as the file [says](Usage) how.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Network`]; [`Error::WrongBase`] when the weights were trained on another backbone; as
    /// [`TrainedWeights::open`] and [`TrainedWeights::load`].
    pub fn from_pretrained(
        backbone: impl AsRef<Path>,
        trained: impl AsRef<Path>,
        device: &Device,
    ) -> Result<Self> {
        let device = device.clone().without_autodiff();
        let trained = TrainedWeights::open(trained)?;
        let backbone = Backbone::from_pretrained(backbone, &device)?;
        let usage = trained.usage().cloned();
        let segmenter = Self::new(&trained.load(backbone, &device)?, &device);
        match usage {
            Some(usage) => segmenter.with_usage(usage),
            None => Ok(segmenter),
        }
    }

    /// With the options and the names of classes that a model was trained for.
    ///
    /// # Errors
    /// As [`Usage::validate`].
    pub fn with_usage(self, usage: Usage) -> Result<Self> {
        usage.validate(self.model.config().classes)?;
        Ok(Self { options: usage.options, class_names: usage.class_names, ..self })
    }

    /// With those linear layers in 8 bits whose weights, such as `backbone.Mit.stages.0.blocks.0.attention.query.weight`, are `wanted`: see [`mednn::int8`].
    pub fn into_int8(self, wanted: impl FnMut(&str) -> bool) -> (Self, QuantizeReport) {
        let (model, report) = quantize(self.model, wanted);
        (Self { model, ..self }, report)
    }

    /// What was [trained for](Self::with_usage), or asked for since.
    pub fn usage(&self) -> Usage {
        Usage::new(self.options.clone()).with_class_names(self.class_names.clone())
    }

    /// With names of its classes, the background first.
    pub fn with_class_names(self, class_names: Vec<String>) -> Self {
        Self { class_names, ..self }
    }

    /// With other options.
    ///
    /// # Errors
    /// As [`SegmentOptions::validate`].
    pub fn with_options(self, options: SegmentOptions) -> Result<Self> {
        options.validate()?;
        Ok(Self { options, ..self })
    }

    /// Segments an image of any size: grey, colour, or colour with opacity.
    ///
    /// # Errors
    /// As [`Preprocessor::prepare`]; [`Error::Network`] when the device fails.
    pub fn segment<T: Scalar>(&self, image: &Image<T>) -> Result<Segmentation> {
        self.segment_with(image, &mut no_progress)
    }

    /// [`segment`](Self::segment) with a callback after each batch of windows, which may cancel.
    ///
    /// # Errors
    /// As there, and [`Error::Cancelled`].
    pub fn segment_with<T: Scalar>(
        &self,
        image: &Image<T>,
        progress: &mut ProgressFn<'_>,
    ) -> Result<Segmentation> {
        let pixels = self.options.preprocessor.prepare(image)?;
        let probabilities = self.segment_windows(pixels.view(), progress)?;
        Ok(Segmentation::new(probabilities, image.spacing(), image.geometry().copied()))
    }

    /// Probabilities `[class, row, column]` of colour `[3, row, column]` from 0 to 1.
    ///
    /// # Errors
    /// [`Error::Shape`] on another number of channels, and on an empty image; as [`segment`](Self::segment).
    pub fn segment_array(&self, image: ArrayView3<'_, f32>) -> Result<Array3<f32>> {
        self.segment_windows(image, &mut no_progress)
    }

    fn segment_windows(
        &self,
        image: ArrayView3<'_, f32>,
        progress: &mut ProgressFn<'_>,
    ) -> Result<Array3<f32>> {
        let (channels, height, width) = image.dim();
        if channels != 3 || height == 0 || width == 0 {
            return Err(shape("image", "[3, height > 0, width > 0]", image.shape()));
        }
        let Some(resizing) = &self.options.resizing else { return self.slide(image, progress) };
        let found = self.slide(resizing.apply(image)?.view(), progress)?;
        resizing.undo(found, [height, width])
    }

    /// Probabilities of an image at the scale of training.
    fn slide(&self, image: ArrayView3<'_, f32>, progress: &mut ProgressFn<'_>) -> Result<Array3<f32>> {
        let (_, height, width) = image.dim();
        let window = [self.side(height), self.side(width)];
        let padded = mirror_pad(image, window);
        let size = [padded.dim().1, padded.dim().2];
        let places = places(size, window, self.options.overlap);
        let mut counter = Counter::new(places.len(), progress);
        let weights = weights(window);
        let mut blend = Blend::new(self.model.config().classes.max(2), size);
        let mirrors = if self.options.flips { MIRRORS } else { &MIRRORS[..1] };
        for places in places.chunks((self.options.batch / mirrors.len()).max(1)) {
            let found = self.windows(padded.view(), places, window, mirrors)?;
            for (place, found) in places.iter().zip(found.outer_iter()) {
                blend.add(*place, found, &weights);
                counter.step()?;
            }
        }
        Ok(blend.finish([height, width]))
    }

    /// The side of the window for an axis: no longer than the axis needs, and what the backbone takes.
    fn side(&self, length: usize) -> usize {
        let backbone = self.model.backbone();
        let side = self.options.window.min(length).max(backbone.min_side());
        side.next_multiple_of(backbone.side_multiple())
    }

    /// Probabilities `[place, class, row, column]` of some windows, averaged over mirror images.
    fn windows(
        &self,
        image: ArrayView3<'_, f32>,
        places: &[[usize; 2]],
        [rows, columns]: [usize; 2],
        mirrors: &[Mirror],
    ) -> Result<Array4<f32>> {
        let mut batch = Array4::<f32>::zeros((places.len() * mirrors.len(), 3, rows, columns));
        let each = places.iter().flat_map(|place| mirrors.iter().map(move |mirror| (place, mirror)));
        for (mut into, ([row, column], mirror)) in batch.outer_iter_mut().zip(each) {
            let window = image.slice(s![.., *row..row + rows, *column..column + columns]);
            into.assign(&mirror.of(window));
        }
        let mut mean = Array4::zeros((places.len(), self.model.config().classes.max(2), rows, columns));
        for (part, images) in batch.axis_chunks_iter(Axis(0), self.options.batch).enumerate() {
            for (n, found) in self.probabilities(images)?.outer_iter().enumerate() {
                let n = part * self.options.batch + n;
                let mut mean = mean.index_axis_mut(Axis(0), n / mirrors.len());
                mean += &mirrors[n % mirrors.len()].of(found);
            }
        }
        Ok(mean / mirrors.len() as f32)
    }

    /// Probabilities `[batch, class, row, column]` of images `[batch, 3, row, column]`.
    fn probabilities(&self, images: ArrayView4<'_, f32>) -> Result<Array4<f32>> {
        let logits = self.model.segment(array_to_tensor(&images.to_owned(), &self.device))?;
        let probabilities = match logits.dims()[1] {
            1 => {
                let foreground = activation::sigmoid(logits);
                Tensor::cat(vec![foreground.clone().neg() + 1.0, foreground], 1)
            }
            _ => activation::softmax(logits, 1),
        };
        let array = tensor_to_array(probabilities)?;
        let found = array.shape().to_vec();
        array.into_dimensionality::<Ix4>().map_err(|_| shape("probabilities", "four axes", &found))
    }

    /// The model.
    pub const fn model(&self) -> &SegmentationModel {
        &self.model
    }

    /// Names of its classes, the background first, where they are known.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// The options.
    pub const fn options(&self) -> &SegmentOptions {
        &self.options
    }
}

impl Backbone {
    /// From a folder with a Hugging Face `config.json` and `model.safetensors`: a SegFormer or MiT, a ViT, a DINO or DINOv2.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Network`].
    pub fn from_pretrained(folder: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let folder = folder.as_ref();
        let path = folder.join("config.json");
        let json = std::fs::read_to_string(&path).map_err(|source| Error::Io { path, source })?;
        let source = WeightSource::open(folder.join("model.safetensors"))?;
        Ok(match BackboneConfig::from_hugging_face(&json)? {
            BackboneConfig::Mit(_) => Self::Mit(Mit::from_source(&json, source, device)?.0),
            BackboneConfig::Vit(_) => Self::Vit(Vit::from_source(&json, source, device)?.0),
        })
    }
}

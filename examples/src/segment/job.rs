//! What to do, and doing it.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use burn::tensor::Device;
use medcore::{Image, LabelMap, Orientation, Scalar, Volume};
use medeval::segmentation::dice;
use medprompt::PromptSegmenter;
use medprompt::inference::{
    Intensity, Interaction, Plane, Preprocessor, ProgressFn, Resizing, SegmentOptions, Segmentation,
    VolumeOptions, components, interactive_mask, keep_components,
};
use medprompt::superpixel::SlicConfig;
use ndarray::{Array2, Array3, ArrayView3, Axis};

use super::findings::{ClassFindings, Findings, Size, Unit};
use super::input::{Input, Picture, read_truth};
use super::output;
use super::weights::Weights;
use crate::error::{Error, Result};
use crate::input::Scan;
use crate::{fixtures, progress};

/// What to segment, with what, and how.
#[derive(Debug, Clone)]
pub struct Job {
    /// A picture or a scan: see [`Input::read`].
    pub input: PathBuf,
    /// Which series, where there are several.
    pub series: Option<usize>,
    /// The model.
    pub weights: Weights,
    /// Folder to write to.
    pub output: PathBuf,
    /// Values that become 0 and 1, in place of those that the weights were made for.
    pub range: Option<[f32; 2]>,
    /// Side of the sliding windows, in place of the one that the weights were made for.
    pub window: Option<usize>,
    /// Whether mirror images are segmented too.
    pub flips: bool,
    /// The least probability of what is not background; without it, the most probable class wins.
    pub threshold: Option<f32>,
    /// Objects with fewer pixels or voxels are left out.
    pub min_size: usize,
    /// Whether only the largest object of each class is kept.
    pub largest_only: bool,
    /// Whether linear layers of the backbone are in 8 bits.
    pub int8: bool,
    /// Whether images stay at their own scale, in place of the one that the weights were made for.
    pub native: bool,
    /// For scans: along which axes of the scan as stored slices are taken; without any, slices lie as those that the weights were made
    /// for, or as stored.
    pub planes: Vec<Plane>,
    /// For pictures: what a user says.
    pub interactions: Vec<Interaction>,
    /// Pixels of a superpixel, which interactions are snapped to.
    pub superpixel_area: usize,
    /// What should be found.
    pub truth: Option<PathBuf>,
}

impl Job {
    /// With what `segment` does without arguments: the nuclei of fixtures, with the weights of fixtures.
    pub fn new(output: PathBuf) -> Self {
        Self {
            input: fixtures::nuclei(),
            series: None,
            weights: Weights::Segformer(fixtures::nuclei_segmenter()),
            output,
            range: None,
            window: None,
            flips: false,
            threshold: None,
            min_size: 16,
            largest_only: false,
            int8: false,
            native: false,
            planes: Vec::new(),
            interactions: Vec::new(),
            superpixel_area: 100,
            truth: None,
        }
    }

    /// Segments the input and writes what was found: see [`output`].
    ///
    /// # Errors
    /// Whatever is wrong with input, weights, truth and settings, before anything is written; [`Error::Io`], [`Error::Picture`] and
    /// [`Error::File`] when something cannot be written.
    pub fn run(&self, device: &Device) -> Result<Findings> {
        let input = Input::read(&self.input, self.series)?;
        let started = Instant::now();
        let mut segmenter = self.adapted(self.weights.open(device)?, &input)?;
        let mut notes = self.notes(&input, &segmenter)?;
        if self.int8 {
            let (rounded, report) = segmenter.into_int8(|path| path.starts_with("backbone"));
            segmenter = rounded;
            notes.push(report.to_string());
        }
        let load = started.elapsed().as_secs_f64();
        let classes = segmenter.model().config().classes.max(2);
        let truth = self.truth.as_ref().map(|path| read_truth(path, input.size(), classes)).transpose()?;
        let started = Instant::now();
        let labels = match &input {
            Input::Picture(picture) => self.picture(&segmenter, picture)?,
            Input::Scan(scan) => self.scan(&segmenter, scan)?,
        };
        let segment = started.elapsed().as_secs_f64();
        std::fs::create_dir_all(&self.output)
            .map_err(|source| Error::Io { path: self.output.clone(), source })?;
        let mut findings = Findings {
            input: describe(&input),
            elements: labels.len(),
            classes: found(labels.view(), &segmenter, unit(&input), truth.as_ref())?,
            written: Vec::new(),
            notes,
            seconds: [load, segment],
        };
        match &input {
            Input::Picture(picture) => {
                output::picture(&self.output, picture, labels, &self.interactions, &mut findings)?;
            }
            Input::Scan(scan) => {
                let plane = self.shown_plane(scan, &segmenter);
                output::scan(&self.output, scan, labels, plane, &mut findings)?;
            }
        }
        Ok(findings)
    }

    /// The model with what the job and the input ask for.
    fn adapted(&self, segmenter: PromptSegmenter, input: &Input) -> Result<PromptSegmenter> {
        let mut options = segmenter.options().clone();
        options.flips = self.flips;
        options.window = self.window.unwrap_or(options.window);
        options.resizing = options.resizing.filter(|_| !self.native);
        self.check_values(&options, input)?;
        options.orientation = options.orientation.filter(|_| self.planes.is_empty());
        let of_pictures = options.preprocessor.intensity == PICTURE;
        options.preprocessor = match (self.range, input) {
            (Some([low, high]), _) => Preprocessor::new().with_intensity(Intensity::Range { low, high }),
            // Made for pictures: the values of a scan mean something else.
            (None, Input::Scan(_)) if of_pictures => {
                Preprocessor::new().with_intensity(Intensity::Percentiles { low: 1.0, high: 99.0 })
            }
            _ => options.preprocessor,
        };
        Ok(segmenter.with_options(options)?)
    }

    /// The values of pictures are not those of scans.
    fn check_values(&self, options: &SegmentOptions, input: &Input) -> Result<()> {
        let Intensity::Range { low, high } = options.preprocessor.intensity else { return Ok(()) };
        let of_scans = options.orientation.is_some() && options.preprocessor.intensity != PICTURE;
        if of_scans && self.range.is_none() && matches!(input, Input::Picture(_)) {
            return Err(Error::Unfit {
                what: "the input",
                expected: format!(
                    "a scan, of whose values {low} to {high} the weights were made, or --range"
                ),
                found: "a picture, with values from 0 to 255".to_string(),
            });
        }
        Ok(())
    }

    /// The axis of a scan as stored across which the model saw it.
    fn shown_plane(&self, scan: &Scan, segmenter: &PromptSegmenter) -> Plane {
        let taken =
            segmenter.options().orientation.as_ref().and_then(|code| code.parse::<Orientation>().ok());
        let Some(taken) = taken else { return self.planes.first().copied().unwrap_or_default() };
        let across = taken.directions()[2].lps_axis();
        match scan.volume.orientation().directions().map(|direction| direction.lps_axis() == across) {
            [true, _, _] => Plane::Columns,
            [_, true, _] => Plane::Rows,
            _ => Plane::Slices,
        }
    }

    /// What should be known of the input, and of how it was taken.
    fn notes(&self, input: &Input, segmenter: &PromptSegmenter) -> Result<Vec<String>> {
        let options = segmenter.options();
        let mut notes: Vec<String> = self.weights.note()?.into_iter().collect();
        if let Some(resizing) = &options.resizing {
            notes.push(format!("scale as in training: {}", scale(resizing)));
        }
        if let Input::Scan(scan) = input {
            notes.extend(scan.notes.iter().cloned());
            notes.push(format!("values taken as {:?}", options.preprocessor.intensity));
            notes.extend(
                options.orientation.iter().map(|code| format!("slices taken as in training: {code}")),
            );
        }
        Ok(notes)
    }

    /// Labels `[1, row, column]`.
    fn picture(&self, segmenter: &PromptSegmenter, picture: &Picture) -> Result<Array3<u16>> {
        let image = &picture.image;
        let found = with_bar("windows", |tell| Ok(segmenter.segment_with(image, tell)?))?;
        let labels = match (&self.interactions[..], self.threshold) {
            ([], None) => found.labels(),
            ([], Some(threshold)) => found.labels_above(threshold)?,
            (_, threshold) => self.interactive(segmenter, image, &found, threshold.unwrap_or(0.5))?,
        };
        let mut labels = labels.insert_axis(Axis(0));
        keep_components(labels.view_mut(), self.min_size, self.largest_only);
        Ok(labels)
    }

    /// What the interactions mean, each pixel of its most probable class but the background.
    fn interactive<T: Scalar>(
        &self,
        segmenter: &PromptSegmenter,
        image: &Image<T>,
        found: &Segmentation,
        threshold: f32,
    ) -> Result<Array2<u16>> {
        let area = image.height() * image.width();
        let slic = SlicConfig::new().with_segments((area / self.superpixel_area.max(1)).max(1));
        let prepared = Image::new(segmenter.options().preprocessor.prepare(image)?)?;
        let superpixels = slic.divide(&prepared)?;
        let mask = interactive_mask(found.foreground().view(), &superpixels, &self.interactions, threshold)?;
        let mut labels = found.labels_above(0.0)?;
        labels.zip_mut_with(&mask, |label, inside| *label *= u16::from(*inside));
        Ok(labels)
    }

    /// Labels `[slice, row, column]`.
    fn scan(&self, segmenter: &PromptSegmenter, scan: &Scan) -> Result<Array3<u16>> {
        if !self.interactions.is_empty() {
            return Err(Error::Unfit {
                what: "clicks, boxes and scribbles",
                expected: "a single image".to_string(),
                found: "a volume".to_string(),
            });
        }
        let planes = if self.planes.is_empty() { vec![Plane::Slices] } else { self.planes.clone() };
        let options = VolumeOptions::new()
            .with_planes(planes)
            .with_threshold(self.threshold)
            .with_min_voxels(self.min_size)
            .with_largest_only(self.largest_only);
        let found =
            with_bar("slices", |tell| Ok(segmenter.segment_volume_with(&scan.volume, &options, tell)?))?;
        Ok(found.labels.into_volume().into_voxels())
    }
}

/// The values of pictures.
const PICTURE: Intensity = Intensity::Range { low: 0.0, high: 255.0 };

/// Does something while a bar shows how far it is.
fn with_bar<T>(what: &'static str, work: impl FnOnce(&mut ProgressFn<'_>) -> Result<T>) -> Result<T> {
    let bar = progress::bar(1, what);
    let done = work(&mut |progress| {
        bar.set_length(progress.total as u64);
        bar.set_position(progress.done as u64);
        ControlFlow::Continue(())
    });
    bar.finish_and_clear();
    done
}

fn describe(input: &Input) -> String {
    let [slices, rows, columns] = input.size();
    match input {
        Input::Picture(_) => format!("{}, {columns} x {rows} px", input.name()),
        Input::Scan(_) => format!("{}, {columns} x {rows} x {slices} voxels", input.name()),
    }
}

fn unit(input: &Input) -> Unit {
    match input {
        Input::Picture(picture) => picture
            .image
            .spacing()
            .map_or(Unit::Pixels, |spacing| Unit::SquareMillimetres(spacing.row * spacing.column)),
        Input::Scan(scan) => {
            let step = |axis| scan.volume.geometry().voxel_to_lps().column(axis);
            Unit::CubicMillimetres(step(0).cross(step(1)).dot(step(2)).abs())
        }
    }
}

/// The scale of training in words.
fn scale(resizing: &Resizing) -> String {
    let size = resizing.size;
    let of = match resizing.tile {
        Some(tile) => format!("tiles of {tile} px"),
        None if resizing.square => "the longer side".to_string(),
        None => "the shorter side".to_string(),
    };
    let shrunk = resizing.max_side.map_or(String::new(), |side| format!(" of images of at most {side} px"));
    format!("{of}{shrunk} become {size} px")
}

/// What was found of every class but the background.
fn found(
    labels: ArrayView3<'_, u16>,
    segmenter: &PromptSegmenter,
    unit: Unit,
    truth: Option<&Array3<u16>>,
) -> Result<Vec<ClassFindings>> {
    let objects = components(labels);
    let classes = segmenter.model().config().classes.max(2);
    (1..classes as u16)
        .map(|class| {
            let objects: Vec<_> = objects.iter().filter(|part| part.label == class).copied().collect();
            let elements = objects.iter().map(|part| part.voxels).sum();
            let name = segmenter.class_names().get(usize::from(class)).cloned();
            let overlap = |truth: &Array3<u16>| {
                let mask = |labels: ArrayView3<'_, u16>| labels.mapv(|label| label == class);
                dice(mask(labels).view(), mask(truth.view()).view())
            };
            Ok(ClassFindings {
                class,
                name: name.unwrap_or_else(|| format!("class {class}")),
                objects,
                size: Size { elements, unit },
                dice: truth.map(overlap).transpose()?,
            })
        })
        .collect()
}

/// Labels with the geometry of a scan and the names of its classes.
pub(super) fn label_map(
    labels: Array3<u16>,
    geometry: medcore::Geometry,
    findings: &Findings,
) -> Result<LabelMap> {
    let names = findings.classes.iter().map(|class| {
        let color = crate::picture::label_color(class.class);
        (class.class, medcore::Label { name: class.name.clone(), color })
    });
    Ok(LabelMap::new(Volume::new(labels, geometry)?).with_labels(names))
}

//! A phrase, the image it is about, and its boxes.

use medcore::PixelBox;

/// What a sample is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Split {
    /// Learning.
    Train,
    /// Choosing.
    Validation,
    /// Reporting.
    Test,
}

impl Split {
    /// From the names that data sets use: `train`, `val`, `valid`, `validate`, `validation`, `dev`, `test`.
    pub fn parse(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "train" | "training" => Some(Self::Train),
            "val" | "valid" | "validate" | "validation" | "dev" => Some(Self::Validation),
            "test" | "testing" => Some(Self::Test),
            _ => None,
        }
    }
}

/// A phrase with the boxes that it describes in an image: none, one or many.
#[derive(Debug, Clone, PartialEq)]
pub struct GroundingSample {
    /// The image, as the annotations name it.
    pub image: String,
    /// Height and width of the image in pixels, where the annotations say.
    pub size: Option<[usize; 2]>,
    /// The phrase.
    pub phrase: String,
    /// Where it is, in pixels of the image.
    pub boxes: Vec<PixelBox>,
    /// The patient, as the annotations name them.
    pub patient: Option<String>,
    /// What it is for, where the annotations say.
    pub split: Option<Split>,
}

/// Why a row gave no sample, or a box was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DropReason {
    /// A field is missing, or of another type.
    Malformed(&'static str),
    /// The phrase is empty.
    EmptyPhrase,
    /// The box has no area, or a coordinate that is not finite.
    DegenerateBox,
    /// The box lies outside of the image.
    OutsideImage,
    /// None of the known anatomical structures.
    UnknownStructure,
    /// Not a frontal view.
    NotFrontal,
    /// A patient who is kept for another data set.
    ExcludedPatient,
    /// An annotation of an image or a category that is not in the file.
    UnknownReference,
    /// Every box of the phrase was dropped.
    NoBoxLeft,
}

/// A row that was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DroppedRow {
    /// Which, from 0: of the table without its header, of the list, or of the file's lines.
    pub row: usize,
    /// Why.
    pub reason: DropReason,
}

/// What became of the rows of a file. Names no image and no patient.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadReport {
    /// Rows, objects or annotations that were there.
    pub rows: usize,
    /// Those that were left out.
    pub dropped: Vec<DroppedRow>,
    /// Boxes that reached over the edge of their image and were cut there.
    pub clipped: usize,
}

impl ReadReport {
    /// How many rows were left out for a reason.
    pub fn count(&self, reason: DropReason) -> usize {
        self.dropped.iter().filter(|d| d.reason == reason).count()
    }

    pub(crate) fn drop_row(&mut self, row: usize, reason: DropReason) {
        self.dropped.push(DroppedRow { row, reason });
    }

    /// A box as it may be used: with an area, and within its image where its size is known.
    pub(crate) fn accept(
        &mut self,
        bounds: Result<PixelBox, medcore::Error>,
        size: Option<[usize; 2]>,
    ) -> Result<PixelBox, DropReason> {
        let bounds = bounds.map_err(|_| DropReason::DegenerateBox)?;
        if bounds.area() <= 0.0 {
            return Err(DropReason::DegenerateBox);
        }
        let Some([height, width]) = size else { return Ok(bounds) };
        let inside = bounds.clip(height, width).filter(|b| b.area() > 0.0).ok_or(DropReason::OutsideImage)?;
        self.clipped += usize::from(inside != bounds);
        Ok(inside)
    }
}

/// What a reader found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReadSamples {
    /// The samples, in the order of the file.
    pub samples: Vec<GroundingSample>,
    /// What was left out.
    pub report: ReadReport,
}

/// Puts boxes of one phrase and image together, in the order of their first rows.
pub(crate) fn group(boxes: Vec<GroundingSample>) -> Vec<GroundingSample> {
    let mut at = std::collections::HashMap::new();
    let mut samples: Vec<GroundingSample> = Vec::new();
    for one in boxes {
        let index = *at.entry((one.image.clone(), one.phrase.clone())).or_insert(samples.len());
        match samples.get_mut(index) {
            Some(sample) => sample.boxes.extend(one.boxes),
            None => samples.push(one),
        }
    }
    samples
}

//! The image that phrases are grounded in, from a file of any kind.

use std::io::Read;
use std::path::Path;

use medcore::{Image, PixelSpacing, Volume};
use medio::Format;
use medio::dicom::{ImageAttributes, Series, SeriesKind, Tag};
use ndarray::{Array3, Axis, s};

use crate::error::{Error, Result};
use crate::input::read_part;
use crate::picture::Sides;
use crate::picture_file::read_png;

/// Which image of a file is meant, and what is let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RadiographOptions {
    /// Which series, where there are several.
    pub series: Option<usize>,
    /// Which image of a DICOM series, or which slice of a volume; the middle one of a volume.
    pub frame: Option<usize>,
    /// Along which plane volumes are cut.
    pub plane: Plane,
    /// Whether views that are not frontal are let through.
    pub any_view: bool,
}

/// A plane through a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Plane {
    /// Seen from the feet.
    #[default]
    Axial,
    /// Seen from the front.
    Coronal,
    /// Seen from the left.
    Sagittal,
}

impl Plane {
    /// The orientation whose slices are these planes, with columns and rows as they are shown.
    const fn orientation(self) -> &'static str {
        match self {
            Self::Axial => "LPS",
            Self::Coronal => "LIP",
            Self::Sagittal => "PIL",
        }
    }

    const fn sides(self) -> Sides {
        match self {
            Self::Axial => Sides::AXIAL,
            Self::Coronal => Sides::CORONAL,
            Self::Sagittal => Sides::SAGITTAL,
        }
    }
}

/// An image to ground phrases in, bright where bone is.
#[derive(Debug)]
pub struct Radiograph {
    /// Values that grow from dark to bright, one channel or three.
    pub image: Image<f32>,
    /// As it is meant to be shown: `[row, column, 3]`.
    pub shown: Array3<u8>,
    /// Whether it shows the patient's left on the left, so that a model must see it mirrored.
    pub mirrored: bool,
    /// What it is, for a table; says nothing of the patient.
    pub name: String,
    /// The patient's sides at its edges, where the file says them.
    pub sides: Option<Sides>,
    /// What is unusual about it.
    pub notes: Vec<String>,
    /// Its series and which of its images it is, if it is DICOM.
    pub source: Option<(Series, usize)>,
}

impl Radiograph {
    /// Reads an image: a DICOM file or folder, a PNG file, a slice of a NIfTI, NRRD or MetaImage volume.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Io`]; [`Error::SeveralSeries`], [`Error::NoSuchSeries`]; [`Error::Unfit`] for an image that is not
    /// there, and for a view that is not frontal.
    pub fn read(path: &Path, options: RadiographOptions) -> Result<Self> {
        if is_png(path) {
            return Self::of_png(path);
        }
        match Format::of(path)? {
            Format::Dicom => Self::of_dicom(path, options),
            _ => Self::of_volume(path, options),
        }
    }

    fn of_png(path: &Path) -> Result<Self> {
        let image = read_png(path)?;
        let most = image.pixels().iter().fold(255f32, |most, v| most.max(*v));
        let shown = rgb(&image.map(|v| v * 255.0 / most));
        let notes = vec![
            "the file does not say which side is the patient's: its right is taken to be on the left"
                .to_string(),
        ];
        Ok(Self { image, shown, mirrored: false, name: "PNG".into(), sides: None, notes, source: None })
    }

    fn of_volume(path: &Path, options: RadiographOptions) -> Result<Self> {
        let scan = read_part(path, options.series, None)?;
        let volume = scan.volume.reorient(options.plane.orientation())?;
        let slices = volume.size()[0];
        let slice = options.frame.unwrap_or(slices / 2);
        let image = image_of_slice(&volume, check_number(slice, slices)?)?;
        let name = format!("{}, {:?} slice {slice} of {slices}", scan.name, options.plane);
        let mut notes = scan.notes;
        notes.push("a slice of a volume is no radiograph".to_string());
        Ok(Self {
            shown: rgb(&stretched(&image)),
            image,
            mirrored: false,
            name,
            sides: Some(options.plane.sides()),
            notes,
            source: None,
        })
    }

    fn of_dicom(path: &Path, options: RadiographOptions) -> Result<Self> {
        let series = one_series(path, options.series)?;
        let count = series.frames();
        let number = match options.frame {
            Some(number) => check_number(number, count)?,
            None if count == 1 => 0,
            None => {
                let expected = "one, or `--frame NUMBER`".to_string();
                return Err(Error::Unfit { what: "images", expected, found: count.to_string() });
            }
        };
        let attributes = series.attributes(number)?;
        let mut notes = Vec::new();
        check_view(&attributes, options.any_view, &mut notes)?;
        if !matches!(series.modality(), "CR" | "DX") {
            notes.push(format!("modality {}: no radiograph", series.modality()));
        }
        let photometric = attributes.text(PHOTOMETRIC).unwrap_or_default();
        let image = match photometric.trim() {
            "MONOCHROME1" => series.image(number)?.map(|value| -value),
            "MONOCHROME2" => series.image(number)?,
            _ => series.color_image(number)?.map(f32::from),
        };
        let image = with_detector_spacing(image, &attributes, &mut notes)?;
        let shown = rgb(&series.display_image(number)?.map(f32::from));
        let sides = sides(&attributes);
        let mirrored = sides.is_some_and(|sides| sides.left == 'L');
        if mirrored {
            notes.push("shows the patient's left on the left: mirrored for the model".to_string());
        }
        let name = format!("DICOM {}", series.modality());
        Ok(Self { image, shown, mirrored, name, sides, notes, source: Some((series, number)) })
    }

    /// As a model wants to see it: the patient's right on the left.
    ///
    /// # Errors
    /// [`Error::Volume`] when there is no memory.
    pub fn for_model(&self) -> Result<Image<f32>> {
        if !self.mirrored {
            return Ok(self.image.clone());
        }
        Ok(Image::new(self.image.pixels().slice(s![.., .., ..;-1]).to_owned())?)
    }
}

const PHOTOMETRIC: Tag = Tag(0x0028, 0x0004);
const VIEW_POSITION: Tag = Tag(0x0018, 0x5101);
const PATIENT_ORIENTATION: Tag = Tag(0x0020, 0x0020);
const IMAGER_PIXEL_SPACING: Tag = Tag(0x0018, 0x1164);

fn is_png(path: &Path) -> bool {
    let mut head = [0; 8];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && head == *b"\x89PNG\r\n\x1a\n"
}

fn check_number(number: usize, count: usize) -> Result<usize> {
    if number < count {
        return Ok(number);
    }
    let expected = format!("0 to {}", count.saturating_sub(1));
    Err(Error::Unfit { what: "the number of the image", expected, found: number.to_string() })
}

fn one_series(path: &Path, number: Option<usize>) -> Result<Series> {
    let study = medio::dicom::scan(path)?;
    let images: Vec<&Series> = study.iter().filter(|s| s.kind() != SeriesKind::Segmentation).collect();
    let count = images.len();
    let chosen = match number {
        None if count == 1 => images.first(),
        None => {
            let line =
                |(index, s): (usize, &&Series)| format!("  {index}: {}, {} images", s.modality(), s.frames());
            let list = images.iter().enumerate().map(line).collect::<Vec<_>>().join("\n");
            return Err(Error::SeveralSeries { path: path.to_path_buf(), count, list });
        }
        Some(number) => images.get(number),
    };
    let found = number.unwrap_or_default();
    chosen.map(|s| (*s).clone()).ok_or_else(|| Error::NoSuchSeries { path: path.to_path_buf(), count, found })
}

/// ViewPosition (PS3.3 C.8.7.1.1.1): PA and AP are frontal, whatever follows; LL, RL, LATERAL and the rest are not.
fn check_view(attributes: &ImageAttributes, any_view: bool, notes: &mut Vec<String>) -> Result<()> {
    let Some(view) = attributes.text(VIEW_POSITION).map(|view| view.trim().to_ascii_uppercase()) else {
        notes.push("the file does not say which view it is: taken to be frontal".to_string());
        return Ok(());
    };
    if view.starts_with("PA") || view.starts_with("AP") || view.is_empty() {
        return Ok(());
    }
    if !any_view {
        let expected = "a frontal one (ViewPosition PA or AP), or `--any-view`".to_string();
        return Err(Error::Unfit { what: "the view", expected, found: view });
    }
    notes.push(format!("view {view}: left and right mean nothing here"));
    Ok(())
}

/// PatientOrientation (PS3.3 C.7.6.1.1.1): where rows and columns run to.
fn sides(attributes: &ImageAttributes) -> Option<Sides> {
    let text = attributes.text(PATIENT_ORIENTATION)?;
    let (row, column) = text.split_once('\\')?;
    let first = |direction: &str| direction.trim().chars().next();
    let opposite = |letter: char| match letter {
        'L' => Some('R'),
        'R' => Some('L'),
        'A' => Some('P'),
        'P' => Some('A'),
        'H' => Some('F'),
        'F' => Some('H'),
        _ => None,
    };
    let (right, bottom) = (first(row)?, first(column)?);
    Some(Sides { left: opposite(right)?, right, top: opposite(bottom)?, bottom })
}

/// Where no other spacing is known, that of the detector, and a note that says so.
fn with_detector_spacing(
    image: Image<f32>,
    attributes: &ImageAttributes,
    notes: &mut Vec<String>,
) -> Result<Image<f32>> {
    let at_detector = attributes.numbers(IMAGER_PIXEL_SPACING);
    let image = match (image.spacing(), &at_detector[..]) {
        (None, [row, column, ..]) => image.with_spacing(PixelSpacing { row: *row, column: *column })?,
        _ => image,
    };
    if !at_detector.is_empty() {
        notes.push("millimetres are those at the detector: things in the patient are smaller".to_string());
    }
    Ok(image)
}

fn image_of_slice(volume: &Volume<f32>, slice: usize) -> Result<Image<f32>> {
    let [_, rows, columns] = volume.size();
    let one = volume.crop([slice, 0, 0], [1, rows, columns])?;
    let pixels = one.voxels().index_axis(Axis(0), 0).to_owned();
    Ok(Image::grey(pixels)?.with_geometry(*one.geometry())?)
}

/// Values from 0 to 255, between the 0.5th and the 99.5th percentile.
fn stretched(image: &Image<f32>) -> Image<f32> {
    let mut sorted: Vec<f32> = image.pixels().iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_unstable_by(f32::total_cmp);
    let at =
        |share: f64| sorted.get((share * (sorted.len().max(1) - 1) as f64) as usize).copied().unwrap_or(0.0);
    let (low, high) = (at(0.005), at(0.995));
    let range = if high > low { high - low } else { 1.0 };
    image.map(|v| (v - low) / range * 255.0)
}

/// Grey or colour as bytes `[row, column, 3]`.
fn rgb(image: &Image<f32>) -> Array3<u8> {
    let (pixels, channels) = (image.pixels(), image.channels());
    Array3::from_shape_fn([image.height(), image.width(), 3], |(row, column, color)| {
        let channel = if channels >= 3 { color } else { 0 };
        pixels[[channel, row, column]].round().clamp(0.0, 255.0) as u8
    })
}

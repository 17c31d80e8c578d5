//! A picture or a scan from a path.

use std::path::Path;

use medcore::{Image, LabelMap};
use medio::dicom::{Series, SeriesKind};
use ndarray::{Array2, Array3};

use super::mask_file::read_mask;
use crate::error::{Error, Result};
use crate::input::{Scan, choose, read};
use crate::picture_file::{is_jpeg, is_png, read_picture};

/// What is to be segmented.
#[derive(Debug)]
// One per run.
#[allow(clippy::large_enum_variant)]
pub enum Input {
    /// A single image.
    Picture(Picture),
    /// A volume, slice by slice.
    Scan(Scan),
}

/// A single image.
#[derive(Debug)]
pub struct Picture {
    /// Values from 0 to 255.
    pub image: Image<f32>,
    /// What it is, for a table.
    pub name: String,
    /// The series that it was read from, if it is DICOM.
    pub source: Option<Series>,
}

impl Input {
    /// Reads a PNG or JPEG file, or a folder, archive or file of DICOM, NIfTI, NRRD or MetaImage, told apart by content. `series` chooses
    /// among several DICOM series. A DICOM series of one image, or one that is not placed in the patient, is a picture as it is meant to be shown.
    ///
    /// # Errors
    /// As [`read_picture`]; [`Error::File`], [`Error::SeveralSeries`], [`Error::NoSuchSeries`].
    pub fn read(path: &Path, series: Option<usize>) -> Result<Self> {
        for (is_one, name) in [(is_png(path)?, "PNG"), (is_jpeg(path)?, "JPEG")] {
            if is_one {
                let (image, name) = (read_picture(path)?, name.to_string());
                return Ok(Self::Picture(Picture { image, name, source: None }));
            }
        }
        if medio::Format::of(path)? != medio::Format::Dicom {
            return Ok(Self::Scan(read(path, series)?));
        }
        let study = medio::dicom::scan(path)?;
        let chosen = choose(path, &study, series)?;
        let single = chosen.frames() == 1 && chosen.kind() != SeriesKind::Segmentation;
        if !single {
            return Ok(Self::Scan(read(path, series)?));
        }
        let shown = chosen.display_image(0)?;
        let name = format!("DICOM {}, one image", chosen.modality());
        Ok(Self::Picture(Picture { image: shown.map(f32::from), name, source: Some(chosen.clone()) }))
    }

    /// How large it is: slices, rows, columns.
    pub fn size(&self) -> [usize; 3] {
        match self {
            Self::Picture(picture) => [1, picture.image.height(), picture.image.width()],
            Self::Scan(scan) => scan.volume.geometry().size(),
        }
    }

    /// What it is.
    pub fn name(&self) -> &str {
        match self {
            Self::Picture(picture) => &picture.name,
            Self::Scan(scan) => &scan.name,
        }
    }
}

impl Picture {
    /// Red, green and blue `[row, column, 3]`.
    pub fn rgb(&self) -> Array3<u8> {
        let pixels = self.image.pixels();
        let channel = |k: usize| if self.image.channels() < 3 { 0 } else { k };
        Array3::from_shape_fn((self.image.height(), self.image.width(), 3), |(r, c, k)| {
            pixels[[channel(k), r, c]].round().clamp(0.0, 255.0) as u8
        })
    }
}

/// The classes `[slice, row, column]` that an input should be given, from a mask or a label map.
///
/// # Errors
/// [`Error::Unfit`] when it has another size than the input, [`Error::Segmentation`] when it has a class that the model does not have;
/// as [`read_mask`] and [`medio::read_labels`].
pub(super) fn read_truth(path: &Path, size: [usize; 3], classes: usize) -> Result<Array3<u16>> {
    let truth = if is_png(path)? {
        let mask: Array2<u16> = read_mask(path)?;
        mask.insert_axis(ndarray::Axis(0))
    } else {
        let labels: LabelMap = medio::read_labels(path)?;
        labels.volume().voxels().to_owned()
    };
    if truth.shape() != size {
        return Err(Error::Unfit {
            what: "the truth",
            expected: format!("{size:?} slices, rows and columns, as the input"),
            found: format!("{:?}", truth.shape()),
        });
    }
    let highest = truth.iter().copied().max().map_or(0, usize::from);
    if highest >= classes {
        return Err(medprompt::Error::Class { classes, found: highest }.into());
    }
    Ok(truth)
}

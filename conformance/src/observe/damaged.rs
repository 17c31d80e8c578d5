//! Damaged bytes through all that medio does to read a format.

use std::io::Write;

use medcore::Volume;
use medio::dicom::{self, LoadOptions, Policy, Series, SpacingPolicy, seg, sr};
use medio::nifti::{self, ComplexPart, NiftiFile};
use medio::{Error, metaimage, nrrd};

use super::format::Format;
use super::found::kind;

/// Sends bytes through the scan of DICOM headers. `Ok` has how many series were found.
///
/// # Errors
/// The [`kind`] of the error that medio gave.
pub fn scan_bytes(bytes: &[u8]) -> Result<usize, String> {
    let study = dicom::scan_bytes([("input".to_string(), bytes.to_vec())]).map_err(|e| kind(&e))?;
    Ok(study.len())
}

/// What came out of bytes, enough to tell whether it is the same as from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Came {
    /// How many values.
    pub values: usize,
    /// A checksum of them; quick, not good.
    pub checksum: u64,
}

impl Came {
    fn and(self, values: &[f32]) -> Self {
        self.mix(values.iter().map(|v| v.to_bits()))
    }

    fn mix(self, values: impl Iterator<Item = u32>) -> Self {
        let mix = |(count, sum): (usize, u64), v: u32| {
            (count + 1, sum.rotate_left(5).wrapping_add(u64::from(v)).wrapping_mul(31))
        };
        let (values, checksum) = values.fold((self.values, self.checksum), mix);
        Self { values, checksum }
    }
}

/// Sends bytes through all that medio does to read a file of this format.
///
/// # Errors
/// The [`kind`] of the error that medio gave, of several the first.
pub fn read_bytes(format: Format, bytes: &[u8]) -> Result<Came, String> {
    match format {
        Format::Dicom => read_dicom(bytes),
        Format::Seg => from_file(bytes, read_seg).and_then(|came| {
            // Its frames are images too.
            let frames = read_dicom(bytes);
            if matches!(frames, Err(Error::NoImages { .. })) { Ok(came) } else { frames.and(Ok(came)) }
        }),
        Format::Sr => {
            from_file(bytes, |path| Ok(Came { values: sr::read(path)?.findings.len(), checksum: 0 }))
        }
        Format::Nifti => read_nifti(bytes),
        Format::Nrrd => first_and_last(|volume| {
            let options = nrrd::ReadOptions::default().volume(volume);
            let (read, report) = nrrd::from_bytes::<f32>(bytes, &options)?;
            Ok((read, report.volumes))
        }),
        Format::MetaImage => first_and_last(|volume| {
            let options = metaimage::ReadOptions::default().volume(volume);
            let (read, report) = metaimage::from_bytes::<f32>(bytes, &options)?;
            Ok((read, report.volumes))
        }),
    }
    .map_err(|e| kind(&e))
}

/// For readers that take a path.
fn from_file<T>(bytes: &[u8], read: impl Fn(&std::path::Path) -> medio::Result<T>) -> medio::Result<T> {
    let io = |source| Error::Io { path: "input".into(), source };
    let mut file = tempfile::NamedTempFile::new().map_err(io)?;
    file.write_all(bytes).map_err(io)?;
    read(file.path())
}

/// Scans, loads every series and its last slice alone, and reads single images in all ways there are.
fn read_dicom(bytes: &[u8]) -> medio::Result<Came> {
    let study = dicom::scan_bytes([("input".to_string(), bytes.to_vec())])?;
    let mut came = Came::default();
    let mut first_error = None;
    for series in study.iter() {
        for read in [read_volume, read_images] {
            match read(series, came) {
                Ok(next) => came = next,
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
    }
    first_error.map_or(Ok(came), Err)
}

fn read_volume(series: &Series, came: Came) -> medio::Result<Came> {
    let lenient = LoadOptions::new().irregular_spacing(SpacingPolicy::Warn).duplicates(Policy::Warn);
    let came = match series.load_with(&lenient) {
        Ok((volume, _)) => came.and(volume.as_slice()),
        // Colour and sequences are read image by image.
        Err(Error::NotAVolume { .. }) => return Ok(came),
        Err(error) => return Err(error),
    };
    let [slices, ..] = series.size();
    let last = slices.saturating_sub(1);
    Ok(came.and(series.load_slices(last..slices, &lenient)?.0.as_slice()))
}

/// The first image and the last.
fn read_images(series: &Series, mut came: Came) -> medio::Result<Came> {
    let last = series.frames().saturating_sub(1);
    for k in if last == 0 { vec![0] } else { vec![0, last] } {
        came = match series.color_image(k) {
            Ok(image) => {
                let wide = series.color_image_16(k)?;
                came.mix(image.pixels().iter().map(|v| u32::from(*v)))
                    .mix(wide.pixels().iter().map(|v| u32::from(*v)))
            }
            Err(Error::Unsupported { what: "PhotometricInterpretation", .. }) => {
                let image = series.image(k)?;
                came.mix(image.pixels().iter().map(|v| v.to_bits()))
            }
            Err(error) => return Err(error),
        };
        series.display_image(k)?;
        series.windows(k)?;
        // What is drawn over the image has nothing to do with its values.
        let _ = series.overlays(k);
    }
    let _ = (series.frame_times(), series.attributes(0));
    Ok(came)
}

fn read_seg(path: &std::path::Path) -> medio::Result<Came> {
    let segmentation = seg::read(path)?;
    let mut came = Came::default();
    for segment in segmentation.segments() {
        came = came.and(segmentation.fraction(segment.number)?.as_slice());
        let mask = segmentation.mask(segment.number)?;
        came = came.mix(mask.as_slice().iter().map(|v| u32::from(*v)));
    }
    let labels = segmentation.to_label_map_with(seg::Overlap::Last)?;
    Ok(came.mix(labels.volume().as_slice().iter().map(|v| u32::from(*v))))
}

/// At once, volume by volume, and by slice and region; in two files as well.
fn read_nifti(bytes: &[u8]) -> medio::Result<Came> {
    let options = nifti::ReadOptions::new().complex(ComplexPart::Magnitude);
    let came = first_and_last(|volume| {
        let (read, report) = nifti::from_bytes::<f32>(bytes, &options.volume(volume))?;
        Ok((read, report.volumes))
    });
    if let Err(Error::Unsupported { .. }) = came {
        // The header of a pair: any bytes can be voxels.
        return lazily(&NiftiFile::from_pair_bytes(bytes, bytes, &options)?);
    }
    let lazy = lazily(&NiftiFile::from_bytes(bytes, &options)?)?;
    let came = came?;
    Ok(Came { values: came.values + lazy.values, checksum: came.checksum ^ lazy.checksum.rotate_left(7) })
}

fn lazily(file: &NiftiFile<'_>) -> medio::Result<Came> {
    let [slices, rows, columns] = file.geometry().size();
    let last = file.volumes().saturating_sub(1);
    let slice = file.read_slice::<f32>(slices / 2, last)?;
    let region = [0..slices, rows / 2..rows, columns / 3..columns];
    let part = file.read_region::<f32>(region, 0)?;
    Ok(Came::default().and(slice.as_slice()).and(part.as_slice()))
}

/// The first volume of a file and the last, as those between are read alike; `read` tells how many there are.
fn first_and_last(read: impl Fn(usize) -> medio::Result<(Volume<f32>, usize)>) -> medio::Result<Came> {
    let (first, volumes) = read(0)?;
    let came = Came::default().and(first.as_slice());
    if volumes > 1 { Ok(came.and(read(volumes - 1)?.0.as_slice())) } else { Ok(came) }
}

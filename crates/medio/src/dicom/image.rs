//! Single images of a series: real values, colours, as they are meant to be shown, and what is drawn over them.

use dicom_dictionary_std::tags;
use medcore::{Image, PixelSpacing, Scalar, Window};
use ndarray::{Array2, Array3};

use super::color::{self, Planes};
use super::dataset::DataSet;
use super::format::Photometric;
use super::frame::FrameSource;
use super::header::Header;
use super::job::Job;
use super::options::{LoadOptions, Padding, Policy, SpacingPolicy};
use super::overlay::{self, Overlay, Plane};
use super::palette::Palette;
use super::series::Series;
use super::stack;
use super::voi::Voi;
use crate::error::{Error, Result};

impl Series {
    /// The `k`-th of [`Series::frames`] images, grey: real values (HU for CT) `[1, row, column]`, as [`Series::load`] gives
    /// them. Nothing is read but this image.
    ///
    /// The image has its place in the patient where the file says it, otherwise the distances of its pixels, by the rule of
    /// [`Series::load`]. MONOCHROME1 is not inverted: these are values, not brightness.
    ///
    /// # Errors
    /// Those of [`Series::load_with`] that are about pixels, [`Unsupported`](Error::Unsupported) for colours, and
    /// [`Invalid`](Error::Invalid) when there is no such image.
    pub fn image(&self, k: usize) -> Result<Image<f32>> {
        let header = &self.image_header(k)?;
        let pixels = grey(header, &LoadOptions::new())?;
        placed(header, pixels)
    }

    /// The `k`-th image, in colour: red, green and blue `[3, row, column]`, 0 to 255. Where more bits are stored, the most
    /// significant eight. Palettes and luminance with colour differences become RGB (PS3.3 C.7.6.3.1.2).
    ///
    /// # Errors
    /// [`Unsupported`](Error::Unsupported) for a grey image and for retired colour spaces, otherwise as [`Series::image`].
    pub fn color_image(&self, k: usize) -> Result<Image<u8>> {
        let header = &self.image_header(k)?;
        color(header, |planes| planes.into_u8())
    }

    /// As [`Series::color_image`], with all bits that are stored, up to 16: images and palettes of 8 bits give 0 to 255.
    ///
    /// # Errors
    /// As [`Series::color_image`].
    pub fn color_image_16(&self, k: usize) -> Result<Image<u16>> {
        let header = &self.image_header(k)?;
        color(header, Planes::into_u16)
    }

    /// The `k`-th image as it is meant to be shown: one channel of grey, or three of colour, 0 (dark) to 255.
    ///
    /// Grey values pass through the file's first window, or its first VOI LUT where it has no window, or run from the least to
    /// the largest value of the image. MONOCHROME1 is inverted after that (PS3.3 C.7.6.3.1.2). Padding is black. Colours are
    /// those of [`Series::color_image`].
    ///
    /// # Errors
    /// As [`Series::image`], but for colours.
    pub fn display_image(&self, k: usize) -> Result<Image<u8>> {
        let header = &self.image_header(k)?;
        if Photometric::parse(&header.photometric).is_some_and(|p| !p.is_grey()) {
            return self.color_image(k);
        }
        let values = grey(header, &LoadOptions::new().padding(Padding::Value(f32::NAN)))?;
        let elements = header.read_elements()?;
        let voi = voi(header, elements.data_set());
        let show = shown(&voi, &values);
        let inverted = Photometric::parse(&header.photometric) == Some(Photometric::Monochrome1);
        let pixels = values.mapv(|value| {
            if value.is_nan() {
                return 0;
            }
            let shade = (show(f64::from(value)) * 255.0 + 0.5) as u8;
            if inverted { 255 - shade } else { shade }
        });
        placed(header, pixels)
    }

    /// The windows that the file of the `k`-th image proposes, each with its explanation (empty where it has none), in the
    /// units of [`Series::image`]. Windows that show nothing, of width 0 for instance, are left out.
    ///
    /// # Errors
    /// [`Io`](Error::Io), [`Truncated`](Error::Truncated), and [`Invalid`](Error::Invalid) when there is no such image.
    pub fn windows(&self, k: usize) -> Result<Vec<(Window, String)>> {
        let header = &self.image_header(k)?;
        Ok(voi(header, header.read_elements()?.data_set()).windows)
    }

    /// What the file draws over the `k`-th image, in the order of the file. Those without bits for this image are left out.
    ///
    /// # Errors
    /// As [`Series::image`] where overlays are in unused bits of the pixels.
    pub fn overlays(&self, k: usize) -> Result<Vec<Overlay>> {
        let header = &self.image_header(k)?;
        let elements = header.read_elements()?;
        let mut overlays = Vec::new();
        for description in overlay::descriptions(elements.data_set(), header.frame) {
            let bits = match description.plane {
                Plane::None => continue,
                Plane::Own(bits) => bits,
                Plane::InPixels(position) => bits_of_pixels(header, position)?,
            };
            let mask = Array2::from_shape_vec((description.rows, description.columns), bits);
            let mask = mask.map_err(|_| Error::Invalid {
                path: header.label(),
                what: "OverlayRows and OverlayColumns",
                expected: "the size of the image that holds the bits".to_string(),
                found: format!("{} x {}", description.rows, description.columns),
            })?;
            let overlay::Description { origin, kind, label, .. } = description;
            overlays.push(Overlay { mask, origin, kind, label });
        }
        Ok(overlays)
    }

    fn image_header(&self, k: usize) -> Result<Header> {
        match self.frame(k) {
            Some((header, frame)) => Ok(Header { frame, count: 1, ..header.clone() }),
            None => Err(Error::Invalid {
                path: self.files().next().map(Into::into).unwrap_or_default(),
                what: "number of an image",
                expected: format!("below {}", self.frames()),
                found: k.to_string(),
            }),
        }
    }
}

fn grey(header: &Header, options: &LoadOptions) -> Result<Array3<f32>> {
    let job = Job::new(header, options)?;
    let mut pixels = vec![0.0; header.pixel_count()];
    job.run(&mut Vec::new(), &mut pixels)?;
    array(header, 1, pixels)
}

fn color<T: Scalar>(header: &Header, convert: impl Fn(Planes) -> Vec<T>) -> Result<Image<T>> {
    let source = FrameSource::new(header)?;
    let image = source.image;
    if image.photometric.is_grey() {
        return Err(Error::Unsupported {
            path: header.path.clone(),
            what: "PhotometricInterpretation",
            found: format!("{} where colours are wanted", header.photometric.as_str()),
        });
    }
    let palette = if image.photometric == Photometric::Palette {
        let elements = header.read_elements()?;
        let palette =
            Palette::read(elements.data_set(), image.sample.signed).map_err(|expected| Error::Invalid {
                path: header.path.clone(),
                what: "palette",
                expected: expected.to_string(),
                found: "none".to_string(),
            })?;
        Some(palette)
    } else {
        None
    };
    let mut buffer = Vec::new();
    let frame = source.read(&mut buffer)?;
    let planes = color::planes(&frame, &image, palette.as_ref()).ok_or_else(|| Error::Truncated {
        path: header.label(),
        what: "pixel data",
        expected: image.decoded_bytes(),
        found: frame.bytes.len() as u64,
    })?;
    placed(header, array(header, 3, convert(planes))?)
}

fn array<T: Scalar>(header: &Header, channels: usize, pixels: Vec<T>) -> Result<Array3<T>> {
    let extent = |n: Option<u16>| usize::from(n.unwrap_or(0));
    let shape = (channels, extent(header.rows), extent(header.columns));
    let found = pixels.len() as u64;
    Array3::from_shape_vec(shape, pixels).map_err(|_| Error::Truncated {
        path: header.label(),
        what: "pixel data",
        expected: (channels * header.pixel_count()) as u64,
        found,
    })
}

/// With its place in the patient, or at least the distances of its pixels, where they are known.
fn placed<T: Scalar>(header: &Header, pixels: Array3<T>) -> Result<Image<T>> {
    let error = |source| Error::Geometry { path: header.label(), source };
    let image = Image::new(pixels).map_err(error)?;
    let lenient = LoadOptions::new().irregular_spacing(SpacingPolicy::Warn).duplicates(Policy::Warn);
    let has_place = header.position.is_some() && header.orientation.is_some();
    if let (true, Ok(layout)) = (has_place, stack::layout(std::slice::from_ref(header), &lenient)) {
        return image.with_geometry(layout.geometry).map_err(error);
    }
    match stack::projected_spacing(header) {
        Some(([row, column], _)) => image.with_spacing(PixelSpacing { column, row }).map_err(error),
        None => Ok(image),
    }
}

/// What the image is to be shown with: its frame's own, that of all frames, or that of the file.
fn voi(header: &Header, data_set: DataSet<'_>) -> Voi {
    let signed = header.format.signed || header.intercept.is_some_and(|intercept| intercept < 0.0);
    let own = data_set.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).nth(header.frame as usize);
    let shared = data_set.item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE);
    let groups = [own, shared].into_iter().flatten();
    groups
        .filter_map(|group| group.item(tags::FRAME_VOILUT_SEQUENCE))
        .map(|item| Voi::read(item, signed))
        .find(|voi| !voi.is_empty())
        .unwrap_or_else(|| Voi::read(data_set, signed))
}

/// The map from values to 0..=1.
fn shown<'a>(voi: &'a Voi, values: &Array3<f32>) -> Box<dyn Fn(f64) -> f64 + 'a> {
    if let Some((window, _)) = voi.windows.first() {
        return Box::new(|value| window.apply(value));
    }
    if let Some(lut) = &voi.lut {
        return Box::new(|value| (f64::from(lut.apply(value)) / lut.most()).min(1.0));
    }
    let finite = values.iter().copied().filter(|v| v.is_finite());
    let (low, high) = finite.fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    match Window::range(f64::from(low), f64::from(high)) {
        Ok(window) => Box::new(move |value| window.apply(value)),
        // All values are one.
        Err(_) => Box::new(|_| 0.0),
    }
}

/// One bit of each sample.
fn bits_of_pixels(header: &Header, position: u16) -> Result<Vec<u8>> {
    let source = FrameSource::new(header)?;
    let mut buffer = Vec::new();
    let frame = source.read(&mut buffer)?;
    let bit = |cell: u32| (cell.checked_shr(u32::from(position)).unwrap_or(0) & 1) as u8;
    let twos = frame.bytes.as_chunks::<2>().0;
    Ok(match (frame.format.bits_allocated, frame.format.big_endian) {
        (8, _) => frame.bytes.iter().map(|b| bit(u32::from(*b))).collect(),
        (16, true) => twos.iter().map(|b| bit(u32::from(u16::from_be_bytes(*b)))).collect(),
        (16, false) => twos.iter().map(|b| bit(u32::from(u16::from_le_bytes(*b)))).collect(),
        _ => Vec::new(),
    })
}

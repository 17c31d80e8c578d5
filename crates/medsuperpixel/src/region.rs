//! What is known of each region.

use medcore::{Geometry, Image, Lps, Point3, Scalar, Spacing, Volume, Voxel};
use ndarray::ArrayView4;

use crate::error::{Error, Result};
use crate::superpixels::Superpixels;

/// One region of [`Superpixels`].
#[derive(Debug, Clone, PartialEq)]
pub struct Region {
    /// Its label.
    pub label: u32,
    /// How many pixels it has.
    pub pixels: usize,
    /// Its area in mm2 (images) or volume in mm3 (volumes); pixels where the image did not say how large they are.
    pub measure: f64,
    /// Mean position of its pixels.
    pub centroid: Point3<Voxel>,
    /// The same in the patient, where the geometry is known.
    pub centroid_lps: Option<Point3<Lps>>,
    /// Its first pixel along each axis: slice, row, column.
    pub start: [usize; 3],
    /// One past its last pixel along each axis.
    pub end: [usize; 3],
    /// Pixels that share a side with another region, or with what is outside of the mask.
    pub boundary_pixels: usize,
    /// Mean of each channel.
    pub mean: Vec<f64>,
    /// Standard deviation of each channel over the region (of the population: divided by the number of pixels).
    pub spread: Vec<f64>,
}

impl Superpixels {
    /// The regions, by label, with the values that an image has in them.
    ///
    /// # Errors
    /// [`Error::Shape`] when the image has another size.
    pub fn image_regions<T: Scalar>(&self, image: &Image<T>) -> Result<Vec<Region>> {
        self.regions(image.pixels().insert_axis(ndarray::Axis(1)))
    }

    /// The regions, by label, with the values that a volume has in them.
    ///
    /// # Errors
    /// [`Error::Shape`] when the volume has another size.
    pub fn volume_regions<T: Scalar>(&self, volume: &Volume<T>) -> Result<Vec<Region>> {
        self.regions(volume.voxels().insert_axis(ndarray::Axis(0)))
    }

    /// The regions, by label, with the values that an array `[channel, slice, row, column]` has in them. NaN and infinite values
    /// make the means of their regions so.
    ///
    /// # Errors
    /// [`Error::Shape`] when the array has another size.
    pub fn regions<T: Scalar>(&self, values: ArrayView4<'_, T>) -> Result<Vec<Region>> {
        check_size(self, values.shape())?;
        let channels = values.dim().0;
        let mut found: Vec<Region> = (1..=self.count() as u32).map(|label| empty(label, channels)).collect();
        self.add_places(&mut found);
        let values = values.as_standard_layout();
        let values = values.as_slice().unwrap_or_default();
        let labels = self.as_slice();
        for (c, channel) in values.chunks(labels.len()).enumerate() {
            for (&label, v) in inside(labels).zip_values(channel) {
                found[label as usize - 1].mean[c] += v.to_f64();
            }
            found.iter_mut().for_each(|r| r.mean[c] /= r.pixels as f64);
            // Deviations from the mean, in a second pass: exact where values are large and alike.
            for (&label, v) in inside(labels).zip_values(channel) {
                let region = &mut found[label as usize - 1];
                region.spread[c] += (v.to_f64() - region.mean[c]).powi(2);
            }
            found.iter_mut().for_each(|r| r.spread[c] = (r.spread[c] / r.pixels as f64).sqrt());
        }
        let pixel = pixel_measure(self.spacing(), self.geometry(), self.is_2d());
        for region in &mut found {
            region.measure = region.pixels as f64 * pixel;
            region.centroid_lps = self.geometry().map(|g| g.voxel_to_lps().apply(region.centroid));
        }
        Ok(found)
    }

    /// Sizes, centroids, boxes and boundaries.
    fn add_places(&self, found: &mut [Region]) {
        let [slices, rows, columns] = self.size();
        let labels = self.as_slice();
        let mut sums = vec![[0u64; 3]; found.len()];
        for (i, &label) in labels.iter().enumerate().filter(|(_, l)| **l > 0) {
            let at = [i / (rows * columns), i / columns % rows, i % columns];
            let region = &mut found[label as usize - 1];
            region.pixels += 1;
            for (a, p) in at.into_iter().enumerate() {
                sums[label as usize - 1][a] += p as u64;
                region.start[a] = region.start[a].min(p);
                region.end[a] = region.end[a].max(p + 1);
            }
            let steps = [(rows * columns, slices), (columns, rows), (1, columns)];
            let differs = steps.iter().zip(at).any(|(&(step, extent), p)| {
                (p > 0 && labels[i - step] != label) || (p + 1 < extent && labels[i + step] != label)
            });
            region.boundary_pixels += usize::from(differs);
        }
        for (region, sum) in found.iter_mut().zip(sums) {
            let [z, y, x] = sum.map(|s| s as f64 / region.pixels as f64);
            region.centroid = Point3::new(x, y, z);
        }
    }

    /// Each pixel as the mean of its region, 0 outside of the mask.
    ///
    /// # Errors
    /// [`Error::Shape`] when the image has another size; [`Error::Geometry`].
    pub fn mean_image<T: Scalar>(&self, image: &Image<T>) -> Result<Image<f32>> {
        let regions = self.image_regions(image)?;
        let pixels = ndarray::Array3::from_shape_fn(image.pixels().dim(), |(c, y, x)| {
            mean_of(&regions, self.labels()[[0, y, x]], c)
        });
        let mut mean = Image::new(pixels)?;
        if let Some(spacing) = image.spacing() {
            mean = mean.with_spacing(spacing)?;
        }
        match image.geometry() {
            Some(geometry) => Ok(mean.with_geometry(*geometry)?),
            None => Ok(mean),
        }
    }

    /// Each voxel as the mean of its region, 0 outside of the mask.
    ///
    /// # Errors
    /// [`Error::Shape`] when the volume has another size; [`Error::Geometry`].
    pub fn mean_volume<T: Scalar>(&self, volume: &Volume<T>) -> Result<Volume<f32>> {
        let regions = self.volume_regions(volume)?;
        let voxels = self.labels().mapv(|label| mean_of(&regions, label, 0));
        Ok(Volume::new(voxels, *volume.geometry())?)
    }
}

fn mean_of(regions: &[Region], label: u32, channel: usize) -> f32 {
    (label as usize).checked_sub(1).map_or(0.0, |i| regions[i].mean[channel] as f32)
}

/// Labels and values of the pixels inside of the mask.
struct Inside<'a>(&'a [u32]);

const fn inside(labels: &[u32]) -> Inside<'_> {
    Inside(labels)
}

impl<'a> Inside<'a> {
    fn zip_values<T>(self, values: &'a [T]) -> impl Iterator<Item = (&'a u32, &'a T)> {
        self.0.iter().zip(values).filter(|(label, _)| **label > 0)
    }
}

fn empty(label: u32, channels: usize) -> Region {
    Region {
        label,
        pixels: 0,
        measure: 0.0,
        centroid: Point3::new(0.0, 0.0, 0.0),
        centroid_lps: None,
        start: [usize::MAX; 3],
        end: [0; 3],
        boundary_pixels: 0,
        mean: vec![0.0; channels],
        spread: vec![0.0; channels],
    }
}

/// Area or volume of a pixel.
fn pixel_measure(spacing: Spacing, geometry: Option<&Geometry>, flat: bool) -> f64 {
    let area = spacing.column * spacing.row;
    match geometry {
        _ if flat => area,
        // The determinant rather than the product of spacings: right for sheared grids too.
        Some(geometry) => {
            let step = |axis| geometry.voxel_to_lps().column(axis);
            step(0).cross(step(1)).dot(step(2)).abs()
        }
        None => area * spacing.slice,
    }
}

/// `found`: channels, slices, rows, columns.
pub(crate) fn check_size(superpixels: &Superpixels, found: &[usize]) -> Result<()> {
    let expected = superpixels.size();
    if found[1..] == expected {
        return Ok(());
    }
    Err(Error::Shape { what: "values", expected: expected.to_vec(), found: found[1..].to_vec() })
}

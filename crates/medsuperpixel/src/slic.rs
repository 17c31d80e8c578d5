//! Simple linear iterative clustering.

use medcore::{Geometry, Image, Scalar, Spacing, Volume};
use ndarray::{Array3, ArrayView2, ArrayView3, ArrayView4};

use crate::cells::Cells;
use crate::clusters::Metric;
use crate::connectivity::{Limits, connect, number};
use crate::error::{Error, Result};
use crate::input::Input;
use crate::kmeans::KMeans;
use crate::planes::{Conversion, Planes};
use crate::seeds;
use crate::side::side;
use crate::simd::Vectors;
use crate::superpixels::Superpixels;

/// What channels are compared as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColorSpace {
    /// CIE Lab for images of three channels, [`ColorSpace::Raw`] for all others.
    #[default]
    Auto,
    /// CIE Lab, of red, green and blue (sRGB).
    Lab,
    /// As they are, all in the same units.
    Raw,
}

/// The values that become 0 and 1 before anything else.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum ValueRange {
    /// The smallest and the largest, over all channels, within the mask.
    #[default]
    MinMax,
    /// These two; what lies beyond is clipped to them. A window of CT, say.
    Fixed {
        /// Becomes 0.
        low: f64,
        /// Becomes 1.
        high: f64,
    },
}

/// Whether regions are made connected, and how large they may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Connectivity {
    /// Regions are clusters: of any size, in any number of pieces.
    Off,
    /// The largest connected pieces, as many as there are clusters, are regions of their own. Each other, and each that is
    /// smaller than the least size, is part of the neighbour that is most alike.
    ///
    /// The largest size holds for every region: what is larger is cut into pieces of about equal size, which are regions beyond the
    /// number of clusters, and nothing becomes part of a neighbour that it would make too large. Where no neighbour has room
    /// a piece stays a region of its own, however small.
    Enforce {
        /// Least size, as a part of the mean size of clusters (pixels over clusters: over a whole image as many as the grid has). The
        /// default is 0.1, scikit-image's 0.5.
        min_size: f64,
        /// Largest size, in pixels over the segments asked for, but at least one pixel. Infinite for no limit.
        max_size: f64,
    },
}

impl Default for Connectivity {
    fn default() -> Self {
        Self::Enforce { min_size: MIN_SIZE, max_size: f64::INFINITY }
    }
}

/// SLIC: superpixels and supervoxels by k-means in place and value (Achanta et al. 2012).
///
/// Pixels are compared by `D^2 = (difference in value / compactness)^2 + (distance in mm / S)^2`, where `S` is the side in mm of a
/// segment of mean size: a segment goes from end to end of an axis that is shorter than `S`, which is of the other axes then.
/// Differences are of Lab for colour images, else of values scaled to 0..1, so a compactness of 10 suits colour and 0.1 grey images.
///
/// The result depends on nothing but the input and the options: not on the number of threads, nor on the processor.
///
/// ```
/// use medcore::Image;
/// use medsuperpixel::Slic;
/// use ndarray::Array2;
/// let image = Image::grey(Array2::from_shape_fn((64, 64), |(y, x)| if x + y < 64 { 10u8 } else { 200 }))?;
/// let superpixels = Slic::new(16).compactness(0.1).image(&image)?;
/// assert_eq!(superpixels.labels().dim(), (1, 64, 64));
/// assert!((12..=24).contains(&superpixels.count()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Slic {
    segments: usize,
    compactness: Option<f64>,
    adaptive: bool,
    iterations: usize,
    row_stride: Option<usize>,
    tolerance: f64,
    smoothing: f64,
    color: ColorSpace,
    range: ValueRange,
    connectivity: Connectivity,
    vectors: Option<Vectors>,
}

/// How far, in sides of a segment, a centre reaches along rows and columns. The paper has 1; 0.9 keeps no worse to objects, and
/// takes less time.
const WINDOW: f32 = 0.9;
/// Rows of a segment from which on only every third is looked at.
const MANY_ROWS: f64 = 12.0;
/// Least part of the mean size of a region.
const MIN_SIZE: f64 = 0.1;
/// A difference in Lab that weighs as much as one segment's side.
const LAB_COMPACTNESS: f64 = 10.0;
/// The same for values in 0..1.
const RANGE_COMPACTNESS: f64 = 0.1;

impl Slic {
    /// About `segments` regions; exactly as many seeds over a mask, over a whole image the closest number that a grid can have.
    pub const fn new(segments: usize) -> Self {
        Self {
            segments,
            compactness: None,
            adaptive: false,
            iterations: 10,
            row_stride: None,
            tolerance: 0.0,
            smoothing: 0.0,
            color: ColorSpace::Auto,
            range: ValueRange::MinMax,
            connectivity: Connectivity::Enforce { min_size: MIN_SIZE, max_size: f64::INFINITY },
            vectors: None,
        }
    }

    /// The difference in value that weighs as much as the distance `S`: more makes regions more square. From 1e-6 to 1e6; in Lab units
    /// (default 10), or in parts of the value range (default 0.1).
    pub const fn compactness(mut self, compactness: f64) -> Self {
        self.compactness = Some(compactness);
        self
    }

    /// SLICO: each cluster's compactness is the largest difference in value that it has seen, at least [`Slic::compactness`].
    pub const fn adaptive(mut self, adaptive: bool) -> Self {
        self.adaptive = adaptive;
        self
    }

    /// Most assignments of pixels (default 10). The first is the grid itself; over a mask as many by place alone come before.
    pub const fn max_iterations(mut self, iterations: usize) -> Self {
        self.iterations = iterations;
        self
    }

    /// Centres stay where they are until the mean of their pixels is so far off, in units of `D`; what only such centres could
    /// claim is not compared again. 0 (the default) is plain SLIC.
    pub const fn tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Looks only at every `stride`-th row in all assignments but the last, at another one each time; segments are still the means
    /// of all their pixels. The default is 3 where segments of mean size have at least 12 rows, else 1: that keeps about as well
    /// to objects as 1 (see the results of the crate), and takes about three quarters of the time.
    pub const fn row_stride(mut self, stride: usize) -> Self {
        self.row_stride = Some(stride);
        self
    }

    /// Smooths with a Gaussian of this standard deviation in mm (pixels where the spacing is unknown) before comparing; at most as many
    /// pixels as the longest side of the image has. Within a mask over the pixels of the mask alone.
    pub const fn smoothing(mut self, sigma: f64) -> Self {
        self.smoothing = sigma;
        self
    }

    /// What channels are compared as.
    pub const fn color_space(mut self, color: ColorSpace) -> Self {
        self.color = color;
        self
    }

    /// The values that become 0 and 1.
    pub const fn value_range(mut self, range: ValueRange) -> Self {
        self.range = range;
        self
    }

    /// Whether regions are made connected, and how large they may be.
    pub const fn connectivity(mut self, connectivity: Connectivity) -> Self {
        self.connectivity = connectivity;
        self
    }

    /// Divides an image, of any number of channels.
    ///
    /// # Errors
    /// [`Error::SegmentCount`], [`Error::Option`], [`Error::Smoothing`], [`Error::NotFinite`], [`Error::NotRgb`], [`Error::TooLarge`];
    /// [`Error::Geometry`] when there is no memory.
    pub fn image<T: Scalar>(&self, image: &Image<T>) -> Result<Superpixels> {
        self.image_within(image, None)
    }

    /// Divides the part of an image where a mask `[row, column]` is true (maskSLIC, Irving 2016). Pixels elsewhere may be NaN.
    ///
    /// # Errors
    /// As [`Slic::image`]; [`Error::Shape`] and [`Error::EmptyMask`].
    pub fn masked_image<T: Scalar>(
        &self,
        image: &Image<T>,
        mask: ArrayView2<'_, bool>,
    ) -> Result<Superpixels> {
        self.image_within(image, Some(mask.insert_axis(ndarray::Axis(0))))
    }

    fn image_within<T: Scalar>(
        &self,
        image: &Image<T>,
        mask: Option<ArrayView3<'_, bool>>,
    ) -> Result<Superpixels> {
        let spacing = image.spacing().map_or(Spacing::isotropic(1.0), |s| Spacing::new(s.column, s.row, 1.0));
        let spacing = image.geometry().map_or(spacing, Geometry::spacing);
        let pixels = image.pixels().insert_axis(ndarray::Axis(1));
        let found = self.channels(pixels, spacing, mask)?;
        match image.geometry() {
            Some(geometry) => found.with_geometry(*geometry),
            None => Ok(found),
        }
    }

    /// Divides a volume.
    ///
    /// # Errors
    /// As [`Slic::image`].
    pub fn volume<T: Scalar>(&self, volume: &Volume<T>) -> Result<Superpixels> {
        let voxels = volume.voxels().insert_axis(ndarray::Axis(0));
        self.channels(voxels, volume.spacing(), None)?.with_geometry(*volume.geometry())
    }

    /// Divides the part of a volume where a mask `[slice, row, column]` is true.
    ///
    /// # Errors
    /// As [`Slic::masked_image`].
    pub fn masked_volume<T: Scalar>(
        &self,
        volume: &Volume<T>,
        mask: ArrayView3<'_, bool>,
    ) -> Result<Superpixels> {
        let voxels = volume.voxels().insert_axis(ndarray::Axis(0));
        self.channels(voxels, volume.spacing(), Some(mask))?.with_geometry(*volume.geometry())
    }

    /// Divides an array `[channel, slice, row, column]`, within a mask `[slice, row, column]` where there is one.
    ///
    /// # Errors
    /// As [`Slic::masked_image`]; [`Error::Empty`], and [`Error::Geometry`] when the spacing is not positive and finite.
    pub fn channels<T: Scalar>(
        &self,
        pixels: ArrayView4<'_, T>,
        spacing: Spacing,
        mask: Option<ArrayView3<'_, bool>>,
    ) -> Result<Superpixels> {
        let (channels, slices, rows, columns) = pixels.dim();
        let size = [slices, rows, columns];
        if pixels.is_empty() {
            return Err(Error::Empty { found: pixels.shape().to_vec() });
        }
        if let Some(mask) = mask.filter(|m| m.shape() != size) {
            return Err(Error::Shape { what: "mask", expected: size.to_vec(), found: mask.shape().to_vec() });
        }
        let pixels = pixels.as_standard_layout();
        let mask = mask.as_ref().map(|m| m.as_standard_layout());
        let input = Input {
            values: pixels.as_slice().unwrap_or_default(),
            channels,
            size,
            spacing,
            mask: mask.as_ref().map(|m| m.as_slice().unwrap_or_default()),
        };
        // On a thread of the pool from the beginning: going there for each step would cost more than small steps take.
        let (labels, count) = rayon::scope(|_| self.segment(&input))?;
        let found = labels.len();
        let labels = Array3::from_shape_vec(size, labels).map_err(|_| Error::Shape {
            what: "labels",
            expected: size.to_vec(),
            found: vec![found],
        })?;
        Ok(Superpixels::new(labels, count, spacing, None))
    }

    fn segment<T: Scalar>(&self, input: &Input<'_, T>) -> Result<(Vec<u32>, usize)> {
        let pixels = self.check(input)?;
        let lab = match self.color {
            ColorSpace::Auto => input.channels == 3,
            ColorSpace::Lab => true,
            ColorSpace::Raw => false,
        };
        let vectors = self.vectors.unwrap_or_else(Vectors::widest);
        let found = input.range()?;
        let range = match self.range {
            ValueRange::MinMax => found,
            ValueRange::Fixed { low, high } => (low, high),
        };
        let [column, row, slice] = input.spacing.to_array();
        let spacing = [slice, row, column];
        let sigma = self.sigma(input.size, spacing)?;
        let planes = Planes::new(input, &Conversion { lab, range, sigma }, vectors)?;
        let compactness = self.compactness.unwrap_or(if lab { LAB_COMPACTNESS } else { RANGE_COMPACTNESS });
        let compactness = compactness * f64::from(planes.quanta);
        let mut clusters = match input.mask {
            None => {
                let cells = Cells::new([0; 3], input.size, spacing, self.segments);
                let side = side(pixels as f64 / cells.len() as f64, input.size, spacing);
                let metric = self.metric(compactness, spacing, side, false);
                let stride = self.stride(&metric, input.size[1]);
                let mut clusters = KMeans::on_grid(&planes, cells, metric, vectors)?;
                clusters.run(self.iterations - 1, stride, false);
                clusters
            }
            Some(mask) => {
                let (_, extent) = seeds::bounds(mask, input.size).unwrap_or(([0; 3], input.size));
                let side = side(pixels as f64 / self.segments as f64, extent, spacing);
                let metric = self.metric(compactness, spacing, side, true);
                let stride = self.stride(&metric, extent[1]);
                let mut clusters = KMeans::on_mask(
                    &planes,
                    mask,
                    spacing,
                    self.segments,
                    metric,
                    vectors,
                    (self.iterations, stride),
                )?;
                clusters.run(self.iterations, stride, false);
                clusters
            }
        };
        let mean = pixels as f64 / clusters.clusters.len() as f64;
        let count = match self.connectivity {
            Connectivity::Off => number(&mut clusters.labels, &planes, vectors),
            Connectivity::Enforce { min_size, max_size } => {
                let limits = Limits {
                    least: (min_size * mean) as usize,
                    most: ((max_size * pixels as f64 / self.segments as f64) as usize).max(1),
                    count: clusters.clusters.len(),
                };
                connect(&mut clusters.labels, &planes, &clusters.clusters, limits, vectors)
            }
        };
        let mut labels = clusters.labels;
        if planes.stride > input.size[2] {
            labels = labels.chunks(planes.stride).flat_map(|row| &row[..input.size[2]]).copied().collect();
        }
        Ok((labels, count))
    }

    /// The smoothing in pixels along each axis. Bounded, since the time that it takes grows with it.
    fn sigma(&self, size: [usize; 3], spacing: [f64; 3]) -> Result<[f64; 3]> {
        let sigma = [0, 1, 2].map(|a| if size[a] > 1 { self.smoothing / spacing[a] } else { 0.0 });
        let found = sigma.into_iter().fold(0.0, f64::max);
        let [slices, rows, columns] = size;
        let limit = slices.max(rows).max(columns);
        if found <= limit as f64 { Ok(sigma) } else { Err(Error::Smoothing { limit, found }) }
    }

    /// What distances are made of, when a segment of mean size has a side in mm; the compactness is in steps of the features.
    fn metric(&self, compactness: f64, spacing: [f64; 3], side: f64, masked: bool) -> Metric {
        Metric {
            scale: spacing.map(|mm| (mm * compactness / side) as f32),
            compactness: compactness as f32,
            adaptive: self.adaptive,
            window: if masked { f32::INFINITY } else { WINDOW * compactness as f32 },
            tolerance: self.tolerance as f32,
        }
    }

    /// Every how many rows are looked at, of `extent` rows in all.
    fn stride(&self, metric: &Metric, extent: usize) -> usize {
        let rows = f64::from(metric.compactness / metric.scale[1]).min(extent as f64);
        self.row_stride.unwrap_or(if rows >= MANY_ROWS { 3 } else { 1 })
    }

    /// Checks the options; the number of pixels to divide.
    fn check<T: Scalar>(&self, input: &Input<'_, T>) -> Result<usize> {
        input.spacing.validate()?;
        let found = input.pixels();
        let limit = u32::MAX as usize / 4;
        if found > limit {
            return Err(Error::TooLarge { limit, found });
        }
        if self.color == ColorSpace::Lab && input.channels != 3 {
            return Err(Error::NotRgb { found: input.channels });
        }
        let pixels = input.masked_pixels();
        if pixels == 0 {
            return Err(Error::EmptyMask);
        }
        if self.segments == 0 || self.segments > pixels {
            return Err(Error::SegmentCount { pixels, found: self.segments });
        }
        let not_negative = |option, v: f64| {
            if v.is_finite() && v >= 0.0 { Ok(()) } else { Err(bad(option, "finite and at least 0", v)) }
        };
        if let Some(v) = self.compactness.filter(|v| !(1e-6..=1e6).contains(v)) {
            return Err(bad("compactness", "from 1e-6 to 1e6", v));
        }
        not_negative("tolerance", self.tolerance)?;
        not_negative("smoothing", self.smoothing)?;
        if self.row_stride == Some(0) {
            return Err(bad("row_stride", "at least 1", 0.0));
        }
        if self.iterations == 0 {
            return Err(bad("max_iterations", "at least 1", 0.0));
        }
        if let ValueRange::Fixed { low, high } = self.range
            && !(low.is_finite() && high.is_finite() && low < high)
        {
            return Err(bad("value_range", "finite, the low value below the high one", high - low));
        }
        if let Connectivity::Enforce { min_size, max_size } = self.connectivity {
            not_negative("min_size", min_size)?;
            if !(max_size >= min_size && max_size > 0.0) {
                return Err(bad("max_size", "above 0 and at least min_size", max_size));
            }
        }
        Ok(pixels)
    }
}

const fn bad(option: &'static str, expected: &'static str, found: f64) -> Error {
    Error::Option { option, expected, found }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every instruction set that this processor has gives the labels of the portable code.
    #[test]
    fn vectors_do_not_change_the_result() {
        let mut state = 7u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        for channels in [1, 2, 3] {
            for (size, segments) in [([1, 61, 83], 40), ([9, 30, 37], 50), ([1, 5, 7], 6)] {
                let pixels =
                    ndarray::Array4::from_shape_simple_fn([channels, size[0], size[1], size[2]], &mut noise);
                let mask = ndarray::Array3::from_shape_fn(size, |(z, y, x)| (z + y + 2 * x) % 11 > 3);
                for adaptive in [false, true] {
                    let with = |vectors, mask: Option<ArrayView3<'_, bool>>| {
                        let mut slic = Slic::new(segments).adaptive(adaptive);
                        slic.vectors = Some(vectors);
                        slic.channels(pixels.view(), Spacing::new(1.0, 1.5, 2.0), mask).unwrap()
                    };
                    let all = Vectors::available();
                    for mask in [None, Some(mask.view())] {
                        let portable = with(all[0], mask);
                        for &vectors in &all[1..] {
                            assert_eq!(
                                portable,
                                with(vectors, mask),
                                "{vectors:?} {channels} {size:?} {adaptive}"
                            );
                        }
                    }
                }
            }
        }
    }
}

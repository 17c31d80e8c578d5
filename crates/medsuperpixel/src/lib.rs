//! Superpixels and supervoxels of medical images.
//!
//! [`Slic`] divides an image or a volume into regions of about equal size that keep to what is seen in it. The result,
//! [`Superpixels`], knows the regions' neighbours, values and places in the patient.
//!
//! ```
//! use medcore::{Geometry, Point3, Spacing, Volume};
//! use medsuperpixel::{Slic, ValueRange};
//! let geometry = Geometry::axial([8, 32, 32], Spacing::new(1.0, 1.0, 4.0), Point3::new(-16.0, -16.0, 0.0))?;
//! # let hu = (0..8 * 32 * 32).map(|i| if i % 32 < 16 { -800i16 } else { 60 }).collect();
//! let ct = Volume::from_vec(hu, geometry)?;
//! let slic = Slic::new(64).compactness(0.1).value_range(ValueRange::Fixed { low: -1000.0, high: 400.0 });
//! let superpixels = slic.volume(&ct)?;
//! for region in superpixels.volume_regions(&ct)? {
//!     let (place, hu) = (region.centroid_lps, region.mean[0]); // mm in the patient, HU
//! #   assert!(place.is_some() && hu < 100.0);
//! }
//! let picture = superpixels.slice_overlay(&ct, 4, (-1000.0, 400.0), [255, 220, 0])?; // red, green, blue
//! # assert_eq!(picture.channels(), 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | what | where |
//! |---|---|
//! | SLIC in 2D and 3D: grey, colour (in CIE Lab), any number of channels; spacing in mm | [`Slic`] |
//! | within a mask (maskSLIC) | [`Slic::masked_image`], [`Slic::masked_volume`] |
//! | compactness that adapts to each region (SLICO) | [`Slic::adaptive`] |
//! | connected regions | [`Connectivity`] |
//! | mean, spread, area or volume, centroid, box, boundary of each region | [`Region`] |
//! | which regions touch, and along how many mm | [`AdjacencyGraph`] |
//! | each pixel as its region's mean | [`Superpixels::mean_image`], [`Superpixels::mean_volume`] |
//! | borders drawn over an image; as a PNG file in the example `overlay` | [`Superpixels::image_overlay`], [`Superpixels::slice_overlay`] |
//! | boundary recall, under-segmentation error, achievable segmentation accuracy | [`Quality`] |
//!
//! # How
//!
//! - SLIC: Achanta, Shaji, Smith, Lucchi, Fua, Süsstrunk, "SLIC superpixels compared to state-of-the-art superpixel methods", TPAMI 2012;
//!   SLICO is described on that paper's page. Each pixel of a grid cell is compared with the clusters of its own and the touching
//!   cells, at most 9 in 2D and 27 in 3D, and of these only with those whose centre can be the nearest.
//! - maskSLIC: Irving, "maskSLIC: regional superpixel generation with application to local pathology characterisation in medical
//!   images", 2016, arXiv 1606.09518.
//! - Pixels are 16-bit fixed point and sums over clusters integers, so that every number of threads gives the same labels, bit for
//!   bit; so do all instruction sets, since nothing is fused or reordered.
//!
//! # Beside scikit-image
//!
//! `skimage.segmentation.slic(image, n_segments, compactness, max_num_iter, sigma, spacing, enforce_connectivity, min_size_factor,
//! max_size_factor, slic_zero, mask)` is `Slic::new(n_segments)` with [`Slic::compactness`], [`Slic::max_iterations`],
//! [`Slic::smoothing`], the image's spacing, [`Connectivity`] (`min_size` 0.5 and `max_size` 3 there, 0.1 and no limit here),
//! [`Slic::adaptive`] and the `masked_` methods. Values are scaled to 0..1 as there ([`ValueRange::MinMax`]), and three channels
//! become Lab ([`ColorSpace::Auto`]). Labels begin at 1; [`Superpixels::zero_based`] is `start_label=0`. `S` is a length in mm here,
//! steps of the pixel grid there, so with a spacing other than 1 the same compactness means something else. Labels are not equal
//! pixel by pixel: the grid of seeds is another one, and small pieces go to the neighbour that is most alike instead of to
//! any.
//!
//! # Results
//!
//! `benches/superpixel.py quality`, equal numbers of regions (one for 400 pixels of the nuclei of the Data Science Bowl 2018, one for
//! 216 voxels of a body CT of 3 mm with 41 organs), the compactness that suits each library best:
//!
//! | objects | library | compactness | boundary recall | under-segmentation error | achievable accuracy |
//! |---|---|---|---|---|---|
//! | nuclei, 18 images | medsuperpixel | 2.5 | 0.971 | 0.040 | 0.980 |
//! | | medsuperpixel, every row | 2.5 | 0.974 | 0.040 | 0.980 |
//! | | fast-slic 0.4.0 (AVX2) | 2.5 | 0.941 | 0.050 | 0.975 |
//! | | scikit-image | 10 | 0.872 | 0.078 | 0.960 |
//! | | medsuperpixel, SLICO | 5 | 0.844 | 0.065 | 0.967 |
//! | | scikit-image, SLICO | 10 | 0.831 | 0.071 | 0.964 |
//! | organs, 3D | medsuperpixel | 0.1 | 1.000 | 0.130 | 0.935 |
//! | | scikit-image | 0.05 | 1.000 | 0.154 | 0.922 |
//! | | medsuperpixel, SLICO | 0.1 | 1.000 | 0.152 | 0.923 |
//! | | scikit-image, SLICO | any | 1.000 | 0.232 | 0.882 |
//!
//! SLICO keeps worse to small objects than a fixed compactness, in both libraries: a segment that has seen a border once weighs
//! values so little from then on that it grows square over the next one.

mod adjacency;
mod assign;
mod candidates;
mod cells;
mod clusters;
mod components;
mod connectivity;
mod cut;
mod error;
mod input;
mod kmeans;
mod lab;
mod lanes;
mod overlay;
mod planes;
mod quality;
mod region;
mod runs;
mod seeds;
mod side;
mod simd;
mod slic;
mod small;
mod smooth;
mod superpixels;

pub use adjacency::{AdjacencyGraph, Border};
pub use error::{Error, Result};
pub use quality::Quality;
pub use region::Region;
pub use slic::{ColorSpace, Connectivity, Slic, ValueRange};
pub use superpixels::Superpixels;

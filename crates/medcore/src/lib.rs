//! Medical images in patient space.
//!
//! The types that every crate of this workspace shares: a [`Volume`] or an [`Image`] holds an array and knows
//! where it is in the patient; [`Geometry`] is that knowledge. No file formats and no neural networks here.
//!
//! | concept | type |
//! |---|---|
//! | voxels with a place in the patient | [`Volume`], [`LabelMap`] |
//! | pixels, grey or colour | [`Image`] |
//! | size, affine, spacing, orientation | [`Geometry`], [`Spacing`], [`Orientation`] |
//! | coordinates that know their space | [`Point3`], [`Vector3`], [`Affine3`] with [`Voxel`], [`Lps`], [`Ras`] |
//! | boxes | [`PixelBox`], [`Box3`] |
//! | display windows | [`Window`] |
//! | another orientation, the same voxels | [`Volume::reorient`], [`Geometry::reorient`] |
//! | a part, or more around it | [`Volume::crop`], [`Volume::pad`], [`Volume::crop_or_pad`], [`Image::crop`], [`Image::pad`] |
//! | memory for voxels | [`zeroed`], [`reserve`] |
//! | other voxels | [`Volume::resample`], [`Volume::resize`], [`Volume::resample_to`], [`Image::resize`], [`Interpolation`] |
//!
//! Arrays are indexed `[slice, row, column]`; voxel points are x = column, y = row, z = slice; patient coordinates are
//! LPS in mm unless a type says RAS.

mod allocate;
mod bounds;
mod crop_pad;
mod error;
mod gather;
mod geometry;
mod huge_pages;
mod image;
mod interpolation;
mod label_map;
mod matrix;
mod orientation;
mod permute;
mod reorient;
mod resample;
mod resize;
mod scalar;
mod separable;
mod space;
mod spacing;
mod taps;
mod volume;
mod window;

pub use allocate::{reserve, zeroed};
pub use bounds::{Box3, PixelBox};
pub use error::{Error, Result};
pub use geometry::Geometry;
pub use image::{Image, PixelSpacing};
pub use interpolation::Interpolation;
pub use label_map::{Label, LabelMap};
pub use matrix::Matrix3;
pub use orientation::{Direction, Orientation};
pub use scalar::Scalar;
pub use space::{Affine3, Lps, Point3, Ras, Space, Vector3, Voxel};
pub use spacing::Spacing;
pub use volume::Volume;
pub use window::{VoiFunction, Window};

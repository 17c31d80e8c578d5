//! The pictures that the demonstrations write: slices in a grid, with captions and orientation letters, and feature
//! maps in colours.
//!
//! | concept | item |
//! |---|---|
//! | an RGB picture to draw on and to write as a PNG | [`Canvas`] |
//! | slices or maps in a grid with captions | [`Mosaic`], [`Tile`], [`Sides`] |
//! | several of them under one heading | [`sheet`] |
//! | boxes with labels | [`LabelledBox`], [`box_color`] |
//! | how long a millimetre is | [`Canvas::scale_bar`] |
//! | which slices to show, and how large | [`evenly_spaced`], [`fit_within`] |
//! | another size | [`resize_linear`], [`resize_linear_rgb`], [`resize_nearest`] |
//! | lines over numbers | [`Chart`] |
//! | principal components of features | [`Pca`] |
//! | components as colours | [`scores_to_rgb`] |
//!
//! Sizes are in pixels, `[rows, columns]` as in the arrays; places on a canvas are x to the right and y down.

mod boxes;
mod canvas;
mod chart;
mod colors;
mod error;
mod font;
mod mosaic;
mod pca;
mod png;
mod resize;
mod scale_bar;
mod sheet;
mod slices;
mod subspace;
mod text;

pub use boxes::{LabelledBox, box_color};
pub use canvas::{Canvas, Rgb};
pub use chart::{Chart, Line};
pub use colors::{NOT_COUNTED, scores_to_rgb};
pub use error::{Error, Result};
pub use mosaic::{CaptionPlace, Mosaic, Sides, Tile};
pub use pca::Pca;
pub use resize::{fit_within, resize_linear, resize_linear_rgb, resize_nearest};
pub use sheet::sheet;
pub use slices::evenly_spaced;
pub use text::{text_height, text_width};

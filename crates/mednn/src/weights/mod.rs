//! Weights from and to safetensors files, by the names they are published under.
//!
//! A model's `weights.rs` holds one table, its [`KeyMap`], that pairs the published prefix of each layer with the module's
//! own field path. [`load`] fills a module from a file or from bytes and is strict: a key that is missing, that nothing
//! uses, or whose shape differs makes it fail with a [`WeightReport`] that lists every one, by its published name and
//! shape. [`save`] writes the same names back, so what is trained here loads elsewhere.
//!
//! Half-precision weights (f16, bf16) are widened to f32 as they are read, one tensor at a time.

mod key_map;
mod load;
mod report;
mod save;
mod source;

pub use key_map::KeyMap;
pub use load::{Strictness, load, load_part};
pub use report::{ShapeMismatch, WeightReport};
pub use save::{Precision, WeightWriter, save};
pub use source::WeightSource;

pub(crate) use load::Place;
pub(crate) use source::read_text;

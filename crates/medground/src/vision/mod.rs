//! The side of the image: into a square, through a backbone, and back to the patient.
//!
//! | step | type |
//! |---|---|
//! | grey values to 0..1, into a square | [`ImagePreprocessor`] |
//! | where the image lies in the square, and the way back | [`Letterbox`] |
//! | pixels to a map | [`VisionBackbone`] |
//! | the map as tokens, with positions and a mask | [`ImageFeatures`] |
//! | a box, in pixels, mm and LPS | [`Region`] |

mod backbone;
mod features;
mod letterbox;
mod preprocess;
mod region;

pub use backbone::{VisionBackbone, VisionBackboneConfig};
pub use features::ImageFeatures;
pub use letterbox::Letterbox;
pub use preprocess::{ImagePreprocessor, Intensity, PreparedPixels};
pub use region::Region;

pub(crate) use region::Place;

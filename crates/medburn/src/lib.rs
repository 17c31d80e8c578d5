//! Medical-imaging machine learning on [burn](https://burn.dev), behind one dependency.
//!
//! | crate | for |
//! |---|---|
//! | [`medcore`] | volumes, images, geometry in patient space, windows, resampling |
//! | [`medio`] | DICOM series and NIfTI files |
//! | [`medsuperpixel`] | superpixels and supervoxels |
//! | [`medeval`] | metrics, statistics, probes |
//! | [`mednn`] | devices, tensors, published weights, networks for images and text |
//! | [`medslice`] | slice-sequence 3D encoders |
//! | [`medprompt`] | segmentation on a frozen backbone, by visual prompts |
//! | `medground` | phrase grounding (Cargo feature `ground`) |
//!
//! Backends are Cargo features: `flex` (CPU), `ndarray` (CPU, older), `wgpu` (Vulkan, Metal, Direct3D 12), `cuda`. None is on by
//! default; a program that only reads files needs `medburn::medio` alone, or the crate `medio` without any of this.
//!
//! ```no_run
//! let study = medburn::medio::dicom::scan("study/")?;
//! let (volume, _) = study[0].load()?;
//! let device = medburn::mednn::Backend::Flex.open()?;
//! let encoder = medburn::medslice::SliceSequenceEncoder::from_pretrained("encoder/", device.device())?;
//! let embedding = encoder.encode(&volume)?;
//! println!("{:?}", embedding.study);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use medcore;
pub use medeval;
#[cfg(feature = "ground")]
pub use medground;
pub use medio;
pub use mednn;
pub use medprompt;
pub use medslice;
pub use medsuperpixel;

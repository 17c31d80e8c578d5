//! Medical-imaging machine learning on [burn](https://burn.dev), behind one dependency.
//!
//! | crate | for |
//! |---|---|
//! | [`core`] | volumes, images, geometry in patient space, windows, resampling |
//! | [`io`] | DICOM series and NIfTI files |
//! | [`nn`] | devices, tensors, published weights, vision transformers |
//! | [`slice`] | slice-sequence 3D encoders |
//!
//! Backends are Cargo features: `flex` (CPU), `ndarray` (CPU, older), `wgpu` (Vulkan, Metal, Direct3D 12), `cuda`. None is on by
//! default; a program that only reads files needs `medburn::io` alone, or the crate `medio` without any of this.
//!
//! ```no_run
//! let study = medburn::io::dicom::scan("study/")?;
//! let (volume, _) = study[0].load()?;
//! let device = medburn::nn::Backend::Flex.open()?;
//! let encoder = medburn::slice::SliceSequenceEncoder::from_pretrained("encoder/", device.device())?;
//! let embedding = encoder.encode(&volume)?;
//! println!("{:?}", embedding.study);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use medcore as core;
pub use medio as io;
pub use mednn as nn;
pub use medslice as slice;

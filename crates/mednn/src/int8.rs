//! Inference in 8 bits on the CPU: linear layers with weights and activations in 8 bits, everything else in `f32`.
//!
//! Weights are rounded once ([`quantize`]): whole numbers from -127 to 127, with a scale for each output ("symmetric, by channel"). The values that go into a layer
//! are rounded in each pass, by rows: whole numbers from 0 to 255, with a scale and a zero for each token ("dynamic, asymmetric, by token"), so that nothing need be calibrated.
//! Sums are exact; biases, activations, residuals, norms, softmax, attention between tokens and convolutions stay `f32`. Results do not depend on what else is in a batch.
//!
//! On the `flex` device without autodiff, with the Cargo feature `kernels`; elsewhere a model stays as it is, and the report says so. It pays where the processor has
//! AVX-512 with VNNI, and in memory everywhere: `docs/performance.md` has the times and what it costs in accuracy.
//!
//! A published model in 8 bits, but for its last layers:
//!
//! ```no_run
//! use mednn::Vit;
//! # #[cfg(feature = "flex")]
//! # fn main() -> mednn::Result<()> {
//! let device = mednn::burn::tensor::Device::flex();
//! let vit = Vit::from_pretrained("dinov2-small", &device)?;
//! let (vit, report) = mednn::int8::quantize(vit, |path| !path.starts_with("blocks.11."));
//! println!("{report}");
//! # let _ = vit;
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "flex"))]
//! # fn main() {}
//! ```

use std::fmt;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::Tensor;

use crate::ops::keep_int8;
use crate::weights::Place;

/// Rounds the weights of the linear layers of a model whose path, such as `blocks.0.attention.query.weight`, is `wanted`.
///
/// Weights that the kernels do not take ([`keep_int8`]) stay as they are; the report names them. Leave those out that a model does not multiply with as they are,
/// such as of the decode head of a SegFormer (`decode_head.`), which it folds into each other: they would be less exact, and take more memory, for nothing.
///
/// Weights from a file are rounded as they are read by [`WeightSource::in_int8`](crate::weights::WeightSource::in_int8), which takes less memory meanwhile.
///
/// A weight cannot be read back as it was: save the model before. Rounded weights are saved, and trained further, as `f32`; who reads one, to save it, on a device with autodiff, or with kernels
/// switched off, gets plain values that stay beside it in memory.
pub fn quantize<M: Module>(model: M, wanted: impl FnMut(&str) -> bool) -> (M, QuantizeReport) {
    let mut quantizer = Quantizer { wanted, place: Place::default(), report: QuantizeReport::default() };
    let model = model.map(&mut quantizer);
    (model, quantizer.report)
}

/// Which weights are in 8 bits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuantizeReport {
    /// Paths of those that were rounded.
    pub rounded: Vec<String>,
    /// Paths of those that were wanted, but that the kernels do not take.
    pub kept: Vec<String>,
    /// Bytes of the rounded ones as `f32`.
    pub bytes: usize,
}

impl fmt::Display for QuantizeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rounded, kept) = (self.rounded.len(), self.kept.len());
        write!(
            f,
            "{rounded} linear layers in 8 bits, of {:.1} MiB in f32",
            self.bytes as f64 / (1 << 20) as f64
        )?;
        if kept > 0 { write!(f, "; {kept} stay in f32") } else { Ok(()) }
    }
}

struct Quantizer<F> {
    wanted: F,
    place: Place,
    report: QuantizeReport,
}

impl<F: FnMut(&str) -> bool> ModuleMapper for Quantizer<F> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.place.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.place.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let path = self.place.path();
        if D != 2 || !self.place.is_linear_weight() || !(self.wanted)(&path) {
            return param;
        }
        let weight = param.val();
        let shape = weight.dims();
        match keep_int8(weight.reshape([shape[0] as i32, -1])) {
            Some(rounded) => {
                self.report.bytes += shape.iter().product::<usize>() * size_of::<f32>();
                self.report.rounded.push(path);
                param.map(|_| rounded.reshape(shape))
            }
            None => {
                self.report.kept.push(path);
                param
            }
        }
    }
}

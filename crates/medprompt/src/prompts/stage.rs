//! The prompts of one stage.

use burn::module::Module;
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use mednn::ops::{Activation, linear};

use super::gate::AttentionGate;

/// The embedding branch, one adaptor per block, and the shared way up.
#[derive(Module, Debug)]
pub struct StagePrompts {
    embedding: Linear,
    adaptors: Vec<Linear>,
    up: Linear,
    gate: Option<AttentionGate>,
}

impl StagePrompts {
    /// For a stage of `depth` blocks of `width`, through `inner`.
    pub(super) fn new(width: usize, inner: usize, depth: usize, gated: bool, device: &Device) -> Self {
        let layer = |from: usize, to: usize| {
            let weights = Initializer::Normal { mean: 0.0, std: 0.02 };
            let mut layer = LinearConfig::new(from, to).with_initializer(weights).init(device);
            layer.bias = Some(Initializer::Zeros.init([to], device));
            layer
        };
        Self {
            embedding: layer(width, inner),
            adaptors: (0..depth).map(|_| layer(inner, inner)).collect(),
            up: layer(inner, width),
            gate: gated.then(|| AttentionGate::new(inner, device)),
        }
    }

    /// `H_i + E_i`, once per stage.
    ///
    /// # Shapes
    /// - `handcrafted` and output: `[batch, tokens, c_i]`
    /// - `embedded`: the frozen patch embedding `[batch, tokens, C_i]`
    ///
    /// # Panics
    /// On other shapes.
    pub fn features(&self, handcrafted: Tensor<3>, embedded: Tensor<3>) -> Tensor<3> {
        handcrafted + linear(embedded, &self.embedding, None)
    }

    /// What is added to the tokens before block `block`, `[batch, tokens, C_i]`.
    ///
    /// # Panics
    /// On features of another width, and on a block that the stage does not have.
    pub fn prompt(&self, block: usize, features: Tensor<3>) -> Tensor<3> {
        let adapted = linear(features, &self.adaptors[block], Some(Activation::Gelu));
        let adapted = match &self.gate {
            Some(gate) => gate.forward(adapted),
            None => adapted,
        };
        linear(adapted, &self.up, None)
    }

    /// The attention gate, if there is one.
    pub const fn gate(&self) -> Option<&AttentionGate> {
        self.gate.as_ref()
    }

    /// The same without its gate.
    pub(super) fn without_gate(self) -> Self {
        Self { gate: None, ..self }
    }

    /// How many blocks the stage has.
    pub const fn depth(&self) -> usize {
        self.adaptors.len()
    }
}

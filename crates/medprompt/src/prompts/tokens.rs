//! Prompt tokens.

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor};

/// Learned tokens that every block of a vision transformer sees beside its own ("Visual Prompt Tuning", Jia et al., ECCV 2022, arXiv
/// 2203.12119, section 3.2: VPT-Deep). What a block makes of them is dropped after it.
#[derive(Module, Debug)]
pub struct PromptTokens {
    tokens: Vec<Param<Tensor<2>>>,
}

impl PromptTokens {
    pub(crate) fn new(count: usize, width: usize, depth: usize, device: &Device) -> Self {
        // The paper's uniform range, for one patch value per token.
        let limit = (6.0 / (3 + width) as f64).sqrt();
        let init = Initializer::Uniform { min: -limit, max: limit };
        Self { tokens: (0..depth).map(|_| init.init([count, width], device)).collect() }
    }

    /// The tokens with those of block `block` behind them: `[batch, tokens + count, width]`.
    ///
    /// Order does not matter to attention, and positions are in the tokens already.
    ///
    /// # Panics
    /// On another width, and on a block that there is not.
    pub fn append(&self, block: usize, tokens: Tensor<3>) -> Tensor<3> {
        let [batch, _, width] = tokens.dims();
        let prompts = self.tokens[block].val();
        let count = prompts.dims()[0];
        Tensor::cat(vec![tokens, prompts.unsqueeze::<3>().expand([batch, count, width])], 1)
    }

    /// The first `count` tokens again.
    pub fn drop(tokens: Tensor<3>, count: usize) -> Tensor<3> {
        tokens.narrow(1, 0, count)
    }
}

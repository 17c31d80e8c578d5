//! Explicit visual prompts.
//!
//! "Explicit Visual Prompting for Low-Level Structure Segmentations" (EVP; Liu et al., CVPR 2023, arXiv 2303.10883), section 3.
//! With `C_i` the width of stage `i` and `c_i = C_i / scale`:
//!
//! 1. [`HandcraftedBranch`]: an image of hand-crafted features through patch embeddings like the backbone's, once per image: `H_i`,
//!    `[batch, tokens, c_i]`.
//! 2. The embedding branch of [`StagePrompts`]: a linear layer on the frozen patch embedding, once per stage: `E_i`.
//! 3. The adaptors of [`StagePrompts`], before every block `j`: `x <- x + W_up,i GELU(W_ij (H_i + E_i))`, with `W_up,i` shared by the
//!    blocks of a stage.
//!
//! With an [`AttentionGate`] (after the adaptive attention of MVP, arXiv 2404.01127; the form is our own) `GELU(..)` is weighted per channel
//! and per token before `W_up,i`. Without a gate this is EVP to the bit.

mod gate;
mod handcrafted;
mod stage;
mod tokens;
mod visual;

pub use gate::AttentionGate;
pub use handcrafted::{HandcraftedBranch, PatchGeometry, PromptEmbed};
pub use stage::StagePrompts;
pub use tokens::PromptTokens;
pub use visual::{VisualPrompts, VisualPromptsConfig};

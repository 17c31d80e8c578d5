//! Rotary positions.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};

/// Cosines and sines of the angles by which queries and keys are turned ("RoFormer", Su et al., arXiv 2104.09864), for all
/// positions of a model: made once.
#[derive(Module, Debug)]
pub struct RotaryTable {
    cos: Tensor<2>,
    sin: Tensor<2>,
}

impl RotaryTable {
    /// Angles `position * theta^(-2i / head_width)`, in 32 bits as transformers computes them: `[positions, head_width / 2]`.
    pub fn new(positions: usize, head_width: usize, theta: f64, device: &Device) -> Self {
        let half = head_width / 2;
        let frequencies: Vec<f32> =
            (0..half).map(|i| 1.0 / (theta as f32).powf((2 * i) as f32 / head_width as f32)).collect();
        let mut cos = Vec::with_capacity(positions * half);
        let mut sin = Vec::with_capacity(positions * half);
        for position in 0..positions {
            for frequency in &frequencies {
                let (s, c) = f64::from(position as f32 * frequency).sin_cos();
                cos.push(c as f32);
                sin.push(s as f32);
            }
        }
        let table = |values| Tensor::from_data(TensorData::new(values, [positions, half]), device);
        Self { cos: table(cos), sin: table(sin) }
    }

    /// The first `length` positions.
    ///
    /// # Panics
    /// On more positions than there are.
    pub fn first(&self, length: usize) -> Rotary {
        let half = self.cos.dims()[1];
        let cut = |table: &Tensor<2>| table.clone().narrow(0, 0, length).reshape([1, length, 1, 1, half]);
        Rotary { cos: cut(&self.cos), sin: cut(&self.sin) }
    }
}

/// The angles of one sequence length.
#[derive(Debug, Clone)]
pub struct Rotary {
    cos: Tensor<5>,
    sin: Tensor<5>,
}

impl Rotary {
    /// Turns queries and keys at once; the halves of a head are the two coordinates of its pairs.
    ///
    /// # Shapes
    /// - `x` and output: `[batch, length, 2, heads, head_width]`
    ///
    /// # Panics
    /// On other shapes.
    pub fn turn(&self, x: Tensor<5>) -> Tensor<5> {
        let half = x.dims()[4] / 2;
        let (first, second) = (x.clone().narrow(4, 0, half), x.narrow(4, half, half));
        let (cos, sin) = (&self.cos, &self.sin);
        let turned = [
            first.clone() * cos.clone() - second.clone() * sin.clone(),
            second * cos.clone() + first * sin.clone(),
        ];
        Tensor::cat(turned.to_vec(), 4)
    }
}

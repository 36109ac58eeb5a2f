//! An affine map of rows.

use burn::module::{Initializer, Module, Param};
use burn::tensor::{Device, Tensor};

/// `y = x W + b` of rows `[batch, in]`.
#[derive(Module, Debug)]
pub struct Dense {
    /// `[in, out]`.
    weight: Param<Tensor<2>>,
    /// `[1, out]`.
    bias: Param<Tensor<2>>,
}

impl Dense {
    /// Draws weights that are uniform within `gain/√in`, and no bias, from the device's random stream.
    pub fn init(input: usize, output: usize, gain: f64, device: &Device) -> Self {
        let bound = gain / (input as f64).sqrt();
        Self {
            weight: Initializer::Uniform { min: -bound, max: bound }.init([input, output], device),
            bias: Initializer::Zeros.init([1, output], device),
        }
    }

    /// `ẋ W`, the derivative of [`forward`](Self::forward) along `ẋ`.
    pub fn along(&self, direction: Tensor<2>) -> Tensor<2> {
        direction.matmul(self.weight.val())
    }

    /// `[batch, in]` to `[batch, out]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        x.matmul(self.weight.val()) + self.bias.val()
    }
}

//! What a level of a U-shaped network computes.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::{Cost, GridSpec};
use crate::fused::gelu;
use crate::layers::{Convolution, GroupNorm};

/// Twice convolution, group normalisation, GELU.
#[derive(Module, Debug)]
pub(super) struct Block {
    first: Convolution,
    first_norm: GroupNorm,
    second: Convolution,
    second_norm: GroupNorm,
}

impl Block {
    pub(super) fn init(input: usize, output: usize, spec: &GridSpec, device: &Device) -> Self {
        Self {
            first: spec.convolution(input, output, 1).init(device),
            first_norm: GroupNorm::init(output, device),
            second: spec.convolution(output, output, 1).init(device),
            second_norm: GroupNorm::init(output, device),
        }
    }

    /// What it costs after some halvings.
    pub(super) fn cost(input: usize, output: usize, spec: &GridSpec, halvings: usize) -> Cost {
        spec.convolution_cost(input, output, halvings)
            + spec.convolution_cost(output, output, halvings)
            + 2 * Cost::norm(output)
    }

    pub(super) fn forward(&self, u: Tensor<4>) -> Tensor<4> {
        let v = gelu(self.first_norm.forward(self.first.forward(u)));
        gelu(self.second_norm.forward(self.second.forward(v)))
    }
}

//! A residual network without normalisation.

use burn::module::Module;
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};
use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use super::{Cost, GridSpec};
use crate::layers::Convolution;

/// A lift, `blocks` blocks `v ← σ(v + C₂ σ(C₁ v))` of two convolutions, a projection; `σ(x) = max(x, 0)`.
///
/// K. He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, without its normalisation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResidualNetConfig {
    /// Channels inside.
    pub width: usize,
    /// Blocks.
    pub blocks: usize,
}

impl Default for ResidualNetConfig {
    fn default() -> Self {
        Self { width: 26, blocks: 8 }
    }
}

impl Validate for ResidualNetConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.within("width", self.width, 1, 4096);
        check.within("blocks", self.blocks, 1, 256);
    }
}

/// The network of [`ResidualNetConfig`].
#[derive(Module, Debug)]
pub struct ResidualNet {
    lift: Convolution,
    blocks: Vec<Block>,
    project: Convolution,
}

#[derive(Module, Debug)]
struct Block {
    first: Convolution,
    second: Convolution,
}

impl ResidualNetConfig {
    /// What it costs.
    pub(super) fn cost(&self, spec: &GridSpec) -> Cost {
        spec.pointwise_cost(spec.input, self.width, 0)
            + 2 * self.blocks * spec.convolution_cost(self.width, self.width, 0)
            + spec.pointwise_cost(self.width, spec.output, 0)
    }

    /// Draws the weights from the device's random stream.
    pub fn init(&self, spec: &GridSpec, device: &Device) -> ResidualNet {
        let convolution = || spec.convolution(self.width, self.width, 1).init(device);
        ResidualNet {
            lift: spec.pointwise(spec.input, self.width).init(device),
            blocks: (0..self.blocks).map(|_| Block { first: convolution(), second: convolution() }).collect(),
            project: spec.pointwise(self.width, spec.output).init(device),
        }
    }
}

impl ResidualNet {
    /// `[batch, input, x, y]` to `[batch, output, x, y]`.
    pub fn forward(&self, u: Tensor<4>) -> Tensor<4> {
        let blocks = self.blocks.iter();
        let v = blocks.fold(self.lift.forward(u), |v, block| {
            relu(v.clone() + block.second.forward(relu(block.first.forward(v))))
        });
        self.project.forward(v)
    }
}

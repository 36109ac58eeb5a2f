//! The dilated residual network.

use burn::module::Module;
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};
use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use super::{Cost, GridSpec};
use crate::layers::{Convolution, GroupNorm};

/// A lift, `blocks` residual blocks of convolutions with the dilations 1, 2, …, `2^depth`, …, 2, 1, a projection.
///
/// Every convolution is followed by `max(·, 0)` and a group normalisation. K. Stachenfeld et al., "Learned Simulators for
/// Turbulence", ICLR 2022.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DilatedResnetConfig {
    /// Channels inside.
    pub width: usize,
    /// Blocks.
    pub blocks: usize,
    /// The binary logarithm of the largest dilation.
    pub depth: usize,
}

impl Default for DilatedResnetConfig {
    fn default() -> Self {
        Self { width: 32, blocks: 2, depth: 2 }
    }
}

impl Validate for DilatedResnetConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.within("width", self.width, 1, 4096);
        check.within("blocks", self.blocks, 1, 256);
        check.within("depth", self.depth, 0, 8);
    }
}

/// The network of [`DilatedResnetConfig`].
#[derive(Module, Debug)]
pub struct DilatedResnet {
    lift: Convolution,
    blocks: Vec<Block>,
    project: Convolution,
}

#[derive(Module, Debug)]
struct Block {
    convolutions: Vec<Convolution>,
    norms: Vec<GroupNorm>,
}

impl DilatedResnetConfig {
    /// What it costs.
    pub(super) fn cost(&self, spec: &GridSpec) -> Cost {
        let layer = spec.convolution_cost(self.width, self.width, 0) + Cost::norm(self.width);
        spec.pointwise_cost(spec.input, self.width, 0)
            + self.blocks * (2 * self.depth + 1) * layer
            + spec.pointwise_cost(self.width, spec.output, 0)
    }

    /// Draws the weights from the device's random stream.
    pub fn init(&self, spec: &GridSpec, device: &Device) -> DilatedResnet {
        let dilations: Vec<usize> =
            (0..=self.depth).chain((0..self.depth).rev()).map(|power| 1 << power).collect();
        let block = |_| Block {
            convolutions: dilations
                .iter()
                .map(|d| spec.convolution(self.width, self.width, *d).init(device))
                .collect(),
            norms: dilations.iter().map(|_| GroupNorm::init(self.width, device)).collect(),
        };
        DilatedResnet {
            lift: spec.pointwise(spec.input, self.width).init(device),
            blocks: (0..self.blocks).map(block).collect(),
            project: spec.pointwise(self.width, spec.output).init(device),
        }
    }
}

impl DilatedResnet {
    /// `[batch, input, x, y]` to `[batch, output, x, y]`.
    pub fn forward(&self, u: Tensor<4>) -> Tensor<4> {
        let v = self.blocks.iter().fold(self.lift.forward(u), |v, block| {
            let layers = block.convolutions.iter().zip(&block.norms);
            v.clone() + layers.fold(v, |v, (convolution, norm)| norm.forward(relu(convolution.forward(v))))
        });
        self.project.forward(v)
    }
}

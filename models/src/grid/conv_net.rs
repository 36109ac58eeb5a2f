//! A plain stack of convolutions.

use burn::module::Module;
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};
use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use super::{Cost, GridSpec};
use crate::layers::Convolution;

/// `depth` convolutions with three taps an axis, each followed by `max(·, 0)`, and a last one to the channels of the field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConvNetConfig {
    /// Channels inside.
    pub width: usize,
    /// Convolutions before the last.
    pub depth: usize,
}

impl Default for ConvNetConfig {
    fn default() -> Self {
        Self { width: 34, depth: 10 }
    }
}

impl Validate for ConvNetConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.within("width", self.width, 1, 4096);
        check.within("depth", self.depth, 1, 256);
    }
}

/// The network of [`ConvNetConfig`].
#[derive(Module, Debug)]
pub struct ConvNet {
    layers: Vec<Convolution>,
    last: Convolution,
}

impl ConvNetConfig {
    /// What it costs.
    pub(super) fn cost(&self, spec: &GridSpec) -> Cost {
        let layer = |input, output| spec.convolution_cost(input, output, 0);
        let inner = (self.depth - 1) * layer(self.width, self.width);
        layer(spec.input, self.width) + inner + layer(self.width, spec.output)
    }

    /// Draws the weights from the device's random stream.
    pub fn init(&self, spec: &GridSpec, device: &Device) -> ConvNet {
        let input = |layer| if layer == 0 { spec.input } else { self.width };
        ConvNet {
            layers: (0..self.depth).map(|l| spec.convolution(input(l), self.width, 1).init(device)).collect(),
            last: spec.convolution(self.width, spec.output, 1).init(device),
        }
    }
}

impl ConvNet {
    /// `[batch, input, x, y]` to `[batch, output, x, y]`.
    pub fn forward(&self, u: Tensor<4>) -> Tensor<4> {
        self.last.forward(self.layers.iter().fold(u, |v, layer| relu(layer.forward(v))))
    }
}

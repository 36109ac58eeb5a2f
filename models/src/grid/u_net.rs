//! The U-Net.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use super::block::Block;
use super::{Cost, GridSpec};
use crate::layers::{Convolution, Doubling, halve};

/// A lift, `levels` levels down and up with skip connections, a projection; twice as many channels on every level.
///
/// A level is twice convolution, group normalisation, GELU. O. Ronneberger et al., "U-Net: Convolutional Networks for
/// Biomedical Image Segmentation", MICCAI 2015, in the form of J. Gupta and J. Brandstetter, "Towards Multi-spatiotemporal-scale Generalized PDE
/// Modeling", TMLR 2023, with bicubic interpolation on the way up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UNetConfig {
    /// Channels of the finest level.
    pub width: usize,
    /// Levels below the finest.
    pub levels: usize,
}

impl Default for UNetConfig {
    fn default() -> Self {
        Self { width: 16, levels: 3 }
    }
}

impl Validate for UNetConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.within("width", self.width, 1, 4096);
        check.within("levels", self.levels, 1, 10);
    }
}

/// The network of [`UNetConfig`].
#[derive(Module, Debug)]
pub struct UNet {
    lift: Block,
    down: Vec<Block>,
    up: Vec<Block>,
    doublings: Vec<Doubling>,
    project: Convolution,
}

impl UNetConfig {
    /// What it costs.
    pub(super) fn cost(&self, spec: &GridSpec) -> Cost {
        let level = |input, output, halvings| Block::cost(input, output, spec, halvings);
        let channels = |i: usize| self.width << i;
        let levels = (0..self.levels).map(|i| {
            let (fine, coarse) = (channels(i), channels(i + 1));
            level(fine, coarse, i + 1) + level(fine + coarse, fine, i)
        });
        level(spec.input, self.width, 0)
            + levels.sum::<Cost>()
            + spec.pointwise_cost(self.width, spec.output, 0)
    }

    /// Draws the weights from the device's random stream; the points of `spec` must be divisible by `2^levels`.
    pub fn init(&self, spec: &GridSpec, device: &Device) -> UNet {
        let level = |input, output| Block::init(input, output, spec, device);
        let channels = |i: usize| self.width << i;
        UNet {
            lift: level(spec.input, self.width),
            down: (0..self.levels).map(|i| level(channels(i), channels(i + 1))).collect(),
            up: (0..self.levels).rev().map(|i| level(channels(i) + channels(i + 1), channels(i))).collect(),
            doublings: (0..self.levels)
                .rev()
                .map(|i| Doubling::init(spec.halved(i + 1), spec.edges, device))
                .collect(),
            project: spec.pointwise(self.width, spec.output).init(device),
        }
    }
}

impl UNet {
    /// `[batch, input, x, y]` to `[batch, output, x, y]`.
    pub fn forward(&self, u: Tensor<4>) -> Tensor<4> {
        let mut v = self.lift.forward(u);
        let mut skips = Vec::with_capacity(self.down.len());
        for level in &self.down {
            skips.push(v.clone());
            v = level.forward(halve(v));
        }
        for (level, doubling) in self.up.iter().zip(&self.doublings) {
            let u = doubling.forward(v);
            v = level.forward(match skips.pop() {
                Some(skip) => Tensor::cat(vec![skip, u], 1),
                None => u,
            });
        }
        self.project.forward(v)
    }
}

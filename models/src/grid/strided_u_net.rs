//! The U-Net whose convolutions halve and double the points.

use burn::module::Module;
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};
use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use super::{Cost, GridSpec};
use crate::layers::{Convolution, GroupNorm};

/// A lift, `levels` levels down by convolutions of every second point and up by their transposes with skip connections, a projection; twice
/// as many channels on every level.
///
/// A level is twice convolution, group normalisation, `max(·, 0)`; the U-Net of APEBench (F. Koehler et al., NeurIPS 2024) after
/// O. Ronneberger et al., MICCAI 2015.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StridedUNetConfig {
    /// Channels of the finest level.
    pub width: usize,
    /// Levels below the finest.
    pub levels: usize,
}

impl Default for StridedUNetConfig {
    fn default() -> Self {
        Self { width: 12, levels: 2 }
    }
}

impl Validate for StridedUNetConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.within("width", self.width, 1, 4096);
        check.within("levels", self.levels, 1, 10);
    }
}

/// The network of [`StridedUNetConfig`].
#[derive(Module, Debug)]
pub struct StridedUNet {
    lift: Block,
    down: Vec<Step>,
    up: Vec<Step>,
    project: Convolution,
}

/// A change of resolution, then a block.
#[derive(Module, Debug)]
struct Step {
    change: Convolution,
    block: Block,
}

#[derive(Module, Debug)]
struct Block {
    convolutions: Vec<Convolution>,
    norms: Vec<GroupNorm>,
}

impl Block {
    fn init(input: usize, output: usize, spec: &GridSpec, device: &Device) -> Self {
        Self {
            convolutions: [input, output].map(|i| spec.convolution(i, output, 1).init(device)).into(),
            norms: (0..2).map(|_| GroupNorm::init(output, device)).collect(),
        }
    }

    fn cost(input: usize, output: usize, spec: &GridSpec, halvings: usize) -> Cost {
        let layer = |input| spec.convolution_cost(input, output, halvings) + Cost::norm(output);
        layer(input) + layer(output)
    }

    fn forward(&self, u: Tensor<4>) -> Tensor<4> {
        let layers = self.convolutions.iter().zip(&self.norms);
        layers.fold(u, |v, (convolution, norm)| relu(norm.forward(convolution.forward(v))))
    }
}

impl StridedUNetConfig {
    /// What it costs; a change of the resolution counts at the coarser one.
    pub(super) fn cost(&self, spec: &GridSpec) -> Cost {
        let levels = (0..self.levels).map(|i| {
            let (fine, coarse) = (self.width << i, self.width << (i + 1));
            let change = |input| spec.convolution_cost(input, fine, i + 1);
            change(fine)
                + Block::cost(fine, coarse, spec, i + 1)
                + change(coarse)
                + Block::cost(coarse, fine, spec, i)
        });
        Block::cost(spec.input, self.width, spec, 0)
            + levels.sum::<Cost>()
            + spec.pointwise_cost(self.width, spec.output, 0)
    }

    /// Draws the weights from the device's random stream; the points of `spec` must be divisible by `2^levels`.
    pub fn init(&self, spec: &GridSpec, device: &Device) -> StridedUNet {
        let width = |i: usize| self.width << i;
        let step = |change: [usize; 2], block: [usize; 2]| Step {
            change: spec.convolution(change[0], change[1], 1).init(device),
            block: Block::init(block[0], block[1], spec, device),
        };
        StridedUNet {
            lift: Block::init(spec.input, self.width, spec, device),
            down: (0..self.levels).map(|i| step([width(i); 2], [width(i), width(i + 1)])).collect(),
            up: (0..self.levels)
                .rev()
                .map(|i| step([width(i + 1), width(i)], [width(i + 1), width(i)]))
                .collect(),
            project: spec.pointwise(self.width, spec.output).init(device),
        }
    }
}

impl StridedUNet {
    /// `[batch, input, x, y]` to `[batch, output, x, y]`.
    pub fn forward(&self, u: Tensor<4>) -> Tensor<4> {
        let mut v = self.lift.forward(u);
        let mut skips = Vec::with_capacity(self.down.len());
        for step in &self.down {
            skips.push(v.clone());
            v = step.block.forward(every_second(step.change.forward(v)));
        }
        for step in &self.up {
            let u = step.change.forward(between_zeros(v));
            v = step.block.forward(match skips.pop() {
                Some(skip) => Tensor::cat(vec![skip, u], 1),
                None => u,
            });
        }
        self.project.forward(v)
    }
}

/// The even points of every axis with more than one.
pub(super) fn every_second(u: Tensor<4>) -> Tensor<4> {
    let [batch, channels, nx, ny] = u.dims();
    let [px, py] = [nx, ny].map(|n| if n > 1 { 2 } else { 1 });
    let pairs = u.reshape([batch, channels, nx / px, px, ny / py, py]);
    pairs.narrow(3, 0, 1).narrow(5, 0, 1).reshape([batch, channels, nx / px, ny / py])
}

/// The points as the even ones of twice as many, zeros between them: a convolution of these is the transpose of one of every second point.
fn between_zeros(u: Tensor<4>) -> Tensor<4> {
    let [batch, channels, nx, ny] = u.dims();
    let wide = u.clone().reshape([batch, channels, nx, ny, 1]);
    let wide = Tensor::cat(vec![wide.clone(), wide.zeros_like()], 4).reshape([batch, channels, nx, 2 * ny]);
    if nx == 1 {
        return wide;
    }
    let tall = wide.reshape([batch, channels, nx, 1, 2 * ny]);
    Tensor::cat(vec![tall.clone(), tall.zeros_like()], 3).reshape([batch, channels, 2 * nx, 2 * ny])
}

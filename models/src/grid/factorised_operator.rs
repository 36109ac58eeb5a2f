//! The factorised Fourier neural operator.

use burn::module::Module;
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};
use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use super::{Cost, GridSpec};
use crate::layers::{Convolution, SpectralConv, SpectralConvConfig};

/// The channels before the last linear map.
const HIDDEN: usize = 128;

/// A lift, `layers` times `v ← v + b`, `b = W₂ σ(W₁ (K_x v + K_y v))` with a Fourier layer `K` along each axis, and a projection of the last `b` in two linear maps; `σ` is
/// `max(·, 0)`.
///
/// A. Tran et al., "Factorized Fourier Neural Operators", ICLR 2023, without the normalisation of weights. With `positions` the coordinates, from zero to one on
/// every axis, come beside the fields, as published; on a periodic grid they break its symmetry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FactorisedOperatorConfig {
    /// Modes of an axis kept by a Fourier layer, with the mean; at most half the points.
    pub modes: usize,
    /// Channels inside.
    pub width: usize,
    /// Fourier layers.
    pub layers: usize,
    /// Channels between `W₁` and `W₂`, in units of `width`.
    pub expansion: usize,
    /// Whether the coordinates are given.
    pub positions: bool,
}

impl Default for FactorisedOperatorConfig {
    fn default() -> Self {
        Self { modes: 32, width: 96, layers: 24, expansion: 4, positions: true }
    }
}

impl Validate for FactorisedOperatorConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.within("modes", self.modes, 1, 4096);
        check.within("width", self.width, 1, 4096);
        check.within("layers", self.layers, 1, 64);
        check.within("expansion", self.expansion, 1, 64);
    }
}

/// The network of [`FactorisedOperatorConfig`].
#[derive(Module, Debug)]
pub struct FactorisedOperator {
    /// `[1, axis, x, y]`.
    positions: Option<Tensor<4>>,
    lift: Convolution,
    layers: Vec<Layer>,
    hidden: Convolution,
    project: Convolution,
}

#[derive(Module, Debug)]
struct Layer {
    /// Along the first axis, if it has more than one point.
    rows: Option<SpectralConv>,
    columns: SpectralConv,
    widen: Convolution,
    narrow: Convolution,
}

impl FactorisedOperatorConfig {
    fn spectral(&self, points: usize) -> SpectralConvConfig {
        SpectralConvConfig { channels: self.width, modes: self.modes.min(points / 2), shape: vec![points] }
    }

    /// Channels that the lift sees.
    fn input(&self, spec: &GridSpec) -> usize {
        let axes = spec.size.iter().filter(|n| **n > 1).count();
        spec.input + if self.positions { axes } else { 0 }
    }

    /// What it costs: of a mode that is kept four multiplications for a pair of channels on every line, without the transforms.
    pub(super) fn cost(&self, spec: &GridSpec) -> Cost {
        let (width, [nx, ny]) = (self.width, spec.size);
        let along = |points: usize, lines: usize| {
            let pairs = self.modes.min(points / 2) * width * width;
            Cost { params: 2 * pairs, macs: 4 * pairs * lines }
        };
        let rows = if nx > 1 { along(nx, ny) } else { Cost::default() };
        let wide = self.expansion * width;
        let layer =
            rows + along(ny, nx) + spec.pointwise_cost(width, wide, 0) + spec.pointwise_cost(wide, width, 0);
        spec.pointwise_cost(self.input(spec), width, 0)
            + self.layers * layer
            + spec.pointwise_cost(width, HIDDEN, 0)
            + spec.pointwise_cost(HIDDEN, spec.output, 0)
    }

    /// Draws the weights from the device's random stream.
    pub fn init(&self, spec: &GridSpec, device: &Device) -> FactorisedOperator {
        let (width, [nx, ny]) = (self.width, spec.size);
        let wide = self.expansion * width;
        let layer = |_| Layer {
            rows: (nx > 1).then(|| self.spectral(nx).init(device)),
            columns: self.spectral(ny).init(device),
            widen: spec.pointwise(width, wide).init(device),
            narrow: spec.pointwise(wide, width).init(device),
        };
        FactorisedOperator {
            positions: self.positions.then(|| positions(spec.size, device)),
            lift: spec.pointwise(self.input(spec), width).init(device),
            layers: (0..self.layers).map(layer).collect(),
            hidden: spec.pointwise(width, HIDDEN).init(device),
            project: spec.pointwise(HIDDEN, spec.output).init(device),
        }
    }
}

/// The coordinates of every axis with more than one point, `[1, axis, x, y]`.
fn positions([nx, ny]: [usize; 2], device: &Device) -> Tensor<4> {
    let at = |i: usize, n: usize| i as f32 / (n - 1).max(1) as f32;
    let x = (0..nx * ny).map(|i| at(i / ny, nx));
    let y = (0..nx * ny).map(|i| at(i % ny, ny));
    let values: Vec<f32> = if nx > 1 { x.chain(y).collect() } else { y.collect() };
    let axes = values.len() / (nx * ny);
    Tensor::<1>::from_floats(&values[..], device).reshape([1, axes, nx, ny])
}

impl FactorisedOperator {
    /// `[batch, input, x, y]` to `[batch, output, x, y]`.
    pub fn forward(&self, u: Tensor<4>) -> Tensor<4> {
        let [batch, _, _, _] = u.dims();
        let seen = match &self.positions {
            Some(positions) => Tensor::cat(vec![u, positions.clone().repeat_dim(0, batch)], 1),
            None => u,
        };
        let mut v = self.lift.forward(seen);
        let mut last = v.clone();
        for layer in &self.layers {
            last = layer.forward(v.clone());
            v = v + last.clone();
        }
        self.project.forward(self.hidden.forward(last))
    }
}

impl Layer {
    fn forward(&self, v: Tensor<4>) -> Tensor<4> {
        let [batch, width, nx, ny] = v.dims();
        let lines = v.clone().permute([0, 2, 1, 3]).reshape([batch * nx, width, ny]);
        let mut k = self.columns.forward(lines).reshape([batch, nx, width, ny]).permute([0, 2, 1, 3]);
        if let Some(rows) = &self.rows {
            let lines = v.permute([0, 3, 1, 2]).reshape([batch * ny, width, nx]);
            k = k + rows.forward(lines).reshape([batch, ny, width, nx]).permute([0, 2, 3, 1]);
        }
        self.narrow.forward(relu(self.widen.forward(k)))
    }
}

//! The Fourier neural operator as it was published.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use super::{Cost, GridSpec};
use crate::fused::gelu;
use crate::layers::{Convolution, SpectralConv, SpectralConvConfig};

/// A lift, `layers` times `v ← σ(K v + W v + b)` with a Fourier layer `K`, a projection; `σ` is GELU.
///
/// Z. Li et al., "Fourier Neural Operator for Parametric Partial Differential Equations", ICLR 2021, with linear lift and projection as
/// APEBench has it. The one with residual connections and a hidden layer at its end is the semilinear operator with `linear = "none"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FourierOperatorConfig {
    /// Modes of an axis kept by a Fourier layer, with the mean; at most half the points.
    pub modes: usize,
    /// Channels inside.
    pub width: usize,
    /// Fourier layers.
    pub layers: usize,
}

impl Default for FourierOperatorConfig {
    fn default() -> Self {
        Self { modes: 12, width: 18, layers: 4 }
    }
}

impl Validate for FourierOperatorConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.within("modes", self.modes, 1, 4096);
        check.within("width", self.width, 1, 4096);
        check.within("layers", self.layers, 1, 64);
    }
}

/// The network of [`FourierOperatorConfig`].
#[derive(Module, Debug)]
pub struct FourierOperator {
    lift: Convolution,
    spectral: Vec<SpectralConv>,
    pointwise: Vec<Convolution>,
    project: Convolution,
}

impl FourierOperatorConfig {
    fn spectral(&self, spec: &GridSpec) -> SpectralConvConfig {
        let shape: Vec<usize> = spec.size.into_iter().filter(|n| *n > 1).collect();
        let modes = self.modes.min(shape.iter().copied().min().unwrap_or(2) / 2);
        SpectralConvConfig { channels: self.width, modes, shape }
    }

    /// What it costs: of a mode that is kept four multiplications for a pair of channels, without the transforms.
    pub(super) fn cost(&self, spec: &GridSpec) -> Cost {
        let width = self.width;
        let SpectralConvConfig { modes, shape, .. } = self.spectral(spec);
        // Of the first of two axes frequencies of both signs are kept.
        let kept = match shape[..] {
            [n, _] if modes > n / 2 => n * modes,
            [_, _] => (2 * modes - 1) * modes,
            _ => modes,
        };
        let pairs = kept * width * width;
        let spectral = Cost { params: 2 * pairs, macs: 4 * pairs };
        spec.pointwise_cost(spec.input, width, 0)
            + self.layers * (spectral + spec.pointwise_cost(width, width, 0))
            + spec.pointwise_cost(width, spec.output, 0)
    }

    /// Draws the weights from the device's random stream.
    pub fn init(&self, spec: &GridSpec, device: &Device) -> FourierOperator {
        let spectral = self.spectral(spec);
        FourierOperator {
            lift: spec.pointwise(spec.input, self.width).init(device),
            spectral: (0..self.layers).map(|_| spectral.init(device)).collect(),
            pointwise: (0..self.layers)
                .map(|_| spec.pointwise(self.width, self.width).init(device))
                .collect(),
            project: spec.pointwise(self.width, spec.output).init(device),
        }
    }
}

impl FourierOperator {
    /// `[batch, input, x, y]` to `[batch, output, x, y]`.
    pub fn forward(&self, u: Tensor<4>) -> Tensor<4> {
        let mut v = self.lift.forward(u);
        let [batch, width, nx, ny] = v.dims();
        for (spectral, pointwise) in self.spectral.iter().zip(&self.pointwise) {
            let k = spectral.forward(v.clone().reshape([batch, width, nx * ny]));
            v = gelu(k.reshape([batch, width, nx, ny]) + pointwise.forward(v));
        }
        self.project.forward(v)
    }
}

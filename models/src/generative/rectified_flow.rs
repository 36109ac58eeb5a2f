//! Rectified flow: a velocity learned along straight lines from noise to data.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use super::{Activation, TimeNetwork, TimeNetworkConfig, Velocity};

/// `v_θ(t, x)`, the least-squares fit of `x₁ − x₀` at `x_t = (1 − t) x₀ + t x₁` over pairs `(x₀, x₁)`: its flow carries the
/// law of `x₀` at `t = 0` to that of `x₁` at `t = 1`.
///
/// The pairs are first independent, noise and data; a *reflow* then takes a noise and where the flow carries it. Every
/// reflow makes paths straighter, and fewer Euler steps do.
///
/// X. Liu, C. Gong, Q. Liu, "Flow Straight and Fast", ICLR 2023.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RectifiedFlowConfig {
    /// Units of a hidden layer.
    pub width: usize,
    /// Hidden layers.
    pub layers: usize,
    /// Frequencies of the time.
    pub frequencies: usize,
    /// How often the flow is straightened.
    pub reflows: usize,
    /// Pairs that the flow makes for each.
    pub pairs: usize,
}

impl Default for RectifiedFlowConfig {
    fn default() -> Self {
        Self { width: 128, layers: 3, frequencies: 4, reflows: 1, pairs: 32_768 }
    }
}

impl Validate for RectifiedFlowConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.within("width", self.width, 1, 4096);
        check.within("layers", self.layers, 1, 64);
        check.within("frequencies", self.frequencies, 0, 64);
        check.within("reflows", self.reflows, 0, 16);
        check.within("pairs", self.pairs, 1, 10_000_000);
    }
}

/// The model of [`RectifiedFlowConfig`].
#[derive(Module, Debug)]
pub struct RectifiedFlow {
    network: TimeNetwork,
}

impl RectifiedFlowConfig {
    /// Draws the weights from the device's random stream.
    pub fn init(&self, dimension: usize, device: &Device) -> RectifiedFlow {
        let Self { width, layers, frequencies, .. } = *self;
        let network =
            TimeNetworkConfig { dimension, width, layers, frequencies, activation: Activation::Gelu };
        RectifiedFlow { network: network.init(device) }
    }
}

impl RectifiedFlow {
    /// The mean over rows of `|v_θ(t, x_t) − (x₁ − x₀)|²`, per coordinate, of pairs `[row, coordinate]` at times `[row, 1]`.
    pub fn loss(&self, x0: Tensor<2>, x1: Tensor<2>, t: Tensor<2>) -> Tensor<1> {
        let line = x1 - x0.clone();
        let x = x0 + line.clone() * t.clone();
        (self.network.forward(x, t) - line).powi_scalar(2).mean()
    }
}

impl Velocity for RectifiedFlow {
    fn velocity(&self, t: f64, x: Tensor<2>) -> Tensor<2> {
        let t = Tensor::full([1, 1], t, &x.device());
        self.network.forward(x, t)
    }

    fn along(&self, t: f64, x: Tensor<2>, directions: Vec<Tensor<2>>) -> (Tensor<2>, Vec<Tensor<2>>) {
        let t = Tensor::full([1, 1], t, &x.device());
        self.network.along(x, t, directions)
    }
}

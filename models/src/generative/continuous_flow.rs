//! Continuous normalising flow: a density by the flow of a network, trained by its likelihood.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use super::{Activation, TimeNetwork, TimeNetworkConfig, Velocity};

/// The flow of `dx/dt = v_θ(t, x)` from `t = 0`, where the density is that of independent standard normal coordinates, to
/// `t = 1`, where it is the data's. `θ` maximises the mean of `log p(x)`, had by [`log_density`](super::log_density).
///
/// The gradient is that of the discrete solve: exact for the method and its steps, whatever their size.
///
/// R. T. Q. Chen et al., NeurIPS 2018; W. Grathwohl et al., "FFJORD", ICLR 2019.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ContinuousFlowConfig {
    /// Units of a hidden layer.
    pub width: usize,
    /// Hidden layers.
    pub layers: usize,
    /// Steps of the classical Runge-Kutta method in training.
    pub steps: usize,
    /// How the divergence is had in training.
    pub trace: TraceKind,
}

/// How a divergence is had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TraceKind {
    /// Exactly, by as many directional derivatives as there are coordinates.
    Exact,
    /// In the mean, by one random direction a row.
    Hutchinson,
}

impl Default for ContinuousFlowConfig {
    fn default() -> Self {
        Self { width: 64, layers: 3, steps: 8, trace: TraceKind::Exact }
    }
}

impl Validate for ContinuousFlowConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.within("width", self.width, 1, 4096);
        check.within("layers", self.layers, 1, 64);
        check.within("steps", self.steps, 1, 10_000);
    }
}

/// The model of [`ContinuousFlowConfig`].
#[derive(Module, Debug)]
pub struct ContinuousFlow {
    pub(super) network: TimeNetwork,
}

impl ContinuousFlowConfig {
    /// Draws the weights from the device's random stream.
    pub fn init(&self, dimension: usize, device: &Device) -> ContinuousFlow {
        let Self { width, layers, .. } = *self;
        let network =
            TimeNetworkConfig { dimension, width, layers, frequencies: 0, activation: Activation::Tanh };
        ContinuousFlow { network: network.init(device) }
    }
}

impl Velocity for ContinuousFlow {
    fn velocity(&self, t: f64, x: Tensor<2>) -> Tensor<2> {
        let t = Tensor::full([1, 1], t, &x.device());
        self.network.forward(x, t)
    }

    fn along(&self, t: f64, x: Tensor<2>, directions: Vec<Tensor<2>>) -> (Tensor<2>, Vec<Tensor<2>>) {
        let t = Tensor::full([1, 1], t, &x.device());
        self.network.along(x, t, directions)
    }
}

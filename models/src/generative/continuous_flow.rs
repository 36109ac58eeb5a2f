//! Continuous normalising flow: a density by the flow of a network, trained by its likelihood.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{DType, Device, Tensor};
use flowmap_solvers::config::{FixedConfig, SolverConfig};
use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use super::host_flow;
use super::{Activation, TimeNetwork, TimeNetworkConfig, Trace, Velocity, log_density};

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
    /// Steps of the classical Runge-Kutta method in training, at least; a batch has up to twice as many, drawn anew, since
    /// weights would learn the error of steps of one size.
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
        Self { width: 64, layers: 3, steps: 6, trace: TraceKind::Exact }
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

impl ContinuousFlow {
    /// The mean of `−log p(x)` over points `[row, coordinate]`, in nats, by `steps` steps of the classical Runge-Kutta method;
    /// NaN if the solve does not reach its end. The trace is exact, or along the directions of `probe`.
    pub fn negative_log_likelihood(&self, x: Tensor<2>, probe: Option<Tensor<2>>, steps: usize) -> f64 {
        self.loss(x, probe, steps).map_or(f64::NAN, |loss| loss.into_scalar::<f64>())
    }

    fn loss(&self, x: Tensor<2>, probe: Option<Tensor<2>>, steps: usize) -> Option<Tensor<1>> {
        let trace = probe.map_or(Trace::Exact, Trace::Probe);
        let method = SolverConfig::Rk4(FixedConfig { dt: 1.0 / steps as f64 });
        let carried = log_density(self, &x, (1.0, 0.0), 1.0, &trace, &method).ok()?;
        Some(carried.end.mean().neg())
    }

    /// [`negative_log_likelihood`](Self::negative_log_likelihood) and its gradients, of a model and points on an autodiff
    /// device; none if it is not finite. On the CPU by hand through the core's gradient of a solve, elsewhere by the tape.
    pub fn likelihood_gradients(
        &self,
        x: Tensor<2>,
        probe: Option<Tensor<2>>,
        steps: usize,
    ) -> Option<(f64, GradientsParams)> {
        if x.device().inner() == Device::flex() && x.dtype() == DType::F32 {
            let device = x.device().inner();
            let (value, layers) = host_flow::likelihood_gradients(&self.network, x, probe, steps)?;
            let mut gradients = GradientsParams::new();
            for (layer, gradient) in self.network.layers.iter().zip(layers) {
                gradients.register(layer.weight.id, gradient.weight(&device));
                gradients.register(layer.time.id, gradient.time(&device));
                gradients.register(layer.bias.id, gradient.bias(&device));
            }
            return Some((value, gradients));
        }
        self.likelihood_gradients_by_tape(x, probe, steps)
    }

    /// The same by the tape of the whole solve, on any device.
    pub fn likelihood_gradients_by_tape(
        &self,
        x: Tensor<2>,
        probe: Option<Tensor<2>>,
        steps: usize,
    ) -> Option<(f64, GradientsParams)> {
        let loss = self.loss(x, probe, steps)?;
        let value = loss.clone().into_scalar::<f64>();
        value.is_finite().then(|| (value, GradientsParams::from_grads(loss.backward(), self)))
    }
}

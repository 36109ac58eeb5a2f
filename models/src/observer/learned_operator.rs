//! The correction of the paper: a learned gain and a learned observation operator.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use super::gated_gain::context;
use super::gates::{Gates, GatesConfig};
use super::{Belief, DiagonalGain, DiagonalGainConfig, Observer, Seen, Variances};
use crate::emulator::{FieldSpec, per_channel};
use crate::layers::{FourierNetwork, FourierNetworkConfig};

/// `z_a = z_f + K_θ(z_f) [y − E_θ(z_f)]` with gated Fourier layers for `K_θ` and `E_θ(z) = H (z + network(z))`. Nothing is
/// known of the certainty of the forecast.
///
/// A. Singh et al., ICLR 2024.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LearnedOperatorConfig {
    /// Modes of a Fourier layer.
    pub modes: usize,
    /// Channels inside.
    pub width: usize,
    /// Fourier layers.
    pub layers: usize,
}

impl Default for LearnedOperatorConfig {
    fn default() -> Self {
        Self { modes: 24, width: 16, layers: 2 }
    }
}

impl Validate for LearnedOperatorConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.within("modes", self.modes, 1, 4096);
        check.within("width", self.width, 1, 4096);
        check.within("layers", self.layers, 1, 64);
    }
}

/// The observer of [`LearnedOperatorConfig`].
#[derive(Module, Debug)]
pub struct LearnedOperator {
    /// Scales, and a belief that is never used up.
    scales: DiagonalGain,
    gates: Gates,
    operator: FourierNetwork,
    mean: Tensor<3>,
}

impl LearnedOperatorConfig {
    /// Draws the weights from the device's random stream; `variances` as for the diagonal gain.
    pub fn init(&self, spec: &FieldSpec, variances: &Variances, device: &Device) -> LearnedOperator {
        let c = spec.channels;
        let gates = GatesConfig {
            innovation: c,
            context: 5 * c,
            output: c,
            width: self.width,
            layers: self.layers,
            modes: self.modes,
            shape: spec.shape.clone(),
        };
        let operator = FourierNetworkConfig {
            input: c,
            output: c,
            width: self.width,
            layers: self.layers,
            modes: self.modes.min(spec.shape.iter().copied().min().unwrap_or(2) / 2),
            shape: spec.shape.clone(),
        };
        LearnedOperator {
            scales: DiagonalGainConfig {}.init(spec, variances, device).no_grad(),
            gates: gates.init(device),
            operator: operator.init(device),
            mean: per_channel(&spec.mean, device),
        }
    }
}

impl Observer for LearnedOperator {
    fn believe(&self, _deviation: f64) -> Belief {
        self.scales.believe(1.0)
    }

    fn elapse(&self, belief: Belief) -> Belief {
        belief
    }

    fn correct(&self, forecast: Tensor<3>, belief: Belief, seen: &Seen) -> (Tensor<3>, Belief) {
        let state = self.scales.normalised(forecast.clone() - self.mean.clone());
        // What the network thinks that the instruments add to the field.
        let excess = self.operator.forward(state) * seen.mask.clone();
        let innovation = self.scales.normalised(seen.innovation.clone()) - excess;
        let (share, _) = self.scales.noise(seen);
        let context = context(&self.scales, forecast, &self.mean, &belief, seen);
        (self.scales.restored(self.gates.apply(context, innovation / share)), belief)
    }
}

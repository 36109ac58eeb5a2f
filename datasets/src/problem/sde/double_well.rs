//! A particle between two wells.

use flowmap_solvers::issue::{Check, Validate};
use flowmap_solvers::sde::{NoiseKind, Reading};
use serde::{Deserialize, Serialize};

use super::SdeProblem;

/// `dy = (y − y³) dt + σ dW`: the gradient of `V = y⁴/4 − y²/2`; in the long run `y` has the density `∝ exp(−2V/σ²)`, and it changes
/// wells about every `√2 π exp(1/(2σ²))` (Kramers).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DoubleWell {
    /// Strength of the noise `σ`.
    pub noise: f64,
}

impl Default for DoubleWell {
    fn default() -> Self {
        Self { noise: 0.5 }
    }
}

impl Validate for DoubleWell {
    fn validate(&self, mut check: Check<'_>) {
        check.non_negative("noise", self.noise);
    }
}

impl SdeProblem for DoubleWell {
    fn name(&self) -> &'static str {
        "double_well"
    }

    fn equation(&self) -> &'static str {
        "dy = (y − y³) dt + σ dW"
    }

    fn variables(&self) -> Vec<String> {
        vec!["y".to_owned()]
    }

    fn noises(&self) -> usize {
        1
    }

    fn reading(&self) -> Reading {
        Reading::Ito
    }

    fn noise(&self) -> NoiseKind {
        NoiseKind::Additive
    }

    fn drift(&self, _t: f64, y: &[f64], dy: &mut [f64]) {
        dy[0] = y[0] - y[0].powi(3);
    }

    fn diffusion(&self, _t: f64, _y: &[f64], dw: &[f64], out: &mut [f64]) {
        out[0] = self.noise * dw[0];
    }

    fn diffusion_derivative(&self, _t: f64, _y: &[f64], _v: &[f64], _dw: &[f64], out: &mut [f64]) {
        out[0] = 0.0;
    }

    fn initial(&self) -> Vec<f64> {
        vec![0.0]
    }
}

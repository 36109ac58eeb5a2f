//! The Ornstein-Uhlenbeck process.

use flowmap_solvers::issue::{Check, Validate};
use flowmap_solvers::sde::{NoiseKind, Reading};
use serde::{Deserialize, Serialize};

use super::{Moments, SdeProblem};

/// `dy = θ (μ − y) dt + σ dW`: normal with mean `μ + (y₀ − μ) e^(−θt)` and variance `σ²/(2θ) (1 − e^(−2θt))`.
///
/// G. E. Uhlenbeck, L. S. Ornstein, "On the theory of the Brownian motion", Physical Review 36 (1930) 823-841.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OrnsteinUhlenbeck {
    /// Rate of return `θ`.
    pub rate: f64,
    /// Where it returns to, `μ`.
    pub mean: f64,
    /// Strength of the noise `σ`.
    pub noise: f64,
}

impl Default for OrnsteinUhlenbeck {
    fn default() -> Self {
        Self { rate: 1.0, mean: 0.0, noise: 0.5 }
    }
}

impl Validate for OrnsteinUhlenbeck {
    fn validate(&self, mut check: Check<'_>) {
        check.positive("rate", self.rate);
        check.finite("mean", self.mean);
        check.non_negative("noise", self.noise);
    }
}

impl SdeProblem for OrnsteinUhlenbeck {
    fn name(&self) -> &'static str {
        "ornstein_uhlenbeck"
    }

    fn equation(&self) -> &'static str {
        "dy = θ (μ − y) dt + σ dW"
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
        dy[0] = self.rate * (self.mean - y[0]);
    }

    fn diffusion(&self, _t: f64, _y: &[f64], dw: &[f64], out: &mut [f64]) {
        out[0] = self.noise * dw[0];
    }

    fn diffusion_derivative(&self, _t: f64, _y: &[f64], _v: &[f64], _dw: &[f64], out: &mut [f64]) {
        out[0] = 0.0;
    }

    fn initial(&self) -> Vec<f64> {
        vec![self.mean + 2.0]
    }

    fn moments(&self, t: f64, y0: &[f64]) -> Option<Moments> {
        let decay = (-self.rate * t).exp();
        let variance = self.noise * self.noise * -(-2.0 * self.rate * t).exp_m1() / (2.0 * self.rate);
        Some(Moments { mean: vec![self.mean + (y0[0] - self.mean) * decay], variance: vec![variance] })
    }
}

//! Geometric Brownian motion.

use flowmap_solvers::issue::{Check, Validate};
use flowmap_solvers::sde::{NoiseKind, Reading};
use serde::{Deserialize, Serialize};

use super::{Moments, SdeProblem};

/// `dy = μ y dt + σ y dW`; in Itô's reading `y = y₀ exp((μ − σ²/2) t + σ W)` with mean `y₀ e^(μt)`, in Stratonovich's
/// `y = y₀ exp(μ t + σ W)` with mean `y₀ e^((μ + σ²/2) t)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GeometricBrownian {
    /// Growth rate `μ`, one over the unit of time.
    pub drift: f64,
    /// Volatility `σ`, one over the root of the unit of time.
    pub volatility: f64,
    /// How `σ y dW` is meant.
    pub calculus: Reading,
}

impl Default for GeometricBrownian {
    fn default() -> Self {
        Self { drift: 0.5, volatility: 0.5, calculus: Reading::Ito }
    }
}

impl GeometricBrownian {
    /// `E ln(y/y₀)` per time.
    fn logarithmic_drift(&self) -> f64 {
        match self.calculus {
            Reading::Ito => self.drift - 0.5 * self.volatility * self.volatility,
            Reading::Stratonovich => self.drift,
        }
    }
}

impl Validate for GeometricBrownian {
    fn validate(&self, mut check: Check<'_>) {
        check.finite("drift", self.drift);
        check.non_negative("volatility", self.volatility);
    }
}

impl SdeProblem for GeometricBrownian {
    fn name(&self) -> &'static str {
        "geometric_brownian"
    }

    fn equation(&self) -> &'static str {
        "dy = μ y dt + σ y dW"
    }

    fn variables(&self) -> Vec<String> {
        vec!["y".to_owned()]
    }

    fn noises(&self) -> usize {
        1
    }

    fn reading(&self) -> Reading {
        self.calculus
    }

    fn noise(&self) -> NoiseKind {
        NoiseKind::Diagonal
    }

    fn drift(&self, _t: f64, y: &[f64], dy: &mut [f64]) {
        dy[0] = self.drift * y[0];
    }

    fn diffusion(&self, _t: f64, y: &[f64], dw: &[f64], out: &mut [f64]) {
        out[0] = self.volatility * y[0] * dw[0];
    }

    fn diffusion_derivative(&self, _t: f64, _y: &[f64], v: &[f64], dw: &[f64], out: &mut [f64]) {
        out[0] = self.volatility * v[0] * dw[0];
    }

    fn initial(&self) -> Vec<f64> {
        vec![1.0]
    }

    fn exact(&self, t: f64, y0: &[f64], w: &[f64]) -> Option<Vec<f64>> {
        Some(vec![y0[0] * (self.logarithmic_drift() * t + self.volatility * w[0]).exp()])
    }

    fn moments(&self, t: f64, y0: &[f64]) -> Option<Moments> {
        let spread = self.volatility * self.volatility * t;
        let mean = y0[0] * (self.logarithmic_drift() * t + 0.5 * spread).exp();
        Some(Moments { mean: vec![mean], variance: vec![mean * mean * spread.exp_m1()] })
    }
}

//! Mackey and Glass' blood cells.

use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use super::DdeProblem;

/// `y' = β y_τ/(1 + y_τⁿ) − γy`, `y_τ = y(t − τ)`: the production of blood cells answers to their number a delay ago.
/// Chaotic with the usual values from `τ ≈ 16.8` on.
///
/// M. C. Mackey, L. Glass, Science 197 (1977) 287-289.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MackeyGlass {
    /// Production `β`.
    pub beta: f64,
    /// Decay `γ`.
    pub gamma: f64,
    /// Exponent `n`.
    pub n: f64,
    /// Delay `τ`.
    pub tau: f64,
}

impl Default for MackeyGlass {
    fn default() -> Self {
        Self { beta: 0.2, gamma: 0.1, n: 10.0, tau: 17.0 }
    }
}

impl Validate for MackeyGlass {
    fn validate(&self, mut check: Check<'_>) {
        check.non_negative("beta", self.beta);
        check.non_negative("gamma", self.gamma);
        check.positive("n", self.n);
        check.positive("tau", self.tau);
    }
}

impl DdeProblem for MackeyGlass {
    fn name(&self) -> &'static str {
        "mackey_glass"
    }

    fn equation(&self) -> &'static str {
        "y' = β y(t − τ)/(1 + y(t − τ)ⁿ) − γy"
    }

    fn variables(&self) -> Vec<String> {
        vec!["y".into()]
    }

    fn delay(&self) -> f64 {
        self.tau
    }

    fn rhs(&self, _t: f64, y: &[f64], delayed: &[f64], dy: &mut [f64]) {
        dy[0] = self.beta * delayed[0] / (1.0 + delayed[0].powf(self.n)) - self.gamma * y[0];
    }

    fn initial(&self) -> Vec<f64> {
        vec![1.2]
    }
}

//! The harmonic oscillator.

use flowmap_solvers::issue::{Check, Validate};
use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::{OdeProblem, fill, names};

/// `q' = p`, `p' = −ω² q`, `H = p²/2 + ω² q²/2`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Harmonic {
    /// Angular frequency `ω`.
    pub frequency: f64,
}

impl Default for Harmonic {
    fn default() -> Self {
        Self { frequency: 1.0 }
    }
}

impl Validate for Harmonic {
    fn validate(&self, mut check: Check<'_>) {
        check.positive("frequency", self.frequency);
    }
}

impl OdeProblem for Harmonic {
    fn name(&self) -> &'static str {
        "harmonic"
    }

    fn equation(&self) -> &'static str {
        "q' = p, p' = −ω² q"
    }

    fn variables(&self) -> Vec<String> {
        names(&["q", "p"])
    }

    fn rhs(&self, t: f64, y: &[f64], dy: &mut [f64]) {
        let ((q, p), (dq, dp)) = (y.split_at(1), dy.split_at_mut(1));
        self.velocity(p, dq);
        self.force(t, q, dp);
    }

    fn jacobian(&self, _t: f64, _y: &[f64], j: &mut DMatrix<f64>) {
        fill(j, &[&[0.0, 1.0], &[-self.frequency * self.frequency, 0.0]]);
    }

    fn initial(&self) -> Vec<f64> {
        vec![1.0, 0.0]
    }

    fn exact(&self, t: f64, y0: &[f64]) -> Option<Vec<f64>> {
        let w = self.frequency;
        let (s, c) = (w * t).sin_cos();
        Some(vec![y0[0] * c + y0[1] / w * s, y0[1] * c - w * y0[0] * s])
    }

    fn invariants(&self, y: &[f64]) -> Vec<(&'static str, f64)> {
        vec![("energy", 0.5 * (y[1] * y[1] + (self.frequency * y[0]).powi(2)))]
    }

    fn separable(&self) -> bool {
        true
    }

    fn velocity(&self, p: &[f64], dq: &mut [f64]) {
        dq[0] = p[0];
    }

    fn force(&self, _t: f64, q: &[f64], dp: &mut [f64]) {
        dp[0] = -self.frequency * self.frequency * q[0];
    }
}

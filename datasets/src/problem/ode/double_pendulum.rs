//! The planar double pendulum with equal rods and bobs.

use flowmap_solvers::issue::{Check, Validate};
use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::{OdeProblem, names};

/// Angles `θ₁, θ₂` from the vertical and angular velocities `ω₁, ω₂`; with `δ = θ₁ − θ₂` and `κ = g/l`,
/// `2ω₁' + cos δ ω₂' = −sin δ ω₂² − 2κ sin θ₁`, `cos δ ω₁' + ω₂' = sin δ ω₁² − κ sin θ₂`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DoublePendulum {
    /// Gravity over length, `κ`.
    pub gravity: f64,
}

impl Default for DoublePendulum {
    fn default() -> Self {
        Self { gravity: 9.81 }
    }
}

impl Validate for DoublePendulum {
    fn validate(&self, mut check: Check<'_>) {
        check.positive("gravity", self.gravity);
    }
}

impl OdeProblem for DoublePendulum {
    fn name(&self) -> &'static str {
        "double_pendulum"
    }

    fn equation(&self) -> &'static str {
        "2ω₁' + cos δ ω₂' = −sin δ ω₂² − 2κ sin θ₁, cos δ ω₁' + ω₂' = sin δ ω₁² − κ sin θ₂, δ = θ₁ − θ₂"
    }

    fn variables(&self) -> Vec<String> {
        names(&["theta1", "theta2", "omega1", "omega2"])
    }

    fn rhs(&self, _t: f64, y: &[f64], dy: &mut [f64]) {
        let (s, c) = (y[0] - y[1]).sin_cos();
        let a = -s * y[3] * y[3] - 2.0 * self.gravity * y[0].sin();
        let b = s * y[2] * y[2] - self.gravity * y[1].sin();
        let d = 2.0 - c * c;
        (dy[0], dy[1]) = (y[2], y[3]);
        (dy[2], dy[3]) = ((a - c * b) / d, (2.0 * b - c * a) / d);
    }

    fn jacobian(&self, _t: f64, y: &[f64], j: &mut DMatrix<f64>) {
        let (s, c) = (y[0] - y[1]).sin_cos();
        let a = -s * y[3] * y[3] - 2.0 * self.gravity * y[0].sin();
        let b = s * y[2] * y[2] - self.gravity * y[1].sin();
        let d = 2.0 - c * c;
        let (f, g) = ((a - c * b) / d, (2.0 * b - c * a) / d);
        // Derivatives of (c, a, b) by θ₁, θ₂, ω₁, ω₂; that of d is −2c dc.
        let dc = [-s, s, 0.0, 0.0];
        let w2 = y[3] * y[3];
        let da = [-c * w2 - 2.0 * self.gravity * y[0].cos(), c * w2, 0.0, -2.0 * s * y[3]];
        let w1 = y[2] * y[2];
        let db = [c * w1, -c * w1 - self.gravity * y[1].cos(), 2.0 * s * y[2], 0.0];
        j.fill(0.0);
        (j[(0, 2)], j[(1, 3)]) = (1.0, 1.0);
        for k in 0..4 {
            let dd = -2.0 * c * dc[k];
            j[(2, k)] = (da[k] - dc[k] * b - c * db[k] - f * dd) / d;
            j[(3, k)] = (2.0 * db[k] - dc[k] * a - c * da[k] - g * dd) / d;
        }
    }

    fn initial(&self) -> Vec<f64> {
        vec![2.0, 1.0, 0.0, 0.0]
    }

    fn invariants(&self, y: &[f64]) -> Vec<(&'static str, f64)> {
        let kinetic = y[2] * y[2] + 0.5 * y[3] * y[3] + y[2] * y[3] * (y[0] - y[1]).cos();
        vec![("energy", kinetic - self.gravity * (2.0 * y[0].cos() + y[1].cos()))]
    }
}

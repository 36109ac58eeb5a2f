//! Spirals that turn either way.

use flowmap_solvers::issue::{Check, Validate};
use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::{OdeProblem, fill, names};

/// `x' = −a x − w y`, `y' = w x − a y`, `w' = 0`: spirals in a plane whose rate of turning `w` is a part of the state, of either
/// sign, and need not be observed. `w` is conserved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Spiral {
    /// The rate at which it closes, `a`.
    pub decay: f64,
}

impl Default for Spiral {
    fn default() -> Self {
        Self { decay: 0.1 }
    }
}

impl Validate for Spiral {
    fn validate(&self, mut check: Check<'_>) {
        check.finite("decay", self.decay);
    }
}

impl OdeProblem for Spiral {
    fn name(&self) -> &'static str {
        "spiral"
    }

    fn equation(&self) -> &'static str {
        "x' = −a x − w y, y' = w x − a y, w' = 0"
    }

    fn variables(&self) -> Vec<String> {
        names(&["x", "y", "w"])
    }

    fn rhs(&self, _t: f64, y: &[f64], dy: &mut [f64]) {
        dy[0] = -self.decay * y[0] - y[2] * y[1];
        dy[1] = y[2] * y[0] - self.decay * y[1];
        dy[2] = 0.0;
    }

    fn jacobian(&self, _t: f64, y: &[f64], j: &mut DMatrix<f64>) {
        fill(j, &[&[-self.decay, -y[2], -y[1]], &[y[2], -self.decay, y[0]], &[0.0, 0.0, 0.0]]);
    }

    fn initial(&self) -> Vec<f64> {
        vec![1.0, 0.0, 1.0]
    }

    fn exact(&self, t: f64, y0: &[f64]) -> Option<Vec<f64>> {
        let (s, c) = (y0[2] * t).sin_cos();
        let e = (-self.decay * t).exp();
        Some(vec![e * (c * y0[0] - s * y0[1]), e * (s * y0[0] + c * y0[1]), y0[2]])
    }

    fn invariants(&self, y: &[f64]) -> Vec<(&'static str, f64)> {
        vec![("turning", y[2])]
    }
}

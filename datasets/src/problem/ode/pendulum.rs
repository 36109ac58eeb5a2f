//! The pendulum.

use flowmap_solvers::issue::{Check, Validate};
use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::{OdeProblem, fill, names};

/// `q' = p`, `p' = −(g/l) sin q`, `H = p²/2 − (g/l) cos q`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pendulum {
    /// Gravity over length, `g/l`.
    pub gravity: f64,
}

impl Default for Pendulum {
    fn default() -> Self {
        Self { gravity: 1.0 }
    }
}

impl Validate for Pendulum {
    fn validate(&self, mut check: Check<'_>) {
        check.positive("gravity", self.gravity);
    }
}

impl OdeProblem for Pendulum {
    fn name(&self) -> &'static str {
        "pendulum"
    }

    fn equation(&self) -> &'static str {
        "q' = p, p' = −(g/l) sin q"
    }

    fn variables(&self) -> Vec<String> {
        names(&["q", "p"])
    }

    fn rhs(&self, _t: f64, y: &[f64], dy: &mut [f64]) {
        dy[0] = y[1];
        dy[1] = -self.gravity * y[0].sin();
    }

    fn jacobian(&self, _t: f64, y: &[f64], j: &mut DMatrix<f64>) {
        fill(j, &[&[0.0, 1.0], &[-self.gravity * y[0].cos(), 0.0]]);
    }

    fn initial(&self) -> Vec<f64> {
        vec![1.5, 0.0]
    }

    fn invariants(&self, y: &[f64]) -> Vec<(&'static str, f64)> {
        vec![("energy", 0.5 * y[1] * y[1] - self.gravity * y[0].cos())]
    }

    fn separable(&self) -> bool {
        true
    }
}

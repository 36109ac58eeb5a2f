//! The van der Pol oscillator.

use flowmap_solvers::issue::{Check, Validate};
use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::{OdeProblem, fill, names};

/// `x' = v`, `v' = μ(1 − x²)v − x`: stiff for large `μ`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VanDerPol {
    /// Damping `μ`.
    pub mu: f64,
}

impl Default for VanDerPol {
    fn default() -> Self {
        Self { mu: 5.0 }
    }
}

impl Validate for VanDerPol {
    fn validate(&self, mut check: Check<'_>) {
        check.non_negative("mu", self.mu);
    }
}

impl OdeProblem for VanDerPol {
    fn name(&self) -> &'static str {
        "van_der_pol"
    }

    fn equation(&self) -> &'static str {
        "x' = v, v' = μ(1 − x²)v − x"
    }

    fn variables(&self) -> Vec<String> {
        names(&["x", "v"])
    }

    fn rhs(&self, _t: f64, y: &[f64], dy: &mut [f64]) {
        dy[0] = y[1];
        dy[1] = self.mu * (1.0 - y[0] * y[0]) * y[1] - y[0];
    }

    fn jacobian(&self, _t: f64, y: &[f64], j: &mut DMatrix<f64>) {
        fill(j, &[&[0.0, 1.0], &[-2.0 * self.mu * y[0] * y[1] - 1.0, self.mu * (1.0 - y[0] * y[0])]]);
    }

    fn initial(&self) -> Vec<f64> {
        vec![2.0, 0.0]
    }
}

//! Predators and prey.

use flowmap_solvers::issue::{Check, Validate};
use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::{OdeProblem, fill, names};

/// `x' = αx − βxy`, `y' = δxy − γy`; `δx − γ ln x + βy − α ln y` is conserved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LotkaVolterra {
    /// Growth of the prey.
    pub alpha: f64,
    /// Predation.
    pub beta: f64,
    /// Death of the predators.
    pub gamma: f64,
    /// Growth of the predators.
    pub delta: f64,
}

impl Default for LotkaVolterra {
    fn default() -> Self {
        Self { alpha: 1.5, beta: 1.0, gamma: 3.0, delta: 1.0 }
    }
}

impl Validate for LotkaVolterra {
    fn validate(&self, mut check: Check<'_>) {
        check.positive("alpha", self.alpha);
        check.positive("beta", self.beta);
        check.positive("gamma", self.gamma);
        check.positive("delta", self.delta);
    }
}

impl OdeProblem for LotkaVolterra {
    fn name(&self) -> &'static str {
        "lotka_volterra"
    }

    fn equation(&self) -> &'static str {
        "x' = αx − βxy, y' = δxy − γy"
    }

    fn variables(&self) -> Vec<String> {
        names(&["x", "y"])
    }

    fn rhs(&self, _t: f64, y: &[f64], dy: &mut [f64]) {
        dy[0] = y[0] * (self.alpha - self.beta * y[1]);
        dy[1] = y[1] * (self.delta * y[0] - self.gamma);
    }

    fn jacobian(&self, _t: f64, y: &[f64], j: &mut DMatrix<f64>) {
        fill(
            j,
            &[
                &[self.alpha - self.beta * y[1], -self.beta * y[0]],
                &[self.delta * y[1], self.delta * y[0] - self.gamma],
            ],
        );
    }

    fn initial(&self) -> Vec<f64> {
        vec![1.0, 1.0]
    }

    fn invariants(&self, y: &[f64]) -> Vec<(&'static str, f64)> {
        let prey = self.delta * y[0] - self.gamma * y[0].ln();
        vec![("first_integral", prey + self.beta * y[1] - self.alpha * y[1].ln())]
    }
}

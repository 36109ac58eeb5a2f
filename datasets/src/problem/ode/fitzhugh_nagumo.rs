//! The excitable neuron of FitzHugh and Nagumo.

use flowmap_solvers::issue::{Check, Validate};
use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::{OdeProblem, fill, names};

/// `v' = v − v³/3 − w + I`, `w' = ε(v + a − bw)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FitzhughNagumo {
    /// Current `I`.
    pub current: f64,
    /// `a`.
    pub a: f64,
    /// `b`.
    pub b: f64,
    /// Slowness `ε`.
    pub epsilon: f64,
}

impl Default for FitzhughNagumo {
    fn default() -> Self {
        Self { current: 0.5, a: 0.7, b: 0.8, epsilon: 0.08 }
    }
}

impl Validate for FitzhughNagumo {
    fn validate(&self, mut check: Check<'_>) {
        check.finite("current", self.current);
        check.finite("a", self.a);
        check.finite("b", self.b);
        check.positive("epsilon", self.epsilon);
    }
}

impl OdeProblem for FitzhughNagumo {
    fn name(&self) -> &'static str {
        "fitzhugh_nagumo"
    }

    fn equation(&self) -> &'static str {
        "v' = v − v³/3 − w + I, w' = ε(v + a − bw)"
    }

    fn variables(&self) -> Vec<String> {
        names(&["v", "w"])
    }

    fn rhs(&self, _t: f64, y: &[f64], dy: &mut [f64]) {
        dy[0] = y[0] - y[0].powi(3) / 3.0 - y[1] + self.current;
        dy[1] = self.epsilon * (y[0] + self.a - self.b * y[1]);
    }

    fn jacobian(&self, _t: f64, y: &[f64], j: &mut DMatrix<f64>) {
        fill(j, &[&[1.0 - y[0] * y[0], -1.0], &[self.epsilon, -self.epsilon * self.b]]);
    }

    fn initial(&self) -> Vec<f64> {
        vec![-1.0, 1.0]
    }
}

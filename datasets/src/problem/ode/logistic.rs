//! Logistic growth.

use flowmap_solvers::issue::{Check, Validate};
use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::{OdeProblem, names};

/// `y' = r y (1 − y/K)`, `y(t) = K y₀ / (y₀ + (K − y₀) e^(−rt))` as long as it stays finite: a start outside `[0, K]` may
/// blow up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Logistic {
    /// Growth rate `r`.
    pub rate: f64,
    /// Capacity `K`.
    pub capacity: f64,
}

impl Default for Logistic {
    fn default() -> Self {
        Self { rate: 1.0, capacity: 1.0 }
    }
}

impl Validate for Logistic {
    fn validate(&self, mut check: Check<'_>) {
        check.finite("rate", self.rate);
        check.positive("capacity", self.capacity);
    }
}

impl OdeProblem for Logistic {
    fn name(&self) -> &'static str {
        "logistic"
    }

    fn equation(&self) -> &'static str {
        "y' = r y (1 − y/K)"
    }

    fn variables(&self) -> Vec<String> {
        names(&["y"])
    }

    fn rhs(&self, _t: f64, y: &[f64], dy: &mut [f64]) {
        dy[0] = self.rate * y[0] * (1.0 - y[0] / self.capacity);
    }

    fn jacobian(&self, _t: f64, y: &[f64], j: &mut DMatrix<f64>) {
        j[(0, 0)] = self.rate * (1.0 - 2.0 * y[0] / self.capacity);
    }

    fn initial(&self) -> Vec<f64> {
        vec![0.1]
    }

    fn exact(&self, t: f64, y0: &[f64]) -> Option<Vec<f64>> {
        let (k, y, growth) = (self.capacity, y0[0], self.rate * t);
        if y == 0.0 || y == k {
            return Some(vec![y]);
        }
        // Written with the exponential that cannot overflow. The denominator is K at the start and monotone in time:
        // the solution has blown up once it is no longer positive.
        let decay = (-growth.abs()).exp();
        let (above, below) =
            if growth >= 0.0 { (k * y, y + (k - y) * decay) } else { (k * y * decay, (k - y) + y * decay) };
        (below > 0.0).then(|| vec![above / below])
    }
}

//! Rössler's band.

use flowmap_solvers::issue::{Check, Validate};
use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::{OdeProblem, fill, names};

/// `x' = −y − z`, `y' = x + ay`, `z' = b + z(x − c)`.
///
/// O. E. Rössler, Phys. Lett. A 57 (1976) 397-398; the exponent is that of J. C. Sprott, Chaos and Time-Series Analysis
/// (2003).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rossler {
    /// `a`.
    pub a: f64,
    /// `b`.
    pub b: f64,
    /// `c`.
    pub c: f64,
}

impl Default for Rossler {
    fn default() -> Self {
        Self { a: 0.2, b: 0.2, c: 5.7 }
    }
}

impl Validate for Rossler {
    fn validate(&self, mut check: Check<'_>) {
        check.finite("a", self.a);
        check.finite("b", self.b);
        check.finite("c", self.c);
    }
}

impl OdeProblem for Rossler {
    fn name(&self) -> &'static str {
        "rossler"
    }

    fn equation(&self) -> &'static str {
        "x' = −y − z, y' = x + ay, z' = b + z(x − c)"
    }

    fn variables(&self) -> Vec<String> {
        names(&["x", "y", "z"])
    }

    fn rhs(&self, _t: f64, y: &[f64], dy: &mut [f64]) {
        dy[0] = -y[1] - y[2];
        dy[1] = y[0] + self.a * y[1];
        dy[2] = self.b + y[2] * (y[0] - self.c);
    }

    fn jacobian(&self, _t: f64, y: &[f64], j: &mut DMatrix<f64>) {
        fill(j, &[&[0.0, -1.0, -1.0], &[1.0, self.a, 0.0], &[y[2], 0.0, y[0] - self.c]]);
    }

    fn initial(&self) -> Vec<f64> {
        vec![1.0, 1.0, 1.0]
    }

    fn lyapunov_exponent(&self) -> Option<f64> {
        (*self == Self::default()).then_some(0.0714)
    }
}

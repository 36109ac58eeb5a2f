//! Chua's circuit.

use flowmap_solvers::issue::{Check, Validate};
use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::{OdeProblem, fill, names};

/// `x' = α(y − x − g(x))`, `y' = x − y + z`, `z' = −βy`, with the piecewise-linear diode
/// `g(x) = m₁x + (m₀ − m₁)(|x + 1| − |x − 1|)/2`.
///
/// T. Matsumoto, IEEE Trans. Circuits and Systems 31 (1984) 1055-1058; the exponent is that of J. C. Sprott, Chaos and
/// Time-Series Analysis (2003).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Chua {
    /// Ratio of the capacitances `α`.
    pub alpha: f64,
    /// `β`, inverse to the inductance.
    pub beta: f64,
    /// Slope of the diode in `|x| < 1`, `m₀`.
    pub m0: f64,
    /// Slope of the diode outside, `m₁`.
    pub m1: f64,
}

impl Default for Chua {
    fn default() -> Self {
        Self { alpha: 9.0, beta: 100.0 / 7.0, m0: -8.0 / 7.0, m1: -5.0 / 7.0 }
    }
}

impl Chua {
    fn diode(&self, x: f64) -> f64 {
        self.m1 * x + (self.m0 - self.m1) * x.clamp(-1.0, 1.0)
    }
}

impl Validate for Chua {
    fn validate(&self, mut check: Check<'_>) {
        check.finite("alpha", self.alpha);
        check.finite("beta", self.beta);
        check.finite("m0", self.m0);
        check.finite("m1", self.m1);
    }
}

impl OdeProblem for Chua {
    fn name(&self) -> &'static str {
        "chua"
    }

    fn equation(&self) -> &'static str {
        "x' = α(y − x − g(x)), y' = x − y + z, z' = −βy, g(x) = m₁x + (m₀ − m₁)(|x + 1| − |x − 1|)/2"
    }

    fn variables(&self) -> Vec<String> {
        names(&["x", "y", "z"])
    }

    fn rhs(&self, _t: f64, y: &[f64], dy: &mut [f64]) {
        dy[0] = self.alpha * (y[1] - y[0] - self.diode(y[0]));
        dy[1] = y[0] - y[1] + y[2];
        dy[2] = -self.beta * y[1];
    }

    fn jacobian(&self, _t: f64, y: &[f64], j: &mut DMatrix<f64>) {
        let slope = if y[0].abs() < 1.0 { self.m0 } else { self.m1 };
        fill(
            j,
            &[&[-self.alpha * (1.0 + slope), self.alpha, 0.0], &[1.0, -1.0, 1.0], &[0.0, -self.beta, 0.0]],
        );
    }

    fn initial(&self) -> Vec<f64> {
        vec![0.0, 0.0, 0.6]
    }

    fn lyapunov_exponent(&self) -> Option<f64> {
        (*self == Self::default()).then_some(0.3271)
    }
}

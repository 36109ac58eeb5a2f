//! Lorenz' ring of forty.

use flowmap_solvers::issue::{Check, Validate};
use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::OdeProblem;

/// `xᵢ' = (xᵢ₊₁ − xᵢ₋₂) xᵢ₋₁ − xᵢ + F` on a ring.
///
/// E. N. Lorenz, K. A. Emanuel, J. Atmos. Sci. 55 (1998) 399-414. The exponent is the one usually quoted; the tangent
/// equation gives 1.70 over 10⁴ time units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lorenz96 {
    /// Sites.
    pub dimension: usize,
    /// Forcing `F`.
    pub forcing: f64,
}

impl Default for Lorenz96 {
    fn default() -> Self {
        Self { dimension: 40, forcing: 8.0 }
    }
}

impl Validate for Lorenz96 {
    fn validate(&self, mut check: Check<'_>) {
        check.within("dimension", self.dimension, 4, 100_000);
        check.finite("forcing", self.forcing);
    }
}

impl OdeProblem for Lorenz96 {
    fn name(&self) -> &'static str {
        "lorenz96"
    }

    fn equation(&self) -> &'static str {
        "xᵢ' = (xᵢ₊₁ − xᵢ₋₂) xᵢ₋₁ − xᵢ + F"
    }

    fn variables(&self) -> Vec<String> {
        (0..self.dimension).map(|i| format!("x{i}")).collect()
    }

    fn rhs(&self, _t: f64, y: &[f64], dy: &mut [f64]) {
        let n = y.len();
        for i in 0..n {
            dy[i] = (y[(i + 1) % n] - y[(i + n - 2) % n]) * y[(i + n - 1) % n] - y[i] + self.forcing;
        }
    }

    fn jacobian(&self, _t: f64, y: &[f64], j: &mut DMatrix<f64>) {
        let n = y.len();
        j.fill(0.0);
        for i in 0..n {
            let (next, before, two) = ((i + 1) % n, (i + n - 1) % n, (i + n - 2) % n);
            j[(i, i)] -= 1.0;
            j[(i, next)] += y[before];
            j[(i, two)] -= y[before];
            j[(i, before)] += y[next] - y[two];
        }
    }

    fn initial(&self) -> Vec<f64> {
        (0..self.dimension).map(|i| if i == 0 { self.forcing + 0.01 } else { self.forcing }).collect()
    }

    fn lyapunov_exponent(&self) -> Option<f64> {
        (*self == Self::default()).then_some(1.68)
    }
}

//! Lorenz' convection.

use flowmap_solvers::issue::{Check, Validate};
use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::{OdeProblem, fill, names};

/// `x' = σ(y − x)`, `y' = x(ρ − z) − y`, `z' = xy − βz`.
///
/// E. N. Lorenz, J. Atmos. Sci. 20 (1963) 130-141; the exponent is that of J. C. Sprott, Chaos and Time-Series Analysis
/// (2003).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lorenz63 {
    /// Prandtl number `σ`.
    pub sigma: f64,
    /// Rayleigh number `ρ`.
    pub rho: f64,
    /// Geometry `β`.
    pub beta: f64,
}

impl Default for Lorenz63 {
    fn default() -> Self {
        Self { sigma: 10.0, rho: 28.0, beta: 8.0 / 3.0 }
    }
}

impl Validate for Lorenz63 {
    fn validate(&self, mut check: Check<'_>) {
        check.finite("sigma", self.sigma);
        check.finite("rho", self.rho);
        check.finite("beta", self.beta);
    }
}

impl OdeProblem for Lorenz63 {
    fn name(&self) -> &'static str {
        "lorenz63"
    }

    fn equation(&self) -> &'static str {
        "x' = σ(y − x), y' = x(ρ − z) − y, z' = xy − βz"
    }

    fn variables(&self) -> Vec<String> {
        names(&["x", "y", "z"])
    }

    fn rhs(&self, _t: f64, y: &[f64], dy: &mut [f64]) {
        dy[0] = self.sigma * (y[1] - y[0]);
        dy[1] = y[0] * (self.rho - y[2]) - y[1];
        dy[2] = y[0] * y[1] - self.beta * y[2];
    }

    fn jacobian(&self, _t: f64, y: &[f64], j: &mut DMatrix<f64>) {
        fill(
            j,
            &[&[-self.sigma, self.sigma, 0.0], &[self.rho - y[2], -1.0, -y[0]], &[y[1], y[0], -self.beta]],
        );
    }

    fn initial(&self) -> Vec<f64> {
        vec![1.0, 1.0, 1.0]
    }

    fn lyapunov_exponent(&self) -> Option<f64> {
        (*self == Self::default()).then_some(0.9056)
    }
}

//! Robertson's reaction.

use flowmap_solvers::issue::{Check, Validate};
use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::{OdeProblem, fill, names};

/// `x' = −k₁x + k₃yz`, `y' = k₁x − k₃yz − k₂y²`, `z' = k₂y²`: rates over nine orders of magnitude; the sum is conserved.
///
/// H. H. Robertson, 1966; Test Set for IVP Solvers, problem ROBER.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Robertson {
    /// Rate `k₁`.
    pub k1: f64,
    /// Rate `k₂`.
    pub k2: f64,
    /// Rate `k₃`.
    pub k3: f64,
}

impl Default for Robertson {
    fn default() -> Self {
        Self { k1: 0.04, k2: 3e7, k3: 1e4 }
    }
}

impl Validate for Robertson {
    fn validate(&self, mut check: Check<'_>) {
        check.non_negative("k1", self.k1);
        check.non_negative("k2", self.k2);
        check.non_negative("k3", self.k3);
    }
}

impl OdeProblem for Robertson {
    fn name(&self) -> &'static str {
        "robertson"
    }

    fn equation(&self) -> &'static str {
        "x' = −k₁x + k₃yz, y' = k₁x − k₃yz − k₂y², z' = k₂y²"
    }

    fn variables(&self) -> Vec<String> {
        names(&["x", "y", "z"])
    }

    fn rhs(&self, _t: f64, y: &[f64], dy: &mut [f64]) {
        let (a, b, c) = (self.k1 * y[0], self.k3 * y[1] * y[2], self.k2 * y[1] * y[1]);
        (dy[0], dy[1], dy[2]) = (b - a, a - b - c, c);
    }

    fn jacobian(&self, _t: f64, y: &[f64], j: &mut DMatrix<f64>) {
        let (b, c) = (self.k3 * y[2], 2.0 * self.k2 * y[1]);
        let d = self.k3 * y[1];
        fill(j, &[&[-self.k1, b, d], &[self.k1, -b - c, -d], &[0.0, c, 0.0]]);
    }

    fn initial(&self) -> Vec<f64> {
        vec![1.0, 0.0, 0.0]
    }

    fn invariants(&self, y: &[f64]) -> Vec<(&'static str, f64)> {
        vec![("mass", y.iter().sum())]
    }
}

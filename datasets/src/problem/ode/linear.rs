//! A linear system.

use flowmap_solvers::issue::{Check, Validate};
use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::OdeProblem;

/// `y' = A y`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Linear {
    /// The rows of `A`.
    pub matrix: Vec<Vec<f64>>,
}

impl Default for Linear {
    fn default() -> Self {
        Self { matrix: vec![vec![-0.1, 2.0], vec![-2.0, -0.1]] }
    }
}

impl Validate for Linear {
    fn validate(&self, mut check: Check<'_>) {
        let n = self.matrix.len();
        check.at_least("matrix", n, 1);
        for row in &self.matrix {
            check.require(
                row.len() == n,
                "matrix",
                format!("a row of {} in a matrix of {n} rows", row.len()),
                "the matrix must be square",
            );
            row.iter().for_each(|x| check.finite("matrix", *x));
        }
    }
}

impl OdeProblem for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn equation(&self) -> &'static str {
        "y' = A y"
    }

    fn variables(&self) -> Vec<String> {
        (0..self.matrix.len()).map(|i| format!("y{i}")).collect()
    }

    fn rhs(&self, _t: f64, y: &[f64], dy: &mut [f64]) {
        for (row, d) in self.matrix.iter().zip(dy) {
            *d = row.iter().zip(y).map(|(a, y)| a * y).sum();
        }
    }

    fn jacobian(&self, _t: f64, _y: &[f64], j: &mut DMatrix<f64>) {
        for (i, row) in self.matrix.iter().enumerate() {
            row.iter().enumerate().for_each(|(k, x)| j[(i, k)] = *x);
        }
    }

    fn initial(&self) -> Vec<f64> {
        (0..self.matrix.len()).map(|i| if i == 0 { 1.0 } else { 0.0 }).collect()
    }

    fn exact(&self, t: f64, y0: &[f64]) -> Option<Vec<f64>> {
        let n = self.matrix.len();
        let a = DMatrix::from_fn(n, n, |i, k| self.matrix[i][k] * t);
        Some((a.exp() * nalgebra::DVector::from_column_slice(y0)).iter().copied().collect())
    }
}

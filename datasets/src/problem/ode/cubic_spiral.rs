//! The spiral of cubes.

use flowmap_solvers::issue::{Check, Validate};
use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::{OdeProblem, fill, names};

/// `x' = −a x³ − b y³`, `y' = b x³ − a y³`: a spiral that turns the more slowly the nearer it is to the origin.
///
/// The first example of R. T. Q. Chen et al., "Neural Ordinary Differential Equations", NeurIPS 2018.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CubicSpiral {
    /// `a`.
    pub decay: f64,
    /// `b`.
    pub turning: f64,
}

impl Default for CubicSpiral {
    fn default() -> Self {
        Self { decay: 0.1, turning: 2.0 }
    }
}

impl Validate for CubicSpiral {
    fn validate(&self, mut check: Check<'_>) {
        check.finite("decay", self.decay);
        check.finite("turning", self.turning);
    }
}

impl OdeProblem for CubicSpiral {
    fn name(&self) -> &'static str {
        "cubic_spiral"
    }

    fn equation(&self) -> &'static str {
        "x' = −a x³ − b y³, y' = b x³ − a y³"
    }

    fn variables(&self) -> Vec<String> {
        names(&["x", "y"])
    }

    fn rhs(&self, _t: f64, y: &[f64], dy: &mut [f64]) {
        let (u, v) = (y[0].powi(3), y[1].powi(3));
        dy[0] = -self.decay * u - self.turning * v;
        dy[1] = self.turning * u - self.decay * v;
    }

    fn jacobian(&self, _t: f64, y: &[f64], j: &mut DMatrix<f64>) {
        let (u, v) = (3.0 * y[0] * y[0], 3.0 * y[1] * y[1]);
        fill(j, &[&[-self.decay * u, -self.turning * v], &[self.turning * u, -self.decay * v]]);
    }

    fn initial(&self) -> Vec<f64> {
        vec![2.0, 0.0]
    }
}

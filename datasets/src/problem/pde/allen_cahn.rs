//! The Allen-Cahn equation.

use flowmap_solvers::fourier::{FourierGrid, GridError};
use flowmap_solvers::issue::{Check, Validate};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::{Operators, Workspace, check_grid, cubic, real};

/// `u_t = ε ∇²u + u − u³` on one to three axes: two phases at `±1`, a gradient flow of
/// `∫(ε/2 |∇u|² + (1 − u²)²/4)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AllenCahn {
    /// Length of every axis.
    pub length: f64,
    /// Points on every axis.
    pub points: usize,
    /// Axes.
    pub dimensions: usize,
    /// Interface energy `ε`.
    pub diffusivity: f64,
}

impl Default for AllenCahn {
    fn default() -> Self {
        Self { length: std::f64::consts::TAU, points: 128, dimensions: 1, diffusivity: 0.01 }
    }
}

impl Validate for AllenCahn {
    fn validate(&self, mut check: Check<'_>) {
        check_grid(&mut check, self.points, self.length);
        check.within("dimensions", self.dimensions, 1, 3);
        check.positive("diffusivity", self.diffusivity);
    }
}

impl Operators for AllenCahn {
    const NAME: &'static str = "allen_cahn";
    const EQUATION: &'static str = "u_t = ε ∇²u + u − u³";

    fn grid(&self) -> Result<FourierGrid, GridError> {
        cubic(self.dimensions, self.points, self.length)
    }

    fn symbol(&self, grid: &FourierGrid) -> Vec<Complex64> {
        real(grid.laplacian().into_iter().map(|l| self.diffusivity * l + 1.0))
    }

    fn nonlinear(&self, _t: f64, u_hat: &[Complex64], out: &mut [Complex64], ws: &mut Workspace) {
        ws.pointwise(u_hat, out, |u| -u * u * u);
    }
}

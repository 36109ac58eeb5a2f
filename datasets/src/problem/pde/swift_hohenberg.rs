//! The Swift-Hohenberg equation.

use flowmap_solvers::fourier::{FourierGrid, GridError};
use flowmap_solvers::issue::{Check, Validate};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::{Operators, Workspace, check_grid, cubic, real};

/// `u_t = r u − (1 + ∇²)² u + g u² − u³` on one to three axes: patterns of wavelength `2π`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SwiftHohenberg {
    /// Length of every axis.
    pub length: f64,
    /// Points on every axis.
    pub points: usize,
    /// Axes.
    pub dimensions: usize,
    /// Distance from onset `r`.
    pub forcing: f64,
    /// Quadratic coefficient `g`.
    pub quadratic: f64,
}

impl Default for SwiftHohenberg {
    fn default() -> Self {
        Self { length: 62.83185307179586, points: 128, dimensions: 1, forcing: 0.7, quadratic: 0.0 }
    }
}

impl Validate for SwiftHohenberg {
    fn validate(&self, mut check: Check<'_>) {
        check_grid(&mut check, self.points, self.length);
        check.within("dimensions", self.dimensions, 1, 3);
        check.finite("forcing", self.forcing);
        check.finite("quadratic", self.quadratic);
    }
}

impl Operators for SwiftHohenberg {
    const NAME: &'static str = "swift_hohenberg";
    const EQUATION: &'static str = "u_t = r u − (1 + ∇²)² u + g u² − u³";

    fn grid(&self) -> Result<FourierGrid, GridError> {
        cubic(self.dimensions, self.points, self.length)
    }

    fn symbol(&self, grid: &FourierGrid) -> Vec<Complex64> {
        real(grid.laplacian().into_iter().map(|l| self.forcing - (1.0 + l) * (1.0 + l)))
    }

    fn nonlinear(&self, _t: f64, u_hat: &[Complex64], out: &mut [Complex64], ws: &mut Workspace) {
        let g = self.quadratic;
        ws.pointwise(u_hat, out, |u| u * u * (g - u));
    }
}

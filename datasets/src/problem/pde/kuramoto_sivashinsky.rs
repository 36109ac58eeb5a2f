//! The Kuramoto-Sivashinsky equation.

use flowmap_solvers::fourier::{FourierGrid, GridError};
use flowmap_solvers::issue::{Check, Validate};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::{Operators, Tables, Workspace, check_grid, cubic, integral, real};

/// `u_t + u u_x + u_xx + u_xxxx = 0` on one axis, in conservation form; the mass is conserved, the motion is chaotic on
/// long domains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KuramotoSivashinsky {
    /// Length of the domain.
    pub length: f64,
    /// Points.
    pub points: usize,
}

impl Default for KuramotoSivashinsky {
    fn default() -> Self {
        Self { length: 32.0 * std::f64::consts::PI, points: 256 }
    }
}

impl Validate for KuramotoSivashinsky {
    fn validate(&self, mut check: Check<'_>) {
        check_grid(&mut check, self.points, self.length);
    }
}

impl Operators for KuramotoSivashinsky {
    const NAME: &'static str = "kuramoto_sivashinsky";
    const EQUATION: &'static str = "u_t + u u_x + u_xx + u_xxxx = 0";

    fn grid(&self) -> Result<FourierGrid, GridError> {
        cubic(1, self.points, self.length)
    }

    fn symbol(&self, grid: &FourierGrid) -> Vec<Complex64> {
        real(grid.laplacian().into_iter().map(|l| -l - l * l))
    }

    fn tables(&self, grid: &FourierGrid) -> Tables {
        Tables::flux(-0.5, grid)
    }

    fn nonlinear(&self, _t: f64, u_hat: &[Complex64], out: &mut [Complex64], ws: &mut Workspace) {
        ws.flux(u_hat, out, |u| u * u);
    }

    fn invariants(&self, u: &[f64], ws: &mut Workspace) -> Vec<(&'static str, f64)> {
        vec![("mass", integral(u.iter().copied(), ws.grid()))]
    }

    /// Measured from the divergence of two trajectories on the attractor; interpolated between the lengths measured.
    fn lyapunov_exponent(&self) -> Option<f64> {
        let measured = [(22.0, 0.049), (60.0, 0.087), (100.5, 0.090), (200.0, 0.098)];
        let l = self.length;
        measured.windows(2).find(|w| l >= w[0].0 && l <= w[1].0).map(|w| {
            let s = (l - w[0].0) / (w[1].0 - w[0].0);
            w[0].1 + s * (w[1].1 - w[0].1)
        })
    }
}

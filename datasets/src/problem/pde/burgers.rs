//! Burgers' equation.

use flowmap_solvers::fourier::{FourierGrid, GridError};
use flowmap_solvers::issue::{Check, Validate};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::{Exact, Operators, Tables, Workspace, check_grid, cubic, integral, real};
use crate::initial::InitialConfig;

/// `u_t + u u_x = ν u_xx` on one axis, in conservation form; the mass is conserved.
///
/// `φ = 1 + a cos(kx) e^(−νk²t)` solves the heat equation, hence `u = −2ν φ_x/φ` this one (Cole 1951, Hopf 1950).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Burgers {
    /// Length of the domain.
    pub length: f64,
    /// Points.
    pub points: usize,
    /// Viscosity `ν`.
    pub viscosity: f64,
}

impl Default for Burgers {
    fn default() -> Self {
        Self { length: 1.0, points: 256, viscosity: 0.01 }
    }
}

impl Validate for Burgers {
    fn validate(&self, mut check: Check<'_>) {
        check_grid(&mut check, self.points, self.length);
        check.non_negative("viscosity", self.viscosity);
    }
}

impl Operators for Burgers {
    const NAME: &'static str = "burgers";
    const EQUATION: &'static str = "u_t + u u_x = ν u_xx";

    fn grid(&self) -> Result<FourierGrid, GridError> {
        cubic(1, self.points, self.length)
    }

    fn symbol(&self, grid: &FourierGrid) -> Vec<Complex64> {
        real(grid.laplacian().into_iter().map(|k2| self.viscosity * k2))
    }

    fn tables(&self, grid: &FourierGrid) -> Tables {
        Tables::flux(-0.5, grid)
    }

    fn nonlinear(&self, _t: f64, u_hat: &[Complex64], out: &mut [Complex64], ws: &mut Workspace) {
        ws.flux(u_hat, out, |u| u * u);
    }

    fn exact(&self, initial: &InitialConfig, grid: &FourierGrid) -> Option<Exact> {
        let InitialConfig::ColeHopf(wave) = initial else { return None };
        let (wave, nu, grid) = (wave.clone(), self.viscosity, grid.clone());
        Some(Box::new(move |t| wave.field(nu, t, &grid)))
    }

    fn invariants(&self, u: &[f64], ws: &mut Workspace) -> Vec<(&'static str, f64)> {
        vec![("mass", integral(u.iter().copied(), ws.grid()))]
    }
}

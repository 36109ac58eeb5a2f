//! Linear dispersion (Airy).

use flowmap_solvers::fourier::{FourierGrid, GridError};
use flowmap_solvers::issue::{Check, Validate};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::{Exact, Operators, Workspace, check_grid, cubic, integral};
use crate::initial::InitialConfig;

/// `u_t + β u_xxx = 0` on one axis: a wave `k` moves with speed `−βk²`; mass and energy are conserved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dispersion {
    /// Length of the domain.
    pub length: f64,
    /// Points.
    pub points: usize,
    /// Dispersion `β`.
    pub dispersion: f64,
}

impl Default for Dispersion {
    fn default() -> Self {
        Self { length: 1.0, points: 128, dispersion: 1e-3 }
    }
}

impl Validate for Dispersion {
    fn validate(&self, mut check: Check<'_>) {
        check_grid(&mut check, self.points, self.length);
        check.finite("dispersion", self.dispersion);
    }
}

impl Operators for Dispersion {
    const NAME: &'static str = "dispersion";
    const EQUATION: &'static str = "u_t + β u_xxx = 0";
    const LINEAR: bool = true;

    fn grid(&self) -> Result<FourierGrid, GridError> {
        cubic(1, self.points, self.length)
    }

    fn symbol(&self, grid: &FourierGrid) -> Vec<Complex64> {
        grid.derivative(0, 3).into_iter().map(|d| -d * self.dispersion).collect()
    }

    fn exact(&self, initial: &InitialConfig, grid: &FourierGrid) -> Option<Exact> {
        let (waves, grid, beta) = (initial.waves(grid)?, grid.clone(), self.dispersion);
        Some(Box::new(move |t| {
            grid.sample(|x| waves.iter().map(|w| w.at(&[x[0] + beta * w.k2() * t])).sum())
        }))
    }

    fn invariants(&self, u: &[f64], ws: &mut Workspace) -> Vec<(&'static str, f64)> {
        let square = integral(u.iter().map(|u| u * u), ws.grid());
        vec![("mass", integral(u.iter().copied(), ws.grid())), ("energy", square)]
    }
}

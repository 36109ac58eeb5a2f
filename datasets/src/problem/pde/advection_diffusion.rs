//! Advection and diffusion.

use flowmap_solvers::fourier::{FourierGrid, GridError};
use flowmap_solvers::issue::{Check, Validate};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::{Exact, Operators, Workspace, check_grid, cubic, integral};
use crate::initial::InitialConfig;

/// `u_t + c u_x = ν u_xx` on one axis; the mass is conserved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdvectionDiffusion {
    /// Length of the domain.
    pub length: f64,
    /// Points.
    pub points: usize,
    /// Speed `c`.
    pub speed: f64,
    /// Diffusivity `ν`.
    pub diffusivity: f64,
}

impl Default for AdvectionDiffusion {
    fn default() -> Self {
        Self { length: 1.0, points: 128, speed: 1.0, diffusivity: 0.01 }
    }
}

impl Validate for AdvectionDiffusion {
    fn validate(&self, mut check: Check<'_>) {
        check_grid(&mut check, self.points, self.length);
        check.finite("speed", self.speed);
        check.non_negative("diffusivity", self.diffusivity);
    }
}

impl Operators for AdvectionDiffusion {
    const NAME: &'static str = "advection_diffusion";
    const EQUATION: &'static str = "u_t + c u_x = ν u_xx";
    const LINEAR: bool = true;

    fn grid(&self) -> Result<FourierGrid, GridError> {
        cubic(1, self.points, self.length)
    }

    fn symbol(&self, grid: &FourierGrid) -> Vec<Complex64> {
        let (d1, d2) = (grid.derivative(0, 1), grid.derivative(0, 2));
        d1.into_iter().zip(d2).map(|(d1, d2)| d2 * self.diffusivity - d1 * self.speed).collect()
    }

    fn exact(&self, initial: &InitialConfig, grid: &FourierGrid) -> Option<Exact> {
        let (waves, grid, p) = (initial.waves(grid)?, grid.clone(), self.clone());
        Some(Box::new(move |t| {
            grid.sample(|x| {
                let at = [x[0] - p.speed * t];
                waves.iter().map(|w| w.at(&at) * (-p.diffusivity * w.k2() * t).exp()).sum()
            })
        }))
    }

    fn invariants(&self, u: &[f64], ws: &mut Workspace) -> Vec<(&'static str, f64)> {
        vec![("mass", integral(u.iter().copied(), ws.grid()))]
    }
}

//! The heat equation.

use flowmap_solvers::fourier::{FourierGrid, GridError};
use flowmap_solvers::issue::{Check, Validate};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::{Exact, Operators, Workspace, check_grid, cubic, integral, real};
use crate::initial::InitialConfig;

/// `u_t = ν ∇²u` on one to three axes; the mass is conserved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Heat {
    /// Length of every axis.
    pub length: f64,
    /// Points on every axis.
    pub points: usize,
    /// Axes.
    pub dimensions: usize,
    /// Diffusivity `ν`.
    pub diffusivity: f64,
}

impl Default for Heat {
    fn default() -> Self {
        Self { length: 1.0, points: 64, dimensions: 1, diffusivity: 0.01 }
    }
}

impl Validate for Heat {
    fn validate(&self, mut check: Check<'_>) {
        check_grid(&mut check, self.points, self.length);
        check.within("dimensions", self.dimensions, 1, 3);
        check.non_negative("diffusivity", self.diffusivity);
    }
}

impl Operators for Heat {
    const NAME: &'static str = "heat";
    const EQUATION: &'static str = "u_t = ν ∇²u";
    const LINEAR: bool = true;

    fn grid(&self) -> Result<FourierGrid, GridError> {
        cubic(self.dimensions, self.points, self.length)
    }

    fn symbol(&self, grid: &FourierGrid) -> Vec<Complex64> {
        real(grid.laplacian().into_iter().map(|k2| self.diffusivity * k2))
    }

    fn exact(&self, initial: &InitialConfig, grid: &FourierGrid) -> Option<Exact> {
        let (waves, diffusivity, grid) = (initial.waves(grid)?, self.diffusivity, grid.clone());
        Some(Box::new(move |t| {
            grid.sample(|x| waves.iter().map(|w| w.at(x) * (-diffusivity * w.k2() * t).exp()).sum())
        }))
    }

    fn invariants(&self, u: &[f64], ws: &mut Workspace) -> Vec<(&'static str, f64)> {
        vec![("mass", integral(u.iter().copied(), ws.grid()))]
    }
}

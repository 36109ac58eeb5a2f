//! Linear advection.

use flowmap_solvers::fourier::{FourierGrid, GridError};
use flowmap_solvers::issue::{Check, Validate};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::{Exact, Operators, Workspace, check_grid, cubic, integral};
use crate::initial::InitialConfig;

/// `u_t + c u_x = 0` on one axis: every wave moves with speed `c`; mass and energy are conserved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Advection {
    /// Length of the domain.
    pub length: f64,
    /// Points.
    pub points: usize,
    /// Speed `c`.
    pub speed: f64,
}

impl Default for Advection {
    fn default() -> Self {
        Self { length: 1.0, points: 128, speed: 1.0 }
    }
}

impl Validate for Advection {
    fn validate(&self, mut check: Check<'_>) {
        check_grid(&mut check, self.points, self.length);
        check.finite("speed", self.speed);
    }
}

impl Operators for Advection {
    const NAME: &'static str = "advection";
    const EQUATION: &'static str = "u_t + c u_x = 0";
    const LINEAR: bool = true;

    fn grid(&self) -> Result<FourierGrid, GridError> {
        cubic(1, self.points, self.length)
    }

    fn symbol(&self, grid: &FourierGrid) -> Vec<Complex64> {
        grid.derivative(0, 1).into_iter().map(|d| -d * self.speed).collect()
    }

    fn exact(&self, initial: &InitialConfig, grid: &FourierGrid) -> Option<Exact> {
        let start = initial.profile(grid)?;
        let (speed, x) = (self.speed, grid.coordinates(0));
        Some(Box::new(move |t| x.iter().map(|x| start(&[x - speed * t])).collect()))
    }

    fn invariants(&self, u: &[f64], ws: &mut Workspace) -> Vec<(&'static str, f64)> {
        let square = integral(u.iter().map(|u| u * u), ws.grid());
        vec![("mass", integral(u.iter().copied(), ws.grid())), ("energy", square)]
    }
}

//! The Fisher-KPP equation.

use flowmap_solvers::fourier::{FourierGrid, GridError};
use flowmap_solvers::issue::{Check, Validate};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::{Exact, Operators, Workspace, check_grid, cubic, real};
use crate::initial::InitialConfig;

/// `u_t = D ∇²u + r u (1 − u)` on one to three axes.
///
/// Exact front of speed `5√(rD/6)` on one axis, `u = (1 + e^(z/√6))^(−2)`, `z = √(r/D) (x − ct)`: M. J. Ablowitz,
/// A. Zeppetella, Bull. Math. Biol. 41 (1979) 835-840. A pair of fronts that leave a centre is exact to
/// `e^(−√(r/6D) · half width)`. Without diffusion every place follows the logistic curve `u₀ e^(rt) / (1 + u₀ (e^(rt) − 1))`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FisherKpp {
    /// Length of every axis.
    pub length: f64,
    /// Points on every axis.
    pub points: usize,
    /// Axes.
    pub dimensions: usize,
    /// Diffusivity `D`.
    pub diffusivity: f64,
    /// Growth rate `r`.
    pub rate: f64,
}

impl Default for FisherKpp {
    fn default() -> Self {
        Self { length: 200.0, points: 512, dimensions: 1, diffusivity: 1.0, rate: 1.0 }
    }
}

impl Validate for FisherKpp {
    fn validate(&self, mut check: Check<'_>) {
        check_grid(&mut check, self.points, self.length);
        check.within("dimensions", self.dimensions, 1, 3);
        check.non_negative("diffusivity", self.diffusivity);
        check.positive("rate", self.rate);
    }
}

impl Operators for FisherKpp {
    const NAME: &'static str = "fisher_kpp";
    const EQUATION: &'static str = "u_t = D ∇²u + r u (1 − u)";

    fn grid(&self) -> Result<FourierGrid, GridError> {
        cubic(self.dimensions, self.points, self.length)
    }

    fn symbol(&self, grid: &FourierGrid) -> Vec<Complex64> {
        real(grid.laplacian().into_iter().map(|l| self.diffusivity * l + self.rate))
    }

    fn nonlinear(&self, _t: f64, u_hat: &[Complex64], out: &mut [Complex64], ws: &mut Workspace) {
        let rate = self.rate;
        ws.pointwise(u_hat, out, |u| -rate * u * u);
    }

    fn exact(&self, initial: &InitialConfig, grid: &FourierGrid) -> Option<Exact> {
        if self.diffusivity == 0.0 {
            let (start, rate, grid) = (initial.profile(grid)?, self.rate, grid.clone());
            let logistic = move |t: f64, u: f64| u * (rate * t).exp() / (1.0 + u * (rate * t).exp_m1());
            return Some(Box::new(move |t| grid.sample(|x| logistic(t, start(x)))));
        }
        let InitialConfig::FisherFronts(fronts) = initial else { return None };
        if self.dimensions != 1 {
            return None;
        }
        let (fronts, grid, d, r) = (fronts.clone(), grid.clone(), self.diffusivity, self.rate);
        Some(Box::new(move |t| fronts.field(d, r, t, &grid)))
    }
}

//! The Korteweg-de Vries equation.

use flowmap_solvers::fourier::{FourierGrid, GridError};
use flowmap_solvers::issue::{Check, Validate};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::{Exact, Operators, Tables, Workspace, check_grid, cubic, integral};
use crate::initial::InitialConfig;

/// `u_t + α u u_x + β u_xxx + ζ u_xxxx = 0` on one axis, in conservation form; `ζ = 0` but for damped variants.
///
/// Without damping: with `v` a solution for `α = 6, β = 1`, `u(x, t) = (6β/α) v(x, βt)`. Conserved: the mass `∫u`, the momentum `∫u²` and
/// the energy `∫(α/3 u³ − β u_x²)`, which is `∫(2u³ − u_x²)` in the standard form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Kdv {
    /// Length of the domain.
    pub length: f64,
    /// Points.
    pub points: usize,
    /// The first point.
    pub origin: f64,
    /// Steepening `α`.
    pub nonlinearity: f64,
    /// Dispersion `β`.
    pub dispersion: f64,
    /// Damping of the highest modes `ζ`; only the mass is then conserved.
    #[serde(skip_serializing_if = "is_zero")]
    pub hyperdiffusion: f64,
}

fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

impl Default for Kdv {
    fn default() -> Self {
        Self {
            length: 64.0,
            points: 256,
            origin: 0.0,
            nonlinearity: 6.0,
            dispersion: 1.0,
            hyperdiffusion: 0.0,
        }
    }
}

impl Validate for Kdv {
    fn validate(&self, mut check: Check<'_>) {
        check_grid(&mut check, self.points, self.length);
        check.finite("origin", self.origin);
        check.finite("nonlinearity", self.nonlinearity);
        check.finite("dispersion", self.dispersion);
        check.non_negative("hyperdiffusion", self.hyperdiffusion);
    }
}

impl Operators for Kdv {
    const NAME: &'static str = "kdv";
    const EQUATION: &'static str = "u_t + α u u_x + β u_xxx + ζ u_xxxx = 0";

    fn grid(&self) -> Result<FourierGrid, GridError> {
        Ok(cubic(1, self.points, self.length)?.with_origin(&[self.origin]))
    }

    fn symbol(&self, grid: &FourierGrid) -> Vec<Complex64> {
        let modes = grid.derivative(0, 3).into_iter().zip(grid.laplacian());
        modes.map(|(d, l)| -d * self.dispersion - l * l * self.hyperdiffusion).collect()
    }

    fn tables(&self, grid: &FourierGrid) -> Tables {
        Tables::flux(-0.5 * self.nonlinearity, grid)
    }

    fn nonlinear(&self, _t: f64, u_hat: &[Complex64], out: &mut [Complex64], ws: &mut Workspace) {
        ws.flux(u_hat, out, |u| u * u);
    }

    fn exact(&self, initial: &InitialConfig, grid: &FourierGrid) -> Option<Exact> {
        let (scale, rate, grid) = (6.0 * self.dispersion / self.nonlinearity, self.dispersion, grid.clone());
        if !scale.is_finite() || self.hyperdiffusion > 0.0 {
            return None;
        }
        match initial.clone() {
            InitialConfig::Solitons(wave) => {
                Some(Box::new(move |t| grid.sample(|x| scale * wave.at(x[0], rate * t))))
            }
            InitialConfig::Cnoidal(wave) => {
                let wave = wave.on(&grid);
                Some(Box::new(move |t| grid.sample(|x| scale * wave.at(x[0], rate * t))))
            }
            _ => None,
        }
    }

    fn invariants(&self, u: &[f64], ws: &mut Workspace) -> Vec<(&'static str, f64)> {
        if self.hyperdiffusion > 0.0 {
            return vec![("mass", integral(u.iter().copied(), ws.grid()))];
        }
        let slope = ws.derivative(u, 0);
        let energy = |(u, s): (&f64, &f64)| self.nonlinearity / 3.0 * u * u * u - self.dispersion * s * s;
        vec![
            ("mass", integral(u.iter().copied(), ws.grid())),
            ("momentum", integral(u.iter().map(|u| u * u), ws.grid())),
            ("energy", integral(u.iter().zip(&slope).map(energy), ws.grid())),
        ]
    }
}

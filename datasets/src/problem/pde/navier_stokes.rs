//! The incompressible Navier-Stokes equations on two axes, in vorticity form.

use flowmap_solvers::fourier::{FourierGrid, GridError};
use flowmap_solvers::issue::{Check, Validate};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::{Exact, Operators, Tables, Workspace, check_grid, cubic, integral, real};
use crate::initial::InitialConfig;

/// What drives the flow; in the equation of the vorticity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Forcing {
    /// Nothing: the flow decays.
    None {},
    /// `f = −κ γ cos(κ y)`, `κ = 2π mode / length`: a body force `γ sin(κ y)` along `x`.
    Kolmogorov {
        /// Waves across the domain.
        mode: u32,
        /// Amplitude `γ` of the body force.
        amplitude: f64,
    },
    /// `f = A (sin(2π(x + y)/length) + cos(2π(x + y)/length))`, the forcing of the Fourier neural operator's data.
    Diagonal {
        /// Amplitude `A`.
        amplitude: f64,
    },
}

/// `ω_t + u·∇ω = ν ∇²ω − μ ω + f`, `u = (ψ_y, −ψ_x)`, `−∇²ψ = ω` on a square.
///
/// The transport term is `(∂_x² − ∂_y²)(uv) + ∂_x∂_y(v² − u²)` (C. Basdevant, J. Comput. Phys. 50 (1983) 209-214): two
/// pairs of transforms instead of five transforms, and the same modes to rounding since products are dealiased. Without viscosity, drag
/// and forcing the energy `½∫|u|²` and the enstrophy `½∫ω²` are conserved; the mean vorticity always is zero.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NavierStokes {
    /// Length of both axes.
    pub length: f64,
    /// Points on both axes.
    pub points: usize,
    /// Viscosity `ν`.
    pub viscosity: f64,
    /// Linear drag `μ`.
    pub drag: f64,
    /// The forcing `f`.
    pub forcing: Forcing,
}

impl Default for NavierStokes {
    fn default() -> Self {
        Self { length: 1.0, points: 64, viscosity: 1e-3, drag: 0.0, forcing: Forcing::None {} }
    }
}

impl Validate for NavierStokes {
    fn validate(&self, mut check: Check<'_>) {
        check_grid(&mut check, self.points, self.length);
        check.non_negative("viscosity", self.viscosity);
        check.non_negative("drag", self.drag);
        match &self.forcing {
            Forcing::None {} => {}
            Forcing::Kolmogorov { mode, amplitude } => {
                let mut check = check.table("forcing.kolmogorov");
                check.finite("amplitude", *amplitude);
                check.within("mode", *mode as usize, 1, self.points.saturating_sub(1) / 3);
            }
            Forcing::Diagonal { amplitude } => {
                check.table("forcing.diagonal").finite("amplitude", *amplitude)
            }
        }
    }
}

impl Operators for NavierStokes {
    const NAME: &'static str = "navier_stokes";
    const EQUATION: &'static str = "ω_t + u·∇ω = ν ∇²ω − μ ω + f, u = (ψ_y, −ψ_x), −∇²ψ = ω";
    const CHANNELS: &'static [&'static str] = &["vorticity"];

    fn grid(&self) -> Result<FourierGrid, GridError> {
        cubic(2, self.points, self.length)
    }

    fn symbol(&self, grid: &FourierGrid) -> Vec<Complex64> {
        real(grid.laplacian().into_iter().map(|l| self.viscosity * l - self.drag))
    }

    fn tables(&self, grid: &FourierGrid) -> Tables {
        let (kx, ky) = (grid.wavenumbers(0), grid.wavenumbers(1));
        let over = |k: f64, k2: f64| if k2 == 0.0 { 0.0 } else { k / k2 };
        let pairs = || kx.iter().zip(&ky).map(|(x, y)| (*x, *y, x * x + y * y));
        let real = vec![
            pairs().map(|(_, y, k2)| over(y, k2)).collect(),
            pairs().map(|(x, _, k2)| over(-x, k2)).collect(),
            pairs().map(|(x, y, _)| x * x - y * y).collect(),
            pairs().map(|(x, y, _)| x * y).collect(),
        ];
        let kappa = std::f64::consts::TAU / self.length;
        let force = match self.forcing {
            Forcing::None {} => None,
            Forcing::Kolmogorov { mode, amplitude } => {
                let k = kappa * f64::from(mode);
                Some(grid.sample(|x| -k * amplitude * (k * x[1]).cos()))
            }
            Forcing::Diagonal { amplitude } => Some(grid.sample(|x| {
                let (sin, cos) = (kappa * (x[0] + x[1])).sin_cos();
                amplitude * (sin + cos)
            })),
        };
        let complex = force.map(|f| {
            let mut f_hat = vec![Complex64::ZERO; grid.modes()];
            grid.transform().forward(&f, &mut f_hat);
            f_hat
        });
        Tables { real, complex: complex.into_iter().collect() }
    }

    fn nonlinear(&self, _t: f64, w_hat: &[Complex64], out: &mut [Complex64], ws: &mut Workspace) {
        let tables = std::sync::Arc::clone(&ws.tables);
        let [to_u, to_v, plus, cross] = [0, 1, 2, 3].map(|i| &tables.real[i][..]);
        let force = tables.complex.first();
        ws.pair(
            |modes, u_hat, v_hat| {
                let symbols = to_u[modes.clone()].iter().zip(&to_v[modes.clone()]);
                for (((u, v), w), (a, b)) in u_hat.iter_mut().zip(v_hat).zip(&w_hat[modes]).zip(symbols) {
                    (*u, *v) = (Complex64::new(-w.im * a, w.re * a), Complex64::new(-w.im * b, w.re * b));
                }
            },
            |u, v| (u * v, (v - u) * (v + u)),
            |modes, uv, vv_uu, out| {
                let symbols = plus[modes.clone()].iter().zip(&cross[modes.clone()]);
                for (((out, uv), vv_uu), (a, b)) in out.iter_mut().zip(uv).zip(vv_uu).zip(symbols) {
                    *out = uv * a + vv_uu * b;
                }
                if let Some(force) = force {
                    out.iter_mut().zip(&force[modes]).for_each(|(out, f)| *out += f);
                }
            },
            out,
        );
    }

    fn exact(&self, initial: &InitialConfig, grid: &FourierGrid) -> Option<Exact> {
        let InitialConfig::TaylorGreen(wave) = initial else { return None };
        if self.forcing != (Forcing::None {}) {
            return None;
        }
        let (wave, grid, p) = (wave.clone(), grid.clone(), self.clone());
        let k = std::f64::consts::TAU * f64::from(wave.mode) / p.length;
        Some(Box::new(move |t| {
            let decay = (-(2.0 * p.viscosity * k * k + p.drag) * t).exp();
            grid.sample(|x| wave.at(x, p.length) * decay)
        }))
    }

    fn invariants(&self, w: &[f64], ws: &mut Workspace) -> Vec<(&'static str, f64)> {
        if self.viscosity != 0.0 || self.drag != 0.0 || self.forcing != (Forcing::None {}) {
            return Vec::new();
        }
        let grid = ws.grid().clone();
        let mut w_hat = vec![Complex64::ZERO; grid.modes()];
        ws.to_spectral(w, &mut w_hat);
        let over = |l: f64| if l == 0.0 { 0.0 } else { -1.0 / l };
        w_hat.iter_mut().zip(grid.laplacian()).for_each(|(w, l)| *w *= over(l));
        let mut psi = vec![0.0; grid.points()];
        ws.to_physical(&w_hat, &mut psi);
        // ∫|u|² = ∫ψω.
        vec![
            ("energy", 0.5 * integral(w.iter().zip(&psi).map(|(w, p)| w * p), &grid)),
            ("enstrophy", 0.5 * integral(w.iter().map(|w| w * w), &grid)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forcing_that_the_two_thirds_rule_drops_is_refused() {
        // 3 · 16 = 48 is dropped, 3 · 16 < 50 is not.
        for (points, mode, valid) in [(48, 15, true), (48, 16, false), (50, 16, true), (50, 17, false)] {
            let forcing = Forcing::Kolmogorov { mode, amplitude: 1.0 };
            let problem = NavierStokes { points, forcing, ..NavierStokes::default() };
            let mut issues = Vec::new();
            problem.validate(Check::new("problem", &mut issues));
            assert_eq!(issues.is_empty(), valid, "mode {mode} on {points} points: {issues:?}");
        }
    }
}

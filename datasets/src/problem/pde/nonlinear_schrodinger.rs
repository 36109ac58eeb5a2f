//! The cubic nonlinear Schrödinger equation.

use flowmap_solvers::fourier::{FourierGrid, GridError};
use flowmap_solvers::issue::{Check, Validate};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::{Exact, Operators, Workspace, check_grid, integral};
use crate::initial::InitialConfig;

/// `i ψ_t = −½ ψ_xx − σ |ψ|² ψ` on one axis, focusing for `σ > 0`; the channels are the real and the imaginary part.
///
/// Bright soliton (`σ = 1`): `a sech(a(x − x₀ − vt)) e^(i(v(x − x₀) + (a² − v²)t/2))`; plane wave of any `σ`:
/// `A e^(i(kx − (k²/2 − σA²)t))`. Conserved: the power `∫|ψ|²`, the momentum `∫Im(ψ* ψ_x)` and the energy
/// `∫(½|ψ_x|² − σ/2 |ψ|⁴)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NonlinearSchrodinger {
    /// Length of the domain.
    pub length: f64,
    /// Points.
    pub points: usize,
    /// The first point.
    pub origin: f64,
    /// Focusing `σ`.
    pub focusing: f64,
}

impl Default for NonlinearSchrodinger {
    fn default() -> Self {
        Self { length: 40.0, points: 256, origin: -20.0, focusing: 1.0 }
    }
}

impl Validate for NonlinearSchrodinger {
    fn validate(&self, mut check: Check<'_>) {
        check_grid(&mut check, self.points, self.length);
        check.finite("origin", self.origin);
        check.finite("focusing", self.focusing);
    }
}

impl Operators for NonlinearSchrodinger {
    const NAME: &'static str = "nonlinear_schrodinger";
    const EQUATION: &'static str = "i ψ_t = −½ ψ_xx − σ |ψ|² ψ";
    const CHANNELS: &'static [&'static str] = &["re", "im"];

    fn grid(&self) -> Result<FourierGrid, GridError> {
        Ok(FourierGrid::complex(&[self.points], &[self.length])?.with_origin(&[self.origin]))
    }

    fn symbol(&self, grid: &FourierGrid) -> Vec<Complex64> {
        grid.laplacian().into_iter().map(|l| Complex64::new(0.0, 0.5 * l)).collect()
    }

    fn nonlinear(&self, _t: f64, u_hat: &[Complex64], out: &mut [Complex64], ws: &mut Workspace) {
        out.copy_from_slice(u_hat);
        ws.inverse_complex(out);
        let sigma = self.focusing;
        out.iter_mut().for_each(|z| *z *= Complex64::new(0.0, sigma * z.norm_sqr()));
        ws.forward_complex(out);
    }

    fn exact(&self, initial: &InitialConfig, grid: &FourierGrid) -> Option<Exact> {
        let (grid, sigma) = (grid.clone(), self.focusing);
        match initial.clone() {
            InitialConfig::BrightSoliton(s) if sigma == 1.0 => Some(Box::new(move |t| s.field(t, &grid))),
            InitialConfig::PlaneWave(w) => Some(Box::new(move |t| w.field(sigma, t, &grid))),
            _ => None,
        }
    }

    fn invariants(&self, u: &[f64], ws: &mut Workspace) -> Vec<(&'static str, f64)> {
        let grid = ws.grid().clone();
        let n = grid.points();
        let psi: Vec<_> = (0..n).map(|i| Complex64::new(u[i], u[n + i])).collect();
        let mut slope = psi.clone();
        let mut transform = grid.transform();
        transform.forward_complex(&mut slope);
        slope.iter_mut().zip(grid.derivative(0, 1)).for_each(|(s, d)| *s *= d);
        transform.inverse_complex(&mut slope);
        let pairs = || psi.iter().zip(&slope);
        let energy = |(p, s): (&Complex64, &Complex64)| {
            0.5 * s.norm_sqr() - 0.5 * self.focusing * p.norm_sqr() * p.norm_sqr()
        };
        vec![
            ("power", integral(psi.iter().map(|p| p.norm_sqr()), &grid)),
            ("momentum", integral(pairs().map(|(p, s)| (p.conj() * s).im), &grid)),
            ("energy", integral(pairs().map(energy), &grid)),
        ]
    }
}

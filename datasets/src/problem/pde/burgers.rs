//! Burgers' equation.

use flowmap_solvers::fourier::{FourierGrid, GridError};
use flowmap_solvers::issue::{Check, Validate};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::{Exact, Operators, Tables, Workspace, check_grid, cubic, integral, real};
use crate::initial::{InitialConfig, WaveOnGrid};

/// `u_t + u u_x = ν u_xx` on one axis, in conservation form; the mass is conserved.
///
/// `φ = 1 + a cos(kx) e^(−νk²t)` solves the heat equation, hence `u = −2ν φ_x/φ` this one (Cole 1951, Hopf 1950). From a sum of
/// waves the solution of the heat equation is an integral, taken to rounding; without viscosity it is the formula of Lax and Oleinik.
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
        let (nu, grid) = (self.viscosity, grid.clone());
        match initial {
            InitialConfig::ColeHopf(wave) => {
                let wave = wave.clone();
                Some(Box::new(move |t| wave.field(nu, t, &grid)))
            }
            InitialConfig::Waves(_) => {
                let waves = initial.waves(&grid)?;
                let solution = if nu > 0.0 { cole_hopf } else { lax_oleinik };
                Some(Box::new(move |t| grid.sample(|x| solution(&waves, nu, x[0], t))))
            }
            _ => None,
        }
    }

    fn invariants(&self, u: &[f64], ws: &mut Workspace) -> Vec<(&'static str, f64)> {
        vec![("mass", integral(u.iter().copied(), ws.grid()))]
    }
}

/// Standard deviations of the heat kernel beyond which it is nothing.
const TAILS: f64 = 9.0;

/// The step of the quadrature in standard deviations of its narrowest feature.
const STEP: f64 = 0.2;

/// Nodes of the quadrature beyond which there is no value: a wave so large against its viscosity is none that anybody resolves.
const NODES: f64 = 1e7;

/// `C + v(x − Ct, t)` with the mean `C` and `v = ∫ (x − y)/t e^E dy / ∫ e^E dy`, `E = −∫v₀/(2ν) − (x − y)²/(4νt)`, by the trapezoidal
/// rule in `η = (x − y)/√(4νt)`; the largest exponent is taken out first.
fn cole_hopf(waves: &[WaveOnGrid], nu: f64, x: f64, t: f64) -> f64 {
    let mean: f64 = waves.iter().map(WaveOnGrid::mean).sum();
    if t <= 0.0 {
        return waves.iter().map(|w| w.at(&[x])).sum();
    }
    let moving: Vec<_> = waves.iter().filter(|w| w.k2() > 0.0).collect();
    let (speed, slope) = moving.iter().fold((0.0, 0.0), |(v, s), w| {
        let size = w.size();
        (v + size, s + size * w.k2().sqrt())
    });
    let (x, width) = (x - mean * t, (4.0 * nu * t).sqrt());
    // The saddle is at most as far as the fastest wave went.
    let reach = speed * t / width + TAILS;
    let nodes = (2.0 * reach * (1.0 + t * slope).sqrt() / STEP).ceil();
    if nodes > NODES {
        return f64::NAN;
    }
    let count = nodes as usize;
    let step = 2.0 * reach / count as f64;
    let node = |i: usize| -reach + step * i as f64;
    let exponent = |eta: f64| {
        let y = x - width * eta;
        -moving.iter().map(|w| w.integral(y)).sum::<f64>() / (2.0 * nu) - eta * eta
    };
    let exponents: Vec<f64> = (0..=count).map(|i| exponent(node(i))).collect();
    let top = exponents.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (mut above, mut below) = (0.0, 0.0);
    for (i, e) in exponents.iter().enumerate() {
        let weight = (e - top).exp();
        above += weight * node(i);
        below += weight;
    }
    mean + width / t * above / below
}

/// Places among which the foot of a characteristic is searched for.
const FEET: usize = 2000;

/// The entropy solution without viscosity, `C + (x − Ct − y)/t` with `y = argmin ∫₀ʸ v₀ + (x − Ct − y)²/(2t)` (P. Lax 1957, O. Oleinik 1957).
fn lax_oleinik(waves: &[WaveOnGrid], _nu: f64, x: f64, t: f64) -> f64 {
    let mean: f64 = waves.iter().map(WaveOnGrid::mean).sum();
    if t <= 0.0 {
        return waves.iter().map(|w| w.at(&[x])).sum();
    }
    let moving: Vec<_> = waves.iter().filter(|w| w.k2() > 0.0).collect();
    let x = x - mean * t;
    let reach = t * moving.iter().map(|w| w.size()).sum::<f64>() * 1.01 + f64::MIN_POSITIVE;
    let step = 2.0 * reach / FEET as f64;
    let action = |y: f64| moving.iter().map(|w| w.integral(y)).sum::<f64>() + (x - y).powi(2) / (2.0 * t);
    let node = |i: usize| x - reach + step * i as f64;
    let least = (0..=FEET).min_by(|a, b| action(node(*a)).total_cmp(&action(node(*b)))).unwrap_or(0);
    // The action is stationary at the foot: its slope has one root between the neighbours.
    let slope = |y: f64| moving.iter().map(|w| w.derivative(y, 0)).sum::<f64>() + (y - x) / t;
    let (mut low, mut high) = (node(least) - step, node(least) + step);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if slope(middle) < 0.0 { low = middle } else { high = middle }
    }
    mean + (x - 0.5 * (low + high)) / t
}

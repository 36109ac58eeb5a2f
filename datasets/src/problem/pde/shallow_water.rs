//! The shallow-water equations on a rotating plane.

use std::sync::Arc;

use flowmap_solvers::fourier::{FourierGrid, GridError};
use flowmap_solvers::issue::{Check, Validate};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::{Exact, Operators, Tables, Workspace, check_grid, cubic, integral, real};
use crate::initial::InitialConfig;

/// `η_t = −∇·(h w)`, `w_t = −(ζ + f) ẑ×w − ∇(g η + |w|²/2) + ν ∇²w − ν₄ ∇⁴w` on a square with periodic sides: the surface `η`
/// above rest, the velocity `w = (u, v)`, its vorticity `ζ = v_x − u_y`, the depth `h = H + η`. Channels are `eta` (a length), `u` and
/// `v`, all at the same points.
///
/// G. K. Vallis, Atmospheric and Oceanic Fluid Dynamics (2017), chapter 3. The method is pseudo-spectral, not one of finite volumes: what
/// is to be learned is smooth, eddies in balance and the waves that they radiate, and a limiter would damp both. In this rotational form
/// all products are of two factors, so that the two-thirds rule leaves no aliasing, and jets in balance stay to rounding. Bores are not held.
/// Friction is the linear part. Gravity waves couple the channels and stay in `N`, so that a step is bound by them: a method of order
/// four is stable up to about `2/(√(gH) k)`, `k = √2 π points/(1.5 length)` the largest wavenumber.
///
/// Conserved are the mass `∫h`, to rounding, and without friction, as far as the grid resolves the flow, the energy `½∫(h|w|² + gη²)` and
/// the potential enstrophy about rest `½∫h(q − f/H)²`, `q = (ζ + f)/h`.
///
/// Small waves have `ω² = f² + gH|k|²`. Exact without friction: a jet in geostrophic balance, `f u = −g η_y`, of any size; where
/// `f = 0`, the simple wave along `x` until it breaks. Starts: `geostrophic`; `waves` are a surface at rest, which adjusts; others draw
/// each channel by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ShallowWater {
    /// Length of both axes.
    pub length: f64,
    /// Points on both axes.
    pub points: usize,
    /// Gravity `g`.
    pub gravity: f64,
    /// Depth at rest `H`.
    pub depth: f64,
    /// Coriolis parameter `f`, twice the rate of rotation; the radius of deformation is `√(gH)/f`.
    pub coriolis: f64,
    /// Viscosity `ν` of the velocity.
    pub viscosity: f64,
    /// Hyperviscosity `ν₄` of the velocity: `k` decays with the rate `ν₄ k⁴`, which at `k = 2π points/(3 length)`, where the grid ends,
    /// is to be about the rate at which eddies turn.
    pub hyperviscosity: f64,
}

impl Default for ShallowWater {
    fn default() -> Self {
        Self {
            length: std::f64::consts::TAU,
            points: 64,
            gravity: 1.0,
            depth: 1.0,
            coriolis: 2.0,
            viscosity: 0.0,
            hyperviscosity: 1e-5,
        }
    }
}

impl Validate for ShallowWater {
    fn validate(&self, mut check: Check<'_>) {
        check_grid(&mut check, self.points, self.length);
        check.positive("gravity", self.gravity);
        check.positive("depth", self.depth);
        check.finite("coriolis", self.coriolis);
        check.non_negative("viscosity", self.viscosity);
        check.non_negative("hyperviscosity", self.hyperviscosity);
    }
}

impl ShallowWater {
    fn frictionless(&self) -> bool {
        self.viscosity == 0.0 && self.hyperviscosity == 0.0
    }
}

impl Operators for ShallowWater {
    const NAME: &'static str = "shallow_water";
    const EQUATION: &'static str =
        "η_t = −∇·((H + η) w), w_t = −(ζ + f) ẑ×w − ∇(g η + |w|²/2) + ν ∇²w − ν₄ ∇⁴w";
    const CHANNELS: &'static [&'static str] = &["eta", "u", "v"];

    fn grid(&self) -> Result<FourierGrid, GridError> {
        cubic(2, self.points, self.length)
    }

    fn symbol(&self, grid: &FourierGrid) -> Vec<Complex64> {
        let l = grid.laplacian();
        let friction = || l.iter().map(|l| self.viscosity * l - self.hyperviscosity * l * l);
        real(l.iter().map(|_| 0.0).chain(friction()).chain(friction()))
    }

    fn tables(&self, grid: &FourierGrid) -> Tables {
        Tables { real: vec![grid.wavenumbers(0), grid.wavenumbers(1)], complex: Vec::new() }
    }

    fn nonlinear(&self, _t: f64, y_hat: &[Complex64], out: &mut [Complex64], ws: &mut Workspace) {
        let Self { gravity: g, depth, coriolis: f, .. } = *self;
        let tables = Arc::clone(&ws.tables);
        let [kx, ky] = [0, 1].map(|axis| &tables.real[axis][..]);
        let n = ws.grid().modes();
        let products = ws.products(
            |fields| {
                fields[..3 * n].copy_from_slice(y_hat);
                for (m, zeta) in fields[3 * n..].iter_mut().enumerate() {
                    *zeta = times_i(y_hat[2 * n + m] * kx[m] - y_hat[n + m] * ky[m]);
                }
            },
            |[eta, u, v, zeta]| [eta * u, eta * v, 0.5 * (u * u + v * v), zeta * u, zeta * v],
        );
        for m in 0..n {
            let [eta, u, v] = [0, 1, 2].map(|c| y_hat[c * n + m]);
            let [eta_u, eta_v, kinetic, zeta_u, zeta_v] = [0, 1, 2, 3, 4].map(|c| products[c * n + m]);
            let head = eta * g + kinetic;
            out[m] = -times_i((u * depth + eta_u) * kx[m] + (v * depth + eta_v) * ky[m]);
            out[n + m] = v * f + zeta_v - times_i(head * kx[m]);
            out[2 * n + m] = -u * f - zeta_u - times_i(head * ky[m]);
        }
    }

    fn exact(&self, initial: &InitialConfig, grid: &FourierGrid) -> Option<Exact> {
        if !self.frictionless() {
            return None;
        }
        let (p, grid) = (self.clone(), grid.clone());
        match initial {
            InitialConfig::GeostrophicJet(jet) if p.coriolis != 0.0 && p.depth > jet.amplitude.abs() => {
                let jet = jet.field(p.gravity / p.coriolis, &grid);
                Some(Box::new(move |_| jet.clone()))
            }
            InitialConfig::SimpleWave(wave) if p.coriolis == 0.0 => {
                let wave = wave.clone();
                Some(Box::new(move |t| wave.field(p.gravity, p.depth, t, &grid)))
            }
            _ => None,
        }
    }

    fn balanced(&self, height: Vec<f64>, ws: &mut Workspace) -> Option<Result<Vec<f64>, String>> {
        if self.coriolis == 0.0 {
            return Some(Err("without rotation no flow is in geostrophic balance".into()));
        }
        let least = height.iter().copied().fold(f64::INFINITY, f64::min);
        if self.depth + least <= 0.0 {
            return Some(Err(format!("a depth of {:.3} is not positive", self.depth + least)));
        }
        let turn = self.gravity / self.coriolis;
        let [slope_x, slope_y] = [0, 1].map(|axis| ws.derivative(&height, axis));
        let mut y = height;
        y.extend(slope_y.iter().map(|s| -turn * s));
        y.extend(slope_x.iter().map(|s| turn * s));
        Some(Ok(y))
    }

    fn invariants(&self, y: &[f64], ws: &mut Workspace) -> Vec<(&'static str, f64)> {
        let grid = ws.grid().clone();
        let n = grid.points();
        let depth = |i: usize| self.depth + y[i];
        let mut all = vec![("mass", integral((0..n).map(depth), &grid))];
        if !self.frictionless() {
            return all;
        }
        let (u, v) = (&y[n..2 * n], &y[2 * n..]);
        let energy = (0..n).map(|i| depth(i) * (u[i] * u[i] + v[i] * v[i]) + self.gravity * y[i] * y[i]);
        all.push(("energy", 0.5 * integral(energy, &grid)));
        let (v_x, u_y) = (ws.derivative(v, 0), ws.derivative(u, 1));
        let rest = self.coriolis / self.depth;
        let enstrophy = (0..n).map(|i| {
            let q = (v_x[i] - u_y[i] + self.coriolis) / depth(i);
            depth(i) * (q - rest).powi(2)
        });
        all.push(("potential_enstrophy", 0.5 * integral(enstrophy, &grid)));
        all
    }
}

/// `i z`.
fn times_i(z: Complex64) -> Complex64 {
    Complex64::new(-z.im, z.re)
}

//! Starts of shallow water.

use std::f64::consts::TAU;

use flowmap_solvers::fourier::FourierGrid;
use flowmap_solvers::issue::{Check, Validate};
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::random::GaussianRandomField;

/// A surface that is a periodic Gaussian random field with zero mean and the spectral density `∝ (1 + (ℓ|k|)²)^(−α)`, and the
/// velocity in geostrophic balance with it, `(u, v) = g/f (−η_y, η_x)`.
///
/// The spectrum of the velocity peaks at `|k| = √(3/(2α − 3))/ℓ`; its root mean square is about `amplitude · g/(f ℓ √(α − 2))`.
/// What the balance leaves out, of the order of the Rossby number `|ζ|/f`, leaves as gravity waves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Geostrophic {
    /// The expected root mean square of `η`.
    pub amplitude: f64,
    /// The correlation length `ℓ`.
    pub length_scale: f64,
    /// The smoothness `α`; above three the vorticity is bounded whatever the grid.
    #[serde(default = "smoothness")]
    pub smoothness: f64,
}

fn smoothness() -> f64 {
    6.0
}

impl Geostrophic {
    /// The surface.
    pub(super) fn draw(&self, grid: &FourierGrid, rng: &mut (impl Rng + ?Sized)) -> Vec<f64> {
        let Self { amplitude, length_scale, smoothness } = *self;
        GaussianRandomField { amplitude, length_scale, smoothness }.draw(grid, rng)
    }
}

impl Validate for Geostrophic {
    fn validate(&self, mut check: Check<'_>) {
        check.finite("amplitude", self.amplitude);
        check.positive("length_scale", self.length_scale);
        check.within("smoothness", self.smoothness, 3.0, 50.0);
    }
}

/// `η = a cos(κy)`, `u = (g/f) a κ sin(κy)`, `v = 0`, `κ = 2π mode/length`: jets in geostrophic balance, which stay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GeostrophicJet {
    /// Amplitude `a`.
    pub amplitude: f64,
    /// Waves along `y`.
    pub mode: u32,
}

impl GeostrophicJet {
    /// Surface and velocity, for `turn = g/f`.
    pub fn field(&self, turn: f64, grid: &FourierGrid) -> Vec<f64> {
        let k = TAU * f64::from(self.mode) / grid.lengths()[1];
        let mut y = grid.sample(|x| self.amplitude * (k * x[1]).cos());
        y.extend(grid.sample(|x| turn * self.amplitude * k * (k * x[1]).sin()));
        y.resize(3 * grid.points(), 0.0);
        y
    }
}

impl Validate for GeostrophicJet {
    fn validate(&self, mut check: Check<'_>) {
        check.finite("amplitude", self.amplitude);
        check.at_least("mode", self.mode as usize, 1);
    }
}

/// A wave along `x` without rotation, one of whose Riemann invariants is constant: `√(gh) = √(gH) + u/2`, where `u` is carried with
/// the speed `√(gH) + 3u/2` and starts as `a cos(κx)`, `κ = 2π mode/length`. It breaks at `t = 2/(3|a|κ)`; from there on there is no value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimpleWave {
    /// Amplitude `a` of the velocity.
    pub amplitude: f64,
    /// Waves along `x`.
    pub mode: u32,
}

impl SimpleWave {
    /// Surface and velocity at a time.
    pub fn field(&self, gravity: f64, depth: f64, t: f64, grid: &FourierGrid) -> Vec<f64> {
        let k = TAU * f64::from(self.mode) / grid.lengths()[0];
        let slow = (gravity * depth).sqrt();
        let u = grid.sample(|x| self.carried(k, x[0] - slow * t, t));
        let mut y: Vec<f64> = u.iter().map(|u| (slow + 0.5 * u).powi(2) / gravity - depth).collect();
        y.extend(u);
        y.resize(3 * grid.points(), 0.0);
        y
    }

    /// `a cos(ks)` at the foot `s` of the characteristic `s + 1.5 t a cos(ks) = x`.
    fn carried(&self, k: f64, x: f64, t: f64) -> f64 {
        let (a, far) = (self.amplitude, 1.5 * t);
        if far * a.abs() * k >= 1.0 {
            return f64::NAN;
        }
        // The left side ascends.
        let (mut low, mut high) = (x - far * a.abs(), x + far * a.abs());
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if middle + far * a * (k * middle).cos() < x { low = middle } else { high = middle }
        }
        a * (0.5 * k * (low + high)).cos()
    }
}

impl Validate for SimpleWave {
    fn validate(&self, mut check: Check<'_>) {
        check.finite("amplitude", self.amplitude);
        check.at_least("mode", self.mode as usize, 1);
    }
}

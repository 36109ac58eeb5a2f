//! Starts that are drawn for each trajectory. A field is the same function of space on every grid that resolves it.

use std::f64::consts::TAU;

use flowmap_solvers::fourier::FourierGrid;
use flowmap_solvers::issue::{Check, Validate};
use num_complex::Complex64;
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

/// `Σ |m|^(−decay) (a_m cos(κ m·x) + b_m sin(κ m·x))` over `0 < max|mᵢ| ≤ modes`, `a_m, b_m` standard normal, scaled to
/// the size `amplitude`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TruncatedFourier {
    /// The highest mode on every axis.
    pub modes: usize,
    /// The size of the deviation from the mean.
    pub amplitude: f64,
    /// What that size is.
    #[serde(default, skip_serializing_if = "Size::is_root_mean_square")]
    pub size: Size,
    /// The power by which amplitudes fall with the mode.
    #[serde(default)]
    pub decay: f64,
    /// The mean.
    #[serde(default)]
    pub mean: f64,
}

/// The size of a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    /// Its root mean square.
    #[default]
    RootMeanSquare,
    /// Its largest absolute value.
    Maximum,
}

impl Size {
    fn is_root_mean_square(&self) -> bool {
        *self == Self::RootMeanSquare
    }
}

impl TruncatedFourier {
    pub(super) fn draw(&self, grid: &FourierGrid, rng: &mut (impl Rng + ?Sized)) -> Vec<f64> {
        let mut u = sum_of_waves(grid, self.modes, rng, |m, _| m.powf(-self.decay));
        let size = match self.size {
            Size::RootMeanSquare => (u.iter().map(|u| u * u).sum::<f64>() / u.len() as f64).sqrt(),
            Size::Maximum => u.iter().fold(0.0, |m, u| f64::max(m, u.abs())),
        };
        let scale = if size > 0.0 { self.amplitude / size } else { 0.0 };
        u.iter_mut().for_each(|u| *u = *u * scale + self.mean);
        u
    }
}

impl Validate for TruncatedFourier {
    fn validate(&self, mut check: Check<'_>) {
        check.within("modes", self.modes, 1, 512);
        check.finite("amplitude", self.amplitude);
        check.finite("decay", self.decay);
        check.finite("mean", self.mean);
    }
}

/// A periodic Gaussian random field with zero mean and the spectral density `∝ (1 + (ℓ|k|)²)^(−α)`, scaled to the
/// expected root mean square `amplitude`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GaussianRandomField {
    /// The expected root mean square.
    pub amplitude: f64,
    /// The correlation length `ℓ`.
    pub length_scale: f64,
    /// The smoothness `α`, above half the number of axes.
    #[serde(default = "smoothness")]
    pub smoothness: f64,
}

fn smoothness() -> f64 {
    2.5
}

impl GaussianRandomField {
    pub(super) fn draw(&self, grid: &FourierGrid, rng: &mut (impl Rng + ?Sized)) -> Vec<f64> {
        let highest = grid.shape().iter().min().map_or(1, |n| n / 2 - 1);
        let density = |k: f64| (1.0 + (self.length_scale * k).powi(2)).powf(-self.smoothness);
        let mut total = 0.0;
        let mut u = sum_of_waves(grid, highest, rng, |_, k| {
            total += density(k);
            density(k).sqrt()
        });
        let scale = self.amplitude / total.sqrt().max(f64::MIN_POSITIVE);
        u.iter_mut().for_each(|u| *u *= scale);
        u
    }
}

impl Validate for GaussianRandomField {
    fn validate(&self, mut check: Check<'_>) {
        check.finite("amplitude", self.amplitude);
        check.positive("length_scale", self.length_scale);
        check.positive("smoothness", self.smoothness);
    }
}

/// `u = 1 − s/2`, `v = s/4` with `s` a sum of Gaussian spots at random places, at most one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spots {
    /// The number of spots.
    pub count: usize,
    /// Their radius.
    pub radius: f64,
}

impl Spots {
    pub(super) fn draw(&self, grid: &FourierGrid, rng: &mut (impl Rng + ?Sized)) -> Vec<f64> {
        let place = |rng: &mut _| grid.lengths().iter().map(|l| l * uniform(rng)).collect::<Vec<_>>();
        let centres: Vec<_> = (0..self.count).map(|_| place(rng)).collect();
        let s = grid.sample(|x| {
            let spot = |centre: &Vec<f64>| {
                let away = x.iter().zip(grid.origin()).zip(centre).zip(grid.lengths());
                let r2: f64 = away
                    .map(|(((x, o), c), l)| {
                        let d = x - o - c;
                        (d - l * (d / l).round()).powi(2)
                    })
                    .sum();
                (-0.5 * r2 / (self.radius * self.radius)).exp()
            };
            centres.iter().map(spot).sum::<f64>().min(1.0)
        });
        let mut u: Vec<f64> = s.iter().map(|s| 1.0 - 0.5 * s).collect();
        u.extend(s.iter().map(|s| 0.25 * s));
        u
    }
}

impl Validate for Spots {
    fn validate(&self, mut check: Check<'_>) {
        check.at_least("count", self.count, 1);
        check.positive("radius", self.radius);
    }
}

fn uniform(rng: &mut (impl Rng + ?Sized)) -> f64 {
    rng.random::<f64>()
}

/// A random sum of waves up to the mode `highest` on every axis (below the grid's Nyquist mode), drawn shell by shell so
/// that finer grids begin with the same draws. `weight` is given `|m|` and `|k|`.
fn sum_of_waves(
    grid: &FourierGrid,
    highest: usize,
    rng: &mut (impl Rng + ?Sized),
    mut weight: impl FnMut(f64, f64) -> f64,
) -> Vec<f64> {
    let axes = grid.axes();
    let resolved = grid.shape().iter().min().map_or(0, |n| n / 2 - 1);
    let highest = highest.min(resolved) as i64;
    let side = (2 * highest + 1) as usize;
    let mut modes: Vec<Vec<i64>> = (0..side.pow(axes as u32))
        .map(|flat| {
            let mut rest = flat;
            (0..axes)
                .map(|_| {
                    let m = (rest % side) as i64 - highest;
                    rest /= side;
                    m
                })
                .collect()
        })
        // One of each pair ±m.
        .filter(|m: &Vec<i64>| m.iter().find(|m| **m != 0).is_some_and(|m| *m > 0))
        .collect();
    modes.sort_by_key(|m| (m.iter().map(|m| m.abs()).max(), m.clone()));
    let mut u_hat = vec![Complex64::ZERO; grid.points()];
    for m in &modes {
        let m2 = m.iter().map(|m| (m * m) as f64).sum::<f64>();
        let k2: f64 = m.iter().zip(grid.lengths()).map(|(m, l)| (TAU * *m as f64 / l).powi(2)).sum();
        let w = weight(m2.sqrt(), k2.sqrt());
        let (a, b): (f64, f64) = (rng.sample(StandardNormal), rng.sample(StandardNormal));
        let flat = m.iter().enumerate().fold(0, |flat, (axis, m)| {
            let n = grid.shape()[axis];
            flat * n + m.rem_euclid(n as i64) as usize
        });
        u_hat[flat] = Complex64::new(w * a, -w * b);
    }
    // The real part of Σ (a − ib) e^(iκm·x).
    if let Ok(full) = FourierGrid::complex(grid.shape(), grid.lengths()) {
        full.transform().inverse_complex(&mut u_hat);
    }
    let points = grid.points() as f64;
    u_hat.iter().map(|u| u.re * points).collect()
}

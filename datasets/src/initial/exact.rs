//! Starts from which the solution is known in closed form.

use std::f64::consts::TAU;

use flowmap_solvers::fourier::FourierGrid;
use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use crate::special::{elliptic_ke, jacobi};

/// `a cos(Σ κᵢ mᵢ xᵢ + φ)`, `κᵢ = 2π/lengthᵢ`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wave {
    /// Amplitude `a`.
    pub amplitude: f64,
    /// Waves along every axis, `m`.
    pub modes: Vec<i32>,
    /// Phase `φ`.
    #[serde(default)]
    pub phase: f64,
}

impl Wave {
    /// The wave with its wavenumbers on a grid.
    pub fn on(&self, grid: &FourierGrid) -> WaveOnGrid {
        let k = grid.lengths().iter().enumerate();
        let k = k.map(|(a, l)| TAU * f64::from(self.modes.get(a).copied().unwrap_or(0)) / l).collect();
        WaveOnGrid { amplitude: self.amplitude, phase: self.phase, k }
    }
}

/// `a cos(k·x + φ)`.
#[derive(Clone, Debug)]
pub struct WaveOnGrid {
    amplitude: f64,
    phase: f64,
    k: Vec<f64>,
}

impl WaveOnGrid {
    /// The value at a place.
    pub fn at(&self, x: &[f64]) -> f64 {
        self.amplitude * (self.k.iter().zip(x).map(|(k, x)| k * x).sum::<f64>() + self.phase).cos()
    }

    /// The derivative of an order at a place of one axis.
    pub fn derivative(&self, x: f64, order: usize) -> f64 {
        let k = self.k.first().copied().unwrap_or(0.0);
        let quarter = std::f64::consts::FRAC_PI_2 * order as f64;
        self.amplitude * k.powi(order as i32) * (k * x + self.phase + quarter).cos()
    }

    /// The integral of a wave of one axis with zero mean, at a place; zero of one that is constant.
    pub fn integral(&self, x: f64) -> f64 {
        match self.k.first().copied() {
            Some(k) if k != 0.0 => self.amplitude / k * (k * x + self.phase).sin(),
            _ => 0.0,
        }
    }

    /// `|a|`.
    pub fn size(&self) -> f64 {
        self.amplitude.abs()
    }

    /// The mean over the domain.
    pub fn mean(&self) -> f64 {
        if self.k2() == 0.0 { self.amplitude * self.phase.cos() } else { 0.0 }
    }

    /// `|k|²`.
    pub fn k2(&self) -> f64 {
        self.k.iter().map(|k| k * k).sum()
    }
}

/// `N` solitons of `v_t + 6 v v_x + v_xxx = 0`, `v = 2 ∂_x² ln F`,
/// `F = Σ_S exp(Σ_{i∈S} 2θᵢ + Σ_{i<j∈S} ln((kᵢ − kⱼ)/(kᵢ + kⱼ))²)` over all subsets, `θᵢ = −kᵢ(x − 4kᵢ²t − xᵢ)`
/// (R. Hirota, Phys. Rev. Lett. 27 (1971) 1192). The second derivative of `ln F` is a variance over the subsets, which
/// has no cancellation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Solitons {
    /// `kᵢ > 0`, all different; a soliton alone is `2k² sech²(k(x − 4k²t − x₀))`.
    pub wavenumbers: Vec<f64>,
    /// `xᵢ`.
    pub positions: Vec<f64>,
}

impl Solitons {
    /// `v(x, t)`.
    pub fn at(&self, x: f64, t: f64) -> f64 {
        let k = &self.wavenumbers;
        let n = k.len();
        let theta: Vec<_> =
            k.iter().zip(&self.positions).map(|(k, p)| -2.0 * k * (x - 4.0 * k * k * t - p)).collect();
        let subsets = (0..1_usize << n).map(|s| {
            let (mut log, mut slope) = (0.0, 0.0);
            for i in (0..n).filter(|i| s >> i & 1 == 1) {
                log += theta[i];
                slope -= 2.0 * k[i];
                for j in (0..i).filter(|j| s >> j & 1 == 1) {
                    log += 2.0 * ((k[i] - k[j]) / (k[i] + k[j])).abs().ln();
                }
            }
            (log, slope)
        });
        let subsets: Vec<_> = subsets.collect();
        let top = subsets.iter().map(|s| s.0).fold(f64::NEG_INFINITY, f64::max);
        let weight = |log: f64| (log - top).exp();
        let total: f64 = subsets.iter().map(|s| weight(s.0)).sum();
        let mean = subsets.iter().map(|s| weight(s.0) * s.1).sum::<f64>() / total;
        2.0 * subsets.iter().map(|s| weight(s.0) * (s.1 - mean).powi(2)).sum::<f64>() / total
    }
}

impl Validate for Solitons {
    fn validate(&self, mut check: Check<'_>) {
        check.within("wavenumbers", self.wavenumbers.len(), 1, 8);
        self.wavenumbers.iter().for_each(|k| check.positive("wavenumbers", *k));
        check.require(
            self.positions.len() == self.wavenumbers.len(),
            "positions",
            format!("{} positions for {} solitons", self.positions.len(), self.wavenumbers.len()),
            "give one position for every wavenumber",
        );
        for (i, k) in self.wavenumbers.iter().enumerate() {
            let twice = self.wavenumbers[..i].contains(k);
            check.require(
                !twice,
                "wavenumbers",
                format!("{k} is there twice"),
                "solitons have different speeds",
            );
        }
    }
}

/// The cnoidal wave of `v_t + 6 v v_x + v_xxx = 0` with zero mean,
/// `v = 2mk² cn²(k(x − ct) | m) + v₀`, `v₀ = −2k²(E/K − 1 + m)`, `c = 4k²(2m − 1) + 6v₀`, period `2K/k`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cnoidal {
    /// The parameter `m`, from 0 (a sine) to 1 (solitons).
    pub parameter: f64,
    /// Waves in the domain.
    pub periods: u32,
}

impl Cnoidal {
    /// The wave that fits a grid.
    pub fn on(&self, grid: &FourierGrid) -> CnoidalWave {
        let m = self.parameter;
        let (big_k, big_e) = elliptic_ke(m);
        let k = 2.0 * big_k * f64::from(self.periods) / grid.lengths()[0];
        let offset = -2.0 * k * k * (big_e / big_k - 1.0 + m);
        CnoidalWave { m, k, offset, speed: 4.0 * k * k * (2.0 * m - 1.0) + 6.0 * offset }
    }
}

impl Validate for Cnoidal {
    fn validate(&self, mut check: Check<'_>) {
        check.within("parameter", self.parameter, 0.0, 0.999_999);
        check.at_least("periods", self.periods as usize, 1);
    }
}

/// A cnoidal wave on its grid.
#[derive(Clone, Debug)]
pub struct CnoidalWave {
    m: f64,
    k: f64,
    offset: f64,
    /// The speed `c`.
    pub speed: f64,
}

impl CnoidalWave {
    /// `v(x, t)`.
    pub fn at(&self, x: f64, t: f64) -> f64 {
        let (_, cn, _) = jacobi(self.k * (x - self.speed * t), self.m);
        2.0 * self.m * self.k * self.k * cn * cn + self.offset
    }
}

/// `u = −2ν φ_x/φ`, `φ = 1 + a cos(kx) e^(−νk²t)`, `k = 2π mode/length`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColeHopf {
    /// `a`, between 0 and 1: the nearer to 1, the steeper.
    pub amplitude: f64,
    /// Waves in the domain.
    pub mode: u32,
}

impl ColeHopf {
    /// The field at a time.
    pub fn field(&self, viscosity: f64, t: f64, grid: &FourierGrid) -> Vec<f64> {
        let k = TAU * f64::from(self.mode) / grid.lengths()[0];
        let a = self.amplitude * (-viscosity * k * k * t).exp();
        grid.sample(|x| 2.0 * viscosity * k * a * (k * x[0]).sin() / (1.0 + a * (k * x[0]).cos()))
    }
}

impl Validate for ColeHopf {
    fn validate(&self, mut check: Check<'_>) {
        check.within("amplitude", self.amplitude, 0.0, 0.999);
        check.at_least("mode", self.mode as usize, 1);
    }
}

/// Two fronts that leave the centre of the domain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FisherFronts {
    /// Their distance from the centre at the start.
    pub half_width: f64,
}

impl FisherFronts {
    /// The field at a time, for diffusivity `d` and rate `r`.
    pub fn field(&self, d: f64, r: f64, t: f64, grid: &FourierGrid) -> Vec<f64> {
        let centre = grid.origin()[0] + 0.5 * grid.lengths()[0];
        let at = self.half_width + 5.0 * (r * d / 6.0).sqrt() * t;
        let steepness = (r / (6.0 * d)).sqrt();
        grid.sample(|x| (1.0 + (steepness * ((x[0] - centre).abs() - at)).exp()).powi(-2))
    }
}

impl Validate for FisherFronts {
    fn validate(&self, mut check: Check<'_>) {
        check.positive("half_width", self.half_width);
    }
}

/// `a sech(a(x − x₀ − vt)) e^(i(v(x − x₀) + (a² − v²)t/2))`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrightSoliton {
    /// Amplitude `a`.
    pub amplitude: f64,
    /// Velocity `v`.
    pub velocity: f64,
    /// Position `x₀`.
    pub position: f64,
}

impl BrightSoliton {
    /// Both channels at a time; the envelope is the image nearest to each point.
    pub fn field(&self, t: f64, grid: &FourierGrid) -> Vec<f64> {
        let Self { amplitude: a, velocity: v, position } = *self;
        let length = grid.lengths()[0];
        let part = |imaginary: bool| {
            grid.sample(|x| {
                let away = x[0] - position - v * t;
                let away = away - length * (away / length).round();
                // The carrier continues with the envelope.
                let phase = v * (away + v * t) + 0.5 * (a * a - v * v) * t;
                a / (a * away).cosh() * if imaginary { phase.sin() } else { phase.cos() }
            })
        };
        let mut u = part(false);
        u.extend(part(true));
        u
    }
}

impl Validate for BrightSoliton {
    fn validate(&self, mut check: Check<'_>) {
        check.positive("amplitude", self.amplitude);
        check.finite("velocity", self.velocity);
        check.finite("position", self.position);
    }
}

/// `A e^(i(kx − ωt))`, `k = 2π mode/length`, `ω = k²/2 − σA²`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaneWave {
    /// Amplitude `A`.
    pub amplitude: f64,
    /// Waves in the domain.
    pub mode: i32,
}

impl PlaneWave {
    /// Both channels at a time, for the focusing `σ`.
    pub fn field(&self, sigma: f64, t: f64, grid: &FourierGrid) -> Vec<f64> {
        let k = TAU * f64::from(self.mode) / grid.lengths()[0];
        let omega = 0.5 * k * k - sigma * self.amplitude * self.amplitude;
        let mut u = grid.sample(|x| self.amplitude * (k * x[0] - omega * t).cos());
        u.extend(grid.sample(|x| self.amplitude * (k * x[0] - omega * t).sin()));
        u
    }
}

/// `ω = A cos(kx) cos(ky)`, `k = 2π mode/length`: it decays without a change of shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaylorGreen {
    /// Amplitude `A`.
    pub amplitude: f64,
    /// Waves along both axes.
    pub mode: u32,
}

impl TaylorGreen {
    /// The vorticity at the start.
    pub fn at(&self, x: &[f64], length: f64) -> f64 {
        let k = TAU * f64::from(self.mode) / length;
        self.amplitude * (k * x[0]).cos() * (k * x[1]).cos()
    }
}

impl Validate for TaylorGreen {
    fn validate(&self, mut check: Check<'_>) {
        check.finite("amplitude", self.amplitude);
        check.at_least("mode", self.mode as usize, 1);
    }
}

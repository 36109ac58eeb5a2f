//! A fluid without viscosity between walls on which it slides.

use std::f64::consts::{FRAC_PI_2, PI};

use flowmap_solvers::config::{FixedConfig, SolverConfig};
use flowmap_solvers::issue::{Check, Issue, Validate};
use serde::{Deserialize, Serialize};

use super::Boxed;
use crate::problem::ProblemConfig;
use crate::problem::pde::NavierStokes;
use crate::simulate::simulate;

/// The step of the spectral solution.
const STEP: f64 = 0.01;

/// Modes below this, relative to the largest, are left out.
const NEGLIGIBLE: f64 = 1e-13;

/// `u_t + (u·∇)u + ∇p = 0`, `∇·u = 0` in `[−1, 1]²`, `u·n = 0` on the walls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EulerBox {
    /// What flows at the start.
    pub vortices: Vortices,
    /// The amplitude `a`.
    pub amplitude: f64,
    /// Points of the spectral reference along the box; it is solved on the odd extension, twice as long.
    pub points: usize,
}

/// What flows at the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vortices {
    /// `ψ = a/π² sin(2ξ) sin(2η)`, `ξ = π(x + 1)/2`, `η = π(y + 1)/2`: the vortices of Taylor and Green, which do not change, since
    /// their vorticity is a function of their stream function.
    #[default]
    TaylorGreen,
    /// `ω = a (sin ξ + sin 2ξ) sin η`: a strong vortex and a weak one that turn around each other.
    Pair,
}

/// `ψ = Σ c_mn sin(mξ) sin(nη)`.
#[derive(Clone, Debug)]
pub struct SineFlow {
    modes: Vec<(usize, usize, f64)>,
    highest: usize,
}

impl Default for EulerBox {
    fn default() -> Self {
        Self { vortices: Vortices::default(), amplitude: 1.0, points: 64 }
    }
}

impl Validate for EulerBox {
    fn validate(&self, mut check: Check<'_>) {
        check.positive("amplitude", self.amplitude);
        check.within("points", self.points, 8, 512);
        check.require(
            self.points.is_multiple_of(4),
            "points",
            format!("{} points cannot be halved, by which their error is measured", self.points),
            "give a multiple of four",
        );
    }
}

impl EulerBox {
    /// The flows at ascending times, the first of them zero: exact, or of Fourier's method on the odd extension.
    ///
    /// # Errors
    /// If the spectral solution cannot be had.
    pub fn flows(&self, times: &[f64]) -> Result<Vec<SineFlow>, Issue> {
        let a = self.amplitude;
        if self.vortices == Vortices::TaylorGreen {
            return Ok(vec![SineFlow::new(vec![(2, 2, a / (PI * PI))]); times.len()]);
        }
        let m = self.points;
        let problem = ProblemConfig::NavierStokes(NavierStokes {
            length: 4.0,
            points: 2 * m,
            viscosity: 0.0,
            ..NavierStokes::default()
        });
        let built = problem.build().map_err(|e| Issue::new("problem.euler_box.points", e.to_string()))?;
        let wave = |k: usize, i: usize| (PI * (k * i) as f64 / m as f64).sin();
        let start: Vec<f64> = (0..4 * m * m)
            .map(|i| (i / (2 * m), i % (2 * m)))
            .map(|(i, j)| a * (wave(1, i) + wave(2, i)) * wave(1, j))
            .collect();
        let solver = SolverConfig::Etdrk4(FixedConfig { dt: STEP });
        let solved = simulate(&built, &solver, &start, times)?;
        if solved.states.len() < times.len() {
            let message = format!("the spectral reference ended early: {:?}", solved.outcome);
            return Err(Issue::new("problem.euler_box", message));
        }
        Ok(solved.states.iter().map(|w| SineFlow::of_vorticity(w, m)).collect())
    }

    /// The same with half the points, by which the error of the reference is measured; none if it is exact.
    #[must_use]
    pub fn coarser(&self) -> Option<Self> {
        (self.vortices != Vortices::TaylorGreen).then(|| Self { points: self.points / 2, ..self.clone() })
    }
}

impl SineFlow {
    fn new(modes: Vec<(usize, usize, f64)>) -> Self {
        let highest = modes.iter().map(|(m, n, _)| *m.max(n)).max().unwrap_or(0);
        Self { modes, highest }
    }

    /// From the vorticity on an even grid of the odd extension, `2m` points an axis.
    fn of_vorticity(vorticity: &[f64], m: usize) -> Self {
        let sine: Vec<Vec<f64>> =
            (1..m).map(|k| (1..m).map(|i| (PI * (k * i) as f64 / m as f64).sin()).collect()).collect();
        // First along the second axis, then along the first.
        let half: Vec<Vec<f64>> = (1..m)
            .map(|i| {
                let row = &vorticity[i * 2 * m + 1..i * 2 * m + m];
                sine.iter().map(|s| s.iter().zip(row).map(|(s, w)| s * w).sum()).collect()
            })
            .collect();
        let scale = 4.0 / (m * m) as f64;
        let mut modes = Vec::new();
        for (k, s) in sine.iter().enumerate() {
            for l in 0..m - 1 {
                let w: f64 = s.iter().zip(&half).map(|(s, row)| s * row[l]).sum();
                let k2 = (((k + 1) * (k + 1) + (l + 1) * (l + 1)) as f64) * FRAC_PI_2 * FRAC_PI_2;
                modes.push((k + 1, l + 1, scale * w / k2));
            }
        }
        let largest = modes.iter().map(|m| m.2.abs()).fold(0.0, f64::max);
        modes.retain(|m| m.2.abs() > NEGLIGIBLE * largest);
        Self::new(modes)
    }

    /// `u, v` and `ω = v_x − u_y` at a place of `[−1, 1]²`.
    pub fn at(&self, [x, y]: [f64; 2]) -> ([f64; 2], f64) {
        let table = |z: f64| -> Vec<(f64, f64)> {
            (0..=self.highest).map(|k| (FRAC_PI_2 * k as f64 * (z + 1.0)).sin_cos()).collect()
        };
        let (along_x, along_y) = (table(x), table(y));
        let (mut velocity, mut vorticity) = ([0.0; 2], 0.0);
        for (m, n, c) in &self.modes {
            let ((sx, cx), (sy, cy)) = (along_x[*m], along_y[*n]);
            let (km, kn) = (FRAC_PI_2 * *m as f64, FRAC_PI_2 * *n as f64);
            velocity[0] += c * kn * sx * cy;
            velocity[1] -= c * km * cx * sy;
            vorticity += c * (km * km + kn * kn) * sx * sy;
        }
        (velocity, vorticity)
    }
}

impl Boxed for EulerBox {
    fn name(&self) -> &'static str {
        "euler_box"
    }

    fn equation(&self) -> &'static str {
        "u_t + (u·∇)u + ∇p = 0, ∇·u = 0, u·n = 0 on the walls"
    }

    fn channels(&self) -> Vec<String> {
        vec!["u".into(), "v".into()]
    }

    fn moves(&self) -> bool {
        true
    }
}

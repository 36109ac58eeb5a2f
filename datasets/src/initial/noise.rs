//! Clouds of smooth noise.

use std::f64::consts::TAU;

use flowmap_solvers::issue::{Check, Validate};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use crate::problem::cells::CellProblem;

/// Waves below this, relative to the largest, are left out.
const NEGLIGIBLE: f64 = 1e-9;

/// Waves with `(scale·|m|/length)²` up to this are left out.
const LONGEST: f64 = 0.1;

/// Clouds `|n|` in a fluid at rest: `n` is periodic Gaussian noise with standard deviation one and mean zero whose mode
/// `m` has the amplitude `|k|^(−2·smoothness)`, `k = scale·m/length`.
///
/// The clouds of PDEArena's smoke, which are PhiFlow's `abs(Noise(scale=11, smoothness=6))`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Noise {
    /// The scale, in units of length; longer waves than about three times that are left out.
    pub scale: f64,
    /// The smoothness.
    pub smoothness: f64,
}

impl Default for Noise {
    fn default() -> Self {
        Self { scale: 11.0, smoothness: 6.0 }
    }
}

impl Validate for Noise {
    fn validate(&self, mut check: Check<'_>) {
        check.positive("scale", self.scale);
        check.within("smoothness", self.smoothness, 0.5, 50.0);
    }
}

impl Noise {
    /// The modes of a box and their amplitudes, shell by shell, so that finer grids begin with the same draws.
    fn modes(&self, [nx, ny]: [usize; 2], lengths: [f64; 2]) -> Vec<([i64; 2], f64)> {
        let squared =
            |m: [i64; 2]| -> f64 { (0..2).map(|a| (self.scale * m[a] as f64 / lengths[a]).powi(2)).sum() };
        let highest = (nx.min(ny) / 2 - 1) as i64;
        let mut modes = Vec::new();
        let mut top: f64 = 0.0;
        for shell in 1..=highest {
            let mut largest: f64 = 0.0;
            for x in 0..=shell {
                for y in -shell..=shell {
                    // One of each pair ±m.
                    let half = x > 0 || y > 0;
                    let k2 = squared([x, y]);
                    if half && x.max(y.abs()) == shell && k2 > LONGEST {
                        let amplitude = k2.powf(-self.smoothness);
                        largest = largest.max(amplitude);
                        modes.push(([x, y], amplitude));
                    }
                }
            }
            top = top.max(largest);
            if top > 0.0 && largest < NEGLIGIBLE * top {
                break;
            }
        }
        modes
    }

    /// Draws `|n|`, `[x, y]`; none if the box is so small that no wave is left.
    pub(super) fn draw(&self, problem: &dyn CellProblem, rng: &mut (impl Rng + ?Sized)) -> Option<Vec<f64>> {
        let (cells, lengths) = (problem.cells(), problem.lengths());
        let points = cells[0] * cells[1];
        let mut noise = vec![0.0; points];
        let table = |axis: usize, m: i64| -> Vec<(f64, f64)> {
            let wave = TAU * m as f64 / lengths[axis];
            problem.coordinates(axis).iter().map(|x| (wave * x).sin_cos()).collect()
        };
        for (m, amplitude) in self.modes(cells, lengths) {
            let (a, b): (f64, f64) = (rng.sample(StandardNormal), rng.sample(StandardNormal));
            let (a, b) = (amplitude * a, amplitude * b);
            let (along, across) = (table(0, m[0]), table(1, m[1]));
            for (row, (sx, cx)) in noise.chunks_exact_mut(cells[1]).zip(&along) {
                // a cos(kx + ly) + b sin(kx + ly).
                let (c, s) = (a * cx + b * sx, b * cx - a * sx);
                row.iter_mut().zip(&across).for_each(|(n, (sy, cy))| *n += c * cy + s * sy);
            }
        }
        let mean = noise.iter().sum::<f64>() / points as f64;
        let variance = noise.iter().map(|n| (n - mean).powi(2)).sum::<f64>() / points as f64;
        if variance <= 0.0 {
            return None;
        }
        let scale = 1.0 / variance.sqrt();
        Some(noise.iter().map(|n| (scale * (n - mean)).abs()).collect())
    }
}

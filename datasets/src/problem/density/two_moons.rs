//! Two half circles, one hooked into the other.

use std::f64::consts::{PI, TAU};

use flowmap_solvers::issue::{Check, Validate};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{Density, log_sum_exp, normal};

/// Nodes and weights of Gauss' rule of five points on `[−1, 1]`.
const GAUSS: [(f64, f64); 5] = [
    (-0.9061798459386640, 0.2369268850561891),
    (-0.5384693101056831, 0.4786286704993665),
    (0.0, 0.5688888888888889),
    (0.5384693101056831, 0.4786286704993665),
    (0.9061798459386640, 0.2369268850561891),
];

/// `x = ±(cos θ − ½, sin θ − ¼) + σ ξ`, `θ` uniform in `[0, π]`, either sign as likely as the other: the two moons of
/// scikit-learn, their mean at the origin.
///
/// The density is that of the arc, convolved with a Gaussian: an integral over `θ`, done by Gauss' rule on panels half
/// of `σ` long, to 1e-11.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TwoMoons {
    /// Standard deviation `σ` of the noise.
    pub noise: f64,
}

impl Default for TwoMoons {
    fn default() -> Self {
        Self { noise: 0.1 }
    }
}

impl Validate for TwoMoons {
    fn validate(&self, mut check: Check<'_>) {
        check.within("noise", self.noise, 1e-3, 10.0);
    }
}

impl Density for TwoMoons {
    fn name(&self) -> &'static str {
        "two_moons"
    }

    fn equation(&self) -> &'static str {
        "x = ±(cos θ − ½, sin θ − ¼) + σ ξ, θ uniform in [0, π]"
    }

    fn sample(&self, rng: &mut ChaCha8Rng) -> [f64; 2] {
        let sign = if rng.random::<bool>() { 1.0 } else { -1.0 };
        let (sin, cos) = (PI * rng.random::<f64>()).sin_cos();
        normal(rng, [sign * (cos - 0.5), sign * (sin - 0.25)], self.noise)
    }

    fn log_density(&self, x: [f64; 2]) -> f64 {
        let variance = self.noise * self.noise;
        let panels = ((2.0 * PI / self.noise).ceil() as usize).clamp(8, 4096);
        let half = 0.5 * PI / panels as f64;
        let logs = (0..panels).flat_map(move |panel| {
            GAUSS.iter().flat_map(move |(node, weight)| {
                let (sin, cos) = (half * ((2 * panel + 1) as f64 + node)).sin_cos();
                let log_weight = (0.5 * weight * half / PI).ln();
                [1.0, -1.0].map(|sign| {
                    let (dx, dy) = (x[0] - sign * (cos - 0.5), x[1] - sign * (sin - 0.25));
                    log_weight - 0.5 * (dx * dx + dy * dy) / variance
                })
            })
        });
        log_sum_exp(&logs.collect::<Vec<_>>()) - (TAU * variance).ln()
    }

    fn window(&self) -> [(f64, f64); 2] {
        let pad = 6.0 * self.noise;
        [(-1.5 - pad, 1.5 + pad), (-0.75 - pad, 0.75 + pad)]
    }
}

//! Eight Gaussians on a circle.

use std::f64::consts::TAU;

use flowmap_solvers::issue::{Check, Validate};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{Density, log_sum_exp, normal};

const COMPONENTS: usize = 8;

/// `p(x) = ⅛ Σₖ N(x; r (cos 2πk/8, sin 2πk/8), σ² I)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EightGaussians {
    /// Radius `r` of the circle.
    pub radius: f64,
    /// Standard deviation `σ` of each.
    pub std: f64,
}

impl Default for EightGaussians {
    fn default() -> Self {
        Self { radius: 2.0, std: 0.2 }
    }
}

impl Validate for EightGaussians {
    fn validate(&self, mut check: Check<'_>) {
        check.non_negative("radius", self.radius);
        check.positive("std", self.std);
    }
}

impl EightGaussians {
    fn mean(&self, k: usize) -> [f64; 2] {
        let (sin, cos) = (TAU * k as f64 / COMPONENTS as f64).sin_cos();
        [self.radius * cos, self.radius * sin]
    }
}

impl Density for EightGaussians {
    fn name(&self) -> &'static str {
        "eight_gaussians"
    }

    fn equation(&self) -> &'static str {
        "p(x) = ⅛ Σₖ N(x; r (cos 2πk/8, sin 2πk/8), σ² I)"
    }

    fn sample(&self, rng: &mut ChaCha8Rng) -> [f64; 2] {
        let mean = self.mean(rng.random_range(0..COMPONENTS));
        normal(rng, mean, self.std)
    }

    fn log_density(&self, x: [f64; 2]) -> f64 {
        let variance = self.std * self.std;
        let exponents: [f64; COMPONENTS] = std::array::from_fn(|k| {
            let [mx, my] = self.mean(k);
            -0.5 * ((x[0] - mx).powi(2) + (x[1] - my).powi(2)) / variance
        });
        log_sum_exp(&exponents) - (COMPONENTS as f64 * TAU * variance).ln()
    }

    fn window(&self) -> [(f64, f64); 2] {
        let half = self.radius + 6.0 * self.std;
        [(-half, half); 2]
    }
}

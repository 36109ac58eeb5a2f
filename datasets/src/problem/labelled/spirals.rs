//! Spirals that turn one way or the other.

use std::f64::consts::TAU;

use flowmap_solvers::issue::{Check, Validate};
use ndarray::Array2;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::Labelled;

/// `x(t) = e^{−γt} (cos(φ ± ωt), sin(φ ± ωt)) + σ ξ`, with a phase `φ` that is uniform and noise of its own for each sample:
/// decaying spirals, which the sign tells apart, anticlockwise or clockwise. Without their order in time the samples of the
/// two are alike.
///
/// The linear spirals of the examples of torchcde and diffrax, with noise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Spirals {
    /// Angular velocity `ω`.
    pub velocity: f64,
    /// Decay `γ`.
    pub decay: f64,
    /// Standard deviation `σ` of the noise.
    pub noise: f64,
}

impl Default for Spirals {
    fn default() -> Self {
        Self { velocity: 2.0, decay: 0.3, noise: 0.1 }
    }
}

impl Validate for Spirals {
    fn validate(&self, mut check: Check<'_>) {
        check.positive("velocity", self.velocity);
        check.non_negative("decay", self.decay);
        check.non_negative("noise", self.noise);
    }
}

impl Labelled for Spirals {
    fn name(&self) -> &'static str {
        "spirals"
    }

    fn equation(&self) -> &'static str {
        "x(t) = exp(−γt) (cos(φ ± ωt), sin(φ ± ωt)) + σ ξ"
    }

    fn classes(&self) -> Vec<String> {
        vec!["anticlockwise".into(), "clockwise".into()]
    }

    fn channels(&self) -> Vec<String> {
        vec!["x".into(), "y".into()]
    }

    fn draw(&self, label: usize, times: &[f64], rng: &mut ChaCha8Rng) -> Array2<f64> {
        let sense = if label == 0 { 1.0 } else { -1.0 };
        let phase = TAU * rng.random::<f64>();
        let mut values = Array2::zeros((times.len(), 2));
        for (t, mut sample) in times.iter().zip(values.rows_mut()) {
            let (sin, cos) = (phase + sense * self.velocity * t).sin_cos();
            let radius = (-self.decay * t).exp();
            for (x, exact) in sample.iter_mut().zip([radius * cos, radius * sin]) {
                *x = exact + self.noise * rng.sample::<f64, _>(StandardNormal);
            }
        }
        values
    }
}

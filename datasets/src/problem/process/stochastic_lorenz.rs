//! Lorenz' convection with noise that grows with the state.

use flowmap_solvers::brownian::Brownian;
use flowmap_solvers::issue::{Check, Validate};
use flowmap_solvers::sde::{Diagonal, Ito, OnPath, Sde};
use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::Process;

/// The longest step of the Euler-Maruyama method by which paths are drawn.
const STEP: f64 = 1e-3;

/// `dx = σ(y − x) dt + b₁ x dW₁`, `dy = (x(ρ − z) − y) dt + b₂ y dW₂`, `dz = (xy − βz) dt + b₃ z dW₃` in Itô's sense, from independent
/// standard normal values.
///
/// The process of X. Li et al., "Scalable Gradients for Stochastic Differential Equations", AISTATS 2020, section 7.2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StochasticLorenz {
    /// `σ, ρ, β`.
    pub parameters: [f64; 3],
    /// `b₁, b₂, b₃`.
    pub noise: [f64; 3],
}

impl Default for StochasticLorenz {
    fn default() -> Self {
        Self { parameters: [10.0, 28.0, 8.0 / 3.0], noise: [0.1, 0.28, 0.3] }
    }
}

impl Validate for StochasticLorenz {
    fn validate(&self, mut check: Check<'_>) {
        self.parameters.iter().for_each(|p| check.finite("parameters", *p));
        self.noise.iter().for_each(|b| check.non_negative("noise", *b));
    }
}

impl Sde<[f64; 3]> for StochasticLorenz {
    type Noise = [f64; 3];
    type Calculus = Ito;
    type Structure = Diagonal;

    fn noise_like(&self, _y: &[f64; 3]) -> [f64; 3] {
        [0.0; 3]
    }

    fn drift(&mut self, _t: f64, u: &[f64; 3], out: &mut [f64; 3]) {
        let ([sigma, rho, beta], [x, y, z]) = (self.parameters, *u);
        *out = [sigma * (y - x), x * (rho - z) - y, x * y - beta * z];
    }

    fn diffusion(&mut self, _t: f64, u: &[f64; 3], dw: &[f64; 3], out: &mut [f64; 3]) {
        *out = std::array::from_fn(|i| self.noise[i] * u[i] * dw[i]);
    }
}

impl Process for StochasticLorenz {
    fn name(&self) -> &'static str {
        "stochastic_lorenz"
    }

    fn equation(&self) -> &'static str {
        "dx = σ(y − x) dt + b₁ x dW₁, dy = (x(ρ − z) − y) dt + b₂ y dW₂, dz = (xy − βz) dt + b₃ z dW₃"
    }

    fn variables(&self) -> Vec<String> {
        ["x", "y", "z"].map(String::from).to_vec()
    }

    fn sample(&self, times: &[f64], rng: &mut ChaCha8Rng) -> Vec<f64> {
        let mut u: [f64; 3] = std::array::from_fn(|_| rng.sample(StandardNormal));
        let (first, last) = (times.first().copied().unwrap_or(0.0), times.last().copied().unwrap_or(1.0));
        let path = Brownian::new(rng.next_u64(), first, last, &u);
        let mut equation = OnPath::new(self.clone(), path, &u);
        let (mut drift, mut noise) = ([0.0; 3], [0.0; 3]);
        let mut out = u.to_vec();
        for pair in times.windows(2) {
            let steps = ((pair[1] - pair[0]) / STEP).ceil().max(1.0);
            let h = (pair[1] - pair[0]) / steps;
            for i in 0..steps as usize {
                let (t, next) = (pair[0] + i as f64 * h, pair[0] + (i + 1) as f64 * h);
                equation.drift(t, &u, &mut drift);
                equation.diffusion(t, next, t, &u, &mut noise);
                u = std::array::from_fn(|k| u[k] + h * drift[k] + noise[k]);
            }
            out.extend(u);
        }
        out
    }
}

//! Lorenz' convection with noise in proportion to the state.

use flowmap_solvers::issue::{Check, Validate};
use flowmap_solvers::sde::{NoiseKind, Reading};
use serde::{Deserialize, Serialize};

use super::SdeProblem;

/// `dx = σ (y − x) dt + α₁ x dW₁`, `dy = (x (ρ − z) − y) dt + α₂ y dW₂`, `dz = (x y − β z) dt + α₃ z dW₃`.
///
/// X. Li, T.-K. L. Wong, R. T. Q. Chen, D. Duvenaud, "Scalable gradients for stochastic differential equations", AISTATS (2020),
/// section 7.2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StochasticLorenz {
    /// Prandtl number `σ`.
    pub sigma: f64,
    /// Reduced Rayleigh number `ρ`.
    pub rho: f64,
    /// Aspect of the rolls `β`.
    pub beta: f64,
    /// Strengths of the noise `α`.
    pub noise: [f64; 3],
    /// How `α y dW` is meant.
    pub calculus: Reading,
}

impl Default for StochasticLorenz {
    fn default() -> Self {
        Self { sigma: 10.0, rho: 28.0, beta: 8.0 / 3.0, noise: [0.1, 0.28, 0.3], calculus: Reading::Ito }
    }
}

impl Validate for StochasticLorenz {
    fn validate(&self, mut check: Check<'_>) {
        check.positive("sigma", self.sigma);
        check.positive("rho", self.rho);
        check.positive("beta", self.beta);
        for noise in self.noise {
            check.non_negative("noise", noise);
        }
    }
}

impl SdeProblem for StochasticLorenz {
    fn name(&self) -> &'static str {
        "stochastic_lorenz"
    }

    fn equation(&self) -> &'static str {
        "dx = σ(y − x) dt + α₁ x dW₁, dy = (x(ρ − z) − y) dt + α₂ y dW₂, dz = (xy − βz) dt + α₃ z dW₃"
    }

    fn variables(&self) -> Vec<String> {
        ["x", "y", "z"].map(str::to_owned).to_vec()
    }

    fn noises(&self) -> usize {
        3
    }

    fn reading(&self) -> Reading {
        self.calculus
    }

    fn noise(&self) -> NoiseKind {
        NoiseKind::Diagonal
    }

    fn drift(&self, _t: f64, u: &[f64], du: &mut [f64]) {
        let [x, y, z] = [u[0], u[1], u[2]];
        du[0] = self.sigma * (y - x);
        du[1] = x * (self.rho - z) - y;
        du[2] = x * y - self.beta * z;
    }

    fn diffusion(&self, _t: f64, u: &[f64], dw: &[f64], out: &mut [f64]) {
        for i in 0..3 {
            out[i] = self.noise[i] * u[i] * dw[i];
        }
    }

    fn diffusion_derivative(&self, _t: f64, _u: &[f64], v: &[f64], dw: &[f64], out: &mut [f64]) {
        for i in 0..3 {
            out[i] = self.noise[i] * v[i] * dw[i];
        }
    }

    fn initial(&self) -> Vec<f64> {
        vec![1.0, 1.0, 1.0]
    }
}

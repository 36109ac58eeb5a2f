//! A particle drawn to the origin, with a force that grows.

use flowmap_solvers::issue::{Check, Validate};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::Process;

/// `dy = (ρ t − κ y) dt + χ dW`, `y(0)` uniform in `[−1, 1]`: paths are drawn by their exact transitions, and their marginals are known.
///
/// The benchmark of P. Kidger et al., "Neural SDEs as Infinite-Dimensional GANs", ICML 2021.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OrnsteinUhlenbeck {
    /// Growth `ρ` of the force.
    pub rho: f64,
    /// Rate `κ` of return.
    pub kappa: f64,
    /// Strength `χ` of the noise.
    pub chi: f64,
}

impl Default for OrnsteinUhlenbeck {
    fn default() -> Self {
        Self { rho: 0.02, kappa: 0.1, chi: 0.4 }
    }
}

impl Validate for OrnsteinUhlenbeck {
    fn validate(&self, mut check: Check<'_>) {
        check.finite("rho", self.rho);
        check.positive("kappa", self.kappa);
        check.non_negative("chi", self.chi);
    }
}

impl OrnsteinUhlenbeck {
    /// `∫ₐᵇ e^{−κ(b−s)} ρ s ds`.
    fn forced(&self, a: f64, b: f64) -> f64 {
        let (k, decay) = (self.kappa, (-self.kappa * (b - a)).exp());
        self.rho * ((b - a * decay) / k - (1.0 - decay) / (k * k))
    }

    /// The variance that a time adds.
    fn spread(&self, h: f64) -> f64 {
        -self.chi * self.chi * (-2.0 * self.kappa * h).exp_m1() / (2.0 * self.kappa)
    }
}

impl Process for OrnsteinUhlenbeck {
    fn name(&self) -> &'static str {
        "ornstein_uhlenbeck"
    }

    fn equation(&self) -> &'static str {
        "dy = (ρ t − κ y) dt + χ dW, y(0) uniform in [−1, 1]"
    }

    fn variables(&self) -> Vec<String> {
        vec!["y".into()]
    }

    fn sample(&self, times: &[f64], rng: &mut ChaCha8Rng) -> Vec<f64> {
        let mut y = 2.0 * rng.random::<f64>() - 1.0;
        let mut before = times.first().copied().unwrap_or(0.0);
        let origin = before;
        times
            .iter()
            .map(|t| {
                let h = t - before;
                let noise: f64 = rng.sample(StandardNormal);
                if h > 0.0 {
                    y = y * (-self.kappa * h).exp() + self.forced(before - origin, t - origin);
                    y += self.spread(h).sqrt() * noise;
                }
                before = *t;
                y
            })
            .collect()
    }

    fn marginal(&self, t: f64) -> Option<Vec<(f64, f64)>> {
        let start = (-2.0 * self.kappa * t).exp() / 3.0;
        Some(vec![(self.forced(0.0, t), (start + self.spread(t)).sqrt())])
    }
}

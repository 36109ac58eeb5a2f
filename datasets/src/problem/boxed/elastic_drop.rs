//! A block that falls on the ground.

use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use super::Boxed;

/// A cube `[−1, 1]³` that falls from rest: `ρ u_tt = −∂W/∂u − ρ g + contact`, `W` the mean of `a Σ(σᵢ − 1)² + v (det F − 1)²`, all by unit
/// of volume; a point below the ground is pushed up in proportion to its depth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ElasticDrop {
    /// `a`.
    pub shape: f64,
    /// `v`.
    pub volume: f64,
    /// `ρ`.
    pub density: f64,
    /// `g`.
    pub gravity: f64,
    /// The height of the lower face above the ground at the start.
    pub height: f64,
    /// The force on a point of unit depth.
    pub contact: f64,
}

impl Default for ElasticDrop {
    fn default() -> Self {
        Self { shape: 20.0, volume: 100.0, density: 1.0, gravity: 10.0, height: 0.5, contact: 2e3 }
    }
}

impl Validate for ElasticDrop {
    fn validate(&self, mut check: Check<'_>) {
        check.positive("shape", self.shape);
        check.non_negative("volume", self.volume);
        check.positive("density", self.density);
        check.finite("gravity", self.gravity);
        check.non_negative("height", self.height);
        check.positive("contact", self.contact);
    }
}

impl ElasticDrop {
    /// How far the block has fallen after `n` steps of the implicit method of Euler without contact: `g Δt² n(n + 1)/2`.
    pub fn fallen(&self, n: usize, dt: f64) -> f64 {
        0.5 * self.gravity * dt * dt * (n * (n + 1)) as f64
    }
}

impl Boxed for ElasticDrop {
    fn name(&self) -> &'static str {
        "elastic_drop"
    }

    fn equation(&self) -> &'static str {
        "ρ u_tt = −∂/∂u (a Σ(σᵢ − 1)² + v (det F − 1)²) − ρ g + contact"
    }

    fn channels(&self) -> Vec<String> {
        vec!["u".into(), "v".into(), "w".into()]
    }

    fn moves(&self) -> bool {
        true
    }
}

//! How strongly states are pulled towards the data: `[train.forcing.NAME]`.

use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use super::PiecewiseLinearMap;
use crate::fused::{Growth, jacobian_growth};

/// The choice of the forcing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForcingConfig {
    /// The same after each step.
    Constant(Constant),
    /// Replacement of the state every few steps, freedom in between (J. Mikhaeil et al., NeurIPS 2022).
    Sparse(Sparse),
    /// The least that keeps gradients bounded, estimated from the Jacobians along the data.
    Adaptive(Adaptive),
}

/// Parameters of constant forcing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Constant {
    /// `α`: zero is a free run, one a one-step prediction.
    pub alpha: f64,
}

/// Parameters of sparse forcing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sparse {
    /// Steps between replacements.
    pub every: usize,
}

/// Parameters of adaptive forcing: `α = max(1 − 1/𝒩, anneal · α_before, 0)` from `α = 1` on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Adaptive {
    /// What `𝒩` is.
    pub estimator: Estimator,
    /// Batches between two estimates.
    pub every: usize,
    /// The factor by which `α` may fall from one estimate to the next.
    pub anneal: f64,
}

/// `𝒩`, the growth of gradients without forcing; `J_t` are the Jacobians at the signals, norms are spectral, and maxima are
/// over the samples of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Estimator {
    /// `max (Π_t ‖J_t‖)^{1/T}`.
    ProductUpperBound,
    /// `max ‖(1/T) Σ_t J_t‖`.
    ArithmeticMean,
    /// `max ‖J_T … J_1‖^{1/T}`.
    GeometricMean,
    /// `max max_t ‖J_t‖`.
    BatchMaximum,
    /// `max |A| + ‖W₁‖ ‖W₂‖`.
    ParameterBound,
}

impl Default for Constant {
    fn default() -> Self {
        Self { alpha: 0.1 }
    }
}

impl Default for Sparse {
    fn default() -> Self {
        Self { every: 20 }
    }
}

impl Default for Adaptive {
    fn default() -> Self {
        Self { estimator: Estimator::ProductUpperBound, every: 5, anneal: 0.999 }
    }
}

impl Default for ForcingConfig {
    fn default() -> Self {
        Self::Adaptive(Adaptive::default())
    }
}

impl ForcingConfig {
    /// `α` before the first step of training.
    pub fn initial(&self) -> f64 {
        match self {
            Self::Constant(c) => c.alpha,
            Self::Sparse(_) | Self::Adaptive(_) => 1.0,
        }
    }

    /// The forcing after each of `steps` steps, at `alpha`.
    pub fn sequence(&self, alpha: f64, steps: usize) -> Vec<f32> {
        match self {
            Self::Sparse(c) => (1..=steps).map(|t| f32::from(u8::from(t.is_multiple_of(c.every)))).collect(),
            Self::Constant(_) | Self::Adaptive(_) => vec![alpha as f32; steps],
        }
    }

    /// The estimator that is due before the batch `step`, if one is.
    pub fn due(&self, step: u64) -> Option<&Adaptive> {
        match self {
            Self::Adaptive(c) if step.is_multiple_of(c.every as u64) => Some(c),
            _ => None,
        }
    }
}

impl Adaptive {
    /// The next `α`, from the one before and states `[step, batch, latent]` along the data.
    pub fn next(&self, before: f64, map: &PiecewiseLinearMap, states: &[f32], batch: usize) -> f64 {
        let growth = self.estimator.growth(map, states, batch);
        // A growth that overflows asks for all the forcing there is.
        let needed = if growth.is_finite() { (1.0 - 1.0 / growth).max(0.0) } else { 1.0 };
        needed.max(self.anneal * before)
    }
}

impl Estimator {
    /// `𝒩`. Spectral norms are exact to three parts in a thousand, from below.
    pub fn growth(self, map: &PiecewiseLinearMap, states: &[f32], batch: usize) -> f64 {
        let along = |what: Growth| jacobian_growth(map, states, batch, what).into_iter().fold(0.0, f64::max);
        match self {
            Self::ProductUpperBound => along(Growth::MeanNorm),
            Self::ArithmeticMean => along(Growth::NormOfMean),
            Self::GeometricMean => along(Growth::NormOfProduct),
            Self::BatchMaximum => along(Growth::LargestNorm),
            Self::ParameterBound => {
                let norm = |w: &nalgebra::DMatrix<f64>| w.singular_values().max();
                norm(&map.a) + norm(&map.w1) * norm(&map.w2)
            }
        }
    }
}

impl Validate for ForcingConfig {
    fn validate(&self, mut check: Check<'_>) {
        match self {
            Self::Constant(c) => check.table("constant").within("alpha", c.alpha, 0.0, 1.0),
            Self::Sparse(c) => check.table("sparse").at_least("every", c.every, 1),
            Self::Adaptive(c) => {
                let mut check = check.table("adaptive");
                check.at_least("every", c.every, 1);
                check.within("anneal", c.anneal, 0.0, 1.0);
            }
        }
    }
}

//! A block that is stretched.

use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use super::Boxed;

/// The deformation `x = X + u(X)` of `[−1, 1]²` with the least `∫ a Σ(σᵢ − 1)² + v (det F − 1)²`, `F = ∂x/∂X` with singular values `σᵢ`
/// (as rigid as possible, and of constant volume), its left face in place, its right face moved by `stretch` along the first axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ElasticBlock {
    /// How far the right face is moved.
    pub stretch: f64,
    /// `a`.
    pub shape: f64,
    /// `v`.
    pub volume: f64,
    /// How the faces are held.
    pub faces: Faces,
    /// Elements of the reference along an axis.
    pub elements: usize,
}

/// How the left and the right face are held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Faces {
    /// In both directions.
    #[default]
    Clamped,
    /// Along the first axis alone, on rollers: the solution is homogeneous.
    Rollers,
}

impl Default for ElasticBlock {
    fn default() -> Self {
        Self { stretch: 2.0, shape: 1.0, volume: 1e3, faces: Faces::default(), elements: 64 }
    }
}

impl Validate for ElasticBlock {
    fn validate(&self, mut check: Check<'_>) {
        check.within("stretch", self.stretch, -1.0, 10.0);
        check.positive("shape", self.shape);
        check.non_negative("volume", self.volume);
        check.within("elements", self.elements, 4, 256);
        check.require(
            self.elements.is_multiple_of(2),
            "elements",
            format!("{} elements cannot be halved, by which their error is measured", self.elements),
            "give an even number",
        );
    }
}

impl ElasticBlock {
    /// `λ₁, λ₂` of the homogeneous solution: `λ₁ = 1 + stretch/2`, `λ₂ = (a + v λ₁)/(a + v λ₁²)`.
    pub fn homogeneous(&self) -> [f64; 2] {
        let first = 1.0 + 0.5 * self.stretch;
        [first, (self.shape + self.volume * first) / (self.shape + self.volume * first * first)]
    }
}

impl Boxed for ElasticBlock {
    fn name(&self) -> &'static str {
        "elastic_block"
    }

    fn equation(&self) -> &'static str {
        "min ∫ a Σ(σᵢ − 1)² + v (det F − 1)²"
    }

    fn channels(&self) -> Vec<String> {
        vec!["u".into(), "v".into()]
    }

    fn moves(&self) -> bool {
        false
    }
}

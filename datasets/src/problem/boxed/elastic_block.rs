//! A block that is stretched.

use flowmap_solvers::elasticity::{Law, Material};
use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use super::Boxed;

/// The deformation `x = X + u(X)` of `[−1, 1]²` or `[−1, 1]³` of least energy by a [`Law`], its left face in place, its right face moved by `stretch` along
/// the first axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ElasticBlock {
    /// Two or three.
    pub axes: usize,
    /// How far the right face is moved.
    pub stretch: f64,
    /// What a deformation costs.
    pub law: Law,
    /// `a` of the law.
    pub shape: f64,
    /// `v` of the law.
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
    /// In all directions.
    #[default]
    Clamped,
    /// Along the first axis alone, on rollers: the solution is homogeneous.
    Rollers,
}

impl Default for ElasticBlock {
    fn default() -> Self {
        Self {
            axes: 2,
            stretch: 2.0,
            law: Law::default(),
            shape: 1.0,
            volume: 1e3,
            faces: Faces::default(),
            elements: 64,
        }
    }
}

impl Validate for ElasticBlock {
    fn validate(&self, mut check: Check<'_>) {
        check.within("axes", self.axes, 2, 3);
        check.within("stretch", self.stretch, -1.0, 10.0);
        check.positive("shape", self.shape);
        check.non_negative("volume", self.volume);
        let most = most_elements(self.axes);
        check.require(
            (4..=most).contains(&self.elements),
            "elements",
            format!("{} elements along an axis", self.elements),
            format!("give 4 to {most} on {} axes: the reference is solved by a factorisation", self.axes),
        );
        check.require(
            self.elements.is_multiple_of(2),
            "elements",
            format!("{} elements cannot be halved, by which their error is measured", self.elements),
            "give an even number",
        );
    }
}

/// Elements along an axis whose matrix is not too large to factorise.
pub(super) fn most_elements(axes: usize) -> usize {
    if axes == 3 { 16 } else { 256 }
}

impl ElasticBlock {
    /// Its law with its numbers.
    pub fn material(&self) -> Material {
        Material { law: self.law, shape: self.shape, volume: self.volume }
    }

    /// The stretches of the homogeneous solution: along the first axis `1 + stretch/2`, and along each other one.
    pub fn homogeneous(&self) -> [f64; 2] {
        let first = 1.0 + 0.5 * self.stretch;
        [first, self.material().lateral(first, self.axes - 1)]
    }
}

impl Boxed for ElasticBlock {
    fn name(&self) -> &'static str {
        "elastic_block"
    }

    fn equation(&self) -> &'static str {
        "min ∫ a Σ s(σᵢ)² + v g(det F)²"
    }

    fn channels(&self) -> Vec<String> {
        ["u", "v", "w"][..self.axes].iter().map(ToString::to_string).collect()
    }

    fn moves(&self) -> bool {
        false
    }
}

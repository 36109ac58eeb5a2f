//! A block that falls on the ground.

use flowmap_solvers::elasticity::{Law, Material};
use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use super::Boxed;
use super::elastic_block::most_elements;

/// `ρ x″ = −ρ g e_d − δW/δx` of a free block `[−1, 1]²` or `[−1, 1]³` of density one, turned by `tilt` and dropped at rest; a ground at `z = −1 − height` pushes
/// back on its faces with the pressure `stiffness · depth`, without friction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FallingBlock {
    /// Two or three; the block falls along the last one.
    pub axes: usize,
    /// The angle in degrees by which the block is turned in the plane of the first and the last axis.
    pub tilt: f64,
    /// How far the lower face is above the ground before it is turned.
    pub height: f64,
    /// `g`.
    pub gravity: f64,
    /// Pressure of the ground by depth.
    pub stiffness: f64,
    /// What a deformation costs.
    pub law: Law,
    /// `a` of the law.
    pub shape: f64,
    /// `v` of the law.
    pub volume: f64,
    /// Elements of the reference along an axis.
    pub elements: usize,
}

impl Default for FallingBlock {
    fn default() -> Self {
        Self {
            axes: 2,
            tilt: 0.0,
            height: 0.5,
            gravity: 1.0,
            stiffness: 50.0,
            law: Law::NeoHookean,
            shape: 5.0,
            volume: 10.0,
            elements: 16,
        }
    }
}

impl Validate for FallingBlock {
    fn validate(&self, mut check: Check<'_>) {
        check.within("axes", self.axes, 2, 3);
        check.within("tilt", self.tilt, -90.0, 90.0);
        check.finite("height", self.height);
        check.positive("gravity", self.gravity);
        check.positive("stiffness", self.stiffness);
        check.positive("shape", self.shape);
        check.non_negative("volume", self.volume);
        check.require(
            self.lowest() >= self.ground(),
            "height",
            format!("the block begins {:.3} below the ground", self.ground() - self.lowest()),
            "drop it from higher, or turn it less",
        );
        let most = most_elements(self.axes);
        check.require(
            (4..=most).contains(&self.elements) && self.elements.is_multiple_of(2),
            "elements",
            format!("{} elements along an axis", self.elements),
            format!("give an even number from 4 to {most} on {} axes", self.axes),
        );
    }
}

impl FallingBlock {
    /// Its law with its numbers.
    pub fn material(&self) -> Material {
        Material { law: self.law, shape: self.shape, volume: self.volume }
    }

    /// The angle in radians.
    pub fn angle(&self) -> f64 {
        self.tilt.to_radians()
    }

    /// The height of the ground.
    pub fn ground(&self) -> f64 {
        -1.0 - self.height
    }

    /// The lowest point of the block at the start.
    fn lowest(&self) -> f64 {
        let (s, c) = self.angle().sin_cos();
        -(s.abs() + c.abs())
    }
}

impl Boxed for FallingBlock {
    fn name(&self) -> &'static str {
        "falling_block"
    }

    fn equation(&self) -> &'static str {
        "ρ x″ = −ρ g e_d − δW/δx + contact"
    }

    fn channels(&self) -> Vec<String> {
        ["u", "v", "w"][..self.axes].iter().map(ToString::to_string).collect()
    }

    fn moves(&self) -> bool {
        true
    }
}

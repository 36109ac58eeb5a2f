//! A fluid without viscosity between walls on which it slides.

use std::f64::consts::PI;

use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use super::Boxed;

/// `u_t + (u·∇)u + ∇p = 0`, `∇·u = 0` in `[−1, 1]²`, `u·n = 0` on the walls, from the vortices of Taylor and Green
/// `u = (sin X cos Y, −cos X sin Y) a/π`, `X = π(x + 1)`, `Y = π(y + 1)`, which do not change: their vorticity is a function of their
/// stream function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EulerBox {
    /// The amplitude `a`.
    pub amplitude: f64,
}

impl Default for EulerBox {
    fn default() -> Self {
        Self { amplitude: 1.0 }
    }
}

impl Validate for EulerBox {
    fn validate(&self, mut check: Check<'_>) {
        check.positive("amplitude", self.amplitude);
    }
}

impl EulerBox {
    /// `u, v` at a place, at any time.
    pub fn velocity(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let ((sx, cx), (sy, cy)) = ((PI * (x + 1.0)).sin_cos(), (PI * (y + 1.0)).sin_cos());
        [self.amplitude / PI * sx * cy, -self.amplitude / PI * cx * sy]
    }

    /// `ω = v_x − u_y` at a place.
    pub fn vorticity(&self, [x, y]: [f64; 2]) -> f64 {
        2.0 * self.amplitude * (PI * (x + 1.0)).sin() * (PI * (y + 1.0)).sin()
    }
}

impl Boxed for EulerBox {
    fn name(&self) -> &'static str {
        "euler_box"
    }

    fn equation(&self) -> &'static str {
        "u_t + (u·∇)u + ∇p = 0, ∇·u = 0, u·n = 0 on the walls"
    }

    fn channels(&self) -> Vec<String> {
        vec!["u".into(), "v".into()]
    }

    fn moves(&self) -> bool {
        true
    }
}

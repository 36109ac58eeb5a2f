//! The pendulum.

use std::f64::consts::TAU;

use flowmap_solvers::issue::{Check, Validate};
use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::{OdeProblem, fill, names};
use crate::special::{amplitude, jacobi};

/// `q' = p`, `p' = −(g/l) sin q`, `H = p²/2 − (g/l) cos q`.
///
/// With `κ = g/l`, `w² = p₀²/4 + κ sin²(q₀/2)` and `m = w²/κ` it swings for `m < 1`,
/// `sin(q/2) = √m sn(√κ t + u₀ | m)`, and turns over for `m > 1`, `q/2 = am(w t + u₀ | 1/m)`. The addition theorems
/// take the phase `u₀` out: sn, cn and dn at `u₀` are known from the start.
///
/// M. Abramowitz, I. Stegun, Handbook of Mathematical Functions, 16.17.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pendulum {
    /// Gravity over length, `g/l`.
    pub gravity: f64,
}

impl Default for Pendulum {
    fn default() -> Self {
        Self { gravity: 1.0 }
    }
}

impl Validate for Pendulum {
    fn validate(&self, mut check: Check<'_>) {
        check.positive("gravity", self.gravity);
    }
}

impl OdeProblem for Pendulum {
    fn name(&self) -> &'static str {
        "pendulum"
    }

    fn equation(&self) -> &'static str {
        "q' = p, p' = −(g/l) sin q"
    }

    fn variables(&self) -> Vec<String> {
        names(&["q", "p"])
    }

    fn rhs(&self, t: f64, y: &[f64], dy: &mut [f64]) {
        let ((q, p), (dq, dp)) = (y.split_at(1), dy.split_at_mut(1));
        self.velocity(p, dq);
        self.force(t, q, dp);
    }

    fn jacobian(&self, _t: f64, y: &[f64], j: &mut DMatrix<f64>) {
        fill(j, &[&[0.0, 1.0], &[-self.gravity * y[0].cos(), 0.0]]);
    }

    fn initial(&self) -> Vec<f64> {
        vec![1.5, 0.0]
    }

    fn exact(&self, t: f64, y0: &[f64]) -> Option<Vec<f64>> {
        // The mirror image of a solution is one; from here on p₀ ≥ 0.
        let mirror = if y0[1] < 0.0 { -1.0 } else { 1.0 };
        let turns = (mirror * y0[0] / TAU).round();
        let (q, p) = if 0.25 * y0[1] * y0[1] > self.gravity * (0.5 * y0[0]).cos().powi(2) {
            self.turning(t, mirror * y0[0] - TAU * turns, mirror * y0[1])
        } else {
            self.swinging(t, mirror * y0[0] - TAU * turns, mirror * y0[1])
        };
        Some(vec![mirror * (q + TAU * turns), mirror * p])
    }

    fn invariants(&self, y: &[f64]) -> Vec<(&'static str, f64)> {
        vec![("energy", 0.5 * y[1] * y[1] - self.gravity * y[0].cos())]
    }

    fn separable(&self) -> bool {
        true
    }

    fn velocity(&self, p: &[f64], dq: &mut [f64]) {
        dq[0] = p[0];
    }

    fn force(&self, _t: f64, q: &[f64], dp: &mut [f64]) {
        dp[0] = -self.gravity * q[0].sin();
    }
}

impl Pendulum {
    /// `(q, p)` for `m ≤ 1` from `|q₀| ≤ π`, `p₀ ≥ 0`.
    fn swinging(&self, t: f64, q0: f64, p0: f64) -> (f64, f64) {
        let rate = self.gravity.sqrt();
        // √m sn, √m cn and dn of the phase.
        let (s, dn0) = (0.5 * q0).sin_cos();
        let c = p0 / (2.0 * rate);
        let (sn, cn, dn) = jacobi(rate * t, (s * s + c * c).min(1.0));
        let below = cn * cn + (dn0 * sn).powi(2);
        let sine = (s * cn * dn + c * dn0 * sn) / below;
        let cosine = (dn0 * dn - s * c * sn * cn) / below;
        (2.0 * sine.atan2(cosine), 2.0 * rate * (c * cn - s * dn0 * sn * dn) / below)
    }

    /// `(q, p)` for `m > 1` from `|q₀| ≤ π`, `p₀ > 0`.
    fn turning(&self, t: f64, q0: f64, p0: f64) -> (f64, f64) {
        let (s, c) = (0.5 * q0).sin_cos();
        let w = (0.25 * p0 * p0 + self.gravity * s * s).sqrt();
        let (dn0, m) = (0.5 * p0 / w, self.gravity / (w * w));
        let (sn, cn, dn) = jacobi(w * t, m);
        let (sine, cosine) = (sn * c * dn0 + s * cn * dn, cn * c - sn * s * dn * dn0);
        // am(u + u₀) is within π/2 of am(u) + am(u₀), which tells the turn.
        let near = amplitude(w * t, m) + 0.5 * q0;
        let angle = sine.atan2(cosine);
        let angle = angle + TAU * ((near - angle) / TAU).round();
        (2.0 * angle, 2.0 * (w * w - self.gravity * angle.sin().powi(2)).max(0.0).sqrt())
    }
}

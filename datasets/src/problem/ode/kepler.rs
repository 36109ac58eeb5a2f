//! The planar two-body problem.

use flowmap_solvers::issue::{Check, Validate};
use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::{OdeProblem, fill, names};

/// `q' = p`, `p' = −q/|q|³`; conserved are the energy and the angular momentum. Bound orbits are known in closed form
/// through Kepler's equation `M = E − e sin E`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Kepler {
    /// Eccentricity `e` of the textbook start, at the pericentre of an orbit of unit semi-axis.
    pub eccentricity: f64,
}

impl Default for Kepler {
    fn default() -> Self {
        Self { eccentricity: 0.5 }
    }
}

impl Validate for Kepler {
    fn validate(&self, mut check: Check<'_>) {
        check.within("eccentricity", self.eccentricity, 0.0, 0.99);
    }
}

impl OdeProblem for Kepler {
    fn name(&self) -> &'static str {
        "kepler"
    }

    fn equation(&self) -> &'static str {
        "q' = p, p' = −q/|q|³"
    }

    fn variables(&self) -> Vec<String> {
        names(&["q1", "q2", "p1", "p2"])
    }

    fn rhs(&self, t: f64, y: &[f64], dy: &mut [f64]) {
        let ((q, p), (dq, dp)) = (y.split_at(2), dy.split_at_mut(2));
        self.velocity(p, dq);
        self.force(t, q, dp);
    }

    fn jacobian(&self, _t: f64, y: &[f64], j: &mut DMatrix<f64>) {
        let r2 = y[0] * y[0] + y[1] * y[1];
        let (r3, r5) = (r2 * r2.sqrt(), r2 * r2 * r2.sqrt());
        let cross = 3.0 * y[0] * y[1] / r5;
        fill(
            j,
            &[
                &[0.0, 0.0, 1.0, 0.0],
                &[0.0, 0.0, 0.0, 1.0],
                &[3.0 * y[0] * y[0] / r5 - 1.0 / r3, cross, 0.0, 0.0],
                &[cross, 3.0 * y[1] * y[1] / r5 - 1.0 / r3, 0.0, 0.0],
            ],
        );
    }

    fn initial(&self) -> Vec<f64> {
        let e = self.eccentricity;
        vec![1.0 - e, 0.0, 0.0, ((1.0 + e) / (1.0 - e)).sqrt()]
    }

    fn exact(&self, t: f64, y0: &[f64]) -> Option<Vec<f64>> {
        let r = y0[0].hypot(y0[1]);
        let axis = 1.0 / (2.0 / r - y0[2] * y0[2] - y0[3] * y0[3]);
        if !(axis > 0.0 && axis.is_finite()) {
            return None;
        }
        // The eccentric anomaly relative to the start: n t = x − (1 − r/a) sin x + σ (1 − cos x), σ = q·p/√a.
        let (c, sigma) = (1.0 - r / axis, (y0[0] * y0[2] + y0[1] * y0[3]) / axis.sqrt());
        let anomaly = t / axis.powf(1.5);
        let residual = |x: f64| x - c * x.sin() + sigma * (1.0 - x.cos()) - anomaly;
        // The function grows with x, and stays within 2 of x − n t.
        let (mut low, mut high) = (anomaly - 3.0, anomaly + 3.0);
        let mut x = anomaly;
        for _ in 0..200 {
            let f = residual(x);
            if f > 0.0 {
                high = x;
            } else {
                low = x;
            }
            let newton = x - f / (1.0 - c * x.cos() + sigma * x.sin());
            let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
            let moved = (next - x).abs();
            x = next;
            if moved <= 4.0 * f64::EPSILON * (1.0 + x.abs()) {
                break;
            }
        }
        let (s, k) = x.sin_cos();
        let distance = axis * (1.0 - c * k + sigma * s);
        // Lagrange's coefficients.
        let f = 1.0 - axis / r * (1.0 - k);
        let g = t + axis.powf(1.5) * (s - x);
        let df = -axis.sqrt() / (distance * r) * s;
        let dg = 1.0 - axis / distance * (1.0 - k);
        Some(vec![
            f * y0[0] + g * y0[2],
            f * y0[1] + g * y0[3],
            df * y0[0] + dg * y0[2],
            df * y0[1] + dg * y0[3],
        ])
    }

    fn invariants(&self, y: &[f64]) -> Vec<(&'static str, f64)> {
        let energy = 0.5 * (y[2] * y[2] + y[3] * y[3]) - 1.0 / y[0].hypot(y[1]);
        vec![("energy", energy), ("angular_momentum", y[0] * y[3] - y[1] * y[2])]
    }

    fn separable(&self) -> bool {
        true
    }

    fn velocity(&self, p: &[f64], dq: &mut [f64]) {
        dq.copy_from_slice(p);
    }

    fn force(&self, _t: f64, q: &[f64], dp: &mut [f64]) {
        let r2 = q[0] * q[0] + q[1] * q[1];
        let r3 = r2 * r2.sqrt();
        (dp[0], dp[1]) = (-q[0] / r3, -q[1] / r3);
    }
}

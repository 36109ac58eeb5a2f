//! The Gray-Scott reaction.

use flowmap_solvers::fourier::{FourierGrid, GridError};
use flowmap_solvers::issue::{Check, Validate};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::{Exact, Operators, Workspace, check_grid, cubic, real};
use crate::initial::InitialConfig;

/// `u_t = D_u ∇²u − u v² + F (1 − u)`, `v_t = D_v ∇²v + u v² − (F + k) v` on one to three axes.
///
/// J. E. Pearson, "Complex patterns in a simple system", Science 261 (1993) 189-192; the default is his pattern of spots
/// that divide. Lengths and times are his: a square of 2.5, thousands of units of time. The Well (R. Ohana et al., NeurIPS 2024) has the same
/// diffusivities on a square of length 2 with 128 points a side, and as `(F, k)` gliders (0.014, 0.054), bubbles (0.098, 0.057), mazes (0.029,
/// 0.057), worms (0.058, 0.065), spirals (0.018, 0.051) and spots (0.03, 0.062).
///
/// Where `D_u = D_v = D`, `k = 0` and `u + v = 1`, `v` has cubic growth and `v = v₂/(1 + e^(v₂ (|x| − x₀ − ct)/√(2D)))`,
/// `v₂ = ½(1 + √(1 − 4F))`, `c = √(D/2)(3v₂ − 2)` is an exact pair of fronts on one axis.
///
/// Products are of three factors, of which the two-thirds rule leaves some aliasing: it is as small as what the grid does not resolve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GrayScott {
    /// Length of every axis.
    pub length: f64,
    /// Points on every axis.
    pub points: usize,
    /// Axes.
    pub dimensions: usize,
    /// Diffusivity `D_u`.
    pub diffusivity_u: f64,
    /// Diffusivity `D_v`.
    pub diffusivity_v: f64,
    /// Feed rate `F`.
    pub feed: f64,
    /// Kill rate `k`.
    pub kill: f64,
}

impl Default for GrayScott {
    fn default() -> Self {
        Self {
            length: 2.5,
            points: 128,
            dimensions: 2,
            diffusivity_u: 2e-5,
            diffusivity_v: 1e-5,
            feed: 0.035,
            kill: 0.065,
        }
    }
}

impl Validate for GrayScott {
    fn validate(&self, mut check: Check<'_>) {
        check_grid(&mut check, self.points, self.length);
        check.within("dimensions", self.dimensions, 1, 3);
        check.non_negative("diffusivity_u", self.diffusivity_u);
        check.non_negative("diffusivity_v", self.diffusivity_v);
        check.non_negative("feed", self.feed);
        check.non_negative("kill", self.kill);
    }
}

impl Operators for GrayScott {
    const NAME: &'static str = "gray_scott";
    const EQUATION: &'static str = "u_t = D_u ∇²u − u v² + F (1 − u), v_t = D_v ∇²v + u v² − (F + k) v";
    const CHANNELS: &'static [&'static str] = &["u", "v"];

    fn grid(&self) -> Result<FourierGrid, GridError> {
        cubic(self.dimensions, self.points, self.length)
    }

    fn symbol(&self, grid: &FourierGrid) -> Vec<Complex64> {
        let l = grid.laplacian();
        let u = l.iter().map(|l| self.diffusivity_u * l - self.feed);
        let v = l.iter().map(|l| self.diffusivity_v * l - self.feed - self.kill);
        real(u.chain(v))
    }

    fn nonlinear(&self, _t: f64, u_hat: &[Complex64], out: &mut [Complex64], ws: &mut Workspace) {
        let modes = ws.grid().modes();
        let feed = self.feed * ws.grid().points() as f64;
        let (out_u, out_v) = out.split_at_mut(modes);
        let (u_hat, v_hat) = u_hat.split_at(modes);
        ws.pair(
            |modes, u, v| {
                u.copy_from_slice(&u_hat[modes.clone()]);
                v.copy_from_slice(&v_hat[modes]);
            },
            |u, v| (u, u * v * v),
            |_, _, uvv, out| out.copy_from_slice(uvv),
            out_v,
        );
        out_u.iter_mut().zip(&*out_v).for_each(|(u, v)| *u = -v);
        out_u[0] += feed;
    }

    fn exact(&self, initial: &InitialConfig, grid: &FourierGrid) -> Option<Exact> {
        let InitialConfig::FisherFronts(fronts) = initial else { return None };
        let (d, start, grid) = (self.diffusivity_u, fronts.half_width, grid.clone());
        let one_axis = self.dimensions == 1 && d == self.diffusivity_v && d > 0.0;
        // Beyond 2/9 they would move inwards.
        if !one_axis || self.kill != 0.0 || self.feed >= 2.0 / 9.0 {
            return None;
        }
        let top = 0.5 * (1.0 + (1.0 - 4.0 * self.feed).sqrt());
        let (speed, steepness) = ((0.5 * d).sqrt() * (3.0 * top - 2.0), top / (2.0 * d).sqrt());
        Some(Box::new(move |t| {
            let centre = grid.origin()[0] + 0.5 * grid.lengths()[0];
            let at = start + speed * t;
            let v = grid.sample(|x| top / (1.0 + (steepness * ((x[0] - centre).abs() - at)).exp()));
            let mut both: Vec<f64> = v.iter().map(|v| 1.0 - v).collect();
            both.extend(v);
            both
        }))
    }
}

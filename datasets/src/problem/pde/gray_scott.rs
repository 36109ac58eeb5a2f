//! The Gray-Scott reaction.

use flowmap_solvers::fourier::{FourierGrid, GridError};
use flowmap_solvers::issue::{Check, Validate};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::{Operators, Workspace, check_grid, cubic, real};

/// `u_t = D_u ∇²u − u v² + F (1 − u)`, `v_t = D_v ∇²v + u v² − (F + k) v` on one to three axes.
///
/// J. E. Pearson, "Complex patterns in a simple system", Science 261 (1993) 189-192; the default is his pattern of spots
/// that divide.
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
}

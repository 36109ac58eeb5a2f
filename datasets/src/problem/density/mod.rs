//! Probability densities in the plane: what generative models learn from a cloud of points.

mod checkerboard;
mod eight_gaussians;
mod two_moons;

pub use checkerboard::Checkerboard;
pub use eight_gaussians::EightGaussians;
pub use two_moons::TwoMoons;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;

/// Cells of an axis of the quadrature of an entropy. The densities are smooth and vanish at the edges, so the midpoint
/// rule converges faster than any power.
const CELLS: usize = 240;

/// A density in the plane: a sampler, and its logarithm at a point.
pub trait Density: Send + Sync {
    /// The name in configs.
    fn name(&self) -> &'static str;

    /// One line of mathematics.
    fn equation(&self) -> &'static str;

    /// Draws a point.
    fn sample(&self, rng: &mut ChaCha8Rng) -> [f64; 2];

    /// `log p(x)`, in nats; `−∞` outside the support.
    fn log_density(&self, x: [f64; 2]) -> f64;

    /// A box that holds all of the mass but for less than 1e-8: lower and upper end of both axes.
    fn window(&self) -> [(f64, f64); 2];

    /// The differential entropy `−∫ p log p`, in nats: no model's negative log-likelihood is lower in expectation.
    fn entropy(&self) -> f64 {
        let [(x0, x1), (y0, y1)] = self.window();
        let (hx, hy) = ((x1 - x0) / CELLS as f64, (y1 - y0) / CELLS as f64);
        let row = |i: usize| -> f64 {
            let x = x0 + (i as f64 + 0.5) * hx;
            let term = |j: usize| {
                let log = self.log_density([x, y0 + (j as f64 + 0.5) * hy]);
                if log == f64::NEG_INFINITY { 0.0 } else { -log * log.exp() }
            };
            (0..CELLS).map(term).sum()
        };
        // In order: a sum of floats depends on it.
        let rows: Vec<f64> = (0..CELLS).into_par_iter().map(row).collect();
        hx * hy * rows.iter().sum::<f64>()
    }
}

/// A point of the normal distribution with the given mean and standard deviation.
fn normal(rng: &mut ChaCha8Rng, mean: [f64; 2], deviation: f64) -> [f64; 2] {
    mean.map(|m| m + deviation * rng.sample::<f64, _>(StandardNormal))
}

/// `log Σᵢ e^{aᵢ}` without overflow.
fn log_sum_exp(logs: &[f64]) -> f64 {
    let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    top + logs.iter().map(|a| (a - top).exp()).sum::<f64>().ln()
}

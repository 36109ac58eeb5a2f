//! A periodic function of space with its derivatives.

use std::f64::consts::TAU;
use std::sync::Arc;

use flowmap_solvers::fourier::{FourierGrid, GridError};
use num_complex::Complex64;

/// A value and the derivatives up to the fourth.
pub const MAX_PROFILE: usize = 5;

/// `u(x), u′(x), …, u⁗(x)` of a periodic function.
#[derive(Clone)]
pub struct Profile(Arc<dyn Fn(f64) -> [f64; MAX_PROFILE] + Send + Sync>);

/// Modes below this, relative to the largest, are rounding.
const NEGLIGIBLE: f64 = 1e-15;

impl Profile {
    /// A function in closed form.
    pub fn new(f: impl Fn(f64) -> [f64; MAX_PROFILE] + Send + Sync + 'static) -> Self {
        Self(Arc::new(f))
    }

    /// The trigonometric polynomial through values on an even grid that begins at `origin`.
    ///
    /// # Errors
    /// If there are too few values.
    pub fn through(values: &[f64], origin: f64, length: f64) -> Result<Self, GridError> {
        let grid = FourierGrid::new(&[values.len()], &[length])?;
        let mut modes = vec![Complex64::ZERO; grid.modes()];
        grid.transform().forward(values, &mut modes);
        let n = values.len();
        // Of a real function every mode but the mean and the highest of an even grid stands for two.
        for (k, mode) in modes.iter_mut().enumerate() {
            let twice = k > 0 && 2 * k != n;
            *mode *= if twice { 2.0 } else { 1.0 } / n as f64;
        }
        let largest = modes.iter().map(|m| m.norm()).fold(0.0, f64::max);
        let kept = modes.iter().rposition(|m| m.norm() > NEGLIGIBLE * largest).map_or(0, |k| k + 1);
        modes.truncate(kept);
        let kappa = TAU / length;
        Ok(Self::new(move |x| {
            let turn = Complex64::cis(kappa * (x - origin));
            let (mut wave, mut out) = (Complex64::ONE, [0.0; MAX_PROFILE]);
            for (k, mode) in modes.iter().enumerate() {
                let k = kappa * k as f64;
                let c = mode * wave;
                let (k2, ki) = (k * k, Complex64::new(0.0, k));
                out[0] += c.re;
                out[1] += (c * ki).re;
                out[2] -= k2 * c.re;
                out[3] -= k2 * (c * ki).re;
                out[4] += k2 * k2 * c.re;
                wave *= turn;
            }
            out
        }))
    }

    /// The value and the derivatives at a place.
    pub fn at(&self, x: f64) -> [f64; MAX_PROFILE] {
        (self.0)(x)
    }
}

impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Profile")
    }
}

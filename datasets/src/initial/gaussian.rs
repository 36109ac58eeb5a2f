//! A Gaussian bump.

use flowmap_solvers::fourier::FourierGrid;
use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

/// `a exp(−(x − c)²/2s²)` on a periodic axis: the sum over all periods.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gaussian {
    /// The centre `c`.
    pub centre: f64,
    /// The width `s`.
    pub width: f64,
    /// The height `a`.
    #[serde(default = "one")]
    pub height: f64,
}

fn one() -> f64 {
    1.0
}

impl Gaussian {
    /// The value and the first four derivatives at a place.
    pub(super) fn derivatives(&self, grid: &FourierGrid) -> impl Fn(f64) -> [f64; 5] + Send + Sync + 'static {
        let (length, Self { centre, width, height }) = (grid.lengths()[0], self.clone());
        // Beyond 39 widths a bump is less than the smallest number.
        let reach = (39.0 * width / length).ceil();
        move |x| {
            let nearest = (x - centre) - length * ((x - centre) / length).round();
            let mut sum = [0.0; 5];
            let mut k = -reach;
            while k <= reach {
                let z = (nearest + k * length) / width;
                let g = height * (-0.5 * z * z).exp();
                let q = z * z;
                let hermite = [1.0, -z, q - 1.0, z * (3.0 - q), q * q - 6.0 * q + 3.0];
                for (order, (s, h)) in sum.iter_mut().zip(hermite).enumerate() {
                    *s += g * h / width.powi(order as i32);
                }
                k += 1.0;
            }
            sum
        }
    }
}

impl Validate for Gaussian {
    fn validate(&self, mut check: Check<'_>) {
        check.finite("centre", self.centre);
        check.positive("width", self.width);
        check.finite("height", self.height);
    }
}

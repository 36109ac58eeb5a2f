//! Time and values by turns.

use ndarray::{Array2, s};

use super::linear::polygon;
use super::{ControlError, ControlPath, Fill, Samples};

impl ControlPath {
    /// The rectilinear control of a series: its first channel is the time, and from each sample to the next first the time
    /// moves, with the values held, then the values, with the time held. So `X` up to the knot of a sample depends on nothing
    /// later, not even where values are missing: a prediction can be made while the series goes on.
    ///
    /// The knots are `0, 1, …, 2(n − 1)`, not times; that of a sample is [`knot_of_sample`]. By the invariance of `dz = f(z) dX`
    /// under reparametrisation this changes no solution.
    ///
    /// J. Morrill et al., "Neural Controlled Differential Equations for Online Prediction Tasks", 2021.
    ///
    /// # Errors
    /// If a channel begins with a missing value.
    pub fn rectilinear(samples: &Samples) -> Result<Self, ControlError> {
        let values = samples.filled(Fill::Hold)?;
        let (n, channels) = values.dim();
        let points = Array2::from_shape_fn((2 * n - 1, channels + 1), |(k, c)| match c {
            0 => samples.times()[k.div_ceil(2)],
            c => values[[k / 2, c - 1]],
        });
        debug_assert_eq!(points.slice(s![2 * n - 2, 1..]), values.slice(s![n - 1, ..]));
        Ok(polygon((0..2 * n - 1).map(|k| k as f64).collect(), &points))
    }
}

/// The knot of a rectilinear control up to which the sample of this place, and none later, has been seen.
pub fn knot_of_sample(index: usize) -> f64 {
    2.0 * index as f64
}

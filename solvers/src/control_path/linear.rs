//! Straight lines between samples.

use ndarray::{Array2, Array3};

use super::{ControlError, ControlPath, Fill, POWERS, Samples};

impl ControlPath {
    /// `X(t) = xᵢ + (t − tᵢ)(xᵢ₊₁ − xᵢ)/(tᵢ₊₁ − tᵢ)`: continuous, with slopes that jump at the samples.
    ///
    /// # Errors
    /// As [`Samples::filled`].
    pub fn linear(samples: &Samples, fill: Fill) -> Result<Self, ControlError> {
        Ok(polygon(samples.times().to_vec(), &samples.filled(fill)?))
    }
}

/// The path with straight pieces through the points `[knot, channel]`.
pub(super) fn polygon(knots: Vec<f64>, points: &Array2<f64>) -> ControlPath {
    let mut coefficients = Array3::zeros((knots.len() - 1, POWERS, points.ncols()));
    for (i, ends) in knots.windows(2).enumerate() {
        for c in 0..points.ncols() {
            coefficients[[i, 0, c]] = points[[i, c]];
            coefficients[[i, 1, c]] = (points[[i + 1, c]] - points[[i, c]]) / (ends[1] - ends[0]);
        }
    }
    ControlPath { knots, coefficients }
}

//! Cubic pieces with backward differences for slopes.

use ndarray::Array3;

use super::{ControlError, ControlPath, Fill, POWERS, Samples};

impl ControlPath {
    /// The cubic Hermite spline through the samples whose slope at a sample is the difference quotient to the one before,
    /// `X'(tᵢ) = (xᵢ − xᵢ₋₁)/(tᵢ − tᵢ₋₁)`, and at the first sample that to the next. `X'` is continuous, and `X` up to a sample
    /// depends on nothing after it, if gaps are filled with [`Fill::Hold`].
    ///
    /// J. Morrill et al., "Neural Controlled Differential Equations for Online Prediction Tasks", 2021.
    ///
    /// # Errors
    /// As [`Samples::filled`].
    pub fn hermite(samples: &Samples, fill: Fill) -> Result<Self, ControlError> {
        let (knots, x) = (samples.times().to_vec(), samples.filled(fill)?);
        let mut coefficients = Array3::zeros((knots.len() - 1, POWERS, x.ncols()));
        for c in 0..x.ncols() {
            let mut before = (x[[1, c]] - x[[0, c]]) / (knots[1] - knots[0]);
            for i in 0..knots.len() - 1 {
                let h = knots[i + 1] - knots[i];
                let slope = (x[[i + 1, c]] - x[[i, c]]) / h;
                let turn = slope - before;
                let cubic = [x[[i, c]], before, 2.0 * turn / h, -turn / (h * h)];
                cubic.into_iter().enumerate().for_each(|(p, a)| coefficients[[i, p, c]] = a);
                before = slope;
            }
        }
        Ok(Self { knots, coefficients })
    }
}

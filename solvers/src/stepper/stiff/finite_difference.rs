//! A Jacobian by forward differences, for fields that have no analytic one.

use nalgebra::DMatrix;

use crate::field::{Jacobian, VectorField};
use crate::state::DenseState;

/// Gives any vector field a Jacobian by forward differences, `n + 1` evaluations each.
#[derive(Clone, Debug)]
pub struct FiniteDifference<F, Y> {
    field: F,
    at: Y,
    slope: Y,
    shifted: Y,
}

impl<Y: DenseState, F: VectorField<Y>> FiniteDifference<F, Y> {
    /// Wraps a field; `like` gives the shape of the state.
    pub fn new(field: F, like: &Y) -> Self {
        Self { field, at: like.zeros_like(), slope: like.zeros_like(), shifted: like.zeros_like() }
    }
}

impl<Y: DenseState, F: VectorField<Y>> VectorField<Y> for FiniteDifference<F, Y> {
    fn eval(&mut self, t: f64, y: &Y, dy: &mut Y) {
        self.field.eval(t, y, dy);
    }
}

impl<Y: DenseState, F: VectorField<Y>> Jacobian<Y> for FiniteDifference<F, Y> {
    fn jacobian(&mut self, t: f64, y: &Y, jacobian: &mut DMatrix<f64>) {
        self.field.eval(t, y, &mut self.slope);
        self.at.assign(y);
        let scale = y.rms().max(1e-8);
        for j in 0..y.as_slice().len() {
            let x = y.as_slice()[j];
            let step = f64::EPSILON.sqrt() * x.abs().max(1e-3 * scale);
            let moved = x + step;
            self.at.as_mut_slice()[j] = moved;
            self.field.eval(t, &self.at, &mut self.shifted);
            self.at.as_mut_slice()[j] = x;
            for (i, (a, b)) in self.shifted.as_slice().iter().zip(self.slope.as_slice()).enumerate() {
                jacobian[(i, j)] = (a - b) / (moved - x);
            }
        }
    }
}

//! An error estimate for any method.

use crate::state::State;
use crate::stepper::{StepFailure, Stepper, Work};

/// A method that takes every step in two halves and estimates the error by the difference to the step as a whole.
///
/// It serves methods without an embedded estimate that keep nothing from one step to the next, of strong order one at least:
/// the difference of Euler-Maruyama's halves is small by chance too often, so that its steps are not those of a tolerance.
#[derive(Clone, Debug)]
pub struct Doubled<S, Y> {
    stepper: S,
    whole: Y,
    middle: Y,
}

impl<Y: State, S: Stepper<Y>> Doubled<S, Y> {
    /// Doubles the steps of a method; `like` gives the shape of the state.
    pub fn new(stepper: S, like: &Y) -> Self {
        Self { stepper, whole: like.zeros_like(), middle: like.zeros_like() }
    }
}

impl<Y: State, S: Stepper<Y>> Stepper<Y> for Doubled<S, Y> {
    fn order(&self) -> usize {
        self.stepper.order()
    }

    fn embedded_order(&self) -> Option<usize> {
        Some(self.stepper.order().saturating_sub(1))
    }

    fn step(&mut self, t: f64, dt: f64, y: &Y, y1: &mut Y) -> Result<(), StepFailure> {
        self.stepper.step(t, dt, y, &mut self.whole)?;
        let half = 0.5 * dt;
        self.stepper.step(t, half, y, &mut self.middle)?;
        self.stepper.step(t + half, dt - half, &self.middle, y1)
    }

    fn error_norm(&mut self, y0: &Y, y1: &Y, atol: f64, rtol: f64) -> Option<f64> {
        self.whole.axpy(-1.0, y1);
        Some(Y::error_norm(&self.whole, y0, y1, atol, rtol))
    }

    fn revisits(&self) -> bool {
        self.stepper.revisits()
    }

    fn work(&self) -> Work {
        self.stepper.work()
    }
}

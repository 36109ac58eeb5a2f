//! Steps in parts.

use flowmap_solvers::stepper::{StepFailure, Stepper, Work};
use ndarray::Array1;

/// The most parts of a step.
const MOST_PARTS: f64 = 1e5;

/// A method whose steps are divided into as many equal parts as a bound asks, which is measured at their start.
pub(super) struct Limited<'a, B> {
    inner: Box<dyn Stepper<Array1<f64>> + 'a>,
    bound: B,
    from: Array1<f64>,
}

impl<'a, B: Fn(&[f64]) -> f64> Limited<'a, B> {
    pub(super) fn new(inner: Box<dyn Stepper<Array1<f64>> + 'a>, bound: B) -> Self {
        Self { inner, bound, from: Array1::zeros(0) }
    }
}

impl<B: Fn(&[f64]) -> f64> Stepper<Array1<f64>> for Limited<'_, B> {
    fn order(&self) -> usize {
        self.inner.order()
    }

    fn step(&mut self, t: f64, dt: f64, y: &Array1<f64>, y1: &mut Array1<f64>) -> Result<(), StepFailure> {
        let bound = y.as_slice().map_or(f64::NAN, |y| (self.bound)(y));
        // What is no number is left to the driver, which tells of it.
        let parts = (dt.abs() / bound).ceil().max(1.0);
        if parts > MOST_PARTS {
            return Err(StepFailure::Parts { needed: parts, most: MOST_PARTS });
        }
        let parts = if parts.is_nan() { 1 } else { parts as usize };
        let h = dt / parts as f64;
        self.inner.reset();
        self.from.clone_from(y);
        for part in 0..parts {
            if part > 0 {
                self.inner.accept();
                self.from.clone_from(y1);
            }
            self.inner.step(t + part as f64 * h, h, &self.from, y1)?;
        }
        Ok(())
    }

    fn work(&self) -> Work {
        self.inner.work()
    }
}

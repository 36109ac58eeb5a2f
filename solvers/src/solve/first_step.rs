//! The first step of an adaptive solve.

use crate::control::Pid;
use crate::state::State;
use crate::stepper::{StepFailure, Stepper};

/// The first step of Hairer, Nørsett and Wanner, II.4, over at most `span` in the direction `sign`; `scratch` is
/// overwritten.
///
/// # Errors
/// If the field's slope has another shape than the state.
pub(super) fn guess<Y: State, S: Stepper<Y> + ?Sized>(
    stepper: &mut S,
    pid: &Pid,
    embedded_order: usize,
    (t, sign, span): (f64, f64, f64),
    y: &Y,
    scratch: &mut Y,
) -> Result<f64, StepFailure> {
    let zero = y.zeros_like();
    let mut f0 = y.zeros_like();
    if !stepper.derivative(t, y, &mut f0) {
        return Ok(span / 100.0);
    }
    if !f0.same_shape(y) {
        return Err(StepFailure::Shape);
    }
    let scale = |v: &Y| Y::error_norm(v, y, &zero, pid.atol, pid.rtol);
    let (d0, d1) = (scale(y), scale(&f0));
    let h0 = if d0 < 1e-5 || d1 < 1e-5 { 1e-6 } else { 0.01 * d0 / d1 }.min(span);
    scratch.combine(y, &[(sign * h0, &f0)]);
    let mut f1 = y.zeros_like();
    stepper.derivative(t + sign * h0, scratch, &mut f1);
    if !f1.same_shape(y) {
        return Err(StepFailure::Shape);
    }
    f1.axpy(-1.0, &f0);
    let d2 = scale(&f1) / h0;
    stepper.reset();
    Ok(from_norms(h0, d1, d2, embedded_order, span))
}

/// The step from the norms `d1` of the slope and `d2` of its change over the trial step `h0`.
pub(crate) fn from_norms(h0: f64, d1: f64, d2: f64, embedded_order: usize, span: f64) -> f64 {
    let largest = d1.max(d2);
    let h1 = if largest <= 1e-15 {
        (h0 * 1e-3).max(1e-6)
    } else {
        (0.01 / largest).powf(1.0 / (embedded_order as f64 + 1.0))
    };
    let h = (100.0 * h0).min(h1).min(span);
    if h.is_finite() && h > 0.0 { h } else { span * 1e-6 }
}

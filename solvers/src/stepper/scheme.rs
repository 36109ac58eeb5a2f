//! A one-step method as a map that can be inverted and pulled back.

use crate::increment::{Increment, PullBack};
use crate::state::State;

/// What a scheme has asked of its field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Increments evaluated.
    pub evaluations: u64,
    /// Increments pulled back.
    pub pull_backs: u64,
}

/// A method as a map `e₁ = Φ(t₀, t₁, e₀)` of an *extended state*: the solution and the companions that make the map
/// invertible.
///
/// The map is written with [`Increment`]s, so it serves ordinary and Stratonovich equations, and both directions of
/// time. [`Advance`](super::advance::Advance) makes a stepper of it, [`gradient`](crate::gradient) differentiates it.
pub trait Scheme<Y: State, F: Increment<Y>> {
    /// The solution with its companions.
    type Extended: State;

    /// The order of convergence on an ordinary equation with steps of one size.
    fn order(&self) -> usize;

    /// The order of the solution that estimates the error, if there is one.
    fn embedded_order(&self) -> Option<usize> {
        None
    }

    /// The extended state of a trajectory that starts at `(t, y)`; also what resynchronises the companions.
    fn start(&mut self, field: &mut F, t: f64, y: &Y) -> Self::Extended;

    /// The solution within an extended state.
    fn value<'e>(&self, e: &'e Self::Extended) -> &'e Y;

    /// The solution within an extended state.
    fn value_mut<'e>(&self, e: &'e mut Self::Extended) -> &'e mut Y;

    /// Writes `Φ(t0, t1, e0)` into `e1` and keeps the [arguments](Self::arguments) of its increments.
    fn forward(&mut self, field: &mut F, t0: f64, t1: f64, e0: &Self::Extended, e1: &mut Self::Extended);

    /// Writes `e0` with `Φ(t0, t1, e0) = e1` and keeps the arguments as [`forward`](Self::forward) from `e0` would.
    fn backward(&mut self, field: &mut F, t0: f64, t1: f64, e1: &Self::Extended, e0: &mut Self::Extended);

    /// Where the last step evaluated the increments; all that its pull-back needs.
    fn arguments(&self) -> Vec<Y>;

    /// Takes back what [`arguments`](Self::arguments) gave.
    fn set_arguments(&mut self, arguments: &[Y]);

    /// The weighted norm of the error estimate of the last step, if there is one.
    fn error_norm(&mut self, _y0: &Y, _y1: &Y, _atol: f64, _rtol: f64) -> Option<f64> {
        None
    }

    /// The last step was taken: what its end knows serves the next one.
    fn accept(&mut self) {}

    /// The next step starts anywhere.
    fn forget(&mut self) {}

    /// The order of an interpolant of the scheme's own; zero where drivers must land on save times.
    fn dense_order(&self) -> usize {
        0
    }

    /// Whether [`interpolate`](Self::interpolate) is there; else the cubic Hermite polynomial of the ends is taken.
    fn interpolates(&self) -> bool {
        false
    }

    /// Writes the solution at `t0 + θ (t1 − t0)` of the last step, which started at `y0`.
    fn interpolate(&mut self, _field: &mut F, _t0: f64, _t1: f64, _theta: f64, _y0: &Y, _out: &mut Y) {}

    /// What was asked of the field so far.
    fn counts(&self) -> Counts;
}

/// A scheme whose steps can be differentiated in reverse, by hand: no tape, whatever the state is made of.
pub trait Differentiable<Y: State, F: PullBack<Y>>: Scheme<Y, F> {
    /// Finds the arguments of the step from `e0`, with those of the interpolant if `dense`.
    fn prepare(&mut self, field: &mut F, t0: f64, t1: f64, e0: &Self::Extended, _dense: bool) {
        let mut end = e0.zeros_like();
        self.forward(field, t0, t1, e0, &mut end);
    }

    /// Of the step whose arguments are known, and a cotangent `e1_bar` of its end: adds `(∂Φ/∂e₀)ᵀ e1_bar` to
    /// `e0_bar` and `(∂Φ/∂θ)ᵀ e1_bar` to `gradient`.
    ///
    /// `dense` holds cotangents of the scheme's own [interpolant](Scheme::interpolate) at positions `θ`.
    fn pull_back(
        &mut self,
        field: &mut F,
        t0: f64,
        t1: f64,
        e1_bar: &Self::Extended,
        dense: &[(f64, Y)],
        e0_bar: &mut Self::Extended,
        gradient: &mut F::Gradient,
    );

    /// Of [`start`](Scheme::start) and a cotangent of its result: adds what falls to `y` and to the parameters.
    fn pull_back_start(
        &mut self,
        field: &mut F,
        t: f64,
        y: &Y,
        e_bar: &Self::Extended,
        y_bar: &mut Y,
        gradient: &mut F::Gradient,
    );
}

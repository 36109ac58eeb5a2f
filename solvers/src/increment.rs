//! What a step of an explicit method is made of, for ordinary and stochastic equations alike, and how it is pulled back.

use crate::field::VectorField;
use crate::state::State;

/// The increment of a driven equation `dy = f(t, y) dt + g(t, y) ∘ dW` over an interval, with its coefficients frozen.
///
/// Of an ordinary equation it is `(t₁ − t₀) f(t, y)` at `t = t₀ + c (t₁ − t₀)`; of a stochastic one on a given path,
/// `(t₁ − t₀) f + g · (W(t₁) − W(t₀))`. It is odd under an exchange of `t₀` and `t₁` (with `c → 1 − c`), which is what
/// a step backwards needs, so every method written with increments serves both kinds of equation and both directions.
pub trait Increment<Y: State> {
    /// Writes the increment over `[t0, t1]`, with the coefficients at `t0 + c (t1 − t0)` and `y`, into `out`.
    fn increment(&mut self, t0: f64, t1: f64, c: f64, y: &Y, out: &mut Y);
}

/// An increment whose evaluation can be differentiated in reverse.
pub trait PullBack<Y: State>: Increment<Y> {
    /// Where the gradient with respect to the parameters is summed.
    type Gradient: Clone;

    /// A zero gradient.
    fn zero_gradient(&self) -> Self::Gradient;

    /// Of `F = increment(t0, t1, c, y)` and a cotangent `v`: adds `(∂F/∂y)ᵀ v` to `y_bar` and `(∂F/∂θ)ᵀ v` to `gradient`.
    fn pull_back(
        &mut self,
        t0: f64,
        t1: f64,
        c: f64,
        y: &Y,
        v: &Y,
        y_bar: &mut Y,
        gradient: &mut Self::Gradient,
    );
}

/// A vector field whose evaluation can be differentiated in reverse.
pub trait VectorJacobian<Y: State>: VectorField<Y> {
    /// Where the gradient with respect to the parameters is summed; `()` if there are none.
    type Gradient: Clone;

    /// A zero gradient.
    fn zero_gradient(&self) -> Self::Gradient;

    /// Adds `scale · (∂f/∂y)ᵀ v` at `(t, y)` to `y_bar`, and `scale · (∂f/∂θ)ᵀ v` to `gradient`.
    fn vector_jacobian(
        &mut self,
        t: f64,
        y: &Y,
        v: &Y,
        scale: f64,
        y_bar: &mut Y,
        gradient: &mut Self::Gradient,
    );
}

/// An ordinary differential equation as the increments of its steps.
#[derive(Clone, Debug)]
pub struct Ordinary<F>(pub F);

impl<Y: State, F: VectorField<Y>> Increment<Y> for Ordinary<F> {
    fn increment(&mut self, t0: f64, t1: f64, c: f64, y: &Y, out: &mut Y) {
        self.0.eval(t0 + c * (t1 - t0), y, out);
        out.scale(t1 - t0);
    }
}

impl<Y: State, F: VectorJacobian<Y>> PullBack<Y> for Ordinary<F> {
    type Gradient = F::Gradient;

    fn zero_gradient(&self) -> Self::Gradient {
        self.0.zero_gradient()
    }

    fn pull_back(
        &mut self,
        t0: f64,
        t1: f64,
        c: f64,
        y: &Y,
        v: &Y,
        y_bar: &mut Y,
        gradient: &mut Self::Gradient,
    ) {
        self.0.vector_jacobian(t0 + c * (t1 - t0), y, v, t1 - t0, y_bar, gradient);
    }
}

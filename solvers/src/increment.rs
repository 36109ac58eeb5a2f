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

    /// Whether the increment is `(t1 − t0) f(t, y)`, so that there is a slope, and two increments with the same
    /// coefficients differ by the lengths of their intervals only.
    fn ordinary(&self) -> bool {
        false
    }
}

/// Writes the slope `f(t, y)` of an [ordinary](Increment::ordinary) equation into `out`.
pub(crate) fn slope<Y: State, F: Increment<Y>>(field: &mut F, t: f64, y: &Y, out: &mut Y) {
    field.increment(t, t + 1.0, 0.0, y, out);
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

    fn ordinary(&self) -> bool {
        true
    }
}

impl<Y: State, F: Increment<Y>> Increment<Y> for &mut F {
    fn increment(&mut self, t0: f64, t1: f64, c: f64, y: &Y, out: &mut Y) {
        (**self).increment(t0, t1, c, y, out);
    }

    fn ordinary(&self) -> bool {
        (**self).ordinary()
    }
}

impl<Y: State, F: PullBack<Y>> PullBack<Y> for &mut F {
    type Gradient = F::Gradient;

    fn zero_gradient(&self) -> Self::Gradient {
        (**self).zero_gradient()
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
        (**self).pull_back(t0, t1, c, y, v, y_bar, gradient);
    }
}

impl<Y: State, F: VectorJacobian<Y>> VectorJacobian<Y> for &mut F {
    type Gradient = F::Gradient;

    fn zero_gradient(&self) -> Self::Gradient {
        (**self).zero_gradient()
    }

    fn vector_jacobian(
        &mut self,
        t: f64,
        y: &Y,
        v: &Y,
        scale: f64,
        y_bar: &mut Y,
        gradient: &mut Self::Gradient,
    ) {
        (**self).vector_jacobian(t, y, v, scale, y_bar, gradient);
    }
}

/// A vector field and its vector-Jacobian product as closures; see [`with_vector_jacobian`].
#[derive(Clone, Debug)]
pub struct WithVectorJacobian<F, V> {
    field: F,
    vector_jacobian: V,
    parameters: usize,
}

/// Joins a field `(t, &y, &mut dy)` and its product `(t, &y, &v, scale, &mut y_bar, &mut gradient)`, which adds
/// `scale · (∂f/∂y)ᵀ v` and `scale · (∂f/∂θ)ᵀ v`; the gradient has one entry per parameter.
///
/// ```
/// use flowmap_solvers::increment::{VectorJacobian, with_vector_jacobian};
/// let rate = 0.5;
/// let mut decay = with_vector_jacobian(
///     1,
///     move |_t, y: &[f64; 1], dy: &mut [f64; 1]| dy[0] = -rate * y[0],
///     move |_t, y: &[f64; 1], v: &[f64; 1], scale, y_bar: &mut [f64; 1], gradient: &mut Vec<f64>| {
///         y_bar[0] -= scale * rate * v[0];
///         gradient[0] -= scale * y[0] * v[0];
///     },
/// );
/// let (mut y_bar, mut gradient) = ([0.0], vec![0.0]);
/// decay.vector_jacobian(0.0, &[2.0], &[1.0], 1.0, &mut y_bar, &mut gradient);
/// assert_eq!((y_bar, gradient), ([-0.5], vec![-2.0]));
/// ```
pub fn with_vector_jacobian<Y, F, V>(
    parameters: usize,
    field: F,
    vector_jacobian: V,
) -> WithVectorJacobian<F, V>
where
    F: FnMut(f64, &Y, &mut Y),
    V: FnMut(f64, &Y, &Y, f64, &mut Y, &mut Vec<f64>),
{
    WithVectorJacobian { field, vector_jacobian, parameters }
}

impl<Y, F: FnMut(f64, &Y, &mut Y), V> VectorField<Y> for WithVectorJacobian<F, V> {
    fn eval(&mut self, t: f64, y: &Y, dy: &mut Y) {
        (self.field)(t, y, dy);
    }
}

impl<Y, F, V> VectorJacobian<Y> for WithVectorJacobian<F, V>
where
    Y: State,
    F: FnMut(f64, &Y, &mut Y),
    V: FnMut(f64, &Y, &Y, f64, &mut Y, &mut Vec<f64>),
{
    type Gradient = Vec<f64>;

    fn zero_gradient(&self) -> Vec<f64> {
        vec![0.0; self.parameters]
    }

    fn vector_jacobian(&mut self, t: f64, y: &Y, v: &Y, scale: f64, y_bar: &mut Y, gradient: &mut Vec<f64>) {
        (self.vector_jacobian)(t, y, v, scale, y_bar, gradient);
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

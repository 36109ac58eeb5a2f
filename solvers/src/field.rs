//! What a differential equation offers to a stepper.
//!
//! Fields take `&mut self` so that they may own scratch space, counters and FFT buffers without a lock;
//! a parallel driver clones one field per thread.

use nalgebra::DMatrix;
use num_complex::Complex64;

use crate::state::State;

/// An ordinary differential equation `dy/dt = f(t, y)`.
///
/// A neural network, a discretised PDE and a textbook system are all one of these.
pub trait VectorField<Y> {
    /// Writes `f(t, y)` into `dy`, which has the shape of `y` and arbitrary content.
    fn eval(&mut self, t: f64, y: &Y, dy: &mut Y);
}

/// A vector field whose Jacobian `∂f/∂y` can be formed densely; what the stiff solvers need.
pub trait Jacobian<Y>: VectorField<Y> {
    /// Writes `∂fᵢ/∂yⱼ` at `(t, y)` into `jacobian`, an `n × n` matrix of arbitrary content.
    fn jacobian(&mut self, t: f64, y: &Y, jacobian: &mut DMatrix<f64>);
}

/// A semilinear equation `dy/dt = L y + N(t, y)` with `L` diagonal in some basis (usually Fourier).
///
/// Functions of `hL` (exponentials, φ-functions, resolvents) are computed by the stepper on the host in
/// `f64` from [`symbol`](Self::symbol) and handed back through [`diagonal`](Self::diagonal), so the state
/// may live on another device, in another precision, or in physical space.
pub trait SemiLinear<Y> {
    /// An operator that is diagonal in the basis of `L`, in the form that [`apply`](Self::apply) uses.
    type Diagonal;

    /// The eigenvalues of `L`, real, imaginary or complex, in the order that `diagonal` expects.
    fn symbol(&self) -> Vec<Complex64>;

    /// Builds the operator with the given eigenvalues (same length and order as [`symbol`](Self::symbol)).
    fn diagonal(&self, eigenvalues: Vec<Complex64>) -> Self::Diagonal;

    /// Writes `Σᵢ Dᵢ yᵢ` into `out`, in one pass where the state allows it.
    fn apply(&mut self, terms: &[(&Self::Diagonal, &Y)], out: &mut Y);

    /// Writes `N(t, y)` into `out`, which has the shape of `y` and arbitrary content.
    fn nonlinear(&mut self, t: f64, y: &Y, out: &mut Y);
}

/// A separable Hamiltonian system `H(q, p) = T(p) + V(q)`; the state is the pair `(q, p)`.
pub trait Separable<Q> {
    /// Writes `dq/dt = ∂T/∂p` into `dq`.
    fn velocity(&mut self, p: &Q, dq: &mut Q);
    /// Writes `dp/dt = −∂V/∂q` at time `t` into `dp`.
    fn force(&mut self, t: f64, q: &Q, dp: &mut Q);
}

impl<Y, F: VectorField<Y> + ?Sized> VectorField<Y> for &mut F {
    fn eval(&mut self, t: f64, y: &Y, dy: &mut Y) {
        (**self).eval(t, y, dy);
    }
}

impl<Y, F: Jacobian<Y> + ?Sized> Jacobian<Y> for &mut F {
    fn jacobian(&mut self, t: f64, y: &Y, jacobian: &mut DMatrix<f64>) {
        (**self).jacobian(t, y, jacobian);
    }
}

impl<Y, F: SemiLinear<Y> + ?Sized> SemiLinear<Y> for &mut F {
    type Diagonal = F::Diagonal;
    fn symbol(&self) -> Vec<Complex64> {
        (**self).symbol()
    }
    fn diagonal(&self, eigenvalues: Vec<Complex64>) -> Self::Diagonal {
        (**self).diagonal(eigenvalues)
    }
    fn apply(&mut self, terms: &[(&Self::Diagonal, &Y)], out: &mut Y) {
        (**self).apply(terms, out);
    }
    fn nonlinear(&mut self, t: f64, y: &Y, out: &mut Y) {
        (**self).nonlinear(t, y, out);
    }
}

impl<Q, F: Separable<Q> + ?Sized> Separable<Q> for &mut F {
    fn velocity(&mut self, p: &Q, dq: &mut Q) {
        (**self).velocity(p, dq);
    }
    fn force(&mut self, t: f64, q: &Q, dp: &mut Q) {
        (**self).force(t, q, dp);
    }
}

/// A vector field from a closure `(t, y, dy)`.
#[derive(Clone, Debug)]
pub struct FromFn<F>(pub F);

/// Wraps a closure `(t, &y, &mut dy)` as a [`VectorField`].
///
/// ```
/// use flowmap_solvers::field::{from_fn, VectorField};
/// let mut decay = from_fn(|_t, y: &[f64; 1], dy: &mut [f64; 1]| dy[0] = -y[0]);
/// let mut dy = [0.0];
/// decay.eval(0.0, &[2.0], &mut dy);
/// assert_eq!(dy, [-2.0]);
/// ```
pub fn from_fn<Y, F: FnMut(f64, &Y, &mut Y)>(f: F) -> FromFn<F> {
    FromFn(f)
}

impl<Y, F: FnMut(f64, &Y, &mut Y)> VectorField<Y> for FromFn<F> {
    fn eval(&mut self, t: f64, y: &Y, dy: &mut Y) {
        (self.0)(t, y, dy);
    }
}

/// A [`SemiLinear`] equation seen as a plain vector field `f = L y + N`, for the explicit methods.
#[derive(Clone, Debug)]
pub struct Assembled<S, D, Y> {
    field: S,
    linear: D,
    scratch: Y,
}

impl<Y: State, S: SemiLinear<Y>> Assembled<S, S::Diagonal, Y> {
    /// Prepares `L`; `like` gives the shape of the state.
    pub fn new(field: S, like: &Y) -> Self {
        let linear = field.diagonal(field.symbol());
        Self { field, linear, scratch: like.zeros_like() }
    }
}

impl<Y: State, S: SemiLinear<Y>> VectorField<Y> for Assembled<S, S::Diagonal, Y> {
    fn eval(&mut self, t: f64, y: &Y, dy: &mut Y) {
        self.field.nonlinear(t, y, &mut self.scratch);
        self.field.apply(&[(&self.linear, y)], dy);
        dy.axpy(1.0, &self.scratch);
    }
}

/// A [`Separable`] Hamiltonian system seen as a plain vector field on `(q, p)`.
#[derive(Clone, Debug)]
pub struct Hamiltonian<S>(pub S);

impl<Q, S: Separable<Q>> VectorField<(Q, Q)> for Hamiltonian<S> {
    fn eval(&mut self, t: f64, y: &(Q, Q), dy: &mut (Q, Q)) {
        self.0.velocity(&y.1, &mut dy.0);
        self.0.force(t, &y.0, &mut dy.1);
    }
}

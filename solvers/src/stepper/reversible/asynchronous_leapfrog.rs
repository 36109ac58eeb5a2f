//! The asynchronous leapfrog method.

use crate::field::VectorField;
use crate::increment::{Increment, Ordinary, PullBack, VectorJacobian, slope};
use crate::state::State;
use crate::stepper::scheme::{Counts, Differentiable, Scheme};

/// The damped asynchronous leapfrog method (ALF, the integrator of MALI), with a velocity `v` beside the solution:
/// `k = y₀ + ½h v₀`, `u = f(t₀ + ½h, k)`, `v₁ = v₀ + 2η(u − v₀)`, `y₁ = k + ½h v₁`.
///
/// Order 2 for `η = 1`. Damping makes it stable on a piece of the negative axis, but then `v` lags behind the slope by
/// `(1/η − 1) ½h ẏ'` and the order is 1, and rounding grows like `|1 − 2η|⁻ⁿ` backward. A velocity is a slope, so the
/// method is one of ordinary equations. `η = ½` has no inverse.
///
/// A. Mutze, "An asynchronous leapfrog method II", arXiv:1311.6602 (2013); J. Zhuang et al., "MALI: a memory efficient
/// and reverse accurate integrator for neural ODEs", ICLR 2021.
#[derive(Clone, Debug)]
pub struct AsynchronousLeapfrog<Y> {
    eta: f64,
    /// `k` of the last step.
    argument: Option<Y>,
    /// `v₁ − v₀` times half the step.
    error: Option<Y>,
    counts: Counts,
}

impl<Y: State> AsynchronousLeapfrog<Y> {
    /// With damping `η` in `(½, 1]`.
    pub fn new(eta: f64) -> Self {
        Self { eta, argument: None, error: None, counts: Counts::default() }
    }
}

impl<Y: State, V: VectorField<Y>> Scheme<Y, Ordinary<V>> for AsynchronousLeapfrog<Y> {
    type Extended = (Y, Y);

    fn order(&self) -> usize {
        if self.eta == 1.0 { 2 } else { 1 }
    }

    fn embedded_order(&self) -> Option<usize> {
        Some(1)
    }

    fn start(&mut self, field: &mut Ordinary<V>, t: f64, y: &Y) -> (Y, Y) {
        let mut v = y.zeros_like();
        slope(field, t, y, &mut v);
        self.counts.evaluations += 1;
        (y.clone(), v)
    }

    fn value<'e>(&self, e: &'e (Y, Y)) -> &'e Y {
        &e.0
    }

    fn value_mut<'e>(&self, e: &'e mut (Y, Y)) -> &'e mut Y {
        &mut e.0
    }

    fn forward(&mut self, field: &mut Ordinary<V>, t0: f64, t1: f64, e0: &(Y, Y), e1: &mut (Y, Y)) {
        let h = t1 - t0;
        let mut k = self.argument.take().unwrap_or_else(|| e0.0.zeros_like());
        let mut u = self.error.take().unwrap_or_else(|| e0.0.zeros_like());
        k.combine(&e0.0, &[(0.5 * h, &e0.1)]);
        field.increment(t0, t1, 0.5, &k, &mut u);
        self.counts.evaluations += 1;
        e1.1.assign(&e0.1);
        e1.1.scale(1.0 - 2.0 * self.eta);
        e1.1.axpy(2.0 * self.eta / h, &u);
        e1.0.combine(&k, &[(0.5 * h, &e1.1)]);
        u.axpy(-h, &e0.1);
        u.scale(self.eta);
        (self.argument, self.error) = (Some(k), Some(u));
    }

    fn backward(&mut self, field: &mut Ordinary<V>, t0: f64, t1: f64, e1: &(Y, Y), e0: &mut (Y, Y)) {
        let h = t1 - t0;
        let mut k = self.argument.take().unwrap_or_else(|| e1.0.zeros_like());
        k.combine(&e1.0, &[(-0.5 * h, &e1.1)]);
        field.increment(t0, t1, 0.5, &k, &mut e0.0);
        self.counts.evaluations += 1;
        let (v1, u) = (&e1.1, &e0.0);
        e0.1.assign(v1);
        e0.1.axpy(-2.0 * self.eta / h, u);
        e0.1.scale(1.0 / (1.0 - 2.0 * self.eta));
        e0.0.combine(&k, &[(-0.5 * h, &e0.1)]);
        self.argument = Some(k);
    }

    fn arguments(&self) -> Vec<Y> {
        self.argument.iter().cloned().collect()
    }

    fn set_arguments(&mut self, arguments: &[Y]) {
        self.argument = arguments.first().cloned();
    }

    /// Of `½h(v₁ − v₀)`, the difference to Euler's method.
    fn error_norm(&mut self, y0: &Y, y1: &Y, atol: f64, rtol: f64) -> Option<f64> {
        self.error.as_ref().map(|error| Y::error_norm(error, y0, y1, atol, rtol))
    }

    fn counts(&self) -> Counts {
        self.counts
    }
}

impl<Y: State, V: VectorJacobian<Y>> Differentiable<Y, Ordinary<V>> for AsynchronousLeapfrog<Y> {
    /// With `w = v̄₁ + ½h ȳ₁` and `k̄ = ȳ₁ + 2η (∂f/∂y)ᵀ(k) w`: `ȳ₀ = k̄`, `v̄₀ = (1 − 2η) w + ½h k̄`.
    fn pull_back(
        &mut self,
        field: &mut Ordinary<V>,
        t0: f64,
        t1: f64,
        e1_bar: &(Y, Y),
        _dense: &[(f64, Y)],
        e0_bar: &mut (Y, Y),
        gradient: &mut V::Gradient,
    ) {
        let Some(k) = &self.argument else { return };
        let h = t1 - t0;
        let mut w = e1_bar.1.clone();
        w.axpy(0.5 * h, &e1_bar.0);
        e0_bar.1.axpy(1.0 - 2.0 * self.eta, &w);
        w.scale(2.0 * self.eta / h);
        let mut k_bar = e1_bar.0.clone();
        field.pull_back(t0, t1, 0.5, k, &w, &mut k_bar, gradient);
        self.counts.pull_backs += 1;
        e0_bar.0.axpy(1.0, &k_bar);
        e0_bar.1.axpy(0.5 * h, &k_bar);
    }

    fn pull_back_start(
        &mut self,
        field: &mut Ordinary<V>,
        t: f64,
        y: &Y,
        e_bar: &(Y, Y),
        y_bar: &mut Y,
        gradient: &mut V::Gradient,
    ) {
        y_bar.axpy(1.0, &e_bar.0);
        field.pull_back(t, t + 1.0, 0.0, y, &e_bar.1, y_bar, gradient);
        self.counts.pull_backs += 1;
    }
}

//! The reversible coupling of any explicit method.

use super::round_trip::RoundTrip;
use crate::increment::{Increment, PullBack};
use crate::state::State;
use crate::stepper::explicit_rk::Tableau;
use crate::stepper::scheme::{Counts, Differentiable, Scheme};

/// Two copies of a trajectory, coupled so that the step of any explicit method `Ψ` becomes invertible:
/// `y₁ = λy₀ + (1 − λ)z₀ + Ψ(t₀ → t₁; z₀)`, `z₁ = z₀ − Ψ(t₁ → t₀; y₁)`.
///
/// The order is that of the method. The map of a step has determinant `λ` on a linear equation, so a second root
/// `≈ λ e^{ha}` stands beside `e^{−ha}`: on `y' = −a y` the pair is stable while `h a ≲ −ln λ`, and rounding grows like
/// `λ⁻ⁿ` when it is run back. A λ that is good for the one is bad for the other.
///
/// S. McCallum, J. Foster, "Efficient, accurate and stable gradients for neural ODEs", arXiv:2410.11648 (2024).
#[derive(Clone, Debug)]
pub struct Coupled<Y> {
    lambda: f64,
    psi: RoundTrip<Y>,
}

impl<Y: State> Coupled<Y> {
    /// Couples the method of a tableau, with `λ` in `(0, 1]`.
    pub fn new(tableau: &'static Tableau, lambda: f64) -> Self {
        Self { lambda, psi: RoundTrip::new(tableau) }
    }
}

impl<Y: State, F: Increment<Y>> Scheme<Y, F> for Coupled<Y> {
    type Extended = (Y, Y);

    fn order(&self) -> usize {
        self.psi.tableau().order
    }

    fn extended_like(&self, y: &Y) -> (Y, Y) {
        (y.zeros_like(), y.zeros_like())
    }

    fn start(&mut self, _field: &mut F, _t: f64, y: &Y) -> (Y, Y) {
        (y.clone(), y.clone())
    }

    fn value<'e>(&self, e: &'e (Y, Y)) -> &'e Y {
        &e.0
    }

    fn value_mut<'e>(&self, e: &'e mut (Y, Y)) -> &'e mut Y {
        &mut e.0
    }

    fn forward(&mut self, field: &mut F, t0: f64, t1: f64, e0: &(Y, Y), e1: &mut (Y, Y)) {
        let mut psi = self.psi.take(&e0.0);
        self.psi.there(field, t0, t1, &e0.1, &mut psi);
        e1.0.combine(&psi, &[(self.lambda, &e0.0), (1.0 - self.lambda, &e0.1)]);
        self.psi.back(field, t0, t1, &e1.0, &mut psi);
        e1.1.combine(&e0.1, &[(-1.0, &psi)]);
        self.psi.give(psi);
    }

    fn backward(&mut self, field: &mut F, t0: f64, t1: f64, e1: &(Y, Y), e0: &mut (Y, Y)) {
        let mut psi = self.psi.take(&e1.0);
        self.psi.back(field, t0, t1, &e1.0, &mut psi);
        e0.1.combine(&e1.1, &[(1.0, &psi)]);
        self.psi.there(field, t0, t1, &e0.1, &mut psi);
        e0.0.combine(&e1.0, &[(-1.0, &psi), (self.lambda - 1.0, &e0.1)]);
        e0.0.scale(1.0 / self.lambda);
        self.psi.give(psi);
    }

    fn arguments(&self) -> Vec<Y> {
        self.psi.arguments()
    }

    fn set_arguments(&mut self, arguments: &[Y]) {
        self.psi.set_arguments(arguments);
    }

    fn counts(&self) -> Counts {
        self.psi.counts
    }
}

impl<Y: State, F: PullBack<Y>> Differentiable<Y, F> for Coupled<Y> {
    /// With `a = ȳ₁ − (∂Ψ(t₁ → t₀)/∂y)ᵀ(y₁) z̄₁`: `ȳ₀ = λ a`, `z̄₀ = z̄₁ + (1 − λ) a + (∂Ψ(t₀ → t₁)/∂y)ᵀ(z₀) a`.
    fn pull_back(
        &mut self,
        field: &mut F,
        t0: f64,
        t1: f64,
        e1_bar: &(Y, Y),
        _dense: &[(f64, Y)],
        e0_bar: &mut (Y, Y),
        gradient: &mut F::Gradient,
    ) {
        let mut a = e1_bar.0.clone();
        self.psi.pull_back(field, (t0, t1), (-1.0, &e1_bar.1), &mut a, gradient);
        e0_bar.0.axpy(self.lambda, &a);
        e0_bar.1.axpy(1.0, &e1_bar.1);
        e0_bar.1.axpy(1.0 - self.lambda, &a);
        self.psi.pull_there(field, (t0, t1), (1.0, &a), &mut e0_bar.1, gradient);
    }

    fn pull_back_start(
        &mut self,
        _field: &mut F,
        _t: f64,
        _y: &Y,
        e_bar: &(Y, Y),
        y_bar: &mut Y,
        _gradient: &mut F::Gradient,
    ) {
        y_bar.axpy(1.0, &e_bar.0);
        y_bar.axpy(1.0, &e_bar.1);
    }
}

//! Bidirectional integration approximation.

use super::round_trip::RoundTrip;
use crate::increment::{Increment, PullBack};
use crate::state::State;
use crate::stepper::explicit_rk::Tableau;
use crate::stepper::scheme::{Counts, Differentiable, Scheme};

/// Bidirectional integration approximation (BDIA): the next state from the last two, by a step `Ψ` ahead and one back,
/// `y₂ = γy₀ + (1 − γ)y₁ − γ Ψ(t₁ → t₀; y₁) + Ψ(t₁ → t₂; y₁)`.
///
/// Written with the companion `m₁ = γ(y₀ − y₁ − Ψ(t₁ → t₀; y₁))` it is a map of one step, whatever the step sizes:
/// `y₁ = y₀ + m₀ + Ψ(t₀ → t₁; y₀)`, and `m = 0` at the start. With `γ = 1` steps of one size are symmetric and the order
/// is even: Euler's method becomes the explicit leapfrog. Rounding grows like `γ⁻ⁿ` when it is run back.
///
/// G. Zhang, J. P. Lewis, W. B. Kleijn, "Exact diffusion inversion via bidirectional integration approximation",
/// ECCV 2024.
#[derive(Clone, Debug)]
pub struct Bdia<Y> {
    gamma: f64,
    psi: RoundTrip<Y>,
}

impl<Y: State> Bdia<Y> {
    /// With the method of a tableau as `Ψ`, and `γ` in `(0, 1]`.
    pub fn new(tableau: &'static Tableau, gamma: f64) -> Self {
        Self { gamma, psi: RoundTrip::new(tableau) }
    }
}

impl<Y: State, F: Increment<Y>> Scheme<Y, F> for Bdia<Y> {
    type Extended = (Y, Y);

    fn order(&self) -> usize {
        let order = self.psi.tableau().order;
        if self.gamma == 1.0 { order + order % 2 } else { order }
    }

    fn extended_like(&self, y: &Y) -> (Y, Y) {
        (y.zeros_like(), y.zeros_like())
    }

    fn start(&mut self, _field: &mut F, _t: f64, y: &Y) -> (Y, Y) {
        (y.clone(), y.zeros_like())
    }

    fn value<'e>(&self, e: &'e (Y, Y)) -> &'e Y {
        &e.0
    }

    fn value_mut<'e>(&self, e: &'e mut (Y, Y)) -> &'e mut Y {
        &mut e.0
    }

    fn forward(&mut self, field: &mut F, t0: f64, t1: f64, e0: &(Y, Y), e1: &mut (Y, Y)) {
        let mut psi = self.psi.take(&e0.0);
        self.psi.there(field, t0, t1, &e0.0, &mut psi);
        e1.0.combine(&e0.0, &[(1.0, &e0.1), (1.0, &psi)]);
        self.psi.back(field, t0, t1, &e1.0, &mut psi);
        e1.1.combine(&e0.0, &[(-1.0, &e1.0), (-1.0, &psi)]);
        e1.1.scale(self.gamma);
        self.psi.give(psi);
    }

    fn backward(&mut self, field: &mut F, t0: f64, t1: f64, e1: &(Y, Y), e0: &mut (Y, Y)) {
        let mut psi = self.psi.take(&e1.0);
        self.psi.back(field, t0, t1, &e1.0, &mut psi);
        e0.0.combine(&e1.0, &[(1.0 / self.gamma, &e1.1), (1.0, &psi)]);
        self.psi.there(field, t0, t1, &e0.0, &mut psi);
        e0.1.combine(&e1.0, &[(-1.0, &e0.0), (-1.0, &psi)]);
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

impl<Y: State, F: PullBack<Y>> Differentiable<Y, F> for Bdia<Y> {
    /// With `a = ȳ₁ − γ m̄₁ − γ (∂Ψ(t₁ → t₀)/∂y)ᵀ(y₁) m̄₁`: `ȳ₀ = γ m̄₁ + a + (∂Ψ(t₀ → t₁)/∂y)ᵀ(y₀) a`, `m̄₀ = a`.
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
        let gamma = self.gamma;
        let mut a = e1_bar.0.clone();
        a.axpy(-gamma, &e1_bar.1);
        self.psi.pull_back(field, (t0, t1), (-gamma, &e1_bar.1), &mut a, gradient);
        e0_bar.0.axpy(gamma, &e1_bar.1);
        e0_bar.0.axpy(1.0, &a);
        e0_bar.1.axpy(1.0, &a);
        self.psi.pull_there(field, (t0, t1), (1.0, &a), &mut e0_bar.0, gradient);
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
    }
}

//! Bidirectional integration approximation.

use crate::increment::{Increment, PullBack};
use crate::state::State;
use crate::stepper::explicit_rk::{Stages, Tableau};
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
    /// Of `Ψ(t₀ → t₁; y₀)`.
    there: Stages<Y>,
    /// Of `Ψ(t₁ → t₀; y₁)`.
    back: Stages<Y>,
    increment: Option<Y>,
    counts: Counts,
}

impl<Y: State> Bdia<Y> {
    /// With the method of a tableau as `Ψ`, and `γ` in `(0, 1]`.
    pub fn new(tableau: &'static Tableau, gamma: f64) -> Self {
        Self {
            gamma,
            there: Stages::new(tableau),
            back: Stages::new(tableau),
            increment: None,
            counts: Counts::default(),
        }
    }
}

impl<Y: State, F: Increment<Y>> Scheme<Y, F> for Bdia<Y> {
    type Extended = (Y, Y);

    fn order(&self) -> usize {
        let order = self.there.tableau.order;
        if self.gamma == 1.0 { order + order % 2 } else { order }
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
        let mut psi = self.increment.take().unwrap_or_else(|| e0.0.zeros_like());
        self.there.increment(field, t0, t1, &e0.0, &mut psi, &mut self.counts);
        e1.0.combine(&e0.0, &[(1.0, &e0.1), (1.0, &psi)]);
        self.back.increment(field, t1, t0, &e1.0, &mut psi, &mut self.counts);
        e1.1.combine(&e0.0, &[(-1.0, &e1.0), (-1.0, &psi)]);
        e1.1.scale(self.gamma);
        self.increment = Some(psi);
    }

    fn backward(&mut self, field: &mut F, t0: f64, t1: f64, e1: &(Y, Y), e0: &mut (Y, Y)) {
        let mut psi = self.increment.take().unwrap_or_else(|| e1.0.zeros_like());
        self.back.increment(field, t1, t0, &e1.0, &mut psi, &mut self.counts);
        e0.0.combine(&e1.0, &[(1.0 / self.gamma, &e1.1), (1.0, &psi)]);
        self.there.increment(field, t0, t1, &e0.0, &mut psi, &mut self.counts);
        e0.1.combine(&e1.0, &[(-1.0, &e0.0), (-1.0, &psi)]);
        self.increment = Some(psi);
    }

    fn arguments(&self) -> Vec<Y> {
        let used = self.there.used();
        [&self.there.arguments[..used], &self.back.arguments[..used]].concat()
    }

    fn set_arguments(&mut self, arguments: &[Y]) {
        let used = self.there.used();
        let mine = self.there.arguments.iter_mut().take(used);
        let (there, back) = arguments.split_at(arguments.len() / 2);
        mine.zip(there).for_each(|(a, kept)| a.assign(kept));
        self.back.arguments.iter_mut().zip(back).for_each(|(a, kept)| a.assign(kept));
    }

    fn counts(&self) -> Counts {
        self.counts
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
        let (b, gamma) = (self.there.tableau.b, self.gamma);
        let mut a = e1_bar.0.clone();
        a.axpy(-gamma, &e1_bar.1);
        self.back.pull_back(field, t1, t0, &[(b, -gamma, &e1_bar.1)], &mut a, gradient, &mut self.counts);
        e0_bar.0.axpy(gamma, &e1_bar.1);
        e0_bar.0.axpy(1.0, &a);
        e0_bar.1.axpy(1.0, &a);
        self.there.pull_back(field, t0, t1, &[(b, 1.0, &a)], &mut e0_bar.0, gradient, &mut self.counts);
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

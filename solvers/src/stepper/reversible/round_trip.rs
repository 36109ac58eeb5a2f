//! An explicit method there and back, which two of the schemes are made of.

use crate::increment::{Increment, PullBack};
use crate::state::State;
use crate::stepper::explicit_rk::{Stages, Tableau};
use crate::stepper::scheme::Counts;

/// The steps `Ψ(t₀ → t₁)` and `Ψ(t₁ → t₀)` of one method, each with its stages.
#[derive(Clone, Debug)]
pub(super) struct RoundTrip<Y> {
    there: Stages<Y>,
    back: Stages<Y>,
    increment: Option<Y>,
    pub(super) counts: Counts,
}

impl<Y: State> RoundTrip<Y> {
    pub(super) fn new(tableau: &'static Tableau) -> Self {
        Self {
            there: Stages::new(tableau),
            back: Stages::new(tableau),
            increment: None,
            counts: Counts::default(),
        }
    }

    pub(super) fn tableau(&self) -> &'static Tableau {
        self.there.tableau
    }

    /// Room for an increment, to be [given back](Self::give) after use.
    pub(super) fn take(&mut self, like: &Y) -> Y {
        self.increment.take().unwrap_or_else(|| like.zeros_like())
    }

    pub(super) fn give(&mut self, increment: Y) {
        self.increment = Some(increment);
    }

    /// Writes `Ψ(t₀ → t₁; y)`.
    pub(super) fn there<F: Increment<Y>>(&mut self, field: &mut F, t0: f64, t1: f64, y: &Y, psi: &mut Y) {
        self.there.increment(field, t0, t1, y, psi, &mut self.counts);
    }

    /// Writes `Ψ(t₁ → t₀; y)`.
    pub(super) fn back<F: Increment<Y>>(&mut self, field: &mut F, t0: f64, t1: f64, y: &Y, psi: &mut Y) {
        self.back.increment(field, t1, t0, y, psi, &mut self.counts);
    }

    /// Adds `scale (∂Ψ(t₀ → t₁)/∂y)ᵀ v` to `bar`.
    pub(super) fn pull_there<F: PullBack<Y>>(
        &mut self,
        field: &mut F,
        (t0, t1): (f64, f64),
        (scale, v): (f64, &Y),
        bar: &mut Y,
        gradient: &mut F::Gradient,
    ) {
        let b = self.there.tableau.b;
        self.there.pull_back(field, t0, t1, &[(b, scale, v)], bar, gradient, &mut self.counts);
    }

    /// Adds `scale (∂Ψ(t₁ → t₀)/∂y)ᵀ v` to `bar`.
    pub(super) fn pull_back<F: PullBack<Y>>(
        &mut self,
        field: &mut F,
        (t0, t1): (f64, f64),
        (scale, v): (f64, &Y),
        bar: &mut Y,
        gradient: &mut F::Gradient,
    ) {
        let b = self.back.tableau.b;
        self.back.pull_back(field, t1, t0, &[(b, scale, v)], bar, gradient, &mut self.counts);
    }

    /// The states at which the stages of both were evaluated.
    pub(super) fn arguments(&self) -> Vec<Y> {
        let used = self.there.used();
        [&self.there.arguments[..used], &self.back.arguments[..used]].concat()
    }

    /// Takes up what [`arguments`](Self::arguments) gave.
    pub(super) fn set_arguments(&mut self, arguments: &[Y]) {
        let used = self.there.used();
        let mine = self.there.arguments.iter_mut().take(used);
        let (there, back) = arguments.split_at(arguments.len() / 2);
        mine.zip(there).for_each(|(a, kept)| a.assign(kept));
        self.back.arguments.iter_mut().zip(back).for_each(|(a, kept)| a.assign(kept));
    }
}

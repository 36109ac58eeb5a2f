//! The stages of an explicit Runge-Kutta method over increments: `Kᵢ = F(t₀, t₁, cᵢ, y + Σⱼ aᵢⱼ Kⱼ)`.

use super::tableau::{Dense, Tableau};
use crate::increment::{Increment, PullBack};
use crate::state::State;
use crate::stepper::scheme::Counts;

/// The arguments and increments of the stages of one step, and their reverse.
#[derive(Clone, Debug)]
pub struct Stages<Y> {
    pub(crate) tableau: &'static Tableau,
    pub(crate) arguments: Vec<Y>,
    pub(crate) increments: Vec<Y>,
    /// The cotangents of the arguments.
    bars: Vec<Y>,
    /// A scratch cotangent, and zero (a scaled NaN is not).
    scratch: Option<(Y, Y)>,
}

impl<Y: State> Stages<Y> {
    /// Of one method; memory is taken when the first step shows the shape of the state.
    pub fn new(tableau: &'static Tableau) -> Self {
        Self { tableau, arguments: Vec::new(), increments: Vec::new(), bars: Vec::new(), scratch: None }
    }

    /// The stages that the new state needs: those up to the last weight.
    pub(crate) fn used(&self) -> usize {
        self.tableau.b.iter().rposition(|b| *b != 0.0).map_or(0, |i| i + 1)
    }

    fn row(&self, i: usize) -> &'static [f64] {
        let own = self.tableau.stages();
        match self.tableau.dense {
            Dense::Stages { extra_a, .. } if i >= own => extra_a[i - own],
            _ => self.tableau.row(i),
        }
    }

    fn node(&self, i: usize) -> f64 {
        let own = self.tableau.stages();
        match self.tableau.dense {
            Dense::Stages { extra_c, .. } if i >= own => extra_c[i - own],
            _ => self.tableau.c[i],
        }
    }

    fn allocate(&mut self, like: &Y) {
        if self.arguments.is_empty() {
            let zeros = || (0..self.tableau.all_stages()).map(|_| like.zeros_like()).collect();
            (self.arguments, self.increments, self.bars) = (zeros(), zeros(), zeros());
            self.scratch = Some((like.zeros_like(), like.zeros_like()));
        }
    }

    /// Finds the arguments of the stages `from..to` of the step from `y`, and the increments there.
    pub(crate) fn evaluate<F: Increment<Y>>(
        &mut self,
        field: &mut F,
        t0: f64,
        t1: f64,
        y: &Y,
        stages: std::ops::Range<usize>,
        counts: &mut Counts,
    ) {
        self.allocate(y);
        for i in stages {
            let (row, c) = (self.row(i), self.node(i));
            self.arguments[i].combine_stages(y, 1.0, row, &self.increments);
            field.increment(t0, t1, c, &self.arguments[i], &mut self.increments[i]);
            counts.evaluations += 1;
        }
    }

    /// Finds the arguments of the first `stages` stages, without the last increment, which no argument needs.
    pub(crate) fn locate<F: Increment<Y>>(
        &mut self,
        field: &mut F,
        t0: f64,
        t1: f64,
        y: &Y,
        stages: usize,
        counts: &mut Counts,
    ) {
        let Some(last) = stages.checked_sub(1) else { return };
        self.evaluate(field, t0, t1, y, 0..last, counts);
        let row = self.row(last);
        self.arguments[last].combine_stages(y, 1.0, row, &self.increments);
    }

    /// Writes the increment of the method `Ψ(t0 → t1; y) = Σᵢ bᵢ Kᵢ` into `out`.
    pub fn increment<F: Increment<Y>>(
        &mut self,
        field: &mut F,
        t0: f64,
        t1: f64,
        y: &Y,
        out: &mut Y,
        counts: &mut Counts,
    ) {
        let used = self.used();
        self.evaluate(field, t0, t1, y, 0..used, counts);
        if let Some((_, zero)) = &self.scratch {
            out.combine_stages(zero, 1.0, &self.tableau.b[..used], &self.increments);
        }
    }

    /// Pulls `out = Σᵢ wᵢ Kᵢ` back: of the cotangents `weighted`, each with its own weights `w`, adds what falls to `y`
    /// and to the parameters.
    ///
    /// The increments themselves are not needed, only the arguments: with `v̄ᵢ = wᵢ v + Σⱼ aⱼᵢ ȳⱼ` the cotangent of the
    /// `i`-th argument is `ȳᵢ = (∂F/∂y)ᵀ v̄ᵢ`, from the last stage to the first.
    pub fn pull_back<F: PullBack<Y>>(
        &mut self,
        field: &mut F,
        t0: f64,
        t1: f64,
        weighted: &[(&[f64], f64, &Y)],
        y_bar: &mut Y,
        gradient: &mut F::Gradient,
        counts: &mut Counts,
    ) {
        let stages = weighted
            .iter()
            .filter_map(|(w, ..)| w.iter().rposition(|w| *w != 0.0))
            .max()
            .map_or(0, |last| last + 1);
        self.allocate(y_bar);
        let Some((mut cotangent, zero)) = self.scratch.take() else { return };
        for i in (0..stages).rev() {
            cotangent.assign(&zero);
            let mut reached = false;
            for (w, sign, v) in weighted {
                if let Some(w) = w.get(i).filter(|w| **w != 0.0) {
                    cotangent.axpy(sign * w, v);
                    reached = true;
                }
            }
            for j in i + 1..stages {
                let a = self.row(j)[i];
                if a != 0.0 {
                    cotangent.axpy(a, &self.bars[j]);
                    reached = true;
                }
            }
            let c = self.node(i);
            self.bars[i].assign(&zero);
            if reached {
                field.pull_back(t0, t1, c, &self.arguments[i], &cotangent, &mut self.bars[i], gradient);
                counts.pull_backs += 1;
                y_bar.axpy(1.0, &self.bars[i]);
            }
        }
        self.scratch = Some((cotangent, zero));
    }
}

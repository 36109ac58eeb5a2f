//! An explicit Runge-Kutta method as a [`Scheme`].

use super::stages::Stages;
use super::tableau::{Dense, Tableau};
use crate::increment::{Increment, PullBack};
use crate::state::{MOST_STAGES, State};
use crate::stepper::scheme::{Counts, Differentiable, Scheme};

/// `y₁ = y₀ + Σᵢ bᵢ Kᵢ`, without companions; its step backward is the step with `−h`.
///
/// The step backward inverts the step up to `O(h^{p+1})`, of an even order `O(h^{p+2})`, and of an effectively
/// symmetric method ([`EES25`](crate::stepper::reversible::EES25)) up to `O(h⁶)`. Where only the forward solve is
/// wanted, [`ExplicitRk`](super::ExplicitRk) is the faster executor.
#[derive(Clone, Debug)]
pub struct RungeKutta<Y> {
    stages: Stages<Y>,
    first: First,
    /// The interval of the last step.
    last: (f64, f64),
    /// The estimate, and zero.
    error: Option<(Y, Y)>,
    /// Stages beyond those of a step that are there.
    dense_ready: bool,
    counts: Counts,
}

/// Where the increment of the first stage is known from, and the length of the interval that it is over.
#[derive(Clone, Copy, Debug)]
enum First {
    Unknown,
    AtStart(f64),
    AtEnd(f64),
}

impl<Y: State> RungeKutta<Y> {
    /// The method of a tableau.
    pub fn new(tableau: &'static Tableau) -> Self {
        Self {
            stages: Stages::new(tableau),
            first: First::Unknown,
            last: (0.0, 0.0),
            error: None,
            dense_ready: false,
            counts: Counts::default(),
        }
    }

    fn extra_stages<F: Increment<Y>>(&mut self, field: &mut F, y0: &Y) {
        if !self.dense_ready {
            let (t0, t1) = self.last;
            let tableau = self.stages.tableau;
            self.stages.evaluate(field, t0, t1, y0, tableau.stages()..tableau.all_stages(), &mut self.counts);
            self.dense_ready = true;
        }
    }
}

impl<Y: State, F: Increment<Y>> Scheme<Y, F> for RungeKutta<Y> {
    type Extended = Y;

    fn order(&self) -> usize {
        self.stages.tableau.order
    }

    fn embedded_order(&self) -> Option<usize> {
        self.stages.tableau.embedded_order
    }

    fn extended_like(&self, y: &Y) -> Y {
        y.zeros_like()
    }

    fn start(&mut self, _field: &mut F, _t: f64, y: &Y) -> Y {
        y.clone()
    }

    fn value<'e>(&self, e: &'e Y) -> &'e Y {
        e
    }

    fn value_mut<'e>(&self, e: &'e mut Y) -> &'e mut Y {
        e
    }

    fn forward(&mut self, field: &mut F, t0: f64, t1: f64, e0: &Y, e1: &mut Y) {
        let tableau = self.stages.tableau;
        let s = tableau.stages();
        let known = match self.first {
            First::Unknown => None,
            First::AtStart(h) => Some(h),
            First::AtEnd(h) => {
                self.stages.increments.swap(0, s - 1);
                Some(h)
            }
        };
        match known {
            Some(h) => {
                self.stages.increments[0].scale((t1 - t0) / h);
                self.stages.arguments[0].assign(e0);
                self.stages.evaluate(field, t0, t1, e0, 1..s, &mut self.counts);
            }
            None => self.stages.evaluate(field, t0, t1, e0, 0..s, &mut self.counts),
        }
        if tableau.first_same_as_last() {
            e1.assign(&self.stages.arguments[s - 1]);
        } else {
            e1.combine_stages(e0, 1.0, tableau.b, &self.stages.increments);
        }
        self.first = if field.ordinary() { First::AtStart(t1 - t0) } else { First::Unknown };
        self.last = (t0, t1);
        self.dense_ready = false;
    }

    fn backward(&mut self, field: &mut F, t0: f64, t1: f64, e1: &Y, e0: &mut Y) {
        self.first = First::Unknown;
        let used = self.stages.used();
        self.stages.evaluate(field, t1, t0, e1, 0..used, &mut self.counts);
        e0.combine_stages(e1, 1.0, &self.stages.tableau.b[..used], &self.stages.increments);
        self.stages.locate(field, t0, t1, e0, used, &mut self.counts);
        self.last = (t0, t1);
    }

    fn arguments(&self) -> Vec<Y> {
        self.stages.arguments[..self.stages.used()].to_vec()
    }

    fn set_arguments(&mut self, arguments: &[Y]) {
        for (a, kept) in self.stages.arguments.iter_mut().zip(arguments) {
            a.assign(kept);
        }
    }

    fn error_norm(&mut self, y0: &Y, y1: &Y, atol: f64, rtol: f64) -> Option<f64> {
        let tableau = self.stages.tableau;
        if tableau.error.is_empty() {
            return None;
        }
        let (mut error, zero) = self.error.take().unwrap_or_else(|| (y0.zeros_like(), y0.zeros_like()));
        let mut norm = |weights: &[f64]| {
            error.combine_stages(&zero, 1.0, weights, &self.stages.increments);
            Y::error_norm(&error, y0, y1, atol, rtol)
        };
        let e = norm(tableau.error);
        let estimate = if tableau.third_order_error.is_empty() {
            e
        } else {
            let e3 = norm(tableau.third_order_error);
            let denominator = (e * e + 0.01 * e3 * e3).sqrt();
            if denominator > 0.0 { e * e / denominator } else { e }
        };
        self.error = Some((error, zero));
        Some(estimate)
    }

    fn accept(&mut self) {
        self.first = match self.first {
            First::AtStart(h) if self.stages.tableau.first_same_as_last() => First::AtEnd(h),
            _ => First::Unknown,
        };
    }

    fn forget(&mut self) {
        self.first = First::Unknown;
    }

    fn write_memory(&self, out: &mut Vec<f64>) {
        let (h, k) = match self.first {
            First::Unknown => return,
            First::AtStart(h) => (h, self.stages.increments.first()),
            First::AtEnd(h) => (h, self.stages.increments.get(self.stages.tableau.stages() - 1)),
        };
        out.push(h);
        k.into_iter().for_each(|k| k.write_entries(out));
    }

    fn read_memory(&mut self, like: &Y, memory: &mut &[f64]) {
        let Some((h, rest)) = memory.split_first() else { return };
        *memory = rest;
        self.stages.allocate(like);
        if self.stages.increments[0].read_entries(memory) {
            self.first = First::AtStart(*h);
        }
    }

    fn dense_order(&self) -> usize {
        match self.stages.tableau.dense {
            Dense::Hermite => self.stages.tableau.order.min(3),
            Dense::Stages { order, .. } => order,
        }
    }

    fn interpolates(&self) -> bool {
        matches!(self.stages.tableau.dense, Dense::Stages { .. })
    }

    fn interpolate(&mut self, field: &mut F, _t0: f64, _t1: f64, theta: f64, y0: &Y, out: &mut Y) {
        let Dense::Stages { weights, .. } = self.stages.tableau.dense else { return };
        self.extra_stages(field, y0);
        let n = self.stages.tableau.all_stages();
        let mut w = [0.0; MOST_STAGES];
        weights(theta, &mut w[..n]);
        out.combine_stages(y0, 1.0, &w[..n], &self.stages.increments);
    }

    fn counts(&self) -> Counts {
        self.counts
    }
}

impl<Y: State, F: PullBack<Y>> Differentiable<Y, F> for RungeKutta<Y> {
    fn prepare(&mut self, field: &mut F, t0: f64, t1: f64, e0: &Y, dense: bool) {
        let n = if dense { self.stages.tableau.all_stages() } else { self.stages.used() };
        self.first = First::Unknown;
        self.stages.locate(field, t0, t1, e0, n, &mut self.counts);
    }

    fn pull_back(
        &mut self,
        field: &mut F,
        t0: f64,
        t1: f64,
        e1_bar: &Y,
        dense: &[(f64, Y)],
        e0_bar: &mut Y,
        gradient: &mut F::Gradient,
    ) {
        let tableau = self.stages.tableau;
        let n = tableau.all_stages();
        let mut weights = vec![[0.0; MOST_STAGES]; dense.len()];
        if let Dense::Stages { weights: write, .. } = tableau.dense {
            for (w, (theta, _)) in weights.iter_mut().zip(dense) {
                write(*theta, &mut w[..n]);
            }
        }
        let mut weighted = vec![(tableau.b, 1.0, e1_bar)];
        weighted.extend(weights.iter().zip(dense).map(|(w, (_, v))| (&w[..n], 1.0, v)));
        e0_bar.axpy(1.0, e1_bar);
        for (_, v) in dense {
            e0_bar.axpy(1.0, v);
        }
        self.stages.pull_back(field, t0, t1, &weighted, e0_bar, gradient, &mut self.counts);
    }

    fn pull_back_start(
        &mut self,
        _field: &mut F,
        _t: f64,
        _y: &Y,
        e_bar: &Y,
        y_bar: &mut Y,
        _gradient: &mut F::Gradient,
    ) {
        y_bar.axpy(1.0, e_bar);
    }
}

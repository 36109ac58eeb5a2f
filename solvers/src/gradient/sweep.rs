//! The way back: one step after the other is pulled back, with the cotangents of the saved states on the way.

use std::collections::BTreeMap;

use super::log::StepLog;
use crate::increment::PullBack;
use crate::solve::{Outcome, Solution};
use crate::state::State;
use crate::stepper::hermite;
use crate::stepper::scheme::{Counts, Differentiable};

/// The cotangents of saved states, by where they lie.
pub(crate) struct Saved<Y> {
    /// As the loss gave them.
    pub(crate) given: Vec<Y>,
    /// At the start of a step (or at the end of the last).
    at: BTreeMap<u64, Y>,
    /// Within a step, with the position `θ`.
    pub(crate) inside: BTreeMap<u64, Vec<(f64, Y)>>,
}

impl<Y: State> Saved<Y> {
    pub(crate) fn new(
        log: &StepLog,
        solution: &Solution<Y>,
        t1: f64,
        given: Vec<Y>,
        event: Option<Y>,
    ) -> Self {
        let (mut at, mut inside) = (BTreeMap::<u64, Y>::new(), BTreeMap::<u64, Vec<(f64, Y)>>::new());
        let last = log.len();
        let ended = match solution.outcome {
            Outcome::Event { t, .. } => Some(t),
            _ => None,
        };
        let mut within = |n: u64, t: f64, v: Y| {
            let (start, h) = log.get(n);
            inside.entry(n).or_default().push(((t - start) / h, v));
        };
        for (t, v) in solution.ts.iter().zip(&given) {
            // The state at the event has its cotangent by the implicit function theorem.
            if ended == Some(*t) && event.is_some() {
                continue;
            }
            let place = match log.find(*t) {
                None => 0,
                Some(n) if n + 1 < last && log.get(n + 1).0 == *t => n + 1,
                Some(n) if n + 1 == last && *t == t1 => last,
                Some(n) => {
                    within(n, *t, v.clone());
                    continue;
                }
            };
            at.entry(place).and_modify(|sum| sum.axpy(1.0, v)).or_insert_with(|| v.clone());
        }
        if let (Some(t), Some(v)) = (ended, event)
            && last > 0
        {
            within(last - 1, t, v);
        }
        Self { given, at, inside }
    }

    pub(crate) fn at_start(&self) -> Option<&Y> {
        self.at.get(&0)
    }

    pub(crate) fn at(&self, n: u64) -> Option<&Y> {
        self.at.get(&n)
    }
}

/// What is known of a step that is to be pulled back, beside its start.
pub(crate) enum Arguments<'a, Y> {
    /// Nothing.
    Unknown,
    /// The scheme holds the arguments of its increments.
    Prepared,
    /// These are the arguments of its increments.
    Kept(&'a [Y]),
}

/// The state of the way back.
pub(crate) struct Sweep<M, F, Y>
where
    Y: State,
    F: PullBack<Y>,
    M: Differentiable<Y, F>,
{
    pub(crate) scheme: M,
    pub(crate) field: F,
    pub(crate) log: StepLog,
    resynchronise: Option<u64>,
    pub(crate) saved: Saved<Y>,
    /// The cotangent of the extended state to which the sweep has come.
    pub(crate) bar: M::Extended,
    spare: M::Extended,
    zero: M::Extended,
    pub(crate) gradient: F::Gradient,
    /// What was asked of the field beside the scheme.
    pub(crate) extra: Counts,
}

impl<M, F, Y> Sweep<M, F, Y>
where
    Y: State,
    F: PullBack<Y>,
    M: Differentiable<Y, F>,
{
    pub(crate) fn new(
        mut scheme: M,
        field: F,
        log: StepLog,
        resynchronise: Option<u64>,
        (saved, gradient): (Saved<Y>, F::Gradient),
        y0: &Y,
    ) -> Self {
        scheme.forget();
        let zero = scheme.extended_like(y0);
        let mut bar = zero.clone();
        if let Some(v) = saved.at(log.len()) {
            scheme.value_mut(&mut bar).axpy(1.0, v);
        }
        let (spare, extra) = (zero.clone(), Counts::default());
        Self { scheme, field, log, resynchronise, saved, bar, spare, zero, gradient, extra }
    }

    pub(crate) fn start_time(&self) -> f64 {
        if self.log.len() > 0 { self.log.get(0).0 } else { 0.0 }
    }

    /// Whether the companions were made afresh at the start of step `n`.
    pub(crate) fn fresh(&self, n: u64) -> bool {
        n == 0 || self.resynchronise.is_some_and(|every| n.is_multiple_of(every))
    }

    /// Pulls step `n` back, which started at `e0`: `bar` moves from the end of the step to its start.
    pub(crate) fn pull(&mut self, n: u64, e0: &M::Extended, arguments: Arguments<'_, Y>) {
        let (t0, h) = self.log.get(n);
        let t1 = t0 + h;
        self.spare.assign(&self.zero);
        let own = self.scheme.interpolates();
        let inside = self.saved.inside.get(&n).map_or(&[][..], Vec::as_slice);
        let mut dense = &[][..];
        if inside.is_empty() {
            match arguments {
                Arguments::Unknown => {
                    self.scheme.forget();
                    self.scheme.prepare(&mut self.field, t0, t1, e0, false);
                }
                Arguments::Prepared => {}
                Arguments::Kept(arguments) => self.scheme.set_arguments(arguments),
            }
        } else if own {
            dense = inside;
            self.scheme.forget();
            self.scheme.prepare(&mut self.field, t0, t1, e0, true);
        } else {
            let mut e1 = self.zero.clone();
            self.scheme.forget();
            self.scheme.forward(&mut self.field, t0, t1, e0, &mut e1);
            self.scheme.forget();
            let (y0, y1) = (self.scheme.value(e0), self.scheme.value(&e1));
            for (theta, v) in inside {
                let y0_bar = self.scheme.value_mut(&mut self.spare);
                let y1_bar = self.scheme.value_mut(&mut self.bar);
                if !self.field.ordinary() {
                    y0_bar.axpy(1.0 - theta, v);
                    y1_bar.axpy(*theta, v);
                    continue;
                }
                let [a, b, c, d] = hermite(*theta);
                y0_bar.axpy(1.0 + a, v);
                y1_bar.axpy(b, v);
                for (weight, node, y, y_bar) in [(c, 0.0, y0, y0_bar), (d, 1.0, y1, y1_bar)] {
                    let mut w = v.clone();
                    w.scale(weight);
                    self.field.pull_back(t0, t1, node, y, &w, y_bar, &mut self.gradient);
                    self.extra.pull_backs += 1;
                }
            }
        }
        let gradient = &mut self.gradient;
        self.scheme.pull_back(&mut self.field, t0, t1, &self.bar, dense, &mut self.spare, gradient);
        std::mem::swap(&mut self.bar, &mut self.spare);
        if self.fresh(n) {
            self.spare.assign(&self.zero);
            let (y, y_bar) = (self.scheme.value(e0), self.scheme.value_mut(&mut self.spare));
            self.scheme.pull_back_start(&mut self.field, t0, y, &self.bar, y_bar, &mut self.gradient);
            std::mem::swap(&mut self.bar, &mut self.spare);
        }
        if let Some(v) = self.saved.at(n) {
            self.scheme.value_mut(&mut self.bar).axpy(1.0, v);
        }
    }

    /// The extended state from which step `n + 1` starts, from that of step `n`, as the solve found it.
    pub(crate) fn advance(&mut self, n: u64, e0: &M::Extended, e1: &mut M::Extended) {
        let (t0, h) = self.log.get(n);
        self.scheme.forward(&mut self.field, t0, t0 + h, e0, e1);
        self.scheme.accept();
        if n + 1 < self.log.len() && self.fresh(n + 1) {
            self.scheme.forget();
            let t = self.log.get(n + 1).0;
            *e1 = self.scheme.start(&mut self.field, t, self.scheme.value(e1));
        }
    }

    pub(crate) fn zero(&self) -> M::Extended {
        self.zero.clone()
    }
}

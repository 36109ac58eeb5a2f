//! The rows in work: their states and slopes, and what a step does to all of them at once.

use ndarray::{Array2, s};
use pulp::Arch;

use super::lanes::{self, Controllers, add_squares, combine, nonzero};
use super::{BatchField, BatchOptions, Rows};
use crate::stepper::explicit_rk::{Dense, Tableau};
use crate::stepper::hermite;

/// All arrays are `[component, place]`, or one number for every place; the first `active` places are in work.
pub(super) struct Block {
    tableau: &'static Tableau,
    components: usize,
    pub(super) active: usize,
    /// The row of every place, in the whole batch.
    pub(super) index: Vec<usize>,
    pub(super) t: Vec<f64>,
    /// The step tried next, and that of the step at hand with its end.
    pub(super) h: Vec<f64>,
    tried: Vec<f64>,
    pub(super) goal: Vec<f64>,
    pub(super) y: Array2<f64>,
    pub(super) y1: Array2<f64>,
    /// The slopes of all stages, those of the dense output last.
    pub(super) k: Vec<Array2<f64>>,
    argument: Array2<f64>,
    pub(super) error: Vec<f64>,
    factor: Vec<f64>,
    /// One where the step at hand is taken.
    pub(super) taken: Vec<f64>,
    pub(super) controllers: Controllers,
    pub(super) accepted: Vec<f64>,
    pub(super) rejected: Vec<f64>,
    /// Evaluations beyond those that the steps tell.
    pub(super) extra: Vec<u64>,
    /// One where a row must be looked at after the step.
    pub(super) over: Vec<f64>,
    scratch: Vec<f64>,
    stage_t: Vec<f64>,
    dense_ready: bool,
}

/// All entries in storage order.
fn flat(a: &Array2<f64>) -> &[f64] {
    a.as_slice().unwrap_or(&[])
}

fn flat_mut(a: &mut Array2<f64>) -> &mut [f64] {
    a.as_slice_mut().unwrap_or(&mut [])
}

impl Block {
    pub(super) fn new(
        tableau: &'static Tableau,
        embedded: usize,
        components: usize,
        width: usize,
        options: &BatchOptions,
    ) -> Self {
        let (zeros, states) = (|| vec![0.0; width], || Array2::zeros((components, width)));
        Self {
            tableau,
            components,
            active: 0,
            index: vec![0; width],
            t: zeros(),
            h: zeros(),
            tried: zeros(),
            goal: zeros(),
            y: states(),
            y1: states(),
            k: (0..tableau.all_stages()).map(|_| states()).collect(),
            argument: states(),
            error: zeros(),
            factor: zeros(),
            taken: zeros(),
            controllers: Controllers::new(options.pid, embedded, width),
            accepted: zeros(),
            rejected: zeros(),
            extra: vec![0; width],
            over: zeros(),
            scratch: zeros(),
            stage_t: zeros(),
            dense_ready: false,
        }
    }

    pub(super) fn width(&self) -> usize {
        self.t.len()
    }

    /// Tries a step of every row: leaves the proposals in `y1`, the verdicts in `taken`.
    pub(super) fn step(&mut self, field: &mut impl BatchField, options: &BatchOptions) {
        self.dense_ready = false;
        self.begin(options);
        let stages = self.tableau.stages();
        for i in 1..stages {
            self.stage(i, field);
        }
        // The argument of the last stage, which is the first of the next step, is the proposal.
        std::mem::swap(&mut self.argument, &mut self.y1);
        Arch::new().dispatch(|| {
            self.norms();
            let n = self.active;
            self.controllers.decide(&self.error[..n], &mut self.factor, &mut self.taken);
        });
    }

    fn begin(&mut self, options: &BatchOptions) {
        let (n, t1, sign, longest) = (self.active, options.t1, options.sign(), options.pid.max_step);
        let (t, h, tried, goal) = (&self.t[..n], &mut self.h[..n], &mut self.tried[..n], &mut self.goal[..n]);
        Arch::new().dispatch(|| {
            for i in 0..n {
                h[i] = h[i].min(longest);
                let target = t[i] + sign * h[i];
                let cut = (target - t1) * sign > -1e-9 * h[i];
                goal[i] = if cut { t1 } else { target };
                tried[i] = goal[i] - t[i];
            }
        });
    }

    /// Evaluates stage `i` of all rows, leaving its argument behind.
    fn stage(&mut self, i: usize, field: &mut impl BatchField) {
        let (n, width) = (self.active, self.width());
        let (weights, c) = lanes::row(self.tableau, i);
        let (known, rest) = self.k.split_at_mut(i);
        let weights = nonzero(weights);
        let (y, argument) = (flat(&self.y), flat_mut(&mut self.argument));
        let mut terms: [(f64, &[f64]); crate::state::MOST_STAGES] = [(0.0, &[]); _];
        for component in 0..self.components {
            let here = component * width..component * width + n;
            for (term, (w, j)) in terms.iter_mut().zip(&weights) {
                *term = (*w, &flat(&known[*j])[here.clone()]);
            }
            let (out, base, h) = (&mut argument[here.clone()], &y[here], &self.tried[..n]);
            Arch::new().dispatch(|| combine(out, base, h, &terms[..weights.len()]));
        }
        for ((s, t), h) in self.stage_t[..n].iter_mut().zip(&self.t).zip(&self.tried) {
            *s = t + c * h;
        }
        let rows = Rows { t: &self.stage_t[..n], index: &self.index[..n] };
        field.eval(rows, self.argument.slice(s![.., ..n]), rest[0].slice_mut(s![.., ..n]));
    }

    /// The weighted error norms of all rows.
    #[inline(always)]
    fn norms(&mut self) {
        let n = self.active;
        self.norm(self.tableau.error);
        if !self.tableau.third_order_error.is_empty() {
            self.stage_t[..n].copy_from_slice(&self.error[..n]);
            self.norm(self.tableau.third_order_error);
            for (e, e5) in self.error[..n].iter_mut().zip(&self.stage_t) {
                // Hairer's combination, of order eight.
                let denominator = (e5 * e5 + 0.01 * *e * *e).sqrt();
                *e = if denominator > 0.0 { e5 * e5 / denominator } else { e5 + 0.0 * denominator };
            }
        }
    }

    #[inline(always)]
    fn norm(&mut self, weights: &[f64]) {
        let (n, width) = (self.active, self.width());
        let pid = self.controllers.pid;
        let (e, sum) = (&mut self.scratch[..n], &mut self.error[..n]);
        let mut terms: [(f64, &[f64]); crate::state::MOST_STAGES] = [(0.0, &[]); _];
        sum.fill(0.0);
        let (y, y1) = (flat(&self.y), flat(&self.y1));
        for component in 0..self.components {
            let here = component * width..component * width + n;
            let mut count = 0;
            for (w, k) in weights.iter().zip(&self.k).filter(|(w, _)| **w != 0.0) {
                terms[count] = (*w, &flat(k)[here.clone()]);
                count += 1;
            }
            lanes::error(e, &self.tried[..n], &terms[..count]);
            add_squares(sum, e, &y[here.clone()], &y1[here], &pid);
        }
        let share = 1.0 / self.components.max(1) as f64;
        sum.iter_mut().for_each(|s| *s = (*s * share).sqrt());
    }

    /// Moves the rows whose step is taken, and marks in `over` those that reached the end or a limit; whether there is one.
    pub(super) fn commit(&mut self, options: &BatchOptions) -> bool {
        let (n, width, last) = (self.active, self.width(), self.tableau.stages() - 1);
        let (t1, most) = (options.t1, options.max_steps as f64);
        let (first, rest) = self.k.split_at_mut(last);
        let (k0, k1) = (flat_mut(&mut first[0]), flat(&rest[0]));
        let (y, y1) = (flat_mut(&mut self.y), flat(&self.y1));
        let (taken, goal, tried, factor) =
            (&self.taken[..n], &self.goal[..n], &self.tried[..n], &self.factor[..n]);
        let (t, h, over) = (&mut self.t[..n], &mut self.h[..n], &mut self.over[..n]);
        let (accepted, rejected) = (&mut self.accepted[..n], &mut self.rejected[..n]);
        Arch::new().dispatch(|| {
            for component in 0..self.components {
                let here = component * width..component * width + n;
                select(&mut y[here.clone()], &y1[here.clone()], taken);
                select(&mut k0[here.clone()], &k1[here], taken);
            }
            let mut any = 0;
            for i in 0..n {
                let (is, next) = (taken[i] == 1.0, tried[i].abs() * factor[i]);
                t[i] = if is { goal[i] } else { t[i] };
                // A step cut short by the end says nothing against the one that was meant.
                let cut = goal[i] == t1;
                h[i] = if is & cut { h[i].max(next) } else { next };
                accepted[i] += taken[i];
                rejected[i] += 1.0 - taken[i];
                let small = h[i] <= 8.0 * f64::EPSILON * t[i].abs().max(f64::MIN_POSITIVE);
                let end = (t[i] == t1) | small | (accepted[i] + rejected[i] >= most);
                over[i] = if end { 1.0 } else { 0.0 };
                any |= u64::from(end);
            }
            any > 0
        })
    }

    /// Evaluates the stages that the dense output needs beyond the step's own.
    pub(super) fn prepare_dense(&mut self, field: &mut impl BatchField) {
        if !std::mem::replace(&mut self.dense_ready, true) {
            let (own, all) = (self.tableau.stages(), self.tableau.all_stages());
            for i in own..all {
                self.stage(i, field);
            }
            self.extra[..self.active].iter_mut().for_each(|e| *e += (all - own) as u64);
        }
    }

    /// The state of the row at place `i` within the step at hand, after [`prepare_dense`](Self::prepare_dense).
    pub(super) fn interpolate(&self, i: usize, theta: f64, out: &mut [f64]) {
        let (h, last) = (self.tried[i], self.tableau.stages() - 1);
        for (c, out) in out.iter_mut().enumerate() {
            let (y0, y1) = (self.y[[c, i]], self.y1[[c, i]]);
            *out = match self.tableau.dense {
                Dense::Stages { weights, .. } => {
                    let mut w = [0.0; crate::state::MOST_STAGES];
                    weights(theta, &mut w[..self.k.len()]);
                    y0 + h * w.iter().zip(&self.k).map(|(w, k)| w * k[[c, i]]).sum::<f64>()
                }
                Dense::Hermite => {
                    let [a, b, d0, d1] = hermite(theta);
                    y0 + a * y0 + b * y1 + h * (d0 * self.k[0][[c, i]] + d1 * self.k[last][[c, i]])
                }
            };
        }
    }

    /// Moves the row at the last place in work to `to`.
    pub(super) fn shift_last(&mut self, to: usize) {
        self.active -= 1;
        let from = self.active;
        if from == to {
            return;
        }
        for numbers in [&mut self.t, &mut self.h, &mut self.accepted, &mut self.rejected] {
            numbers[to] = numbers[from];
        }
        (self.index[to], self.extra[to]) = (self.index[from], self.extra[from]);
        self.controllers.shift(from, to);
        for states in [&mut self.y, &mut self.k[0]] {
            for c in 0..self.components {
                states[[c, to]] = states[[c, from]];
            }
        }
    }
}

#[inline(always)]
fn select(out: &mut [f64], new: &[f64], taken: &[f64]) {
    let n = out.len();
    let (new, taken) = (&new[..n], &taken[..n]);
    for i in 0..n {
        out[i] = if taken[i] == 1.0 { new[i] } else { out[i] };
    }
}

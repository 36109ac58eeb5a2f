//! One part of a batch: rows wait, are in work, and end.

use ndarray::{Array2, ArrayView2, s};

use super::block::Block;
use super::{BatchField, BatchOptions, BatchSolution, RowRecord, Rows};
use crate::event::{crossing, departure};
use crate::solve::{Outcome, Statistics, from_norms};
use crate::stepper::Work;
use crate::stepper::explicit_rk::Tableau;

pub(super) struct Queue<'a, F> {
    field: F,
    starts: ArrayView2<'a, f64>,
    /// The place of the part's first row in the batch.
    first: usize,
    options: &'a BatchOptions,
    stages: usize,
    embedded: usize,
    block: Block,
    /// The first row that waits.
    next: usize,
    /// The slopes at the starts, `[row, component]`, and the first steps.
    slopes: Array2<f64>,
    steps: Vec<f64>,
    /// For every place in work: the next save time, and the values of the conditions.
    next_save: Vec<usize>,
    values: Vec<f64>,
    solution: BatchSolution,
}

/// A row that a terminal event has ended in the step at hand.
struct Stopped {
    place: usize,
    outcome: Outcome,
    t: f64,
    y: Vec<f64>,
}

impl<'a, F: BatchField> Queue<'a, F> {
    pub(super) fn new(
        tableau: &'static Tableau,
        embedded: usize,
        field: F,
        starts: ArrayView2<'a, f64>,
        first: usize,
        width: usize,
        options: &'a BatchOptions,
    ) -> Self {
        let (rows, components) = starts.dim();
        Self {
            field,
            starts,
            first,
            options,
            stages: tableau.stages(),
            embedded,
            block: Block::new(tableau, embedded, components, width, options),
            next: 0,
            slopes: Array2::zeros((rows, components)),
            steps: vec![0.0; rows],
            next_save: vec![0; width],
            values: vec![0.0; width * options.events.len()],
            solution: BatchSolution::new(rows, options.save.len(), components, options.t0),
        }
    }

    pub(super) fn run(mut self) -> BatchSolution {
        self.prepare();
        let looks = !(self.options.events.is_empty() && self.options.save.is_empty());
        while self.block.active < self.block.width() && self.place(self.block.active) {
            self.block.active += 1;
        }
        while self.block.active > 0 {
            self.block.step(&mut self.field, self.options);
            let stopped = if looks { self.look() } else { Vec::new() };
            let any = self.block.commit(self.options);
            if any || !stopped.is_empty() {
                self.retire(stopped);
            }
        }
        self.solution
    }

    /// The slopes at all starts, and the first steps of Hairer, Nørsett and Wanner, II.4.
    fn prepare(&mut self) {
        let (rows, components) = self.starts.dim();
        let (t0, sign, pid) = (self.options.t0, self.options.sign(), self.options.pid);
        let span = (self.options.t1 - t0) * sign;
        for from in (0..rows).step_by(self.block.width()) {
            let n = (rows - from).min(self.block.width());
            let index: Vec<usize> = (from..from + n).map(|i| self.first + i).collect();
            let starts = self.starts.slice(s![from..from + n, ..]);
            let [f0, f1, ..] = &mut self.block.k[..] else { return };
            self.block.y.slice_mut(s![.., ..n]).assign(&starts.t());
            let mut t = vec![t0; n];
            let rows = Rows { t: &t, index: &index };
            self.field.eval(rows, self.block.y.slice(s![.., ..n]), f0.slice_mut(s![.., ..n]));
            self.slopes.slice_mut(s![from..from + n, ..]).assign(&f0.slice(s![.., ..n]).t());
            if let Some(h) = self.options.initial_step {
                self.steps[from..from + n].fill(h.abs());
                continue;
            }
            let norm = |i: usize, v: &dyn Fn(usize) -> f64, y: &Array2<f64>| {
                let squares =
                    (0..components).map(|c| (v(c) / (pid.atol + pid.rtol * y[[c, i]].abs())).powi(2));
                (squares.sum::<f64>() / components.max(1) as f64).sqrt()
            };
            let y = &self.block.y;
            let mut trial = Vec::with_capacity(n);
            for i in 0..n {
                let (d0, d1) = (norm(i, &|c| y[[c, i]], y), norm(i, &|c| f0[[c, i]], y));
                let h0 = if d0 < 1e-5 || d1 < 1e-5 { 1e-6 } else { 0.01 * d0 / d1 }.min(span);
                (0..components).for_each(|c| self.block.y1[[c, i]] = y[[c, i]] + sign * h0 * f0[[c, i]]);
                t[i] = t0 + sign * h0;
                trial.push((h0, d1));
            }
            let rows = Rows { t: &t, index: &index };
            self.field.eval(rows, self.block.y1.slice(s![.., ..n]), f1.slice_mut(s![.., ..n]));
            for (i, (h0, d1)) in trial.into_iter().enumerate() {
                let d2 = norm(i, &|c| f1[[c, i]] - f0[[c, i]], y) / h0;
                self.steps[from + i] = from_norms(h0, d1, d2, self.embedded, span);
            }
        }
    }

    /// Puts the next row that has something to do to a place; `false` if none waits.
    fn place(&mut self, i: usize) -> bool {
        let t0 = self.options.t0;
        while self.next < self.starts.nrows() {
            let row = self.next;
            self.next += 1;
            let start = self.starts.row(row);
            self.block.index[i] = self.first + row;
            (self.block.t[i], self.block.h[i]) = (t0, self.steps[row]);
            (self.block.accepted[i], self.block.rejected[i]) = (0.0, 0.0);
            self.block.extra[i] = if self.options.initial_step.is_some() { 1 } else { 2 };
            self.block.y.column_mut(i).assign(&start);
            self.block.k[0].column_mut(i).assign(&self.slopes.row(row));
            self.block.controllers.start(i);
            let order = |s: &f64| self.options.order(*s, t0);
            self.next_save[i] = self.options.save.iter().take_while(|s| order(s).is_lt()).count();
            if self.options.save.get(self.next_save[i]) == Some(&t0) {
                self.solution.saved.slice_mut(s![row, self.next_save[i], ..]).assign(&start);
                self.next_save[i] += 1;
            }
            let state = start.to_vec();
            for (e, event) in self.options.events.iter().enumerate() {
                self.values[i * self.options.events.len() + e] =
                    (event.condition)(self.first + row, t0, &state);
            }
            let ended = if state.iter().any(|x| !x.is_finite()) {
                Outcome::NonFinite { t: t0 }
            } else if self.options.t1 == t0 {
                Outcome::Reached
            } else if self.options.max_steps == 0 {
                Outcome::StepLimit { t: t0, steps: 0 }
            } else {
                return true;
            };
            self.record(i, ended, t0, &state);
        }
        false
    }

    /// Finds events and save times in the steps that are taken.
    fn look(&mut self) -> Vec<Stopped> {
        let mut stopped = Vec::new();
        let (options, events) = (self.options, self.options.events.len());
        let mut y1 = vec![0.0; self.starts.ncols()];
        let mut at = y1.clone();
        for i in 0..self.block.active {
            if self.block.taken[i] != 1.0 {
                continue;
            }
            let (row, t, goal) = (self.block.index[i], self.block.t[i], self.block.goal[i]);
            y1.iter_mut().zip(self.block.y1.column(i)).for_each(|(y, x)| *y = *x);
            let mut found = Vec::new();
            for (e, event) in options.events.iter().enumerate() {
                let after = (event.condition)(row, goal, &y1);
                let before = std::mem::replace(&mut self.values[i * events + e], after);
                if before != 0.0 && !event.direction.crossed(before, after) {
                    continue;
                }
                self.block.prepare_dense(&mut self.field);
                let g = |theta: f64| {
                    self.block.interpolate(i, theta, &mut at);
                    (event.condition)(row, t + theta * (goal - t), &at)
                };
                let theta = if before == 0.0 {
                    departure(event.direction, g, before, after)
                } else {
                    crossing(event.direction, g, before, after)
                };
                found.extend(theta.map(|theta| (theta, e)));
            }
            found.sort_by(|a, b| a.0.total_cmp(&b.0));
            let mut end = goal;
            for (theta, index) in found {
                self.block.interpolate(i, theta, &mut at);
                let time = t + theta * (goal - t);
                self.solution.events.push(RowRecord { row, index, t: time, y: at.clone() });
                if options.events[index].terminal {
                    let outcome = Outcome::Event { index, t: time };
                    stopped.push(Stopped { place: i, outcome, t: time, y: at.clone() });
                    end = time;
                    break;
                }
            }
            while let Some(s) =
                options.save.get(self.next_save[i]).filter(|s| options.order(**s, end).is_le())
            {
                if *s == goal {
                    at.copy_from_slice(&y1);
                } else {
                    self.block.prepare_dense(&mut self.field);
                    self.block.interpolate(i, (s - t) / (goal - t), &mut at);
                }
                let kept = &mut self.solution.saved;
                let place = s![row - self.first, self.next_save[i], ..];
                kept.slice_mut(place).iter_mut().zip(&at).for_each(|(k, x)| *k = *x);
                self.next_save[i] += 1;
            }
        }
        stopped
    }

    /// Takes out the rows that have ended, and puts others to their places; from the last, so that a row that moves has been
    /// looked at.
    fn retire(&mut self, mut stopped: Vec<Stopped>) {
        let options = self.options;
        for i in (0..self.block.active).rev() {
            if let Some(row) = stopped.pop_if(|s| s.place == i) {
                self.record(i, row.outcome, row.t, &row.y);
            } else if self.block.over[i] == 1.0 {
                let (t, dt) = (self.block.t[i], self.block.h[i]);
                let outcome = if t == options.t1 {
                    Outcome::Reached
                } else if self.block.accepted[i] + self.block.rejected[i] >= options.max_steps as f64 {
                    Outcome::StepLimit { t, steps: options.max_steps }
                } else if self.block.error[i].is_nan() {
                    Outcome::NonFinite { t }
                } else {
                    Outcome::StepUnderflow { t, dt }
                };
                let y = self.block.y.column(i).to_vec();
                self.record(i, outcome, t, &y);
            } else {
                continue;
            }
            if !self.place(i) {
                let last = self.block.active - 1;
                self.block.shift_last(i);
                self.next_save[i] = self.next_save[last];
                let events = self.options.events.len();
                self.values.copy_within(last * events..(last + 1) * events, i * events);
            }
        }
    }

    /// Writes down how the row at place `i` has ended.
    fn record(&mut self, i: usize, outcome: Outcome, t: f64, y: &[f64]) {
        let (row, solution) = (self.block.index[i] - self.first, &mut self.solution);
        (solution.ts[row], solution.outcomes[row]) = (t, outcome);
        solution.ys.row_mut(row).iter_mut().zip(y).for_each(|(out, y)| *out = *y);
        let (accepted, rejected) = (self.block.accepted[i] as u64, self.block.rejected[i] as u64);
        let evaluations = self.block.extra[i] + (self.stages as u64 - 1) * (accepted + rejected);
        solution.stats[row] =
            Statistics { accepted, rejected, work: Work { evaluations, ..Work::default() } };
    }
}

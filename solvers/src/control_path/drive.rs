//! A driver whose steps end where a field jumps.

use crate::field::VectorField;
use crate::solve::{Outcome, SaveAt, Solution, SolveOptions, Statistics, solve};
use crate::state::State;
use crate::stepper::explicit_rk::{ExplicitRk, Tableau};

/// A field that is smooth between knots only.
pub trait Pieces {
    /// The knots, ascending.
    fn knots(&self) -> Vec<f64>;

    /// Told of an interval without a knot inside it before the field is evaluated there: at its ends the field is to be the
    /// limit from within.
    fn enter(&mut self, a: f64, b: f64);
}

/// Moves `y0` from `options.t0` to `options.t1` by a method that starts anew at every knot, so that it keeps its order across
/// jumps. Save times, events and limits are those of [`solve`].
pub fn solve_pieces<Y: State, F: VectorField<Y> + Pieces>(
    tableau: &'static Tableau,
    mut field: F,
    y0: &Y,
    options: &mut SolveOptions<Y>,
) -> Solution<Y> {
    let (t0, t1, max_steps, initial_step) = (options.t0, options.t1, options.max_steps, options.initial_step);
    let save = options.save.clone();
    let sign = if t1 >= t0 { 1.0 } else { -1.0 };
    let mut ends: Vec<f64> =
        field.knots().into_iter().filter(|k| (k - t0) * sign > 0.0 && (k - t1) * sign < 0.0).collect();
    if sign < 0.0 {
        ends.reverse();
    }
    ends.push(t1);
    let mut whole = Solution {
        ts: Vec::new(),
        ys: Vec::new(),
        stats: Statistics::default(),
        outcome: Outcome::Reached,
        events: Vec::new(),
        dense: None,
    };
    let (mut t, mut y) = (t0, y0.clone());
    for (i, end) in ends.into_iter().enumerate() {
        options.t0 = t;
        options.t1 = end;
        options.max_steps = max_steps.saturating_sub(whole.stats.accepted + whole.stats.rejected);
        options.save = piece(&save, (t, end), sign, i == 0);
        field.enter(t, end);
        let part = solve(&mut ExplicitRk::new(tableau, &mut field, &y), &y, options);
        options.initial_step = Some((end - t).abs() / part.stats.accepted.max(1) as f64);
        if let Some(last) = part.ys.last() {
            y.assign(last);
        }
        t = end;
        join(&mut whole, part, &save, i == 0, end);
        if whole.outcome != Outcome::Reached {
            break;
        }
    }
    if let Outcome::StepLimit { steps, .. } = &mut whole.outcome {
        *steps = max_steps;
    }
    (options.t0, options.t1, options.max_steps, options.initial_step, options.save) =
        (t0, t1, max_steps, initial_step, save);
    whole
}

/// What is saved of a piece: at times always its end too, since the next one starts there.
fn piece(save: &SaveAt, (a, b): (f64, f64), sign: f64, first: bool) -> SaveAt {
    match save {
        SaveAt::End => SaveAt::End,
        SaveAt::Dense => SaveAt::Dense,
        SaveAt::Steps { .. } => SaveAt::Steps { every: 1 },
        SaveAt::Times(times) => {
            let inside = |s: &f64| (s - b) * sign <= 0.0 && ((s - a) * sign > 0.0 || (first && *s == a));
            let mut kept: Vec<f64> = times.iter().copied().filter(inside).collect();
            if kept.last() != Some(&b) {
                kept.push(b);
            }
            SaveAt::Times(kept)
        }
    }
}

/// Appends the solution of a piece that should have reached `end`.
fn join<Y: State>(whole: &mut Solution<Y>, part: Solution<Y>, save: &SaveAt, first: bool, end: f64) {
    let before = whole.stats.accepted;
    whole.stats.accepted += part.stats.accepted;
    whole.stats.rejected += part.stats.rejected;
    whole.stats.work.evaluations += part.stats.work.evaluations;
    whole.outcome = part.outcome;
    whole.events.extend(part.events);
    let stopped = part.outcome != Outcome::Reached;
    let states = part.ts.into_iter().zip(part.ys);
    match save {
        SaveAt::End => {
            (whole.ts, whole.ys) = states.unzip();
        }
        SaveAt::Times(times) => {
            for (t, y) in states.filter(|(t, _)| *t != end || times.contains(t)) {
                whole.ts.push(t);
                whole.ys.push(y);
            }
        }
        SaveAt::Steps { .. } | SaveAt::Dense => {
            let every = if let SaveAt::Steps { every } = save { (*every).max(1) } else { 1 };
            let count = states.len();
            // The first state of a piece is the last of the one before.
            for (i, (t, y)) in states.enumerate().skip(usize::from(!first)) {
                let whole_end = stopped && i + 1 == count;
                if (before + i as u64).is_multiple_of(every) || whole_end {
                    whole.ts.push(t);
                    whole.ys.push(y);
                }
            }
        }
    }
    match (&mut whole.dense, part.dense) {
        (Some(dense), Some(next)) => dense.append(next),
        (dense, next) => *dense = next,
    }
}

impl<F: Pieces + ?Sized> Pieces for &mut F {
    fn knots(&self) -> Vec<f64> {
        (**self).knots()
    }

    fn enter(&mut self, a: f64, b: f64) {
        (**self).enter(a, b);
    }
}

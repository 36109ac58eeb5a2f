//! Equations with a constant delay.

use crate::field::VectorField;
use crate::solve::{DenseOutput, Outcome, SaveAt, Solution, SolveOptions, check_times, solve};
use crate::state::State;
use crate::stepper::explicit_rk::{ExplicitRk, Tableau};

/// A delay differential equation `y'(t) = f(t, y(t), y(t − τ))`.
pub trait DelayField<Y> {
    /// Writes `f(t, y, z)` with `z = y(t − τ)` into `dy`, which has the shape of `y` and arbitrary content.
    fn eval(&mut self, t: f64, y: &Y, delayed: &Y, dy: &mut Y);
}

impl<Y, F: FnMut(f64, &Y, &Y, &mut Y)> DelayField<Y> for F {
    fn eval(&mut self, t: f64, y: &Y, delayed: &Y, dy: &mut Y) {
        (*self)(t, y, delayed, dy);
    }
}

/// Moves a delay equation from `options.t0` forward to `options.t1` by the method of steps: on each interval of length `τ`
/// it is an ordinary equation, whose delayed argument is the dense output of the interval before. The solution is less
/// smooth at multiples of `τ` after the start; these are ends of steps exactly, so an explicit method keeps its order `p`
/// (its interpolant of order `p − 1` or more gives the delayed argument). `history(t)` is `y` up to the start, whose value
/// there starts the solution. Save times, events and limits are those of [`solve`].
///
/// ```
/// use flowmap_solvers::control::Control;
/// use flowmap_solvers::delay::solve_delay;
/// use flowmap_solvers::solve::SolveOptions;
/// use flowmap_solvers::stepper::explicit_rk::RK4;
/// // y' = −y(t − 1) with y = 1 before zero falls to zero at one.
/// let field = |_t: f64, _y: &[f64; 1], delayed: &[f64; 1], dy: &mut [f64; 1]| dy[0] = -delayed[0];
/// let mut options = SolveOptions::new(0.0, 1.0, Control::Fixed { dt: 0.1 });
/// let solution = solve_delay(&RK4, field, 1.0, |_| [1.0], &mut options);
/// assert!(solution.ys[0][0].abs() < 1e-15);
/// ```
///
/// A delay that is not positive ends at once, as a step of that size would.
///
/// A. Bellen, M. Zennaro, "Numerical Methods for Delay Differential Equations", Oxford 2003.
pub fn solve_delay<Y: State>(
    tableau: &'static Tableau,
    field: impl DelayField<Y>,
    delay: f64,
    history: impl Fn(f64) -> Y,
    options: &mut SolveOptions<Y>,
) -> Solution<Y> {
    let (t0, t1) = (options.t0, options.t1);
    let (save, max_steps, initial_step) =
        (std::mem::replace(&mut options.save, SaveAt::Dense), options.max_steps, options.initial_step);
    let y0 = history(t0);
    let mut delayed = Delayed { field, delay, history, before: None, argument: y0.zeros_like() };
    let mut steps = Steps::new(&save, t0, &y0);
    let mut y = y0;
    let mut outcome = if y.is_finite() { Outcome::Reached } else { Outcome::NonFinite { t: t0 } };
    if delay.is_nan() || delay <= 0.0 {
        outcome = Outcome::StepUnderflow { t: t0, dt: delay };
    }
    if let Err(reason) = options.check().and(match &save {
        SaveAt::Times(times) => check_times(times, false),
        _ => Ok(()),
    }) {
        outcome = Outcome::Refused { reason };
    }
    let mut interval = 0_u32;
    while outcome == Outcome::Reached && options.t1 > steps.t {
        // From the start, not from the interval before: nothing accumulates.
        options.t0 = t0 + f64::from(interval) * delay;
        options.t1 = t1.min(t0 + f64::from(interval + 1) * delay);
        options.max_steps = max_steps - steps.taken();
        let part = solve(&mut ExplicitRk::new(tableau, &mut delayed, &y), &y, options);
        outcome = part.outcome;
        options.initial_step = Some((options.t1 - options.t0) / part.stats.accepted.max(1) as f64);
        if let Some(last) = part.ys.last() {
            y.assign(last);
        }
        delayed.before = steps.take(part, (options.t0, options.t1));
        options.t1 = t1;
        interval += 1;
    }
    (options.t0, options.t1, options.max_steps, options.initial_step) = (t0, t1, max_steps, initial_step);
    if let Outcome::StepLimit { steps, .. } = &mut outcome {
        *steps = max_steps;
    }
    let solution = steps.finish(outcome, &y);
    options.save = save;
    solution
}

/// The ordinary equation on one interval.
struct Delayed<F, H, Y> {
    field: F,
    delay: f64,
    history: H,
    /// The interval before, with its ends; none on the first.
    before: Option<((f64, f64), DenseOutput<Y>)>,
    argument: Y,
}

impl<Y: State, F: DelayField<Y>, H: Fn(f64) -> Y> VectorField<Y> for Delayed<F, H, Y> {
    fn eval(&mut self, t: f64, y: &Y, dy: &mut Y) {
        let s = t - self.delay;
        // Rounding may put the ends of an interval a little beyond those of the one before.
        let past = self.before.as_ref().and_then(|((a, b), dense)| dense.at(s.clamp(*a, *b)));
        self.argument.assign(&past.unwrap_or_else(|| (self.history)(s)));
        self.field.eval(t, y, &self.argument, dy);
    }
}

/// The solution so far, and what of it is kept.
struct Steps<'a, Y> {
    save: &'a SaveAt,
    /// The end so far.
    t: f64,
    /// The next entry of `SaveAt::Times`.
    next: usize,
    solution: Solution<Y>,
}

impl<'a, Y: State> Steps<'a, Y> {
    fn new(save: &'a SaveAt, t0: f64, y0: &Y) -> Self {
        let mut solution = Solution::empty(t0);
        let mut next = 0;
        match save {
            SaveAt::End => {}
            SaveAt::Steps { .. } | SaveAt::Dense => {
                solution.ts.push(t0);
                solution.ys.push(y0.clone());
            }
            SaveAt::Times(times) => {
                next = times.iter().take_while(|s| **s < t0).count();
                for s in times[next..].iter().take_while(|s| **s == t0) {
                    solution.ts.push(*s);
                    solution.ys.push(y0.clone());
                }
                next += solution.ts.len();
            }
        }
        Self { save, t: t0, next, solution }
    }

    fn taken(&self) -> u64 {
        self.solution.stats.accepted + self.solution.stats.rejected
    }

    /// Takes an interval's solution and returns its interpolant with the ends.
    fn take(&mut self, part: Solution<Y>, ends: (f64, f64)) -> Option<((f64, f64), DenseOutput<Y>)> {
        let before = self.solution.stats.accepted;
        let stats = &mut self.solution.stats;
        stats.accepted += part.stats.accepted;
        stats.rejected += part.stats.rejected;
        stats.work.evaluations += part.stats.work.evaluations;
        self.solution.events.extend(part.events);
        self.t = part.ts.last().copied().unwrap_or(ends.1);
        let dense = part.dense?;
        let kept = &mut self.solution;
        match self.save {
            SaveAt::End => {}
            SaveAt::Times(times) => {
                while let Some(s) = times.get(self.next).filter(|s| **s <= self.t) {
                    if let Some(y) = dense.at(*s) {
                        kept.ts.push(*s);
                        kept.ys.push(y);
                    }
                    self.next += 1;
                }
            }
            SaveAt::Steps { .. } | SaveAt::Dense => {
                let every = if let SaveAt::Steps { every } = self.save { (*every).max(1) } else { 1 };
                // The first of an interval is the last of the one before.
                let steps = part.ts.into_iter().zip(part.ys).skip(1).zip(before + 1..);
                for ((t, y), _) in steps.filter(|(_, n)| n.is_multiple_of(every)) {
                    kept.ts.push(t);
                    kept.ys.push(y);
                }
                if *self.save == SaveAt::Dense {
                    match &mut kept.dense {
                        Some(whole) => whole.append(dense.clone()),
                        None => kept.dense = Some(dense.clone()),
                    }
                }
            }
        }
        Some((ends, dense))
    }

    fn finish(mut self, outcome: Outcome, y: &Y) -> Solution<Y> {
        let ended = self.solution.ts.last() == Some(&self.t) || matches!(self.save, SaveAt::Times(_));
        if !ended {
            self.solution.ts.push(self.t);
            self.solution.ys.push(y.clone());
        }
        self.solution.outcome = outcome;
        self.solution
    }
}

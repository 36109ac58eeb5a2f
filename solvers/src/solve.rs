//! Drives a stepper from one time to another.

use crate::control::{Control, Decision, PidState};
use crate::event::{self, Event, EventRecord};
use crate::state::State;
use crate::stepper::{DenseStep, Stepper, Work};

/// Which states of a trajectory are kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum SaveAt {
    /// The last one.
    #[default]
    End,
    /// The first, and every `every`-th step (and the last).
    Steps {
        /// How many steps lie between two that are kept.
        every: u64,
    },
    /// Those at the given times, in the order of the integration; times outside the interval are ignored.
    Times(Vec<f64>),
    /// All of them: the ends of all steps, and [`Solution::dense`].
    Dense,
}

/// How a trajectory ended.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// At the end of the interval.
    Reached,
    /// At a terminal event.
    Event {
        /// Its position in the list given.
        index: usize,
        /// Its time.
        t: f64,
    },
    /// At the limit of steps.
    StepLimit {
        /// Where it stopped.
        t: f64,
        /// The limit.
        steps: u64,
    },
    /// Because the step size fell to rounding.
    StepUnderflow {
        /// Where it stopped.
        t: f64,
        /// The step size that was too small.
        dt: f64,
    },
    /// Because the state was no longer finite.
    NonFinite {
        /// The time of the last finite state.
        t: f64,
    },
}

impl Outcome {
    /// Whether the trajectory ended as asked for.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Reached | Self::Event { .. })
    }

    /// When the trajectory ended, unless at the end asked for.
    pub fn time(&self) -> Option<f64> {
        match *self {
            Self::Reached => None,
            Self::Event { t, .. }
            | Self::StepLimit { t, .. }
            | Self::StepUnderflow { t, .. }
            | Self::NonFinite { t } => Some(t),
        }
    }
}

/// A time as messages show it: to six significant digits, without trailing zeros.
struct Shown(f64);

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rounded: f64 = format!("{:.5e}", self.0).parse().unwrap_or(self.0);
        if rounded == 0.0 || (1e-4..1e9).contains(&rounded.abs()) {
            write!(f, "{rounded}")
        } else {
            write!(f, "{rounded:e}")
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Reached => write!(f, "reached the end"),
            Self::Event { index, t } => write!(f, "event {index} ended the trajectory at t = {}", Shown(*t)),
            Self::StepLimit { t, steps } => {
                write!(
                    f,
                    "stopped at t = {} after {steps} steps: raise max_steps, loosen the tolerance, or take a stiff method",
                    Shown(*t)
                )
            }
            Self::StepUnderflow { t, dt } => {
                write!(
                    f,
                    "the step size fell to {dt:.2e} at t = {}: the problem is stiff (take kvaerno5) or singular there",
                    Shown(*t)
                )
            }
            Self::NonFinite { t } => {
                write!(
                    f,
                    "the solution was no longer finite after t = {}: take a smaller dt, or a method that is stable at this one",
                    Shown(*t)
                )
            }
        }
    }
}

/// What a solve has cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Statistics {
    /// Steps taken.
    pub accepted: u64,
    /// Steps tried and not taken.
    pub rejected: u64,
    /// The stepper's own counts.
    pub work: Work,
}

/// What a solve shall do.
#[derive(Debug)]
pub struct SolveOptions<Y> {
    /// The start.
    pub t0: f64,
    /// The end; before the start to integrate backward.
    pub t1: f64,
    /// The step control.
    pub control: Control,
    /// The first step of an adaptive solve; guessed if absent.
    pub initial_step: Option<f64>,
    /// What is kept.
    pub save: SaveAt,
    /// The most steps, taken and rejected together.
    pub max_steps: u64,
    /// What to look for along the way.
    pub events: Vec<Event<Y>>,
}

impl<Y> SolveOptions<Y> {
    /// From `t0` to `t1`, keeping the end only.
    pub fn new(t0: f64, t1: f64, control: Control) -> Self {
        Self {
            t0,
            t1,
            control,
            initial_step: None,
            save: SaveAt::End,
            max_steps: 10_000_000,
            events: Vec::new(),
        }
    }

    /// Keeps other states.
    #[must_use]
    pub fn save(mut self, save: SaveAt) -> Self {
        self.save = save;
        self
    }

    /// Looks for an event.
    #[must_use]
    pub fn event(mut self, event: Event<Y>) -> Self {
        self.events.push(event);
        self
    }

    /// Limits the number of steps.
    #[must_use]
    pub fn max_steps(mut self, max_steps: u64) -> Self {
        self.max_steps = max_steps;
        self
    }
}

/// A trajectory, as far as it went.
#[derive(Clone, Debug)]
pub struct Solution<Y> {
    /// The times that were kept.
    pub ts: Vec<f64>,
    /// The states at these times.
    pub ys: Vec<Y>,
    /// The cost.
    pub stats: Statistics,
    /// How it ended.
    pub outcome: Outcome,
    /// The events found, in the order of time.
    pub events: Vec<EventRecord<Y>>,
    /// The interpolant, for [`SaveAt::Dense`].
    pub dense: Option<DenseOutput<Y>>,
}

impl<Y> Solution<Y> {
    /// The last state kept.
    pub fn last(&self) -> Option<&Y> {
        self.ys.last()
    }
}

/// A trajectory as a function of time.
#[derive(Clone, Debug)]
pub struct DenseOutput<Y> {
    /// The ends of the steps, one more than pieces.
    knots: Vec<f64>,
    pieces: Vec<DenseStep<Y>>,
}

impl<Y: State> DenseOutput<Y> {
    /// The state at `t`, or `None` outside the trajectory.
    pub fn at(&self, t: f64) -> Option<Y> {
        let (first, last) = (*self.knots.first()?, *self.knots.last()?);
        let forward = if last >= first { 1.0 } else { -1.0 };
        if (t - first) * forward < 0.0 || (t - last) * forward > 0.0 || self.pieces.is_empty() {
            return None;
        }
        let i = self.knots.partition_point(|k| (t - k) * forward >= 0.0).clamp(1, self.pieces.len()) - 1;
        let (a, b) = (self.knots[i], self.knots[i + 1]);
        Some(self.pieces[i].at((t - a) / (b - a)))
    }

    /// Continues this trajectory with one that starts where it ends.
    pub(crate) fn append(&mut self, next: Self) {
        self.knots.extend(next.knots.into_iter().skip(1));
        self.pieces.extend(next.pieces);
    }
}

/// Moves `y0` from `options.t0` to `options.t1`.
///
/// With a fixed step the `n`-th step starts at `t0 + n·dt` exactly (no accumulated rounding) unless a save time
/// or the end cuts a step short. A method without dense output lands on save times exactly; one with dense
/// output interpolates them when it is adaptive, and lands on them when its step is fixed. Nothing continues on a
/// NaN: an adaptive solve tries smaller steps, a fixed one ends with [`Outcome::NonFinite`] and the last finite state.
pub fn solve<Y: State, S: Stepper<Y> + ?Sized>(
    stepper: &mut S,
    y0: &Y,
    options: &mut SolveOptions<Y>,
) -> Solution<Y> {
    Driver::new(stepper, y0, options).run()
}

struct Driver<'a, Y, S: ?Sized> {
    stepper: &'a mut S,
    options: &'a mut SolveOptions<Y>,
    sign: f64,
    t: f64,
    y: Y,
    y1: Y,
    /// The next entry of `SaveAt::Times`.
    next_save: usize,
    /// The values of the event functions at `t`.
    values: Vec<f64>,
    solution: Solution<Y>,
}

impl<'a, Y: State, S: Stepper<Y> + ?Sized> Driver<'a, Y, S> {
    fn new(stepper: &'a mut S, y0: &Y, options: &'a mut SolveOptions<Y>) -> Self {
        let dense = (options.save == SaveAt::Dense)
            .then(|| DenseOutput { knots: vec![options.t0], pieces: Vec::new() });
        let values = options.events.iter_mut().map(|e| (e.condition)(options.t0, y0)).collect();
        Self {
            sign: if options.t1 >= options.t0 { 1.0 } else { -1.0 },
            t: options.t0,
            y: y0.clone(),
            y1: y0.clone(),
            next_save: 0,
            values,
            solution: Solution {
                ts: Vec::new(),
                ys: Vec::new(),
                stats: Statistics::default(),
                outcome: Outcome::Reached,
                events: Vec::new(),
                dense,
            },
            stepper,
            options,
        }
    }

    fn run(mut self) -> Solution<Y> {
        self.stepper.reset();
        match &self.options.save {
            SaveAt::End => {}
            SaveAt::Steps { .. } | SaveAt::Dense => self.keep_current(),
            SaveAt::Times(times) => {
                self.next_save = times.iter().take_while(|s| (*s - self.t) * self.sign < 0.0).count();
                while self.save_time().is_some_and(|s| s == self.t) {
                    self.keep_current();
                    self.next_save += 1;
                }
            }
        }
        self.solution.outcome = if !self.y.is_finite() {
            Outcome::NonFinite { t: self.t }
        } else {
            match self.options.control {
                Control::Fixed { dt } => self.fixed(dt.abs()),
                Control::Pid(pid) => self.adaptive(pid),
            }
        };
        let ended = self.solution.ts.last() == Some(&self.t) || matches!(self.options.save, SaveAt::Times(_));
        if !ended {
            self.keep_current();
        }
        self.solution.stats.work = self.stepper.work();
        self.solution
    }

    /// Steps of one size, counted from where the count last began.
    fn fixed(&mut self, dt: f64) -> Outcome {
        let (mut origin, mut n) = (self.t, 0_u64);
        while self.remaining() > 0.0 {
            if self.solution.stats.accepted >= self.options.max_steps {
                return Outcome::StepLimit { t: self.t, steps: self.options.max_steps };
            }
            let regular = origin + self.sign * dt * (n + 1) as f64;
            let slack = 1e-9 * dt;
            let mut target = regular;
            for stop in [Some(self.options.t1), self.save_time()].into_iter().flatten() {
                if (target - stop) * self.sign > -slack {
                    target = stop;
                }
            }
            // A step that differs from dt by rounding only is a step of dt: coefficients are kept.
            let whole = (target - regular).abs() <= slack;
            let h = if whole { self.sign * dt } else { target - self.t };
            let stepped = self.stepper.step(self.t, h, &self.y, &mut self.y1);
            if stepped.is_err() || !self.y1.is_finite() {
                self.solution.stats.rejected += 1;
                return Outcome::NonFinite { t: self.t };
            }
            if let Some(outcome) = self.advance(target) {
                return outcome;
            }
            if whole {
                n += 1;
            } else {
                (origin, n) = (target, 0);
            }
        }
        Outcome::Reached
    }

    fn adaptive(&mut self, pid: crate::control::Pid) -> Outcome {
        let Some(embedded) = self.stepper.embedded_order() else {
            // Without an error estimate there is nothing to adapt to.
            return self
                .fixed(self.options.initial_step.unwrap_or((self.options.t1 - self.options.t0) / 100.0));
        };
        let mut state = PidState::new(pid, embedded);
        let lands = self.stepper.dense_order() == 0;
        // Ends of rejected steps, the nearest last.
        let mut rejected = Vec::new();
        let mut h = match self.options.initial_step {
            Some(h) => h.abs(),
            None => self.guess_step(&pid, embedded),
        };
        while self.remaining() > 0.0 {
            let stats = self.solution.stats;
            if stats.accepted + stats.rejected >= self.options.max_steps {
                return Outcome::StepLimit { t: self.t, steps: self.options.max_steps };
            }
            h = h.min(pid.max_step);
            if h <= 8.0 * f64::EPSILON * self.t.abs().max(f64::MIN_POSITIVE) {
                let finite = self.y1.is_finite();
                return if finite {
                    Outcome::StepUnderflow { t: self.t, dt: h }
                } else {
                    Outcome::NonFinite { t: self.t }
                };
            }
            let mut target = self.t + self.sign * h;
            let mut cut = false;
            let save = if lands { self.save_time() } else { None };
            let stops = [Some(self.options.t1), save, rejected.last().copied()];
            for stop in stops.into_iter().flatten() {
                if (target - stop) * self.sign > -1e-9 * h {
                    target = stop;
                    cut = true;
                }
            }
            let tried = target - self.t;
            let error = match self.stepper.step(self.t, tried, &self.y, &mut self.y1) {
                Ok(()) => self.stepper.error_norm(&self.y, &self.y1, pid.atol, pid.rtol).unwrap_or(0.0),
                Err(_) => f64::NAN,
            };
            let error = if error.is_finite() && !self.y1.is_finite() { f64::NAN } else { error };
            match state.decide(error) {
                Decision::Reject(factor) => {
                    self.solution.stats.rejected += 1;
                    h = tried.abs() * factor;
                    if self.stepper.revisits() && rejected.last() != Some(&target) {
                        rejected.push(target);
                    }
                }
                Decision::Accept(factor) => {
                    let next = tried.abs() * factor;
                    h = if cut { h.max(next) } else { next };
                    rejected.pop_if(|end| *end == target);
                    if let Some(outcome) = self.advance(target) {
                        return outcome;
                    }
                }
            }
        }
        Outcome::Reached
    }

    /// Takes the proposal `y1` at `target`: events, saves, bookkeeping.
    fn advance(&mut self, target: f64) -> Option<Outcome> {
        self.stepper.accept();
        self.solution.stats.accepted += 1;
        let terminal = if self.options.events.is_empty() { None } else { self.find_events(target) };
        let end = terminal.map_or(target, |(_, t)| t);
        self.save_within(target, end);
        if let Some(dense) = &mut self.solution.dense {
            dense.pieces.push(self.stepper.dense_step(&self.y, &self.y1));
            dense.knots.push(target);
        }
        if let Some((index, t)) = terminal {
            // The trajectory ends inside the step, at the interpolated state.
            if let Some(record) = self.solution.events.last() {
                self.y1.assign(&record.y);
            }
            self.t = t;
            std::mem::swap(&mut self.y, &mut self.y1);
            self.stepper.reset();
            return Some(Outcome::Event { index, t });
        }
        std::mem::swap(&mut self.y, &mut self.y1);
        self.t = target;
        match self.options.save {
            SaveAt::Steps { every } if self.solution.stats.accepted.is_multiple_of(every.max(1)) => {
                self.keep_current()
            }
            SaveAt::Dense => self.keep_current(),
            _ => {}
        }
        None
    }

    /// Saves the requested times in `(t, end]`, interpolated within the step to `target`.
    fn save_within(&mut self, target: f64, end: f64) {
        while let Some(s) = self.save_time() {
            if (s - end) * self.sign > 0.0 {
                break;
            }
            let state = if s == target {
                self.y1.clone()
            } else {
                let mut out = self.y.zeros_like();
                self.stepper.interpolate((s - self.t) / (target - self.t), &self.y, &self.y1, &mut out);
                out
            };
            self.solution.ts.push(s);
            self.solution.ys.push(state);
            self.next_save += 1;
        }
    }

    /// Records the events of the step to `target`, in the order of time; returns the terminal one.
    fn find_events(&mut self, target: f64) -> Option<(usize, f64)> {
        let mut found = Vec::new();
        for (index, before) in self.values.iter_mut().enumerate() {
            let event = &mut self.options.events[index];
            let after = (event.condition)(target, &self.y1);
            if event.crossed(*before, after) {
                let (t, dt) = (self.t, target - self.t);
                let mut at = self.y.zeros_like();
                let (stepper, y, y1) = (&mut *self.stepper, &self.y, &self.y1);
                let theta = event::root(
                    |theta| {
                        stepper.interpolate(theta, y, y1, &mut at);
                        (event.condition)(t + theta * dt, &at)
                    },
                    *before,
                    after,
                );
                stepper.interpolate(theta, y, y1, &mut at);
                found.push((theta, EventRecord { index, t: t + theta * dt, y: at }, event.terminal));
            }
            *before = after;
        }
        found.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (_, record, terminal) in found {
            let (index, t) = (record.index, record.t);
            self.solution.events.push(record);
            if terminal {
                return Some((index, t));
            }
        }
        None
    }

    fn save_time(&self) -> Option<f64> {
        match &self.options.save {
            SaveAt::Times(times) => times.get(self.next_save).copied(),
            _ => None,
        }
    }

    fn remaining(&self) -> f64 {
        (self.options.t1 - self.t) * self.sign
    }

    fn keep_current(&mut self) {
        self.solution.ts.push(self.t);
        self.solution.ys.push(self.y.clone());
    }

    /// The first step of Hairer, Nørsett and Wanner, II.4.
    fn guess_step(&mut self, pid: &crate::control::Pid, embedded_order: usize) -> f64 {
        let span = self.remaining();
        let zero = self.y.zeros_like();
        let mut f0 = self.y.zeros_like();
        if !self.stepper.derivative(self.t, &self.y, &mut f0) {
            return span / 100.0;
        }
        let scale = |v: &Y, y: &Y| Y::error_norm(v, y, &zero, pid.atol, pid.rtol);
        let (d0, d1) = (scale(&self.y, &self.y), scale(&f0, &self.y));
        let h0 = if d0 < 1e-5 || d1 < 1e-5 { 1e-6 } else { 0.01 * d0 / d1 }.min(span);
        self.y1.combine(&self.y, &[(self.sign * h0, &f0)]);
        let mut f1 = self.y.zeros_like();
        self.stepper.derivative(self.t + self.sign * h0, &self.y1, &mut f1);
        f1.axpy(-1.0, &f0);
        let d2 = scale(&f1, &self.y) / h0;
        let largest = d1.max(d2);
        let h1 = if largest <= 1e-15 {
            (h0 * 1e-3).max(1e-6)
        } else {
            (0.01 / largest).powf(1.0 / (embedded_order as f64 + 1.0))
        };
        self.stepper.reset();
        let h = (100.0 * h0).min(h1).min(span);
        if h.is_finite() && h > 0.0 { h } else { span * 1e-6 }
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome;

    #[test]
    fn messages_show_times_without_rounding_noise() {
        let shown = |t: f64| {
            let message = Outcome::NonFinite { t }.to_string();
            message.split("t = ").nth(1).and_then(|m| m.split(':').next()).unwrap_or_default().to_owned()
        };
        assert_eq!(shown(0.1 + 0.2), "0.3");
        assert_eq!(shown(12.345_678_9), "12.3457");
        assert_eq!(shown(1_234_567.0), "1234570");
        assert_eq!(shown(2.000_000_04e-7), "2e-7");
        assert_eq!(shown(0.0), "0");
    }
}

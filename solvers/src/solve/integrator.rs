//! A trajectory one step at a time.

use super::{
    BadInput, DenseOutput, Outcome, ResumeError, SaveAt, Snapshot, Solution, SolveOptions, Statistics,
    first_step,
};
use crate::control::{Control, Decision, Pid, PidState};
use crate::event::{self, Action, EventRecord, Watch};
use crate::state::State;
use crate::stepper::{StepFailure, Stepper, Work};

/// Resets that follow each other within so many roundings of the time have accumulated.
const ZENO: f64 = 16.0 * f64::EPSILON;

/// What a call of [`Integrator::step`] did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// It moved the state.
    Accepted {
        /// The time now.
        t: f64,
        /// How far it moved; shorter than the step tried where a reset ended it.
        dt: f64,
        /// Events found on the way, the last in [`Integrator::solution`].
        events: usize,
    },
    /// It tried a step that was too long; the state is where it was.
    Rejected {
        /// The step tried.
        dt: f64,
    },
    /// The trajectory is at its end, now or already before the call.
    Ended(Outcome),
}

/// Moves a state through an interval, one step at a call, to be looked at in between, left, stored as a [`Snapshot`] and
/// taken up again.
///
/// ```
/// use flowmap_solvers::control::Control;
/// use flowmap_solvers::field::from_fn;
/// use flowmap_solvers::solve::{Integrator, SolveOptions, Step, solve};
/// use flowmap_solvers::stepper::explicit_rk::{DOPRI5, ExplicitRk};
/// let mut stepper = || {
///     ExplicitRk::new(&DOPRI5, from_fn(|t: f64, y: &[f64; 1], dy: &mut [f64; 1]| dy[0] = t - y[0]), &[0.0])
/// };
/// let mut options = SolveOptions::new(0.0, 3.0, Control::adaptive(1e-8, 1e-8));
/// let (mut a, mut b) = (stepper(), stepper());
/// let mut first = Integrator::new(&mut a, &[1.0], &mut options);
/// first.step();
/// let snapshot = first.snapshot().ok_or("it has ended")?;
/// // Elsewhere, later:
/// let second = Integrator::resume(&mut b, &[0.0], &mut options, &snapshot)?.run();
/// assert_eq!(second.ys, solve(&mut stepper(), &[1.0], &mut options).ys);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Integrator<'a, Y, S: ?Sized> {
    stepper: &'a mut S,
    options: &'a mut SolveOptions<Y>,
    sign: f64,
    t: f64,
    y: Y,
    y1: Y,
    /// The controller of an adaptive solve, and the step it tries next; else the size of the equal steps.
    pid: Option<PidState>,
    h: f64,
    /// Where the count of equal steps began, and the count.
    origin: f64,
    n: u64,
    /// The next entry of `SaveAt::Times`.
    next_save: usize,
    watches: Vec<Watch>,
    last_reset: Option<f64>,
    /// Ends of rejected steps that a stepper comes back to, the nearest last.
    revisited: Vec<f64>,
    /// The stepper's count at the start of this integrator, and the work done before it.
    work: (Work, Work),
    solution: Solution<Y>,
    ended: Option<Outcome>,
}

/// What the events of a step did to it.
enum Halt<Y> {
    Nowhere,
    Terminal { index: usize, t: f64 },
    Reset { t: f64, y: Y, zeno: Option<Outcome> },
}

/// A root within a step: where, of which event, and the rounding of its condition there.
struct Found {
    theta: f64,
    index: usize,
    residual: f64,
}

impl<'a, Y: State, S: Stepper<Y> + ?Sized> Integrator<'a, Y, S> {
    /// Starts at `options.t0` with `y0`; the stepper forgets what it did before.
    pub fn new(stepper: &'a mut S, y0: &Y, options: &'a mut SolveOptions<Y>) -> Self {
        let mut new = Self::bare(stepper, y0, options);
        new.work.0 = Work::default();
        match &new.options.save {
            SaveAt::End => {}
            SaveAt::Steps { .. } | SaveAt::Dense => new.keep_current(),
            SaveAt::Times(times) => {
                new.next_save = times.iter().take_while(|s| (*s - new.t) * new.sign < 0.0).count();
                if new.save_time() == Some(new.t) {
                    new.keep_current();
                    new.next_save += 1;
                }
            }
        }
        if let Err(reason) = new.options.check() {
            new.end(Outcome::Refused { reason });
        } else if !new.y.is_finite() {
            new.end(Outcome::NonFinite { t: new.t });
        } else {
            new.watches = (new.options.events.iter_mut())
                .map(|e| (e.condition)(new.t, &new.y))
                .map(|value| Watch { value, at_root: value == 0.0, count: 0 })
                .collect();
            new.choose_step();
        }
        new
    }

    /// Goes on from a snapshot of an integrator with the same options and a stepper of the same kind; `like` has the
    /// shape of the state. All further steps are those of the integrator that was left, to the bit; only the
    /// [`preparations`](Work::preparations) of exponential and semi-implicit methods count once more.
    ///
    /// # Errors
    /// If the snapshot does not fit.
    pub fn resume(
        stepper: &'a mut S,
        like: &Y,
        options: &'a mut SolveOptions<Y>,
        snapshot: &Snapshot,
    ) -> Result<Self, ResumeError> {
        let mut new = Self::bare(stepper, like, options);
        new.set_pace();
        let mut expected = Vec::new();
        like.write_entries(&mut expected);
        let mut entries = &snapshot.y[..];
        if expected.len() != entries.len() || !new.y.read_entries(&mut entries) {
            return Err(ResumeError::State { expected: expected.len(), found: snapshot.y.len() });
        }
        let (expected, found) = (new.options.events.len(), snapshot.watches.len());
        if expected != found {
            return Err(ResumeError::Events { expected, found });
        }
        match (&mut new.pid, &snapshot.logarithms[..]) {
            (Some(pid), [a, b]) => pid.recall([*a, *b], snapshot.rejected),
            (None, []) if new.h == snapshot.h => {}
            _ => return Err(ResumeError::Options),
        }
        if (snapshot.t - new.options.t0) * new.sign < 0.0 || (new.options.t1 - snapshot.t) * new.sign < 0.0 {
            return Err(ResumeError::Options);
        }
        if !new.stepper.read_memory(&snapshot.memory) {
            return Err(ResumeError::Stepper);
        }
        (new.t, new.h, new.origin, new.n) = (snapshot.t, snapshot.h, snapshot.origin, snapshot.n);
        (new.next_save, new.last_reset) = (snapshot.next_save, snapshot.last_reset.first().copied());
        new.watches.clone_from(&snapshot.watches);
        new.revisited.clone_from(&snapshot.revisited);
        new.solution.stats = snapshot.stats;
        new.work.1 = snapshot.stats.work;
        new.solution.dense = (new.options.save == SaveAt::Dense).then(|| DenseOutput::new(new.t));
        Ok(new)
    }

    /// An integrator that has not looked at anything yet.
    fn bare(stepper: &'a mut S, y0: &Y, options: &'a mut SolveOptions<Y>) -> Self {
        stepper.reset();
        let mut solution = Solution::empty(options.t0);
        solution.dense = (options.save == SaveAt::Dense).then(|| DenseOutput::new(options.t0));
        Self {
            sign: if options.t1 >= options.t0 { 1.0 } else { -1.0 },
            t: options.t0,
            y: y0.clone(),
            y1: y0.clone(),
            pid: None,
            h: 0.0,
            origin: options.t0,
            n: 0,
            next_save: 0,
            watches: Vec::new(),
            last_reset: None,
            revisited: Vec::new(),
            work: (stepper.work(), Work::default()),
            solution,
            ended: None,
            stepper,
            options,
        }
    }

    /// The time.
    pub fn t(&self) -> f64 {
        self.t
    }

    /// The state.
    pub fn y(&self) -> &Y {
        &self.y
    }

    /// The step that is tried next, unless a save time or the end cuts it short (positive).
    pub fn dt(&self) -> f64 {
        self.h
    }

    /// The cost so far.
    pub fn statistics(&self) -> Statistics {
        let work = self.work.1.plus(self.stepper.work().since(self.work.0));
        Statistics { work, ..self.solution.stats }
    }

    /// What has been kept so far; its outcome and its work are known once the integrator has ended or is left.
    pub fn solution(&self) -> &Solution<Y> {
        &self.solution
    }

    /// How the trajectory ended, if it has.
    pub fn outcome(&self) -> Option<Outcome> {
        self.ended
    }

    /// Tries one step.
    #[inline(always)]
    pub fn step(&mut self) -> Step {
        if let Some(outcome) = self.ended {
            return Step::Ended(outcome);
        }
        if self.remaining() <= 0.0 {
            let missing = (self.options.events.iter().zip(&self.watches))
                .position(|(event, watch)| event.required && watch.count == 0);
            return self.end(match missing {
                None => Outcome::Reached,
                Some(index) => Outcome::NeverFired { index, t: self.t },
            });
        }
        if self.pid.is_some() { self.adaptive() } else { self.fixed() }
    }

    /// Steps until the trajectory has ended.
    pub fn run(mut self) -> Solution<Y> {
        while self.ended.is_none() {
            self.step();
        }
        self.solution
    }

    /// Leaves the trajectory where it stands, with [`Outcome::Unfinished`] unless it has ended.
    pub fn into_solution(mut self) -> Solution<Y> {
        if self.ended.is_none() {
            self.solution.outcome = Outcome::Unfinished { t: self.t };
            self.solution.stats = self.statistics();
        }
        self.solution
    }

    /// All that the further steps depend on; none once the trajectory has ended.
    pub fn snapshot(&self) -> Option<Snapshot> {
        if self.ended.is_some() {
            return None;
        }
        let (mut y, mut memory) = (Vec::new(), Vec::new());
        self.y.write_entries(&mut y);
        self.stepper.write_memory(&mut memory);
        let (logarithms, rejected) =
            self.pid.map_or((Vec::new(), false), |pid| (pid.memory().0.to_vec(), pid.memory().1));
        Some(Snapshot {
            t: self.t,
            y,
            h: self.h,
            origin: self.origin,
            n: self.n,
            logarithms,
            rejected,
            next_save: self.next_save,
            watches: self.watches.clone(),
            last_reset: self.last_reset.into_iter().collect(),
            revisited: self.revisited.clone(),
            stats: self.statistics(),
            memory,
        })
    }

    /// The controller, or the size of the equal steps: all that follows from options and method alone.
    fn set_pace(&mut self) -> Option<(Pid, usize)> {
        match (self.options.control, self.stepper.embedded_order()) {
            (Control::Fixed { dt }, _) => self.h = dt.abs(),
            (Control::Pid(_), None) => {
                // Without an error estimate there is nothing to adapt to.
                let step = self.options.initial_step.unwrap_or((self.options.t1 - self.options.t0) / 100.0);
                self.h = step.abs();
            }
            (Control::Pid(pid), Some(embedded)) => {
                self.pid = Some(PidState::new(pid, embedded));
                return Some((pid, embedded));
            }
        }
        None
    }

    fn choose_step(&mut self) {
        let Some((pid, embedded)) = self.set_pace() else { return };
        if let Some(h) = self.options.initial_step {
            self.h = h.abs();
        } else if self.remaining() > 0.0 {
            let place = (self.t, self.sign, self.remaining());
            match first_step::guess(self.stepper, &pid, embedded, place, &self.y, &mut self.y1) {
                Ok(h) => self.h = h,
                Err(_) => {
                    self.end(Outcome::Refused { reason: BadInput::FieldShape { t: self.t } });
                }
            }
        }
    }

    /// One of the equal steps, or a shorter one to a stop.
    #[inline(always)]
    fn fixed(&mut self) -> Step {
        if self.solution.stats.accepted >= self.options.max_steps {
            return self.end(Outcome::StepLimit { t: self.t, steps: self.options.max_steps });
        }
        let dt = self.h;
        let regular = self.origin + self.sign * dt * (self.n + 1) as f64;
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
            return self.end(match stepped {
                Err(StepFailure::Shape) => Outcome::Refused { reason: BadInput::FieldShape { t: self.t } },
                _ => Outcome::NonFinite { t: self.t },
            });
        }
        if whole {
            self.n += 1;
        } else {
            (self.origin, self.n) = (target, 0);
        }
        self.advance(target)
    }

    /// One step that the controller judges.
    #[inline(always)]
    fn adaptive(&mut self) -> Step {
        let Control::Pid(Pid { rtol, atol, max_step, .. }) = self.options.control else {
            return self.fixed();
        };
        let Statistics { accepted, rejected, .. } = self.solution.stats;
        if accepted + rejected >= self.options.max_steps {
            return self.end(Outcome::StepLimit { t: self.t, steps: self.options.max_steps });
        }
        let h = self.h.min(max_step);
        if h <= 8.0 * f64::EPSILON * self.t.abs().max(f64::MIN_POSITIVE) {
            let finite = self.y1.is_finite();
            return self.end(if finite {
                Outcome::StepUnderflow { t: self.t, dt: h }
            } else {
                Outcome::NonFinite { t: self.t }
            });
        }
        let mut target = self.t + self.sign * h;
        let mut cut = false;
        let lands = self.stepper.dense_order() == 0;
        let save = if lands { self.save_time() } else { None };
        let stops = [Some(self.options.t1), save, self.revisited.last().copied()];
        for stop in stops.into_iter().flatten() {
            if (target - stop) * self.sign > -1e-9 * h {
                target = stop;
                cut = true;
            }
        }
        let tried = target - self.t;
        let error = match self.stepper.step(self.t, tried, &self.y, &mut self.y1) {
            Ok(()) => self.stepper.error_norm(&self.y, &self.y1, atol, rtol).unwrap_or(0.0),
            Err(StepFailure::Shape) => {
                return self.end(Outcome::Refused { reason: BadInput::FieldShape { t: self.t } });
            }
            Err(_) => f64::NAN,
        };
        let error = if error.is_finite() && !self.y1.is_finite() { f64::NAN } else { error };
        match self.pid.as_mut().map_or(Decision::Accept(1.0), |state| state.decide(error)) {
            Decision::Reject(factor) => {
                self.solution.stats.rejected += 1;
                self.h = tried.abs() * factor;
                if self.stepper.revisits() && self.revisited.last() != Some(&target) {
                    self.revisited.push(target);
                }
                Step::Rejected { dt: tried }
            }
            Decision::Accept(factor) => {
                let next = tried.abs() * factor;
                self.h = if cut { h.max(next) } else { next };
                self.revisited.pop_if(|end| *end == target);
                self.advance(target)
            }
        }
    }

    /// Takes the proposal `y1` at `target`: events, saves, bookkeeping.
    #[inline(always)]
    fn advance(&mut self, target: f64) -> Step {
        self.stepper.accept();
        self.solution.stats.accepted += 1;
        let (from, events) = (self.t, self.solution.events.len());
        let halt = if self.watches.is_empty() { Halt::Nowhere } else { self.pass_events(target) };
        let end = match halt {
            Halt::Nowhere => target,
            Halt::Terminal { t, .. } | Halt::Reset { t, .. } => t,
        };
        self.save_within(target, end);
        if let Some(dense) = &mut self.solution.dense {
            dense.push(self.stepper.dense_step(&self.y, &self.y1), target, end);
        }
        self.t = end;
        let mut zeno = None;
        match halt {
            Halt::Nowhere => std::mem::swap(&mut self.y, &mut self.y1),
            Halt::Terminal { index, t } => {
                // The trajectory ends inside the step, at the interpolated state.
                if let Some(record) = self.solution.events.last() {
                    self.y.assign(record.after.as_ref().unwrap_or(&record.y));
                }
                self.stepper.reset();
                return self.end(Outcome::Event { index, t });
            }
            Halt::Reset { y, zeno: accumulated, .. } => {
                self.stepper.reset();
                self.y = y;
                zeno = accumulated;
            }
        }
        match self.options.save {
            SaveAt::Steps { every } if self.solution.stats.accepted.is_multiple_of(every.max(1)) => {
                self.keep_current()
            }
            SaveAt::Dense => self.keep_current(),
            _ => {}
        }
        if let Some(outcome) = zeno {
            return self.end(outcome);
        }
        Step::Accepted { t: end, dt: end - from, events: self.solution.events.len() - events }
    }

    /// Saves the requested times in `(t, end]`, interpolated within the step to `target`.
    #[inline]
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

    /// The roots of the step to `target`, in the order of time.
    fn find_events(&mut self, target: f64) -> Vec<Found> {
        let (t, dt) = (self.t, target - self.t);
        let (stepper, y, y1) = (&mut *self.stepper, &self.y, &self.y1);
        let mut at = y.zeros_like();
        let mut found = Vec::new();
        for (index, (event, watch)) in self.options.events.iter_mut().zip(&mut self.watches).enumerate() {
            let (before, after) = (watch.value, (event.condition)(target, y1));
            let mut g = |theta: f64| {
                stepper.interpolate(theta, y, y1, &mut at);
                (event.condition)(t + theta * dt, &at)
            };
            let theta = if watch.at_root {
                event::departure(event.direction, &mut g, before, after)
            } else {
                event::crossing(event.direction, &mut g, before, after)
            };
            if let Some(theta) = theta {
                let rounding = 4.0 * f64::EPSILON * before.abs().max(after.abs());
                found.push(Found { theta, index, residual: 4.0 * g(theta).abs() + rounding });
            }
            (watch.value, watch.at_root) = (after, after == 0.0);
        }
        found.sort_by(|a, b| a.theta.total_cmp(&b.theta));
        found
    }

    /// Records the events of the step to `target` up to the first that ends it, and those at the same time.
    fn pass_events(&mut self, target: f64) -> Halt<Y> {
        let (t, dt) = (self.t, target - self.t);
        let rounding = 8.0 * f64::EPSILON * t.abs().max(target.abs());
        let mut halt: Halt<Y> = Halt::Nowhere;
        let mut residuals = Vec::new();
        for Found { theta, index, residual } in self.find_events(target) {
            let time = t + theta * dt;
            match halt {
                Halt::Reset { t, .. } | Halt::Terminal { t, .. } if (time - t).abs() > rounding => break,
                Halt::Terminal { .. } => break,
                _ => {}
            }
            let mut record = EventRecord { index, t: time, y: self.y.zeros_like(), after: None };
            self.stepper.interpolate(theta, &self.y, &self.y1, &mut record.y);
            self.watches[index].count += 1;
            match (&mut self.options.events[index].action, &mut halt) {
                (Action::Continue, _) => {}
                (Action::Terminate, Halt::Reset { t, y, .. }) => {
                    record.after = Some(y.clone());
                    halt = Halt::Terminal { index, t: *t };
                }
                (Action::Terminate, _) => halt = Halt::Terminal { index, t: time },
                (Action::Reset(reset), Halt::Reset { t, y, .. }) => {
                    record.y.assign(y);
                    reset(*t, y);
                    record.after = Some(y.clone());
                }
                (Action::Reset(reset), _) => {
                    let mut y = record.y.clone();
                    reset(time, &mut y);
                    record.after = Some(y.clone());
                    halt = Halt::Reset { t: time, y, zeno: None };
                }
            }
            residuals.push((index, residual));
            self.solution.events.push(record);
        }
        if let Halt::Reset { t, y, zeno } = &mut halt {
            *zeno = self.restart(*t, y, &residuals);
            if !y.is_finite()
                && let Some(record) = self.solution.events.last()
            {
                y.assign(&record.y);
            }
        }
        halt
    }

    /// Begins anew from a state that an event has set; an outcome, if nothing can begin there.
    fn restart(&mut self, t: f64, y: &Y, residuals: &[(usize, f64)]) -> Option<Outcome> {
        if !y.is_finite() {
            return Some(Outcome::NonFinite { t });
        }
        for (index, (event, watch)) in self.options.events.iter_mut().zip(&mut self.watches).enumerate() {
            watch.value = (event.condition)(t, y);
            let residual = residuals.iter().find(|r| r.0 == index).map_or(0.0, |r| r.1);
            watch.at_root = watch.value.abs() <= residual;
        }
        if let Some(pid) = &mut self.pid {
            pid.restart();
        }
        self.revisited.clear();
        (self.origin, self.n) = (t, 0);
        let before = self.last_reset.replace(t);
        let (index, _) = *residuals.last()?;
        let accumulated = before.is_some_and(|before| (t - before).abs() <= ZENO * t.abs().max(before.abs()));
        accumulated.then(|| Outcome::Zeno { index, t, count: self.watches[index].count })
    }

    /// Ends the trajectory.
    fn end(&mut self, outcome: Outcome) -> Step {
        let kept = self.solution.ts.last() == Some(&self.t) || matches!(self.options.save, SaveAt::Times(_));
        if !kept {
            self.keep_current();
        }
        self.solution.stats = self.statistics();
        self.solution.outcome = outcome;
        self.ended = Some(outcome);
        Step::Ended(outcome)
    }

    #[inline]
    fn save_time(&self) -> Option<f64> {
        match &self.options.save {
            SaveAt::Times(times) => times.get(self.next_save).copied(),
            _ => None,
        }
    }

    #[inline]
    fn remaining(&self) -> f64 {
        (self.options.t1 - self.t) * self.sign
    }

    fn keep_current(&mut self) {
        self.solution.ts.push(self.t);
        self.solution.ys.push(self.y.clone());
    }
}

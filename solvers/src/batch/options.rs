//! What a solve of a batch shall do.

use crate::control::{Control, Pid};
use crate::event::Direction;
use crate::solve::{BadInput, SaveAt, SolveOptions};

/// A condition whose roots are found along every trajectory of a batch.
pub struct RowEvent {
    /// The function of row, time and state.
    pub condition: Box<dyn Fn(usize, f64, &[f64]) -> f64 + Send + Sync>,
    /// Which sign change counts.
    pub direction: Direction,
    /// Whether a trajectory ends there.
    pub terminal: bool,
}

/// What a solve of a batch shall do.
pub struct BatchOptions {
    /// The start.
    pub t0: f64,
    /// The end; before the start to integrate backward.
    pub t1: f64,
    /// The step control, of every row by itself.
    pub pid: Pid,
    /// The first step of every row; guessed for each if absent.
    pub initial_step: Option<f64>,
    /// Times at which the states of all rows are kept, in the order of the integration.
    pub save: Vec<f64>,
    /// The most steps of a row, taken and rejected together.
    pub max_steps: u64,
    /// What to look for along every row.
    pub events: Vec<RowEvent>,
    /// Rows in work at once; as many as a core's cache holds if absent. For a field that is one matrix product over all rows,
    /// as many as there are.
    pub width: Option<usize>,
}

impl BatchOptions {
    /// From `t0` to `t1` at the given tolerances, keeping the ends only.
    pub fn new(t0: f64, t1: f64, rtol: f64, atol: f64) -> Self {
        Self {
            t0,
            t1,
            pid: Pid { rtol, atol, ..Pid::default() },
            initial_step: None,
            save: Vec::new(),
            max_steps: 10_000_000,
            events: Vec::new(),
            width: None,
        }
    }

    /// Keeps the states at these times.
    #[must_use]
    pub fn save(mut self, times: Vec<f64>) -> Self {
        self.save = times;
        self
    }

    /// Looks for a root of `condition(row, t, y)` along every row.
    #[must_use]
    pub fn event(
        mut self,
        condition: impl Fn(usize, f64, &[f64]) -> f64 + Send + Sync + 'static,
        direction: Direction,
        terminal: bool,
    ) -> Self {
        self.events.push(RowEvent { condition: Box::new(condition), direction, terminal });
        self
    }

    /// Whether what is asked for makes sense.
    ///
    /// # Errors
    /// What does not, as [`SolveOptions::check`] finds it.
    pub fn check(&self) -> Result<(), BadInput> {
        let mut one = SolveOptions::<()>::new(self.t0, self.t1, Control::Pid(self.pid))
            .save(SaveAt::Times(self.save.clone()));
        one.initial_step = self.initial_step;
        one.check()
    }

    /// `1`, or `−1` backward.
    pub(super) fn sign(&self) -> f64 {
        if self.t1 >= self.t0 { 1.0 } else { -1.0 }
    }

    /// The order of two times along the integration.
    pub(super) fn order(&self, a: f64, b: f64) -> std::cmp::Ordering {
        (a * self.sign()).total_cmp(&(b * self.sign()))
    }
}

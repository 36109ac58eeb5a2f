//! What a solve shall do.

use super::{BadInput, SaveAt};
use crate::control::{Control, Pid};
use crate::event::Event;

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

    /// Whether what is asked for makes sense; `Err` names what does not, and what would.
    ///
    /// An interval of no length is one (the solution is its start), as is one that goes backward, a tolerance of zero beside
    /// another above zero, and save times of which none lies in the interval.
    pub fn check(&self) -> Result<(), BadInput> {
        let (t0, t1) = (self.t0, self.t1);
        if !t0.is_finite() || t1.is_nan() {
            return Err(BadInput::Interval { t0, t1 });
        }
        match self.control {
            Control::Fixed { dt } if !(dt.abs() > 0.0 && dt.is_finite()) => {
                return Err(BadInput::Step { dt });
            }
            Control::Pid(Pid { rtol, atol, .. }) if !(rtol >= 0.0 && atol >= 0.0 && rtol + atol > 0.0) => {
                return Err(BadInput::Tolerances { rtol, atol });
            }
            Control::Fixed { .. } | Control::Pid(_) => {}
        }
        if let Some(dt) = self.initial_step
            && (dt.is_nan() || dt == 0.0)
        {
            return Err(BadInput::Step { dt });
        }
        if let SaveAt::Times(times) = &self.save {
            check_times(times, t1 < t0)?;
        }
        Ok(())
    }

    /// Limits the number of steps.
    #[must_use]
    pub fn max_steps(mut self, max_steps: u64) -> Self {
        self.max_steps = max_steps;
        self
    }
}

/// Whether times follow each other strictly, descending if the integration goes backward.
pub(crate) fn check_times(times: &[f64], backward: bool) -> Result<(), BadInput> {
    if let Some(index) = times.iter().position(|t| t.is_nan()) {
        return Err(BadInput::SaveTime { index });
    }
    let ordered = |a: f64, b: f64| if backward { a > b } else { a < b };
    match times.windows(2).position(|w| !ordered(w[0], w[1])) {
        None => Ok(()),
        Some(i) if times[i] == times[i + 1] => Err(BadInput::RepeatedTime { index: i + 1, t: times[i] }),
        Some(i) => Err(BadInput::UnsortedTimes { index: i + 1, before: times[i], t: times[i + 1], backward }),
    }
}

//! Things that happen along a trajectory: roots of a function of time and state.

mod gradient;
mod root;

pub use gradient::{Crossing, Grazing};
pub(crate) use root::{crossing, departure};

/// The sign change that counts as a root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Either way.
    #[default]
    Any,
    /// From below zero to above.
    Rising,
    /// From above zero to below.
    Falling,
}

/// What an event does to the trajectory.
#[derive(Default)]
pub enum Action<Y> {
    /// Nothing: it is recorded.
    #[default]
    Continue,
    /// Ends it.
    Terminate,
    /// Changes the state, `y⁺ = r(t, y⁻)`, from which the trajectory goes on.
    Reset(Box<dyn FnMut(f64, &mut Y) + Send>),
}

/// A function of time and state whose roots are found along a trajectory, on accepted steps only.
///
/// A root is a change of sign between the ends of a step; two within one step cancel and are not seen (bound the step with
/// `max_step`), except that the return of an event that has just reset the state is found however soon it comes. Several
/// events in one step happen in the order of time; what a step would have had after a reset is computed anew. A step that
/// a reset cuts short is counted as taken, and equal steps are counted from there.
pub struct Event<Y> {
    /// The function.
    pub condition: Box<dyn FnMut(f64, &Y) -> f64 + Send>,
    /// Which sign change counts.
    pub direction: Direction,
    /// What happens then.
    pub action: Action<Y>,
    /// Whether a trajectory that reaches its end without it has failed.
    pub required: bool,
}

impl<Y> Event<Y> {
    /// An event at every root of `condition`, that does nothing to the trajectory.
    pub fn new(condition: impl FnMut(f64, &Y) -> f64 + Send + 'static) -> Self {
        Self {
            condition: Box::new(condition),
            direction: Direction::Any,
            action: Action::Continue,
            required: false,
        }
    }

    /// Counts only one sign change.
    #[must_use]
    pub fn direction(mut self, direction: Direction) -> Self {
        self.direction = direction;
        self
    }

    /// Ends the trajectory at the first root.
    #[must_use]
    pub fn terminal(mut self) -> Self {
        self.action = Action::Terminate;
        self
    }

    /// Changes the state at every root: `reset(t, y)` turns the state before into that after.
    ///
    /// ```
    /// use flowmap_solvers::control::Control;
    /// use flowmap_solvers::event::{Direction, Event};
    /// use flowmap_solvers::field::from_fn;
    /// use flowmap_solvers::solve::{SolveOptions, solve};
    /// use flowmap_solvers::stepper::explicit_rk::{ExplicitRk, TSIT5};
    /// // A ball of height y[0] that falls from one, and keeps all its speed at the floor.
    /// let fall = from_fn(|_t, y: &[f64; 2], dy: &mut [f64; 2]| *dy = [y[1], -2.0]);
    /// let bounce = Event::new(|_t, y: &[f64; 2]| y[0]).direction(Direction::Falling).reset(|_t, y| y[1] = -y[1]);
    /// let mut options = SolveOptions::new(0.0, 2.0, Control::adaptive(1e-8, 1e-8)).event(bounce);
    /// let solution = solve(&mut ExplicitRk::new(&TSIT5, fall, &[0.0; 2]), &[1.0, 0.0], &mut options);
    /// assert!((solution.events[0].t - 1.0).abs() < 1e-12 && (solution.ys[0][0] - 1.0).abs() < 1e-12);
    /// ```
    #[must_use]
    pub fn reset(mut self, reset: impl FnMut(f64, &mut Y) + Send + 'static) -> Self {
        self.action = Action::Reset(Box::new(reset));
        self
    }

    /// Ends a trajectory in which it has not happened with [`Outcome::NeverFired`](crate::solve::Outcome::NeverFired)
    /// instead of `Reached` with an empty log.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }
}

impl<Y> std::fmt::Debug for Event<Y> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let action = match self.action {
            Action::Continue => "continue",
            Action::Terminate => "terminate",
            Action::Reset(_) => "reset",
        };
        f.debug_struct("Event")
            .field("direction", &self.direction)
            .field("action", &action)
            .field("required", &self.required)
            .finish_non_exhaustive()
    }
}

/// A root that was found.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct EventRecord<Y> {
    /// The position of the event in the list given.
    pub index: usize,
    /// The time of the root.
    pub t: f64,
    /// The state there, by the method's dense output.
    pub y: Y,
    /// The state to which the event has reset it.
    pub after: Option<Y>,
}

/// What a driver knows of an event at the time where it stands.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Watch {
    /// The value of the condition.
    #[serde(with = "crate::solve::exact")]
    pub(crate) value: f64,
    /// Whether that value counts as zero: the event has just happened and the state was reset, or it is zero.
    pub(crate) at_root: bool,
    /// How often it has happened.
    pub(crate) count: u64,
}

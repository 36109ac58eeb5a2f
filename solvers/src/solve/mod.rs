//! Drives a stepper from one time to another.

mod bad_input;
mod first_step;
mod integrator;
mod options;
mod outcome;
mod save;
mod snapshot;
mod solution;

pub use bad_input::BadInput;
pub(crate) use first_step::from_norms;
pub use integrator::{Integrator, Step};
pub use options::SolveOptions;
pub(crate) use options::check_times;
pub use outcome::Outcome;
pub use save::SaveAt;
pub(crate) use snapshot::exact;
pub use snapshot::{ResumeError, Snapshot};
pub use solution::{DenseOutput, Solution, Statistics};

use crate::state::State;
use crate::stepper::Stepper;

/// Moves `y0` from `options.t0` to `options.t1`.
///
/// With a fixed step the `n`-th step starts at `t0 + n·dt` exactly (no accumulated rounding) unless a save time
/// or the end cuts a step short. A method without dense output lands on save times exactly; one with dense
/// output interpolates them when it is adaptive, and lands on them when its step is fixed. Nothing continues on a
/// NaN: an adaptive solve tries smaller steps, a fixed one ends with [`Outcome::NonFinite`] and the last finite state.
/// What makes no sense ends before it begins, with [`Outcome::Refused`] and `y0`.
///
/// This is an [`Integrator`] that steps until it has ended.
pub fn solve<Y: State, S: Stepper<Y> + ?Sized>(
    stepper: &mut S,
    y0: &Y,
    options: &mut SolveOptions<Y>,
) -> Solution<Y> {
    Integrator::new(stepper, y0, options).run()
}

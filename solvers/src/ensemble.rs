//! Many trajectories at once, each with its own stepper and its own step sizes.

use rayon::prelude::*;

use crate::solve::{Solution, SolveOptions, solve};
use crate::state::State;
use crate::stepper::Stepper;

/// Moves every start by a stepper of its own, on all threads; `make` is given the place of the start and makes its stepper
/// and options. The solutions are in the order of the starts and do not depend on the number of threads.
pub fn solve_ensemble<Y, S, F>(starts: &[Y], make: F) -> Vec<Solution<Y>>
where
    Y: State + Send + Sync,
    S: Stepper<Y>,
    F: Fn(usize) -> (S, SolveOptions<Y>) + Sync,
{
    let one = |(i, y0): (usize, &Y)| {
        let (mut stepper, mut options) = make(i);
        solve(&mut stepper, y0, &mut options)
    };
    starts.par_iter().enumerate().map(one).collect()
}

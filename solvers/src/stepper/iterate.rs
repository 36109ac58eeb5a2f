//! Discrete time: a map instead of a differential equation.

use super::{StepFailure, Stepper, Work};
use crate::field::VectorField;
use crate::state::State;

/// `y_{n+1} = F(y_n)`: the "field" writes the next state, and a step of any size applies it once.
///
/// So a learned map is driven like everything else: rollouts, save times, events and outcomes are those of
/// [`solve`](crate::solve::solve), with the time between two iterates as the fixed step.
///
/// ```
/// use flowmap_solvers::control::Control;
/// use flowmap_solvers::field::from_fn;
/// use flowmap_solvers::solve::{SaveAt, SolveOptions, solve};
/// use flowmap_solvers::stepper::iterate::Iterate;
/// let logistic = from_fn(|_n, x: &[f64; 1], next: &mut [f64; 1]| next[0] = 4.0 * x[0] * (1.0 - x[0]));
/// let mut options = SolveOptions::new(0.0, 2.0, Control::Fixed { dt: 1.0 }).save(SaveAt::Steps { every: 1 });
/// let solution = solve(&mut Iterate::new(logistic), &[0.25], &mut options);
/// assert_eq!(solution.ys, [[0.25], [0.75], [0.75]]);
/// ```
#[derive(Clone, Debug)]
pub struct Iterate<F> {
    map: F,
    work: Work,
}

impl<F> Iterate<F> {
    /// Iterates `map`, which writes the next state where a field would write the slope.
    pub fn new(map: F) -> Self {
        Self { map, work: Work::default() }
    }
}

impl<Y: State, F: VectorField<Y>> Stepper<Y> for Iterate<F> {
    /// A map is its own exact solution; by convention its order is one.
    fn order(&self) -> usize {
        1
    }

    fn step(&mut self, t: f64, _dt: f64, y: &Y, y1: &mut Y) -> Result<(), StepFailure> {
        self.map.eval(t, y, y1);
        self.work.evaluations += 1;
        Ok(())
    }

    fn work(&self) -> Work {
        self.work
    }
}

//! The steps by which a learned field is solved in training.

use flowmap_solvers::control::Control;
use flowmap_solvers::solve::{SaveAt, SolveOptions, solve};
use flowmap_solvers::stepper::explicit_rk::ExplicitRk;
use ndarray::Array2;

use super::Method;
use crate::fused::{HostField, Solve, SolveError};

/// The most steps between two samples.
const MOST: u64 = 10_000;

/// A method and the sizes of its steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Steps {
    /// The method.
    pub method: Method,
    /// The longest step.
    pub longest: f64,
    /// The relative and absolute tolerance of the error of a step, the whole batch taken together; steps of equal size if there is
    /// none.
    pub tolerance: Option<f64>,
}

impl Steps {
    /// Steps of equal size between two samples.
    pub fn of(method: Method, longest: f64) -> Self {
        Self { method, longest, tolerance: None }
    }

    /// The steps through `times` from `y0`, `[batch, dim]`, which land on every time.
    ///
    /// Those of a tolerance are chosen by a solve on the host in `f64`. They are then data: a gradient through them is that of
    /// the discrete solve, and their sizes are not differentiated.
    ///
    /// # Errors
    /// If the times are not strictly monotonic, or a tolerance is not met.
    pub fn plan(&self, field: &HostField, y0: &Array2<f64>, times: &[f64]) -> Result<Solve, SolveError> {
        let tableau = self.method.tableau();
        let equal = Solve::at(field.spec().clone(), tableau, times, self.longest)?;
        let Some(tolerance) = self.tolerance else { return Ok(equal) };
        let mut stepper = ExplicitRk::new(tableau, field.clone(), y0);
        let (mut steps, mut saves) = (Vec::new(), vec![0]);
        let (mut y, mut tried) = (y0.clone(), None);
        for interval in times.windows(2) {
            let control = Control::adaptive(tolerance, tolerance);
            let options = SolveOptions::new(interval[0], interval[1], control).max_steps(MOST);
            let mut options = options.save(SaveAt::Steps { every: 1 });
            options.initial_step = tried;
            let solution = solve(&mut stepper, &y, &mut options);
            if !solution.outcome.is_success() {
                return Err(SolveError::Grid(format!(
                    "the solve that chooses the steps {}",
                    solution.outcome
                )));
            }
            let sizes: Vec<f64> = solution.ts.windows(2).map(|t| t[1] - t[0]).collect();
            // The last was cut short by the sample.
            tried = sizes.iter().map(|h| h.abs()).reduce(f64::max);
            steps.extend(sizes);
            saves.push(steps.len());
            y = solution.ys.into_iter().next_back().unwrap_or(y);
        }
        Ok(Solve { steps, saves, ..equal })
    }
}

//! The solution of a neural differential equation, and its gradients by the exact pull-back of every step.

mod block;
mod composed;
mod field;
mod host;
mod kernel;
mod lagrangian;
mod pack;

pub(super) use composed::{backward, forward};
pub(super) use kernel::{backward as flex_backward, forward as flex_forward, states as flex_states};

pub use field::{FieldKind, FieldSpec, Monomial};
pub use host::HostField;

use std::sync::Arc;

use burn::backend::Dispatch;
use burn::tensor::Tensor;
use flowmap_solvers::stepper::explicit_rk::Tableau;

use super::FusedOps;

/// What is not a tensor of a solve.
#[derive(Clone, Debug)]
pub struct Solve {
    /// The field.
    pub field: FieldSpec,
    /// The method.
    pub tableau: &'static Tableau,
    /// The sizes of the steps, one after the other; negative ones go back in time.
    pub steps: Vec<f64>,
    /// After how many steps the state is saved, ascending; zero is the start.
    pub saves: Vec<usize>,
}

/// Why there is no solve.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SolveError {
    /// The field does not move states of this size.
    #[error("states of {given} entries, and a field of {expected}")]
    Dimension {
        /// Entries of the states.
        given: usize,
        /// Entries that the field moves.
        expected: usize,
    },
    /// There are other parameters than the field has.
    #[error("{given} parameters, and a field of {expected}")]
    Parameters {
        /// Those given.
        given: usize,
        /// Those of the field.
        expected: usize,
    },
    /// A step is not finite, or a time is not reached.
    #[error("{0}")]
    Grid(String),
}

impl Solve {
    /// Steps that land on the times to save, the first of which is the start: between two of them as many equal ones as keep
    /// every step at most `longest`.
    ///
    /// # Errors
    /// If the times are not finite and strictly monotonic, or `longest` is not positive.
    pub fn at(
        field: FieldSpec,
        tableau: &'static Tableau,
        times: &[f64],
        longest: f64,
    ) -> Result<Self, SolveError> {
        if !(longest > 0.0 && longest.is_finite()) {
            return Err(SolveError::Grid(format!("a longest step of {longest}: give a positive one")));
        }
        let (mut steps, mut saves) = (Vec::new(), vec![0]);
        let forward = times.len() < 2 || times[1] > times[0];
        for (i, t) in times.windows(2).enumerate() {
            let length = t[1] - t[0];
            if !length.is_finite() || length == 0.0 || (length > 0.0) != forward {
                return Err(SolveError::Grid(format!(
                    "the times {} and {} (places {i} and {}): give finite times in one direction, each once",
                    t[0],
                    t[1],
                    i + 1
                )));
            }
            // A step that is too long by rounding alone is not too long.
            let count = (length.abs() / longest - 1e-9).ceil().max(1.0) as usize;
            steps.extend(std::iter::repeat_n(length / count as f64, count));
            saves.push(steps.len());
        }
        Ok(Self { field, tableau, steps, saves })
    }

    fn check(&self, entries: usize, parameters: usize) -> Result<(), SolveError> {
        let (dim, count) = (self.field.dim(), self.field.parameters());
        if entries != dim {
            return Err(SolveError::Dimension { given: entries, expected: dim });
        }
        if parameters != count {
            return Err(SolveError::Parameters { given: parameters, expected: count });
        }
        if self.saves.last().is_none_or(|last| *last > self.steps.len()) || !self.saves.is_sorted() {
            let what = format!("saves after {:?} of {} steps", self.saves.last(), self.steps.len());
            return Err(SolveError::Grid(what));
        }
        Ok(())
    }
}

/// The states at the times to save, `[time, batch, dim]`, of `dy/dt = f_θ(y)` from `y0`, `[batch, dim]`, by an explicit
/// Runge-Kutta method with given steps. `parameters` is the one vector `θ` that [`FieldSpec`] describes.
///
/// Differentiable by both: of every step its start is kept, and on the way back the step is taken anew and pulled back, so the
/// gradients are exactly those of the discrete solve. On the CPU field, step and pull-back are one kernel over groups of
/// samples; on other devices all is composed of tensor operations.
///
/// # Errors
/// If states, parameters and field do not fit each other.
pub fn odeint(solve: &Arc<Solve>, y0: Tensor<2>, parameters: Tensor<1>) -> Result<Tensor<3>, SolveError> {
    let ([_, entries], [count]) = (y0.dims(), parameters.dims());
    solve.check(entries, count)?;
    let states =
        <Dispatch as FusedOps>::odeint(y0.into_dispatch(), parameters.into_dispatch(), Arc::clone(solve));
    Ok(Tensor::from_dispatch(states))
}

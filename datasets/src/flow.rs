//! A problem and a method as a flow map, for whoever moves one state after the other.

use std::sync::Arc;

use flowmap_solvers::assimilation::Adjoint;
use flowmap_solvers::config::SolverConfig;
use flowmap_solvers::gradient::{self, Gradient, Loss};
use flowmap_solvers::issue::Issue;
use flowmap_solvers::solve::{Outcome, SolveOptions, solve};
use flowmap_solvers::stepper::Stepper;
use ndarray::{Array1, Array2};
use num_complex::Complex64;

use crate::problem::Problem;
use crate::problem::cells::CellProblem;
use crate::problem::ode::OdeField;
use crate::problem::pde::SpectralField;
use crate::simulate::check_method;

/// `u(t₀) ↦ u(t₁)` for physical states `[channel, point…]` flattened; plans and coefficients are made once.
pub struct Flow {
    solver: SolverConfig,
    kind: Kind,
}

enum Kind {
    Fields { field: Box<SpectralField>, stepper: Box<dyn Stepper<Array2<Complex64>>> },
    States { stepper: Box<dyn Stepper<Array1<f64>>> },
    Cells { problem: Arc<dyn CellProblem>, stepper: Box<dyn Stepper<Array1<f64>>> },
}

/// The flow of a system of ordinary equations with its way back, as variational assimilation needs it.
pub struct AdjointFlow {
    flow: Flow,
    field: OdeField,
}

impl AdjointFlow {
    /// The flow of a problem by an explicit method; none of other problems and methods.
    pub fn new(problem: &Problem, solver: &SolverConfig) -> Option<Self> {
        let Problem::Ode(p) = problem else { return None };
        let explicit = solver.tableau().is_some() && solver.dt().is_some();
        Some(Self { flow: Flow::new(problem, solver).ok()?, field: OdeField::new(p.clone()) })
            .filter(|_| explicit)
    }
}

impl Adjoint for AdjointFlow {
    fn advance(&mut self, x: &mut [f64], t0: f64, t1: f64) -> Result<(), String> {
        let outcome = self.flow.advance(x, t0, t1);
        if outcome.is_success() { Ok(()) } else { Err(outcome.to_string()) }
    }

    fn pull(&mut self, x: &[f64], t0: f64, t1: f64, v: &[f64]) -> Result<Vec<f64>, String> {
        let solver = self.flow.solver;
        let mut options = SolveOptions::new(t0, t1, solver.control()).max_steps(solver.max_steps());
        let keep = gradient::Adjoint::new(Gradient::default());
        let end = Array1::from(v.to_vec());
        let found =
            solver.differentiate(keep, self.field.clone(), &Array1::from(x.to_vec()), &mut options, |_| {
                Loss::new(0.0, vec![end])
            });
        match found {
            Some(Ok(found)) => Ok(found.y0.to_vec()),
            Some(Err(error)) => Err(error.to_string()),
            None => Err("cannot be differentiated".into()),
        }
    }
}

impl Flow {
    /// The flow of a problem by a method.
    ///
    /// # Errors
    /// If the method cannot solve the problem, or the problem's motion depends on more than its state.
    pub fn new(problem: &Problem, solver: &SolverConfig) -> Result<Self, Issue> {
        check_method(problem, solver)?;
        let unfit = || {
            Issue::new(
                format!("solver.{}", solver.name()),
                "the method cannot move single states of this problem",
            )
            .hint("take an explicit, a stiff or an exponential method")
        };
        let size: usize = problem.state_shape().iter().product();
        let kind = match problem {
            Problem::Pde(p) => {
                let mut field = SpectralField::new(p.clone());
                let like = field.to_spectral(&vec![0.0; size]);
                let stepper = solver.semilinear_stepper(field.clone(), &like).ok_or_else(unfit)?;
                Kind::Fields { field: Box::new(field), stepper }
            }
            Problem::Ode(p) => {
                let like = Array1::zeros(size);
                Kind::States {
                    stepper: solver.dense_stepper(OdeField::new(p.clone()), &like).ok_or_else(unfit)?,
                }
            }
            Problem::Cells(p) => {
                Kind::Cells { problem: p.clone(), stepper: p.stepper(solver).ok_or_else(unfit)? }
            }
            Problem::Dde(_)
            | Problem::Sde(_)
            | Problem::Labelled(_)
            | Problem::Density(_)
            | Problem::Boxed(_) => {
                return Err(unfit());
            }
        };
        Ok(Self { solver: *solver, kind })
    }

    /// Moves `u` from `t0` to `t1`; where the motion ends early, `u` is its last state.
    pub fn advance(&mut self, u: &mut [f64], t0: f64, t1: f64) -> Outcome {
        let (control, most) = (self.solver.control(), self.solver.max_steps());
        match &mut self.kind {
            Kind::Fields { field, stepper } => {
                let mut options = SolveOptions::new(t0, t1, control).max_steps(most);
                let solution = solve(stepper, &field.to_spectral(u), &mut options);
                if let Some(end) = solution.ys.last() {
                    u.copy_from_slice(&field.to_physical(end));
                }
                solution.outcome
            }
            Kind::Cells { problem, stepper } => {
                let mut options = SolveOptions::new(t0, t1, control).max_steps(most);
                let solution = solve(stepper, &problem.to_state(u), &mut options);
                if let Some(end) = solution.ys.last() {
                    u.copy_from_slice(&problem.to_physical(end));
                }
                solution.outcome
            }
            Kind::States { stepper } => {
                let mut options = SolveOptions::new(t0, t1, control).max_steps(most);
                let solution = solve(stepper, &Array1::from(u.to_vec()), &mut options);
                if let Some(end) = solution.ys.last() {
                    u.iter_mut().zip(end).for_each(|(u, e)| *u = *e);
                }
                solution.outcome
            }
        }
    }
}

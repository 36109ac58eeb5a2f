//! One trajectory of a problem by a method.

use flowmap_solvers::config::{MethodKind, SolverConfig};
use flowmap_solvers::delay::solve_delay;
use flowmap_solvers::issue::Issue;
use flowmap_solvers::solve::{Outcome, SaveAt, Solution, SolveOptions, Statistics, solve};
use flowmap_solvers::state::{DenseState, State};
use flowmap_solvers::stepper::Stepper;
use ndarray::Array1;

use crate::problem::Problem;
use crate::problem::ode::OdeField;
use crate::problem::pde::SpectralField;
use crate::problem::sde;

/// A trajectory, as far as it went.
#[derive(Clone, Debug)]
pub struct Trajectory {
    /// The times, a prefix of those asked for.
    pub times: Vec<f64>,
    /// The physical states at these times, each `[channel, point…]` flattened.
    pub states: Vec<Vec<f64>>,
    /// The cost.
    pub stats: Statistics,
    /// How it ended.
    pub outcome: Outcome,
}

/// Whether a method can solve a problem.
///
/// # Errors
/// An issue at `solver.NAME` that says why not.
pub fn check_method(problem: &Problem, solver: &SolverConfig) -> Result<(), Issue> {
    let misfit = |why: &str, hint: &str| {
        Err(Issue::new(format!("solver.{}", solver.name()), why.to_owned()).hint(hint.to_owned()))
    };
    match (problem, solver.kind()) {
        (Problem::Sde(p), _) => sde::check_method(&**p, solver),
        (_, MethodKind::Stochastic) => misfit(
            &format!(
                "'{}' solves stochastic equations, and '{}' has no noise",
                solver.name(),
                problem.name()
            ),
            "take dopri5, or etdrk4 for a partial differential equation",
        ),
        (Problem::Pde(_), MethodKind::Explicit | MethodKind::Reversible | MethodKind::Semilinear)
        | (Problem::Ode(_), MethodKind::Explicit | MethodKind::Reversible | MethodKind::Stiff)
        | (Problem::Dde(_), MethodKind::Explicit) => Ok(()),
        (Problem::Ode(p), MethodKind::Symplectic) if p.separable() => Ok(()),
        (Problem::Cells(p), _) if p.fits(solver) => Ok(()),
        (Problem::Cells(p), _) => {
            misfit(&format!("'{}' cannot move '{}'", solver.name(), p.name()), p.advice())
        }
        (_, MethodKind::Carrying) => misfit(
            &format!("'{}' moves flows between walls, and '{}' is none", solver.name(), problem.name()),
            "take dopri5, or etdrk4 for a partial differential equation",
        ),
        (Problem::Pde(_), _) => misfit(
            &format!("'{}' cannot solve a partial differential equation", solver.name()),
            "take etdrk4, or an explicit method",
        ),
        (Problem::Labelled(p), _) => {
            misfit(&format!("'{}' is a kind of series: nothing is solved", p.name()), "leave [solver] out")
        }

        (Problem::Density(p), _) => {
            misfit(&format!("'{}' is a density: nothing is solved", p.name()), "leave [solver] out")
        }
        (Problem::Boxed(p), _) => {
            misfit(&format!("'{}' has walls, which no method here holds", p.name()), "leave [solver] out")
        }
        (Problem::Dde(p), _) => misfit(
            &format!("'{}' cannot solve '{}', whose slope depends on the past", solver.name(), p.name()),
            "take dopri5 or dopri8",
        ),
        (Problem::Ode(p), MethodKind::Symplectic) => misfit(
            &format!("'{}' needs a separable Hamiltonian, and '{}' is none", solver.name(), p.name()),
            "take dopri5 or dopri8",
        ),
        (Problem::Ode(_), MethodKind::Semilinear) => misfit(
            &format!("'{}' needs a linear part that is diagonal in Fourier space", solver.name()),
            "take dopri5, or kvaerno5 if the system is stiff",
        ),
    }
}

/// Which of its paths a stochastic problem takes; a deterministic one has no choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Realisation {
    /// The seed of all paths.
    pub seed: u64,
    /// The path's place among them.
    pub row: usize,
}

/// Moves `u0`, the physical state at time zero, through `times`, which ascend from zero or later; a stochastic problem on the first
/// path of seed zero.
///
/// # Errors
/// If the method cannot solve the problem.
pub fn simulate(
    problem: &Problem,
    solver: &SolverConfig,
    u0: &[f64],
    times: &[f64],
) -> Result<Trajectory, Issue> {
    simulate_on(problem, solver, u0, times, Realisation::default())
}

/// [`simulate`] on a given path: the same for every method and every step, as long as the last time is the same.
///
/// # Errors
/// If the method cannot solve the problem.
pub fn simulate_on(
    problem: &Problem,
    solver: &SolverConfig,
    u0: &[f64],
    times: &[f64],
    realisation: Realisation,
) -> Result<Trajectory, Issue> {
    check_method(problem, solver)?;
    let unfit = || Issue::new("solver", "the method does not fit the problem");
    match problem {
        // On a thread of the pool, so that a step that shares its work need not enter it.
        Problem::Pde(p) => rayon::scope(|_| {
            let mut field = SpectralField::new(p.clone());
            let y0 = field.to_spectral(u0);
            let mut stepper = solver.semilinear_stepper(field.clone(), &y0).ok_or_else(unfit)?;
            let mut trajectory = run(&mut stepper, &y0, solver, times, |y| field.to_physical(y));
            // The start is given, not transformed.
            if trajectory.times.first() == Some(&0.0) {
                trajectory.states[0] = u0.to_vec();
            }
            Ok(trajectory)
        }),
        Problem::Ode(p) if solver.kind() == MethodKind::Symplectic => {
            let (q, momenta) = u0.split_at(u0.len() / 2);
            let y0 = (Array1::from(q.to_vec()), Array1::from(momenta.to_vec()));
            let mut stepper = solver.symplectic_stepper(OdeField::new(p.clone()), &y0).ok_or_else(unfit)?;
            Ok(run(&mut stepper, &y0, solver, times, |(q, p)| q.iter().chain(p).copied().collect()))
        }
        Problem::Ode(p) => {
            let y0 = Array1::from(u0.to_vec());
            let mut stepper = solver.dense_stepper(OdeField::new(p.clone()), &y0).ok_or_else(unfit)?;
            Ok(run(&mut stepper, &y0, solver, times, |y| y.to_vec()))
        }
        Problem::Sde(p) => {
            let y0 = Array1::from(u0.to_vec());
            let end = times.last().copied().unwrap_or(0.0);
            let path = sde::path(&**p, realisation, end);
            let mut stepper = sde::stepper(p, solver, path, &y0).ok_or_else(unfit)?;
            Ok(run(&mut stepper, &y0, solver, times, |y| y.to_vec()))
        }
        Problem::Cells(p) => {
            let y0 = p.to_state(u0);
            let mut stepper = p.stepper(solver).ok_or_else(unfit)?;
            let mut trajectory = run(&mut stepper, &y0, solver, times, |y| p.to_physical(y));
            // The start is given, not taken to the faces and back.
            if trajectory.times.first() == Some(&0.0) {
                trajectory.states[0] = u0.to_vec();
            }
            Ok(trajectory)
        }
        Problem::Labelled(_) => Err(unfit()),
        Problem::Density(_) | Problem::Boxed(_) => Err(unfit()),
        Problem::Dde(p) => {
            let (y0, problem) = (Array1::from(u0.to_vec()), p.clone());
            let field = move |t: f64, y: &Array1<f64>, delayed: &Array1<f64>, dy: &mut Array1<f64>| {
                let (y, delayed) = (DenseState::as_slice(y), DenseState::as_slice(delayed));
                problem.rhs(t, y, delayed, dy.as_mut_slice());
            };
            let tableau = solver.tableau().ok_or_else(unfit)?;
            let mut options = options(solver, times);
            Ok(trajectory(solve_delay(tableau, field, p.delay(), |_| y0.clone(), &mut options), |y| {
                y.to_vec()
            }))
        }
    }
}

fn options<Y>(solver: &SolverConfig, times: &[f64]) -> SolveOptions<Y> {
    let end = times.last().copied().unwrap_or(0.0);
    SolveOptions::new(0.0, end, solver.control())
        .save(SaveAt::Times(times.to_vec()))
        .max_steps(solver.max_steps())
}

fn trajectory<Y>(solution: Solution<Y>, physical: impl FnMut(&Y) -> Vec<f64>) -> Trajectory {
    Trajectory {
        states: solution.ys.iter().map(physical).collect(),
        times: solution.ts,
        stats: solution.stats,
        outcome: solution.outcome,
    }
}

fn run<Y: State>(
    stepper: &mut Box<dyn Stepper<Y> + '_>,
    y0: &Y,
    solver: &SolverConfig,
    times: &[f64],
    physical: impl FnMut(&Y) -> Vec<f64>,
) -> Trajectory {
    trajectory(solve(stepper, y0, &mut options(solver, times)), physical)
}

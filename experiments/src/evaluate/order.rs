//! The measured order of a simulation's method.

use flowmap_datasets::problem::Problem;
use flowmap_datasets::simulate::simulate;
use flowmap_solvers::config::SolverConfig;
use flowmap_solvers::control::Control;
use ndarray::ArrayView1;

use crate::metric::relative_l2;

/// Steps and the errors they leave.
pub(super) struct Convergence {
    /// Step sizes, each half the one before.
    pub(super) dts: Vec<f64>,
    /// Relative L2 differences at the end to the solution with a quarter of the smallest step.
    pub(super) errors: Vec<f64>,
    /// The slope over the last halving that is free of rounding.
    pub(super) order: f64,
}

/// Halves the step five times, against a quarter of the smallest; none for a method that controls its step.
pub(super) fn convergence(
    problem: &Problem,
    solver: &SolverConfig,
    u0: &[f64],
    t: f64,
) -> Option<Convergence> {
    let Control::Fixed { dt } = solver.control() else { return None };
    let end = |dt: f64| {
        let trajectory = simulate(problem, &solver.with_dt(dt), u0, &[t]).ok()?;
        trajectory.outcome.is_success().then(|| trajectory.states.into_iter().next_back()).flatten()
    };
    let dts: Vec<f64> = (0..5).map(|i| dt * 0.5_f64.powi(i)).collect();
    let reference = end(dts[4] * 0.25)?;
    let reference = ArrayView1::from(&reference).into_dyn();
    let difference = |u: Vec<f64>| relative_l2(ArrayView1::from(&u).into_dyn(), reference.view());
    let errors: Vec<f64> = dts.iter().map(|dt| end(*dt).map_or(f64::INFINITY, difference)).collect();
    let free = errors.windows(2).rfind(|e| e[1] > 1e-11 && e[0].is_finite());
    let order = free.map_or(f64::NAN, |e| (e[0] / e[1]).log2());
    Some(Convergence { dts, errors, order })
}

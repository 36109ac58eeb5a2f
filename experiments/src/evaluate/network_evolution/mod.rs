//! A network that is the solution at one time, and whose weights move: judged against the exact solution.

mod block;
mod draw;
mod fall;
mod flow;
mod march;
mod scalar;

use flowmap_datasets::data::DataConfig;
use flowmap_datasets::generate::DataError;
use flowmap_datasets::problem::ProblemConfig;
use flowmap_models::config::ModelConfig;
use flowmap_models::insr::{Axis, Boundary, Flow, Form, InsrConfig, Sampling};
use flowmap_solvers::issue::Issue;

use super::{Findings, Job};
use crate::config::ExperimentConfig;
use crate::error::Error;

/// Moves a network, compares, draws.
///
/// # Errors
/// If the problem is none for such a network, the run is interrupted, or a file cannot be written.
pub fn network_evolution(
    config: &ExperimentConfig,
    model: &ModelConfig,
    job: &Job<'_>,
) -> Result<Findings, Error> {
    let (ModelConfig::Insr(network), Some(problem)) = (model, &config.problem) else {
        return Err(misfit("there is no network that moves, or no problem"));
    };
    match problem {
        ProblemConfig::EulerBox(p) => flow::flow(config, network, p, job),
        ProblemConfig::ElasticBlock(p) => block::block(config, network, p, job),
        ProblemConfig::FallingBlock(p) => fall::fall(config, network, p, job),
        _ => scalar::scalar(config, network, job),
    }
}

/// Whether such a network can solve a problem in the memory that is allowed.
///
/// # Errors
/// If it cannot; the issue's path is that of the model.
pub(crate) fn check_evolution(
    problem: Option<&ProblemConfig>,
    data: &DataConfig,
    network: &InsrConfig,
) -> Result<(), Issue> {
    let periodic = network.boundary == Boundary::Periodic;
    let refuse = |path: &str, what: &str, hint: &str| Err(Issue::new(path, what).hint(hint));
    if network.flow == Flow::Splitting {
        if !matches!(problem, Some(ProblemConfig::EulerBox(_))) {
            let hint = "leave flow out, or take [problem.euler_box]";
            return refuse("model.insr.flow", "a splitting is for flows between walls", hint);
        }
        if network.form == Form::Galerkin {
            let hint = "leave form out";
            return refuse("model.insr.form", "the parts of a splitting are regressions", hint);
        }
    }
    if matches!(problem, Some(ProblemConfig::ElasticBlock(_)))
        && network.sampling.scheme == Sampling::Adaptive
    {
        let hint = "take \"resampled\", \"uniform\" or \"quadrature\"";
        return refuse("model.insr.sampling.scheme", "an energy has no slope that points could follow", hint);
    }
    let affordable = match problem {
        Some(ProblemConfig::EulerBox(_)) if network.flow == Flow::Splitting => {
            flow::steps(network, data)?;
            network.affordable(2, false, 2, 2)
        }
        Some(ProblemConfig::EulerBox(_)) => network.affordable(2, false, 1, 2),
        Some(ProblemConfig::ElasticBlock(p)) => {
            network.affordable(p.axes, false, p.axes, p.axes * p.axes + 1)
        }
        Some(ProblemConfig::FallingBlock(p)) => {
            fall::steps(network, data)?;
            network.affordable(p.axes, false, p.axes, p.axes * (p.axes + 1) + 1)
        }
        Some(other) if super::equation(other).is_some() => network.affordable(1, periodic, 1, 1),
        _ => {
            let hint = "take a problem of one real field on one axis, [problem.euler_box], [problem.elastic_block] or [problem.falling_block]";
            return Err(Issue::new("model.insr", "no network solves this problem by 'insr'").hint(hint));
        }
    };
    affordable.map_err(|refusal| {
        let path = format!("model.insr.optimiser.{}.memory_gb", network.optimiser.name());
        let hint = "take solve = \"cg\", which holds a part of the Jacobian at a time, lower width, depth or sampling.points, or raise memory_gb";
        Issue::new(path, refusal.to_string()).hint(hint)
    })
}

fn misfit(message: &str) -> Error {
    DataError::Config(Issue::new("model.insr", message)).into()
}

/// A step of the method, and how many of them make a step of the data.
///
/// # Errors
/// If the steps do not fill the time between samples.
fn whole_steps(network: &InsrConfig, dt: f64, data: &DataConfig) -> Result<(f64, usize), Issue> {
    let parts = (data.dt / dt).round();
    if parts < 1.0 || (parts * dt / data.dt - 1.0).abs() > 1e-9 {
        let message = format!("steps of {dt} do not fill the {} between samples", data.dt);
        let path = format!("model.insr.stepper.{}.dt", network.stepper.name());
        return Err(Issue::new(path, message).hint("give data.dt, or a whole part of it"));
    }
    Ok((dt, parts as usize))
}

/// An axis between walls.
fn walled(origin: f64, length: f64) -> Axis {
    Axis { origin, length, periodic: false }
}

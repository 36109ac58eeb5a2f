//! A network that is the solution itself: found from the equation alone, judged against the exact solution or the spectral one.

mod checkpoint;
mod draw;
mod equation;
mod reference;
mod solve;

pub(crate) use equation::equation;

use flowmap_datasets::generate::DataError;
use flowmap_datasets::problem::ProblemConfig;
use flowmap_datasets::rng::stream;
use flowmap_models::config::ModelConfig;
use flowmap_models::pinn::{Domain, Equation, Frame, FrozenFeatures, PinnConfig};
use flowmap_solvers::issue::Issue;
use ndarray::{Array1, Array2};

use super::keep::{build, write_npz};
use super::{Baseline, Findings, Job};
use crate::config::ExperimentConfig;
use crate::error::Error;
use crate::metric::relative_l2;

pub(super) use reference::Reference;
use solve::{Solved, Solver};

/// Steps of a curriculum to the equation.
const CURRICULUM: usize = 5;

/// The frozen features that stand beside a network.
const FROZEN: FrozenFeatures = FrozenFeatures { features: 500, steepest: 100.0, tolerance: 1e-8 };

/// One solution and what it is compared with.
struct Member {
    role: String,
    /// Whether it may fail without the run having failed: what it shows is that.
    baseline: bool,
    reference: Reference,
    solved: Solved,
    /// `[time, x]`; not a number where the solve did not come.
    field: Array2<f64>,
}

impl Member {
    fn error(&self) -> f64 {
        relative_l2(self.field.view().into_dyn(), self.reference.values.view().into_dyn())
    }
}

/// Solves, compares, draws.
///
/// # Errors
/// If the equation has no form for a network, the run is interrupted, or a file cannot be written.
pub fn network_solution(
    config: &ExperimentConfig,
    model: &ModelConfig,
    job: &Job<'_>,
) -> Result<Findings, Error> {
    let wrong = |message: &str| {
        Error::from(DataError::Config(Issue::new(format!("model.{}", model.name()), message)))
    };
    let (network, frame) = model.solution().ok_or_else(|| wrong("this model is no solution"))?;
    let problem = config.problem.as_ref().ok_or_else(|| wrong("there is no problem"))?;
    let mut findings = Findings::default();
    let mut members = Vec::new();
    let started = std::time::Instant::now();
    let reference = Reference::obtain(config, &build(config)?, job.progress, job.run, &mut findings)?;
    if let Some(asymmetry) = reference.asymmetry(network.symmetry) {
        let message = format!("the start has not this symmetry: it is off by {asymmetry:.1e} of its size");
        let path = format!("model.{}.symmetry", model.name());
        return Err(DataError::Config(Issue::new(path, message).hint("leave it out")).into());
    }
    findings.metric("solve_s", started.elapsed().as_secs_f64());
    members.push(member("model", network, frame, 1, problem, reference.clone(), config, job)?);
    let fixed = Frame::Eulerian;
    for baseline in &config.evaluate.baselines {
        let name = baseline.name();
        let solved = match baseline {
            Baseline::Pinn if frame == Frame::Lagrangian => {
                member(name, network, fixed, 1, problem, reference.clone(), config, job)?
            }
            Baseline::Curriculum => {
                member(name, network, fixed, CURRICULUM, problem, reference.clone(), config, job)?
            }
            Baseline::Frozen => frozen(name, problem, reference.clone(), config)?,
            _ => continue,
        };
        members.push(Member { baseline: true, ..solved });
    }
    for speed in &config.evaluate.speeds {
        let faster = equation::with_speed(problem, *speed)
            .ok_or_else(|| wrong("evaluate.speeds is for problems of advection"))?;
        let built = faster.build().map_err(|e| wrong(&e.to_string()))?;
        let reference = Reference::exact(config, &built)
            .ok_or_else(|| wrong("evaluate.speeds needs a problem with an exact solution"))?;
        members.push(member(&format!("c{speed}"), network, frame, 1, &faster, reference, config, job)?);
    }
    measure(config, &members, &mut findings);
    draw::draw(config, &members, job.run, &mut findings)?;
    write(job, &members)?;
    Ok(findings)
}

fn member(
    role: &str,
    network: &PinnConfig,
    frame: Frame,
    stages: usize,
    problem: &ProblemConfig,
    reference: Reference,
    config: &ExperimentConfig,
    job: &Job<'_>,
) -> Result<Member, Error> {
    let equation = equation_of(problem)?;
    let (equation, seed) = (&equation, config.seed);
    let solver = Solver { role, network, frame, equation, reference: &reference, stages, seed, job };
    let solved = solver.solve()?;
    let field = solved.field(&reference);
    Ok(Member { role: role.to_owned(), baseline: false, reference, solved, field })
}

fn equation_of(problem: &ProblemConfig) -> Result<Equation, Error> {
    let none = || Issue::new("problem", format!("no network solves '{}'", problem.name()));
    equation(problem).ok_or_else(|| DataError::Config(none()).into())
}

fn frozen(
    role: &str,
    problem: &ProblemConfig,
    reference: Reference,
    config: &ExperimentConfig,
) -> Result<Member, Error> {
    let equation = equation_of(problem)?;
    let (origin, length) = (reference.x[0], reference.length);
    let domain = Domain { origin, length, start: 0.0, duration: reference.duration() };
    let (started, rng) = (std::time::Instant::now(), &mut stream(config.seed, "frozen_features", 0));
    let found = FROZEN.solve(&equation, &domain, &reference.start, &reference.x, &reference.t, rng);
    let failure = (!found.outcome.is_success()).then(|| found.outcome.to_string());
    let solved = Solved::elsewhere(started.elapsed().as_secs_f64(), found.rank, failure);
    Ok(Member { role: role.to_owned(), baseline: false, reference, solved, field: found.values })
}

fn measure(config: &ExperimentConfig, members: &[Member], findings: &mut Findings) {
    let mut train_s = 0.0;
    for member in members {
        let suffix = if member.role == "model" { String::new() } else { format!("_{}", member.role) };
        let (solved, truth) = (&member.solved, &member.reference.values);
        train_s += if member.baseline { 0.0 } else { solved.seconds };
        findings.metric(format!("rel_l2{suffix}"), member.error());
        let last = truth.nrows() - 1;
        let (end, true_end) = (member.field.row(last), truth.row(last));
        findings.metric(format!("rel_l2_end{suffix}"), relative_l2(end.into_dyn(), true_end.into_dyn()));
        if let Some(message) = &solved.failure {
            let message = format!("{}: {message}", member.role);
            if member.baseline {
                findings.notes.push(message);
            } else if findings.failure.is_none() {
                findings.failure = Some(message);
            }
        }
        if member.baseline {
            findings.metric(format!("train_s{suffix}"), solved.seconds);
        }
        if !suffix.is_empty() {
            continue;
        }
        let worst = (&member.field - truth).iter().fold(0.0, |w: f64, d| w.max(d.abs()));
        findings
            .metric("max_error", if member.field.iter().all(|v| v.is_finite()) { worst } else { f64::NAN });
        findings.metric("params", solved.parameters as f64);
        findings.metric("iterations", solved.history.len() as f64);
        findings.metric("residual_rms", solved.history.last().map_or(f64::NAN, |h| h.rms));
        if let Some(least) = solved.compression(&member.reference) {
            findings.metric("min_compression", least);
        }
        findings.notes.extend(solved.notes.iter().cloned());
        findings.notes.push(format!(
            "Relative L2 error over all places and times against {}: {:.3e}.",
            member.reference.source,
            member.error()
        ));
        for baseline in &config.evaluate.baselines {
            let mean = truth.mean().unwrap_or(0.0);
            let guess = match baseline {
                Baseline::Persistence => Array2::from_shape_fn(truth.dim(), |(_, x)| truth[[0, x]]),
                Baseline::Mean => Array2::from_elem(truth.dim(), mean),
                _ => continue,
            };
            let error = relative_l2(guess.view().into_dyn(), truth.view().into_dyn());
            findings.metric(format!("baseline_{}_rel_l2", baseline.name()), error);
        }
    }
    findings.metric("train_s", train_s);
}

fn write(job: &Job<'_>, members: &[Member]) -> Result<(), Error> {
    write_npz(job.run, |archive| {
        for (i, member) in members.iter().enumerate() {
            if i == 0 {
                archive.add_array("x", &Array1::from(member.reference.x.clone()))?;
                archive.add_array("times", &Array1::from(member.reference.t.clone()))?;
                archive.add_array("truth", &member.reference.values)?;
                if let Some((labels, places)) = member.solved.characteristics(&member.reference, 65) {
                    archive.add_array("labels", &Array1::from(labels))?;
                    archive.add_array("characteristics", &places)?;
                }
            } else if !member.baseline {
                archive.add_array(format!("truth_{}", member.role), &member.reference.values)?;
            }
            archive.add_array(member.role.as_str(), &member.field)?;
            let history = &member.solved.history;
            let steps = Array2::from_shape_fn((history.len(), 2), |(i, c)| match c {
                0 => history[i].seconds,
                _ => history[i].rms,
            });
            archive.add_array(format!("{}_seconds_and_residual", member.role), &steps)?;
        }
        Ok(())
    })
}

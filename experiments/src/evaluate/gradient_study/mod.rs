//! Gradients of a solve side by side: memory, time and error against the number of steps.

mod draw;
mod fields;
mod methods;

use std::sync::atomic::Ordering;
use std::time::Instant;

use flowmap_solvers::control::Control;
use flowmap_solvers::gradient::{Adjoint, Differentiated, Gradient, GradientError, Loss};
use flowmap_solvers::issue::{Check, Validate};
use flowmap_solvers::solve::{SaveAt, Solution, SolveOptions};
use ndarray::Array1;
use serde::{Deserialize, Serialize};

use super::{Findings, Job};
use crate::error::Error;
use fields::{FIELDS, StudyField};
use methods::{Method, methods};

/// A study that stands for itself, without a problem, data or a model: `[study.NAME]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StudyConfig {
    /// Gradients of a solve by every method.
    Gradient(GradientStudyConfig),
}

impl Validate for StudyConfig {
    fn validate(&self, mut check: Check<'_>) {
        match self {
            Self::Gradient(c) => c.validate(check.table("gradient")),
        }
    }
}

/// Every kind of gradient and every reversible scheme, on a pendulum, a decaying field, van der Pol's oscillator and a
/// network: `[study.gradient]`.
///
/// All solve the same interval with ever more steps; the error is that to keeping everything
/// ([`Gradient::Direct`]) for the same discrete solution, in the Euclidean norm of the gradient by the start and the
/// parameters, relative to its size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GradientStudyConfig {
    /// Numbers of steps.
    pub steps: Vec<u64>,
    /// The number of steps whose errors become metrics; one of `steps`.
    pub judged: u64,
    /// The length of the solve.
    pub time: f64,
    /// Trajectories that are solved together.
    pub rows: usize,
    /// Slots of the checkpointed gradient.
    pub slots: usize,
    /// Steps of a segment of the reversible ones.
    pub segment: u64,
    /// Relative error at which a segment is computed again.
    pub tolerance: f64,
    /// States in the loss, evenly in time.
    pub saves: u64,
}

impl Default for GradientStudyConfig {
    fn default() -> Self {
        Self {
            steps: vec![100, 1000, 10_000, 100_000],
            judged: 1000,
            time: 40.0,
            rows: 8,
            slots: 16,
            segment: 25,
            tolerance: 1e-8,
            saves: 20,
        }
    }
}

impl GradientStudyConfig {
    /// The largest number of steps.
    pub fn longest(&self) -> u64 {
        self.steps.iter().max().copied().unwrap_or(0)
    }
}

impl Validate for GradientStudyConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.positive("time", self.time);
        check.positive("tolerance", self.tolerance);
        check.at_least("rows", self.rows, 1);
        check.at_least("slots", self.slots, 1);
        check.require(self.segment > 0, "segment", "0 steps in a segment", "give at least 1");
        check.require(self.saves > 0, "saves", "no state in the loss", "give at least 1");
        check.require(
            self.steps.contains(&self.judged),
            "judged",
            format!("{} is not one of the numbers of steps", self.judged),
            "name one of study.gradient.steps",
        );
        let least = self.steps.iter().min().copied().unwrap_or(0);
        check.require(
            least >= self.saves,
            "steps",
            format!("{least} steps, and {} states in the loss", self.saves),
            "give more steps than saves",
        );
    }
}

/// What one gradient cost, and how far it is off; not a number where there is none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    /// Bytes of kept states, stages and times.
    pub(super) peak_mb: f64,
    pub(super) seconds: f64,
    pub(super) error: f64,
    pub(super) fallbacks: f64,
}

/// The measurements of one method on one field, one for each number of steps.
pub(super) struct Series {
    method: Method,
    pub(super) field: &'static str,
    pub(super) measured: Vec<Measured>,
}

type Found = Result<Differentiated<Array1<f64>, Vec<f64>>, GradientError>;

/// Runs the study.
///
/// # Errors
/// If a file cannot be written, or the user interrupts.
pub fn gradient_study(config: &GradientStudyConfig, job: &Job<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let methods = methods(config);
    let total = (FIELDS.len() * methods.len() * config.steps.len()) as u64;
    let bar = job.progress.bar("gradients", total, 0);
    let mut all: Vec<Series> = Vec::new();
    for field in FIELDS {
        for method in &methods {
            let mut measured = Vec::new();
            for steps in &config.steps {
                if job.interrupted.load(Ordering::Relaxed) {
                    return Err(Error::Interrupted);
                }
                measured.push(measure(config, method, field, *steps));
                bar.at((all.len() * config.steps.len() + measured.len()) as u64, &method.name);
            }
            let last = measured.iter().rfind(|m| m.error.is_finite());
            job.progress.say(&format!(
                "{} on {field}: error at most {:.1e}, {:.3} MB and {:.2} s at the end",
                method.name,
                measured.iter().map(|m| m.error).fold(0.0, f64::max),
                last.map_or(f64::NAN, |m| m.peak_mb),
                last.map_or(f64::NAN, |m| m.seconds),
            ));
            all.push(Series { method: method.clone(), field, measured });
        }
    }
    bar.finish();
    record(config, &all, &mut findings);
    draw::draw(config, &all, job.run, &mut findings)?;
    Ok(findings)
}

/// One gradient, and that of keeping everything beside it.
fn measure(config: &GradientStudyConfig, method: &Method, field: &'static str, steps: u64) -> Measured {
    let none = Measured { peak_mb: f64::NAN, seconds: f64::NAN, error: f64::NAN, fallbacks: f64::NAN };
    // Short solves are timed several times, and the shortest time counts.
    let mut seconds = f64::INFINITY;
    let mut found = None;
    for _ in 0..(2000 / steps).clamp(1, 5) {
        let started = Instant::now();
        let result = differentiate(config, method, method.gradient, field, steps);
        seconds = seconds.min(started.elapsed().as_secs_f64());
        found = result;
    }
    let Some(Ok(found)) = found else { return none };
    let Some(Ok(direct)) = differentiate(config, method, Gradient::Direct {}, field, steps) else {
        return none;
    };
    let bytes = found.stats.peak_bytes + found.stats.record_bytes;
    Measured {
        peak_mb: bytes as f64 / 1e6,
        seconds,
        error: distance(&found, &direct),
        fallbacks: found.stats.fallbacks as f64,
    }
}

fn differentiate(
    config: &GradientStudyConfig,
    method: &Method,
    gradient: Gradient,
    field: &'static str,
    steps: u64,
) -> Option<Found> {
    let field = StudyField::new(field, config.rows);
    let dt = config.time / steps as f64;
    let times = (1..=config.saves).map(|i| dt * (i * steps / config.saves) as f64);
    let mut options = SolveOptions::new(0.0, config.time, Control::Fixed { dt })
        .save(SaveAt::Times(times.map(|t| t.min(config.time)).collect()));
    let y0 = field.start();
    let adjoint = Adjoint::new(gradient).resynchronised(method.resynchronise);
    method.solver.differentiate(adjoint, field, &y0, &mut options, mean_square)
}

/// The mean square of the saved states.
fn mean_square(solution: &Solution<Array1<f64>>) -> Loss<Array1<f64>> {
    let n = solution.ys.iter().map(Array1::len).sum::<usize>().max(1) as f64;
    let value = solution.ys.iter().map(|y| y.dot(y)).sum::<f64>() / n;
    Loss::new(value, solution.ys.iter().map(|y| y * (2.0 / n)).collect())
}

fn distance(a: &Differentiated<Array1<f64>, Vec<f64>>, b: &Differentiated<Array1<f64>, Vec<f64>>) -> f64 {
    let entries = |d: &Differentiated<Array1<f64>, Vec<f64>>| -> Vec<f64> {
        d.y0.iter().chain(&d.parameters).copied().collect()
    };
    let (a, b) = (entries(a), entries(b));
    let off: f64 = a.iter().zip(&b).map(|(a, b)| (a - b) * (a - b)).sum();
    let size: f64 = b.iter().map(|b| b * b).sum();
    (off / size).sqrt()
}

/// Errors at the judged number of steps on every field, memory and time at every number of steps on the network.
fn record(config: &GradientStudyConfig, all: &[Series], findings: &mut Findings) {
    let judged = config.steps.iter().position(|s| *s == config.judged).unwrap_or(0);
    for series in all {
        let name = &series.method.name;
        findings.metric(format!("gradient_error_{name}_{}", series.field), series.measured[judged].error);
        if series.field == "neural" {
            for (steps, m) in config.steps.iter().zip(&series.measured) {
                findings.metric(format!("peak_mb_{name}_{steps}"), m.peak_mb);
                findings.metric(format!("gradient_s_{name}_{steps}"), m.seconds);
            }
        }
    }
    let shown = |x: f64, digits: usize| if x.is_finite() { format!("{x:.digits$e}") } else { "–".into() };
    for field in FIELDS {
        let of_field = all.iter().filter(|s| s.field == field);
        let rows: Vec<Vec<String>> = of_field
            .map(|s| {
                let m = &s.measured[judged];
                let cells = [shown(m.error, 1), shown(m.peak_mb, 2), shown(m.seconds, 2)];
                std::iter::once(s.method.label.clone())
                    .chain(cells)
                    .chain([if m.fallbacks.is_finite() { format!("{}", m.fallbacks) } else { "–".into() }])
                    .collect()
            })
            .collect();
        findings.tables.push(serde_json::json!({
            "title": format!("{}: {} steps", field.replace('_', " "), config.judged),
            "columns": ["gradient", "relative error", "kept (MB)", "seconds", "segments computed again"],
            "rows": rows,
        }));
    }
    findings.notes.push(
        "The error is that to keeping all stages of the same discrete solution. Memory is that of kept states, stages and \
         times of steps, which the tests hold against the allocator. A dash is a solve that was no longer finite, or a \
         gradient that is not a number."
            .into(),
    );
}

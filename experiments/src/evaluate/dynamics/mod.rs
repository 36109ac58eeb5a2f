//! Differential equations learned from trajectories: solved from the starts of others, far beyond the data, compared, drawn.

mod draw;
mod latent;
mod learned;
mod train;
mod universal;

use flowmap_datasets::dataset::Dataset;
use flowmap_datasets::problem::Problem;
use flowmap_models::config::ModelConfig;
use ndarray::{Array1, Array2, ArrayView2};

use super::keep::{build, obtain, write_npz};
use super::{Baseline, Findings, Job};
use crate::config::ExperimentConfig;
use crate::error::Error;
use crate::metric::{quantile, relative_l2};
use learned::{Learned, Moving};
use train::Task;

/// Samples of a free run beyond the data, at most.
const SAMPLES: f64 = 20_000.0;

/// A model or a baseline with what it predicts.
struct Entry {
    role: String,
    moving: Moving,
    /// Of each test trajectory, `[time, channel]`.
    predictions: Vec<Array2<f64>>,
    /// The free run to the horizon, `[time, channel]`.
    long: Option<Array2<f64>>,
}

/// What the models are judged on.
struct Trial<'a> {
    data: &'a Dataset,
    problem: Option<Problem>,
    /// Test trajectories, each `[time, channel]`.
    truth: Vec<Array2<f64>>,
    times: Vec<f64>,
    /// The times of a free run beyond the data, and the truth there.
    long: Option<(Vec<f64>, Array2<f64>)>,
}

/// Trains the model and the baselines, solves them from the starts of the test trajectories, measures, draws.
///
/// # Errors
/// If the data cannot be had, a training fails or is interrupted, or a file cannot be written.
pub fn dynamics(config: &ExperimentConfig, model: &ModelConfig, job: &Job<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let Some(data) = obtain(config, job, &mut findings)? else { return Ok(findings) };
    let task = Task { config, data: &data, job };
    if let ModelConfig::LatentOde(latent) = model {
        latent::judge(&task, latent, &mut findings)?;
        return Ok(findings);
    }
    let problem = config.problem.as_ref().map(|_| build(config)).transpose()?;
    let trial = Trial::new(config, &data, problem);
    let mut train_s = 0.0;
    let mut entries = Vec::new();
    let learned = match model {
        ModelConfig::UniversalDe(universal) => universal::learn(&task, universal, &trial, &mut findings)?,
        _ => task.learn("model", model)?,
    };
    findings.metric("params", learned.parameters as f64);
    train_s += learned.seconds;
    findings.notes.extend(learned.notes.iter().cloned());
    entries.push(trial.entry("model", learned));
    for baseline in &config.evaluate.baselines {
        let learned = match baseline {
            Baseline::NeuralOde => task.learn(baseline.name(), &ModelConfig::NeuralOde(train::plain(model))),
            Baseline::Sindy => task.identify(),
            Baseline::Persistence => Ok(Learned::of(Moving::Still)),
            Baseline::Mean => Ok(Learned::of(Moving::Constant(task.mean()))),
            _ => continue,
        };
        match learned {
            Ok(learned) => {
                train_s += learned.seconds;
                findings.notes.extend(learned.notes.iter().map(|n| format!("{}: {n}", baseline.name())));
                entries.push(trial.entry(baseline.name(), learned));
            }
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            // A baseline that fails is no reason to lose the model.
            Err(error) => findings.notes.push(format!("{}: {error}", baseline.name())),
        }
    }
    findings.metric("train_s", train_s);
    trial.report(&entries, &mut findings);
    draw::figures(&trial, &entries, job.run, &mut findings)?;
    write_npz(job.run, |archive| {
        archive.add_array("times", &Array1::from(trial.times.clone()))?;
        archive.add_array("truth", &stack(&trial.truth))?;
        for entry in &entries {
            archive.add_array(entry.role.as_str(), &stack(&entry.predictions))?;
        }
        if let Some((times, truth)) = &trial.long {
            archive.add_array("long_times", &Array1::from(times.clone()))?;
            archive.add_array("long_truth", truth)?;
            for (entry, run) in entries.iter().filter_map(|e| Some((e, e.long.as_ref()?))) {
                archive.add_array(format!("long_{}", entry.role), run)?;
            }
        }
        if let Some(theta) = entries[0].moving.parameters() {
            archive.add_array("parameters", &Array1::from(theta))?;
        }
        Ok(())
    })?;
    Ok(findings)
}

/// Trajectories of the same length as one array.
fn stack(trajectories: &[Array2<f64>]) -> ndarray::Array3<f64> {
    let views: Vec<_> = trajectories.iter().map(|t| t.view()).collect();
    ndarray::stack(ndarray::Axis(0), &views).unwrap_or_default()
}

impl<'a> Trial<'a> {
    fn new(config: &ExperimentConfig, data: &'a Dataset, problem: Option<Problem>) -> Self {
        let truth: Vec<_> = data.series(&data.split.test).iter().map(ArrayView2::to_owned).collect();
        let samples = truth.first().map_or(0, Array2::nrows);
        let times: Vec<f64> = data.times.iter().take(samples).map(|t| t - data.times[0]).collect();
        let long = match (&problem, truth.first()) {
            (Some(Problem::Ode(ode)), Some(first)) if config.evaluate.horizon > 0.0 && samples > 1 => {
                let horizon = config.evaluate.horizon;
                // As fine as the data, unless that are too many samples.
                let count = (horizon / times[1]).ceil().min(SAMPLES);
                let grid: Vec<f64> = (0..=count as usize).map(|i| i as f64 * horizon / count).collect();
                let truth = learned::solve_problem(ode, &first.row(0).to_vec(), &grid);
                Some((grid, truth))
            }
            _ => None,
        };
        Self { data, problem, truth, times, long }
    }

    fn entry(&self, role: &str, learned: Learned) -> Entry {
        let moving = learned.moving;
        let predictions = self.truth.iter().map(|t| moving.run(&t.row(0).to_vec(), &self.times)).collect();
        let long = self.long.as_ref().zip(self.truth.first());
        let long = long.map(|((times, _), first)| moving.run(&first.row(0).to_vec(), times));
        Entry { role: role.to_owned(), moving, predictions, long }
    }

    /// The metrics of all entries, and their table.
    fn report(&self, entries: &[Entry], findings: &mut Findings) {
        let mut rows = Vec::new();
        for entry in entries {
            let errors = self.truth.iter().zip(&entry.predictions);
            let errors: Vec<f64> =
                errors.map(|(t, p)| relative_l2(p.view().into_dyn(), t.view().into_dyn())).collect();
            let mean = errors.iter().sum::<f64>() / errors.len().max(1) as f64;
            let mut row = vec![entry.role.clone(), shown(mean)];
            let mut record = |name: &str, value: f64| {
                let name = match entry.role.as_str() {
                    "model" => name.to_owned(),
                    role => format!("baseline_{role}_{name}"),
                };
                findings.metric(name, value);
            };
            record("trajectory_rel_l2", mean);
            record("trajectory_rel_l2_median", quantile(&errors, 0.5));
            let field = self.field_error(&entry.moving);
            if let Some(error) = field {
                record("field_rel_l2", error);
            }
            let long = self.long.as_ref().zip(entry.long.as_ref());
            let horizon = long.map(|((_, t), run)| relative_l2(run.view().into_dyn(), t.view().into_dyn()));
            if let Some(error) = horizon {
                record("horizon_rel_l2", error);
            }
            let drift = entry.long.as_ref().and_then(|run| self.energy(run.view()));
            let drift = drift.map(|(what, series)| (what, series.into_iter().fold(0.0, f64::max)));
            if let Some((what, drift)) = drift {
                record(&format!("{what}_drift"), drift);
            }
            let drift = drift.map(|(_, drift)| drift);
            row.extend([field, horizon, drift].map(|v| v.map_or("–".into(), shown)));
            rows.push(row);
        }
        findings.tables.push(serde_json::json!({
            "title": "Test trajectories, and a free run to the horizon",
            "columns": ["", "relative L2 error", "of the vector field", "to the horizon", "drift of what is conserved"],
            "rows": rows,
        }));
    }

    /// The relative error of the slopes on the states of the test trajectories.
    fn field_error(&self, moving: &Moving) -> Option<f64> {
        let Some(Problem::Ode(ode)) = &self.problem else { return None };
        if self.data.card.observation.as_ref().is_some_and(|o| o.scale.is_some()) {
            return None;
        }
        let (mut found, mut exact) = (Vec::new(), Vec::new());
        for y in self.truth.iter().flat_map(|t| t.rows()) {
            let y = y.to_vec();
            if ode.variables().len() != y.len() {
                return None;
            }
            let mut slope = vec![0.0; y.len()];
            ode.rhs(0.0, &y, &mut slope);
            exact.extend(slope);
            found.extend(moving.slope(&y)?);
        }
        Some(relative_l2(Array1::from(found).view().into_dyn(), Array1::from(exact).view().into_dyn()))
    }

    /// The first conserved quantity of a run: its name, and its deviation from the start over its excess at the start over that of
    /// the state zero, or absolute where there is none.
    fn energy(&self, run: ArrayView2<'_, f64>) -> Option<(&'static str, Vec<f64>)> {
        let problem = self.problem.as_ref()?;
        let mut invariants = problem.invariant_reader();
        let of =
            |y: Vec<f64>, read: &mut dyn FnMut(&[f64]) -> Vec<(&'static str, f64)>| read(&y).first().copied();
        let (name, start) = of(run.row(0).to_vec(), &mut *invariants)?;
        let rest = of(vec![0.0; run.ncols()], &mut *invariants).map_or(0.0, |(_, e)| e);
        let excess = (start - rest).abs();
        let scale = if excess.is_finite() && excess > 1e-9 { excess } else { 1.0 };
        let mut deviations = Vec::with_capacity(run.nrows());
        for y in run.rows() {
            let (_, now) = of(y.to_vec(), &mut *invariants)?;
            deviations.push(((now - start) / scale).abs());
        }
        deviations.iter().all(|d| d.is_finite()).then_some((name, deviations))
    }
}

fn shown(value: f64) -> String {
    format!("{value:.3e}")
}

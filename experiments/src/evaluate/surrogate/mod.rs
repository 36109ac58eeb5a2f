//! A learned flow map: training, rollouts, baselines, figures.

mod classical;
mod draw;
mod learned;
mod scores;

use burn::tensor::{Device, Tensor, TensorData};
use flowmap_datasets::dataset::{Dataset, Normalisation};
use flowmap_datasets::generate::DataError;
use flowmap_datasets::problem::Problem;
use flowmap_models::config::ModelConfig;
use flowmap_models::emulator::{Emulator, FieldSpec};
use flowmap_models::semilinear_operator::LinearPart;
use flowmap_solvers::issue::Issue;
use ndarray::{Array1, Array2, ArrayD, Axis};
use num_complex::Complex64;
use serde_json::json;

use super::drift::drift;
use super::keep::{build, keep_card, write_npz};
use super::simulation::keep_diverged;
use super::{Baseline, Findings, Job};
use crate::config::ExperimentConfig;
use crate::error::Error;
use crate::metric::{by_lead_time, quantile, relative_l2, valid_time};
use classical::classical;
use draw::{draw, final_spectrum};
pub(super) use learned::fit;
use learned::{Learned, Task};

/// One row of the comparison.
struct Entry {
    name: String,
    /// What figures call it.
    label: String,
    /// `[trajectory, time, channel, x]`.
    prediction: ArrayD<f64>,
    /// `[trajectory, time]`.
    errors: Array2<f64>,
    one_step: Option<f64>,
    learned: bool,
}

/// Trains, rolls out, compares, draws.
///
/// # Errors
/// If the data diverge, training fails or is interrupted, or a file cannot be written.
pub fn surrogate(config: &ExperimentConfig, model: &ModelConfig, job: &Job<'_>) -> Result<Findings, Error> {
    let Job { run, progress, .. } = *job;
    let mut findings = Findings::default();
    let problem = build(config)?;
    let started = std::time::Instant::now();
    let obtained = progress.data(config);
    findings.metric("solve_s", started.elapsed().as_secs_f64());
    let data = match obtained {
        Ok(data) => data,
        Err(error) => {
            keep_diverged(config, &problem, error, run, &mut findings)?;
            return Ok(findings);
        }
    };
    keep_card(&data, run, &mut findings)?;
    let truth = data.part(&data.split.test).to_owned();
    let task = Task { config, problem: &problem, data: &data, truth: &truth, job };
    let learned = Learned::of(model)?;
    let (entry, mut train_s, params) = learned.enter("model", &task)?;
    findings.metric("params", params as f64);
    let mut entries = vec![entry];
    for baseline in &config.evaluate.baselines {
        if let Some(rival) = learned.rival(*baseline, params, &task)? {
            let (entry, seconds, _) = rival.enter(baseline.name(), &task)?;
            train_s += seconds;
            entries.push(entry);
        }
    }
    findings.metric("train_s", train_s);
    for baseline in &config.evaluate.baselines {
        if let Some(prediction) = classical(*baseline, config, &problem, &data, &truth) {
            let errors = by_lead_time(prediction.view(), truth.view());
            let name = baseline.name().to_owned();
            let label = match baseline {
                Baseline::Solver => "classical, same step",
                Baseline::Explicit => "Runge-Kutta 4, same step",
                other => other.name(),
            };
            entries.push(Entry {
                name,
                label: label.to_owned(),
                errors,
                one_step: None,
                prediction,
                learned: false,
            });
        }
    }
    measure(config, &problem, &data, &truth, &entries, &mut findings);
    draw(config, &data, &truth, &entries, run, &mut findings)?;
    write_npz(run, |archive| {
        archive.add_array("truth", &truth)?;
        for entry in &entries {
            archive.add_array(entry.name.as_str(), &entry.prediction)?;
        }
        archive.add_array("times", &Array1::from(data.times.clone()))?;
        archive.add_array("x", &Array1::from(data.coordinates[0].clone()))
    })?;
    Ok(findings)
}

/// What the model is told: the equation's symbol, and statistics of the training trajectories.
pub(super) fn field_spec(
    problem: &Problem,
    data: &Dataset,
    dt: f64,
    linear: LinearPart,
) -> Result<FieldSpec, Error> {
    let Problem::Pde(pde) = problem else {
        let issue = Issue::new("model", "the model learns fields, not systems of ordinary equations");
        return Err(DataError::Config(issue).into());
    };
    let (grid, channels) = (pde.grid(), pde.channels().len());
    let train = data.part(&data.split.train);
    let statistics = Normalisation::fit(train.view());
    let exact = linear == LinearPart::Exact;
    let flow: Vec<Complex64> =
        pde.symbol().iter().map(|l| if exact { (l * dt).exp() } else { Complex64::ONE }).collect();
    let mut transform = grid.transform();
    let mut u_hat = vec![Complex64::ZERO; grid.modes()];
    let mut carried = vec![0.0; grid.points()];
    let (mut squares, mut count) = (vec![0.0; channels], 0.0);
    for trajectory in train.axis_iter(Axis(0)) {
        for t in 0..trajectory.shape()[0] - 1 {
            for c in 0..channels {
                let at = |t: usize| -> Vec<f64> {
                    trajectory.index_axis(Axis(0), t).index_axis(Axis(0), c).iter().copied().collect()
                };
                transform.forward(&at(t), &mut u_hat);
                u_hat.iter_mut().zip(&flow[c * grid.modes()..]).for_each(|(u, e)| *u *= e);
                transform.inverse_destroying(&mut u_hat, &mut carried);
                let rest = at(t + 1).iter().zip(&carried).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
                squares[c] += rest / grid.points() as f64;
            }
            count += 1.0;
        }
    }
    Ok(FieldSpec {
        shape: grid.shape().to_vec(),
        channels,
        dt,
        symbol: pde.symbol().to_vec(),
        mean: statistics.mean,
        std: statistics.std,
        rate: squares.iter().map(|s| (s / f64::max(count, 1.0)).sqrt() / dt).collect(),
    })
}

/// The relative L2 error of one step, the mean over all pairs of samples.
fn one_step<M: Emulator>(model: &M, truth: &ArrayD<f64>, device: &Device) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for trajectory in truth.axis_iter(Axis(0)) {
        let shape = trajectory.shape().to_vec();
        let (times, channels, points) = (shape[0] - 1, shape[1], shape[2..].iter().product());
        let before = trajectory.slice_axis(Axis(0), (..times).into());
        let values: Vec<f32> = before.iter().map(|v| *v as f32).collect();
        let start = Tensor::from_data(TensorData::new(values, [times, channels, points]), device);
        let Some(after) = model.rollout(start, 1).pop() else { continue };
        let after = after.into_data().convert::<f32>().try_to_vec::<f32>().unwrap_or_default();
        for (t, state) in after.chunks_exact(channels * points).enumerate() {
            let state: Array1<f64> = state.iter().map(|v| f64::from(*v)).collect();
            let target: Array1<f64> = trajectory.index_axis(Axis(0), t + 1).iter().copied().collect();
            sum += relative_l2(state.into_dyn().view(), target.into_dyn().view());
            count += 1.0;
        }
    }
    sum / f64::max(count, 1.0)
}

/// The geometric mean over the first hundred lead times of the mean over trajectories.
fn geometric(errors: &Array2<f64>) -> f64 {
    let columns = errors.columns().into_iter().skip(1).take(100);
    let logs: Vec<f64> = columns.filter_map(|c| c.mean()).map(f64::ln).collect();
    (logs.iter().sum::<f64>() / logs.len().max(1) as f64).exp()
}

/// The last column of errors: mean and median over trajectories.
fn last(errors: &Array2<f64>) -> (f64, f64) {
    let column = errors.column(errors.ncols() - 1).to_vec();
    (column.iter().sum::<f64>() / column.len() as f64, quantile(&column, 0.5))
}

fn measure(
    config: &ExperimentConfig,
    problem: &Problem,
    data: &Dataset,
    truth: &ArrayD<f64>,
    entries: &[Entry],
    findings: &mut Findings,
) {
    let threshold = config.evaluate.threshold;
    let valid = |entry: &Entry| {
        let times =
            entry.errors.rows().into_iter().map(|row| valid_time(&data.times, &row.to_vec(), threshold));
        times.sum::<f64>() / entry.errors.nrows() as f64
    };
    let mut rows = Vec::new();
    for entry in entries {
        let (mean, median) = last(&entry.errors);
        if entry.name == "model" {
            findings.metric("one_step_rel_l2", entry.one_step.unwrap_or(f64::NAN));
            findings.metric("rollout_rel_l2", mean);
            findings.metric("rollout_rel_l2_median", median);
            findings.metric("valid_time", valid(entry));
            findings.metric("gmean_nrmse", geometric(&entry.errors));
            scores::record("", &entry.prediction, truth, &data.times, findings);
            if let Some(exponent) = problem.lyapunov_exponent() {
                findings.metric("valid_lyapunov_times", valid(entry) * exponent);
            }
            let (a, b) = (final_spectrum(&entry.prediction), final_spectrum(truth));
            let top = b.iter().copied().fold(0.0, f64::max);
            let kept: Vec<_> = a.iter().zip(&b).filter(|(_, b)| **b > 1e-10 * top).collect();
            let distance = kept.iter().map(|(a, b)| (a.max(1e-300) / **b).log10().abs()).sum::<f64>();
            findings.metric("spectrum_error", distance / kept.len().max(1) as f64);
            for (name, series) in drift(problem, &entry.prediction) {
                findings.metric(format!("{name}_drift"), series.iter().copied().fold(0.0, f64::max));
            }
        } else if entry.name == "persistence" {
            findings.metric("baseline_persistence_rel_l2", mean);
        } else {
            findings.metric(format!("baseline_{}_rollout_rel_l2", entry.name), mean);
            if entry.learned {
                findings.metric(format!("baseline_{}_gmean_nrmse", entry.name), geometric(&entry.errors));
                let prefix = format!("baseline_{}_", entry.name);
                scores::record(&prefix, &entry.prediction, truth, &data.times, findings);
            }
            if let Some(one_step) = entry.one_step {
                findings.metric(format!("baseline_{}_one_step_rel_l2", entry.name), one_step);
            }
        }
        let show = |v: f64| if v.is_finite() { format!("{v:.4}") } else { "diverged".to_owned() };
        rows.push(json!([
            entry.name,
            entry.one_step.map_or_else(String::new, show),
            show(mean),
            show(median),
            format!("{:.3}", valid(entry)),
        ]));
    }
    findings.tables.push(json!({
        "title": format!("Test trajectories, relative L2 at t = {}", data.times.last().copied().unwrap_or(0.0)),
        "columns": ["", "one step", "rollout (mean)", "rollout (median)", format!("valid time (error < {threshold})")],
        "rows": rows,
    }));
    compare(config, entries, findings);
}

/// What the comparison says, in words.
fn compare(config: &ExperimentConfig, entries: &[Entry], findings: &mut Findings) {
    let find = |name: &str| entries.iter().find(|e| e.name == name).map(|e| last(&e.errors).0);
    let Some(model) = find("model") else { return };
    let operator = matches!(config.model, Some(ModelConfig::SemilinearOperator(_)));
    let rivals = || entries.iter().filter(|e| e.learned);
    if let Some(best) = rivals().min_by(|a, b| last(&a.errors).0.total_cmp(&last(&b.errors).0))
        && rivals().count() > 1
    {
        findings.notes.push(format!(
            "Of the learned maps, all with the same training, '{}' has the smallest error at the last lead time, {:.4}.",
            best.name,
            last(&best.errors).0
        ));
    }
    if let Some(fno) = find("fno").filter(|_| operator) {
        findings.metric("improvement_over_fno", fno / model);
        findings.notes.push(format!(
            "With the exact linear part inside, the error at the last lead time is {model:.4}; the same network with the same training and without it reaches {fno:.4}, {:.1} times as much.",
            fno / model
        ));
    }
    if let Some(explicit) = find("explicit") {
        let said =
            if explicit.is_finite() { format!("reaches {explicit:.3e}") } else { "is unstable".to_owned() };
        findings.notes.push(format!("The classical explicit Runge-Kutta method at the same step {said}."));
    }
    if let (Some(solver), Some(method)) = (find("solver"), &config.solver) {
        let order = if solver < model { "is ahead of the model" } else { "is behind the model" };
        findings.notes.push(format!(
            "The classical method '{}' at the same step reaches {solver:.3e} and {order}; it knows the nonlinear part, which the model learned from data.",
            method.name()
        ));
    }
}

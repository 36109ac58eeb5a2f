//! A learned flow map: training, rollouts, baselines, figures.

use std::io::Cursor;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use flowmap_datasets::dataset::{Dataset, Normalisation};
use flowmap_datasets::generate::DataError;
use flowmap_datasets::problem::Problem;
use flowmap_datasets::rng::stream;
use flowmap_datasets::simulate::simulate;
use flowmap_models::config::ModelConfig;
use flowmap_models::emulator::{Emulator, FieldSpec};
use flowmap_models::semilinear_operator::{LinearPart, SemilinearOperator, SemilinearOperatorConfig};
use flowmap_solvers::config::{FixedConfig, SolverConfig};
use flowmap_solvers::issue::Issue;
use ndarray::{Array1, Array2, ArrayD, Axis};
use ndarray_npy::{NpzWriter, WriteNpzError};
use num_complex::Complex64;
use rand::Rng;
use rayon::prelude::*;
use serde_json::{Value, json};

use super::drift::drift;
use super::simulation::keep_diverged;
use super::{Baseline, Findings, Job, seeded};
use crate::config::ExperimentConfig;
use crate::error::Error;
use crate::metric::{by_lead_time, mean_spectrum, quantile, relative_l2, valid_time};
use crate::plot::{Axes, Line, Lines, Palette, Panel, SpaceTime, Style};
use crate::run_dir::RunDir;
use crate::train::{FieldObjective, Fit, Trained};

/// The largest relative error that figures show.
const LARGEST_SHOWN: f64 = 10.0;

/// One row of the comparison.
struct Entry {
    name: String,
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
    let train = &config.train.clone().unwrap_or_default();
    let Job { run, device, progress, .. } = *job;
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
    let ModelConfig::SemilinearOperator(operator) = model else {
        let issue = Issue::new(format!("model.{}", model.name()), "this model learns series, not fields");
        return Err(DataError::Config(issue).into());
    };
    let mut roles = vec![("model", operator.clone())];
    if config.evaluate.baselines.contains(&Baseline::Fno) && operator.linear == LinearPart::Exact {
        roles.push(("fno", SemilinearOperatorConfig { linear: LinearPart::None, ..operator.clone() }));
    }
    let truth = data.part(&data.split.test).to_owned();
    let mut entries = Vec::new();
    let mut train_s = 0.0;
    for (role, operator) in roles {
        let trained = fit(&Fit::new(role, train, job), &operator, &problem, &data, config, device)?;
        train_s += trained.seconds;
        if role == "model" {
            findings.metric("params", trained.model.num_params() as f64);
        }
        let prediction = crate::train::rollout(&trained.model, &truth, device);
        entries.push(Entry {
            name: role.to_owned(),
            errors: by_lead_time(prediction.view(), truth.view()),
            one_step: Some(one_step(&trained.model, &truth, device)),
            prediction,
            learned: true,
        });
    }
    findings.metric("train_s", train_s);
    for baseline in &config.evaluate.baselines {
        if let Some(prediction) = classical(*baseline, config, &problem, &data, &truth) {
            let errors = by_lead_time(prediction.view(), truth.view());
            let name = baseline.name().to_owned();
            entries.push(Entry { name, errors, one_step: None, prediction, learned: false });
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

pub(super) fn build(config: &ExperimentConfig) -> Result<Problem, Error> {
    let Some(problem) = &config.problem else {
        return Err(DataError::Config(Issue::new("problem", "there is none")).into());
    };
    let fail = |e: String| Issue::new(format!("problem.{}", problem.name()), e);
    problem.build().map_err(|e| DataError::Config(fail(e.to_string())).into())
}

/// Writes the data card, and its error into the metrics.
pub(super) fn keep_card(data: &Dataset, run: &RunDir, findings: &mut Findings) -> Result<(), Error> {
    run.write("data_card.json", &serde_json::to_vec_pretty(&data.card).unwrap_or_default())?;
    if let Some(reference) = &data.card.reference {
        findings.metric("reference_rel_l2", reference.last);
        findings.notes.push(if reference.parted() {
            format!(
                "With half the step a trajectory ends elsewhere (relative L2 difference {:.1e}), as it must after many Lyapunov times: single trajectories of these data are not exact, their statistics are.",
                reference.last
            )
        } else {
            format!(
                "The data differ by at most {:.1e} (relative L2, last sample) from the same with half the step, measured on {} trajectories.",
                reference.last, reference.trajectories
            )
        });
    }
    Ok(())
}

/// Writes `predictions.npz`, whole or not at all.
pub(super) fn write_npz(
    run: &RunDir,
    fill: impl FnOnce(&mut NpzWriter<&mut Cursor<Vec<u8>>>) -> Result<(), WriteNpzError>,
) -> Result<(), Error> {
    let mut bytes = Cursor::new(Vec::new());
    let mut archive = NpzWriter::new(&mut bytes);
    let path = run.join("predictions.npz");
    let fail =
        |e: WriteNpzError| Error::Io { path: path.clone(), source: std::io::Error::other(e.to_string()) };
    fill(&mut archive).map_err(fail)?;
    archive.finish().map_err(fail)?;
    run.write("predictions.npz", bytes.get_ref())
}

/// Draws the weights from their own stream and trains.
fn fit(
    training: &Fit<'_>,
    operator: &SemilinearOperatorConfig,
    problem: &Problem,
    data: &Dataset,
    config: &ExperimentConfig,
    device: &Device,
) -> Result<Trained<SemilinearOperator>, Error> {
    let spec = field_spec(problem, data, config.data.dt, operator.linear)?;
    let tracked = device.clone().autodiff();
    // Both models of a comparison start from the same weights.
    let drawn = seeded(&tracked, stream(config.seed, "weights", 0).next_u64(), || {
        Ok::<_, Error>(operator.init(&spec, &tracked))
    });
    training.train(drawn?, &mut FieldObjective::new(data, training.config, config.seed, device))
}

/// What the model is told: the equation's symbol, and statistics of the training trajectories.
fn field_spec(problem: &Problem, data: &Dataset, dt: f64, linear: LinearPart) -> Result<FieldSpec, Error> {
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
        points: grid.points(),
        channels,
        dt,
        symbol: pde.symbol().to_vec(),
        mean: statistics.mean,
        std: statistics.std,
        rate: squares.iter().map(|s| (s / f64::max(count, 1.0)).sqrt() / dt).collect(),
    })
}

/// The relative L2 error of one step, the mean over all pairs of samples.
fn one_step(model: &SemilinearOperator, truth: &ArrayD<f64>, device: &Device) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for trajectory in truth.axis_iter(Axis(0)) {
        let shape = trajectory.shape().to_vec();
        let (times, channels, points) = (shape[0] - 1, shape[1], shape[2]);
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

/// The prediction of a baseline that is not learned.
fn classical(
    baseline: Baseline,
    config: &ExperimentConfig,
    problem: &Problem,
    data: &Dataset,
    truth: &ArrayD<f64>,
) -> Option<ArrayD<f64>> {
    let dt = config.data.dt;
    match baseline {
        // Learned, or of another family.
        Baseline::Fno
        | Baseline::EchoState
        | Baseline::Sindy
        | Baseline::Autoregressive
        | Baseline::Lstm
        | Baseline::Gru
        | Baseline::Pinn => None,
        Baseline::Persistence => {
            let mut out = truth.clone();
            for mut trajectory in out.axis_iter_mut(Axis(0)) {
                let first = trajectory.index_axis(Axis(0), 0).to_owned();
                trajectory.axis_iter_mut(Axis(0)).for_each(|mut state| state.assign(&first));
            }
            Some(out)
        }
        Baseline::Mean => {
            let statistics = Normalisation::fit(data.part(&data.split.train));
            let mut out = truth.clone();
            for (mut channel, mean) in out.axis_iter_mut(Axis(2)).zip(statistics.mean) {
                channel.slice_axis_inplace(Axis(1), (1..).into());
                channel.fill(mean);
            }
            Some(out)
        }
        Baseline::Solver => Some(solved(&config.solver?.with_dt(dt), problem, data, truth)),
        Baseline::Explicit => Some(solved(&SolverConfig::Rk4(FixedConfig { dt }), problem, data, truth)),
    }
}

/// Trajectories of a classical method from the first samples; not a number after a divergence.
fn solved(solver: &SolverConfig, problem: &Problem, data: &Dataset, truth: &ArrayD<f64>) -> ArrayD<f64> {
    let starts: Vec<Vec<f64>> =
        truth.index_axis(Axis(1), 0).axis_iter(Axis(0)).map(|u| u.iter().copied().collect()).collect();
    let trajectories: Vec<_> =
        starts.par_iter().map(|u0| simulate(problem, solver, u0, &data.times).ok()).collect();
    let mut out = ArrayD::from_elem(truth.raw_dim(), f64::NAN);
    for (mut target, trajectory) in out.axis_iter_mut(Axis(0)).zip(trajectories) {
        for (mut state, values) in
            target.axis_iter_mut(Axis(0)).zip(trajectory.into_iter().flat_map(|t| t.states))
        {
            state.iter_mut().zip(values).for_each(|(s, v)| *s = v);
        }
    }
    out
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
    if let Some(fno) = find("fno") {
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

/// The mean spectrum of the first channel at the last time.
fn final_spectrum(values: &ArrayD<f64>) -> Vec<f64> {
    let end = values.index_axis(Axis(1), values.shape()[1] - 1);
    mean_spectrum(end.index_axis(Axis(1), 0))
}

fn label(name: &str) -> String {
    match name {
        "model" => "semilinear operator",
        "fno" => "FNO, no linear part",
        "solver" => "classical, same step",
        "explicit" => "Runge-Kutta 4, same step",
        other => other,
    }
    .to_owned()
}

fn draw(
    config: &ExperimentConfig,
    data: &Dataset,
    truth: &ArrayD<f64>,
    entries: &[Entry],
    run: &RunDir,
    findings: &mut Findings,
) -> Result<(), Error> {
    let Some(model) = entries.iter().find(|e| e.name == "model") else { return Ok(()) };
    // The trajectory whose error is the median: neither the best nor the worst case.
    let (_, median) = last(&model.errors);
    let distance = |i: usize| (model.errors[[i, model.errors.ncols() - 1]] - median).abs();
    let shown = (0..model.errors.nrows()).min_by(|a, b| distance(*a).total_cmp(&distance(*b))).unwrap_or(0);
    let image = |values: &ArrayD<f64>| -> Array2<f64> {
        let field = values.index_axis(Axis(0), shown).index_axis(Axis(1), 0).to_owned();
        field.into_dimensionality().unwrap_or_else(|_| Array2::zeros((1, 1)))
    };
    let (u, p) = (image(truth), image(&model.prediction));
    let top = u.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    let mut panels = vec![
        Panel {
            title: "truth".into(),
            values: u.clone(),
            palette: Palette::Diverging,
            range: Some((-top, top)),
        },
        Panel {
            title: "prediction".into(),
            values: p.clone(),
            palette: Palette::Diverging,
            range: Some((-top, top)),
        },
        Panel {
            title: "prediction − truth".into(),
            values: p - &u,
            palette: Palette::Diverging,
            range: None,
        },
    ];
    if let Some(fno) = entries.iter().find(|e| e.name == "fno") {
        let values = image(&fno.prediction) - &u;
        panels
            .push(Panel { title: "FNO − truth".into(), values, palette: Palette::Diverging, range: None });
    }
    let figure = SpaceTime {
        title: format!("{}: rollout of the test trajectory of median error", config.name),
        x: data.coordinates[0].clone(),
        t: data.times.clone(),
        panels,
    };
    findings.figure(run, "space_time", "Each error has its own colour bar.", &figure)?;

    let lines = entries.iter().map(|entry| {
        let column = |q: f64| -> Vec<f64> {
            let quantiles = entry.errors.columns().into_iter().skip(1).map(|c| quantile(&c.to_vec(), q));
            // A method that diverges leaves the picture instead of stretching it.
            quantiles.map(|e| if e < LARGEST_SHOWN { e } else { f64::NAN }).collect()
        };
        Line {
            label: label(&entry.name),
            x: data.times[1..].to_vec(),
            y: column(0.5),
            band: entry.learned.then(|| (column(0.1), column(0.9))),
            style: if entry.learned { Style::Solid } else { Style::Dashed },
        }
    });
    let axes = Axes {
        title: "error by lead time".into(),
        x: "lead time t".into(),
        y: "relative L2 error".into(),
        log_y: true,
        ..Axes::default()
    };
    let caption = "Medians over the test trajectories; bands from the 10 % to the 90 % quantile. What diverges is not drawn.";
    findings.figure(run, "error_by_lead_time", caption, &Lines { axes, lines: lines.collect() })?;

    // Below this share of the largest energy there is nothing but rounding.
    let shown_energy = |s: &[f64]| -> Vec<f64> {
        let floor = 1e-14 * s.iter().copied().fold(0.0, f64::max);
        s[1..].iter().map(|e| if *e > floor { *e } else { f64::NAN }).collect()
    };
    let modes = |s: &Vec<f64>| (1..s.len()).map(|m| m as f64).collect::<Vec<_>>();
    let mut lines = Vec::new();
    let truth_spectrum = final_spectrum(truth);
    lines.push(Line {
        label: "truth".into(),
        x: modes(&truth_spectrum),
        y: shown_energy(&truth_spectrum),
        ..Line::default()
    });
    for entry in entries.iter().filter(|e| e.learned) {
        let s = final_spectrum(&entry.prediction);
        let (x, y) = (modes(&s), shown_energy(&s));
        lines.push(Line { label: label(&entry.name), x, y, style: Style::Dashed, band: None });
    }
    let axes = Axes {
        title: "energy spectrum at the last lead time".into(),
        x: "mode".into(),
        y: "energy".into(),
        log_x: true,
        log_y: true,
        ..Axes::default()
    };
    findings.figure(run, "spectrum", "Means over the test trajectories.", &Lines { axes, lines })?;
    training_curves(run, findings)
}

/// The curves of `metrics.jsonl`.
fn training_curves(run: &RunDir, findings: &mut Findings) -> Result<(), Error> {
    let text = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default();
    let mut lines: Vec<Line> = Vec::new();
    for value in text.lines().filter_map(|l| serde_json::from_str::<Value>(l).ok()) {
        let (Some(model), Some(name)) = (value["model"].as_str(), value["name"].as_str()) else { continue };
        let what = match name {
            "epoch_loss" => "loss",
            "rollout_rel_l2" => "validation",
            _ => continue,
        };
        let label = format!("{}: {what}", if model == "model" { "semilinear" } else { model });
        let at = lines.iter().position(|l| l.label == label).unwrap_or_else(|| {
            let style = if what == "loss" { Style::Dashed } else { Style::Solid };
            lines.push(Line { label, style, ..Line::default() });
            lines.len() - 1
        });
        lines[at].x.push(value["step"].as_f64().unwrap_or(f64::NAN));
        lines[at].y.push(value["value"].as_f64().unwrap_or(f64::NAN));
    }
    let axes = Axes {
        title: "training".into(),
        x: "step".into(),
        y: "loss, relative L2 error".into(),
        log_y: true,
        ..Axes::default()
    };
    let caption = "Mean loss of every epoch (squared, relative), and the mean relative L2 error of validation rollouts.";
    findings.figure(run, "training", caption, &Lines { axes, lines })
}

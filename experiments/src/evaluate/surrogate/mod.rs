//! A learned flow map: training, rollouts, baselines, figures.

mod classical;
mod draw;
mod learned;
mod misalignment;
mod scores;

use burn::tensor::{Device, Tensor, TensorData};
use flowmap_datasets::dataset::Dataset;
use flowmap_datasets::generate::DataError;
use flowmap_datasets::problem::Problem;
use flowmap_datasets::problem::cells::Boundary;
use flowmap_models::config::ModelConfig;
use flowmap_models::emulator::{Emulator, FieldSpec};
use flowmap_models::fused::Edge;
use flowmap_models::semilinear_operator::LinearPart;
use flowmap_solvers::issue::Issue;
use ndarray::{Array, Array1, Array2, ArrayD, Axis, concatenate};
use num_complex::Complex64;
use serde_json::json;

use super::drift::drift;
use super::keep::{build, keep_card, write_npz};
use super::simulation::keep_diverged;
use super::{Baseline, Findings, Job};
use crate::config::ExperimentConfig;
use crate::error::Error;
use crate::metric::{by_lead_time, mean_spectrum, quantile, relative_l2, scaled_l2, valid_time};
use classical::classical;
use draw::draw;
pub(super) use learned::fit;
use learned::{Cost, Entered, Learned, Task};

/// One row of the comparison.
struct Entry {
    name: String,
    /// What figures call it.
    label: String,
    /// `[trajectory, time, channel, x]`, from the last frame given on.
    prediction: ArrayD<f64>,
    /// `[trajectory, time]`.
    errors: Array2<f64>,
    /// Of single steps: what is learned has them.
    single: Option<Single>,
    learned: bool,
}

/// Errors of single steps, means over all pairs of samples of the test trajectories.
#[derive(Clone, Copy)]
struct Single {
    /// Of whole states.
    rel_l2: f64,
    /// Of one channel after the other.
    scaled_l2: f64,
}

/// All that is compared.
struct Comparison<'a> {
    config: &'a ExperimentConfig,
    problem: &'a Problem,
    /// From the last frame given on, which is at zero.
    times: Vec<f64>,
    coordinates: &'a [Vec<f64>],
    channels: &'a [String],
    /// `[trajectory, time, channel, x]`, from the last frame given on.
    truth: ArrayD<f64>,
    entries: Vec<Entry>,
}

impl Comparison<'_> {
    fn model(&self) -> Option<&Entry> {
        self.entries.iter().find(|e| e.name == "model")
    }

    /// The mean spectrum of the first channel at the last time; between walls, of its even continuation.
    fn final_spectrum(&self, values: &ArrayD<f64>) -> Vec<f64> {
        let end = values.index_axis(Axis(1), values.shape()[1] - 1);
        let mut fields = end.index_axis(Axis(1), 0).to_owned();
        for (axis, boundary) in self.problem.boundaries().iter().enumerate() {
            if *boundary == Boundary::Wall {
                let mirrored = fields.slice_axis(Axis(axis + 1), ndarray::Slice::new(0, None, -1)).to_owned();
                let both = concatenate(Axis(axis + 1), &[fields.view(), mirrored.view()]);
                fields = both.unwrap_or(fields);
            }
        }
        mean_spectrum(fields.view())
    }
}

/// Trains, rolls out, compares, draws.
///
/// # Errors
/// If the data diverge, training fails or is interrupted, or a file cannot be written.
pub fn surrogate(config: &ExperimentConfig, model: &ModelConfig, job: &Job<'_>) -> Result<Findings, Error> {
    let Job { run, progress, .. } = *job;
    let mut findings = Findings::default();
    let problem = build(config)?;
    if let Some(start) = config.train.as_ref().and_then(|t| t.start.as_ref()).filter(|_| !job.resume) {
        start.exists()?;
    }
    let started = std::time::Instant::now();
    let obtained = progress.windows(config);
    findings.metric("solve_s", started.elapsed().as_secs_f64());
    let data = match obtained {
        Ok(data) => data,
        Err(error) => {
            keep_diverged(config, &problem, error, run, &mut findings)?;
            return Ok(findings);
        }
    };
    keep_card(&data, run, &mut findings)?;
    let tested = data.part(&data.split.test).to_owned();
    // What is predicted begins with the last frame given.
    let given = config.data.history - 1;
    let truth = tested.slice_axis(Axis(1), (given..).into()).to_owned();
    let specs = std::cell::RefCell::default();
    let task = Task { config, problem: &problem, data: &data, tested: &tested, truth: &truth, job, specs };
    let learned = Learned::of(model)?;
    let Entered { entry, cost: model_cost, misalignment, known } = learned.enter("model", &task)?;
    if !known {
        findings.notes.push("The weights that the training starts from come without the scale of their channels: that of the training data is taken. Give theirs by train.start.mean and train.start.std.".to_owned());
    }
    if let Some(misalignment) = misalignment {
        misalignment.report(&config.name, run, &mut findings)?;
    }
    let mut entries = vec![entry];
    let mut costs = vec![("model".to_owned(), model_cost)];
    for baseline in &config.evaluate.baselines {
        if let Some(rival) = learned.rival(*baseline, model_cost.params, &task)? {
            let Entered { entry, cost, .. } = rival.enter(baseline.name(), &task)?;
            costs.push((entry.label.clone(), cost));
            entries.push(entry);
        }
    }
    tell_costs(&costs, &mut findings);
    let times: Vec<f64> = data.times[given..].iter().map(|t| t - data.times[given]).collect();
    for baseline in &config.evaluate.baselines {
        if let Some(prediction) = classical(*baseline, config, &problem, &data, &truth, &times) {
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
                single: None,
                prediction,
                learned: false,
            });
        }
    }
    let (coordinates, channels) = (&data.coordinates[..], &data.channels[..]);
    let all = Comparison { config, problem: &problem, times, coordinates, channels, truth, entries };
    measure(&all, &mut findings);
    draw(&all, run, &mut findings)?;
    write_npz(run, |archive| {
        archive.add_array("truth", &all.truth)?;
        for entry in &all.entries {
            archive.add_array(entry.name.as_str(), &entry.prediction)?;
        }
        archive.add_array("times", &Array1::from(all.times.clone()))?;
        archive.add_array("x", &Array1::from(data.coordinates[0].clone()))
    })?;
    Ok(findings)
}

/// What all trainings together took, what the model costs, and a table beside its rivals.
fn tell_costs(costs: &[(String, Cost)], findings: &mut Findings) {
    let model = costs[0].1;
    findings.metric("params", model.params as f64);
    findings.metric("train_s", costs.iter().map(|(_, c)| c.seconds).sum());
    if let Some(macs) = model.macs {
        findings.metric("macs", macs as f64);
    }
    findings.metric("forward_ms", model.forward_ms);
    findings.metric("backward_ms", model.backward_ms);
    let rows = costs.iter().map(|(name, c)| {
        let macs = c.macs.map_or_else(String::new, |m| format!("{:.1}", m as f64 / 1e6));
        let ms = |v: f64| format!("{v:.0}");
        json!([name, c.params, macs, ms(c.forward_ms), ms(c.backward_ms), format!("{:.0}", c.seconds)])
    });
    findings.tables.push(json!({
        "title": "Costs",
        "columns": ["", "parameters", "million multiplications a sample", "forward, ms a batch", "backward, ms a batch", "training, s"],
        "rows": rows.collect::<Vec<_>>(),
    }));
}

/// What the model is told: the equation's symbol, and statistics of the training trajectories.
pub(super) fn field_spec(
    problem: &Problem,
    data: &Dataset,
    dt: f64,
    history: usize,
    linear: LinearPart,
) -> Result<FieldSpec, Error> {
    let misfit = |what: &str| Error::from(DataError::Config(Issue::new("model", what)));
    let (shape, channels, symbol) = match problem {
        Problem::Pde(p) => (p.grid().shape().to_vec(), p.channels().len(), p.symbol().to_vec()),
        Problem::Cells(p) => (p.cells().to_vec(), p.channels().len(), Vec::new()),
        _ => return Err(misfit("the model learns fields, not systems of ordinary equations")),
    };
    let statistics = data.normalisation();
    let mut carry: Box<dyn FnMut(usize, &mut Vec<f64>)> = match (linear, problem) {
        (LinearPart::None, _) => Box::new(|_, _| {}),
        (LinearPart::Exact, Problem::Pde(pde)) => {
            let grid = pde.grid();
            let flow: Vec<Complex64> = pde.symbol().iter().map(|l| (l * dt).exp()).collect();
            let mut transform = grid.transform();
            let modes = grid.modes();
            let mut u_hat = vec![Complex64::ZERO; modes];
            Box::new(move |c, u| {
                transform.forward(u, &mut u_hat);
                u_hat.iter_mut().zip(&flow[c * modes..]).for_each(|(u, e)| *u *= e);
                transform.inverse_destroying(&mut u_hat, u);
            })
        }
        _ => return Err(misfit("the equation has no linear part that is known")),
    };
    let points: usize = shape.iter().product();
    let (mut squares, mut count) = (vec![0.0; channels], 0.0);
    let train = &data.split.train;
    for trajectory in train.trajectories.clone() {
        let trajectory =
            data.frames(trajectory, train.samples.start, train.samples.len()).map_err(DataError::File)?;
        for t in 0..trajectory.shape()[0] - 1 {
            for c in 0..channels {
                let at = |t: usize| -> Vec<f64> {
                    trajectory.index_axis(Axis(0), t).index_axis(Axis(0), c).iter().copied().collect()
                };
                let mut carried = at(t);
                carry(c, &mut carried);
                let rest = at(t + 1).iter().zip(&carried).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
                squares[c] += rest / points as f64;
            }
            count += 1.0;
        }
    }
    let edge = |boundary: &Boundary| match boundary {
        Boundary::Periodic => Edge::Periodic,
        Boundary::Wall => Edge::Zeros,
    };
    Ok(FieldSpec {
        shape,
        edges: problem.boundaries().iter().map(edge).collect(),
        channels,
        history,
        bundle: 1,
        dt,
        symbol,
        mean: statistics.mean,
        std: statistics.std,
        rate: squares.iter().map(|s| (s / f64::max(count, 1.0)).sqrt() / dt).collect(),
    })
}

/// The errors of single steps, means over all pairs of samples.
fn single_steps<M: Emulator>(model: &M, tested: &ArrayD<f64>, device: &Device) -> Single {
    let given = model.history();
    let (mut rel, mut scaled, mut count) = (0.0, 0.0, 0.0);
    for trajectory in tested.axis_iter(Axis(0)) {
        let shape = trajectory.shape().to_vec();
        let (steps, channels, points) = (shape[0] - given, shape[1], shape[2..].iter().product());
        let frames = (0..steps).flat_map(|t| {
            let window = trajectory.slice_axis(Axis(0), (t..t + given).into());
            window.iter().map(|v| *v as f32).collect::<Vec<_>>()
        });
        let data = TensorData::new(frames.collect::<Vec<_>>(), [steps, given * channels, points]);
        let Some(after) = model.rollout(Tensor::from_data(data, device), 1).pop() else { continue };
        let after = after.into_data().convert::<f32>().try_to_vec::<f32>().unwrap_or_default();
        let after = Array::from_iter(after.into_iter().map(f64::from));
        let target = trajectory.slice_axis(Axis(0), (given..).into()).to_owned();
        let Ok(after) = after.into_shape_with_order(target.shape()) else { continue };
        for (state, target) in after.axis_iter(Axis(0)).zip(target.axis_iter(Axis(0))) {
            rel += relative_l2(state, target);
            count += 1.0;
        }
        let all = |x: ArrayD<f64>| x.insert_axis(Axis(0));
        scaled += steps as f64 * scaled_l2(all(after).view(), all(target).view());
    }
    let count = f64::max(count, 1.0);
    Single { rel_l2: rel / count, scaled_l2: scaled / count }
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

/// Metrics of the learned rivals of a network on a grid, by their short names.
fn short(name: &str) -> Option<&'static str> {
    Some(match name {
        "u_net" => "unet",
        "dilated_resnet" => "resnet",
        "fno" => "fno",
        _ => return None,
    })
}

fn measure(all: &Comparison<'_>, findings: &mut Findings) {
    let Comparison { config, problem, times, truth, entries, .. } = all;
    let threshold = config.evaluate.threshold;
    let valid = |entry: &Entry| {
        let times = entry.errors.rows().into_iter().map(|row| valid_time(times, &row.to_vec(), threshold));
        times.sum::<f64>() / entry.errors.nrows() as f64
    };
    // What is given is not scored.
    let scaled = |entry: &Entry| {
        let ahead = |x: &ArrayD<f64>| x.slice_axis(Axis(1), (1..).into()).to_owned();
        scaled_l2(ahead(&entry.prediction).view(), ahead(truth).view())
    };
    let on_grid = config.model.as_ref().is_some_and(|m| m.grid().is_some());
    let mut rows = Vec::new();
    for entry in entries {
        let (mean, median) = last(&entry.errors);
        if entry.name == "model" {
            findings.metric("one_step_rel_l2", entry.single.map_or(f64::NAN, |e| e.rel_l2));
            findings.metric("rollout_rel_l2", mean);
            findings.metric("one_step_scaled_l2", entry.single.map_or(f64::NAN, |e| e.scaled_l2));
            findings.metric("rollout_scaled_l2", scaled(entry));
            findings.metric("rollout_rel_l2_median", median);
            findings.metric("valid_time", valid(entry));
            findings.metric("gmean_nrmse", geometric(&entry.errors));
            scores::record("", &entry.prediction, truth, times, findings);
            if let Some(exponent) = problem.lyapunov_exponent() {
                findings.metric("valid_lyapunov_times", valid(entry) * exponent);
            }
            let (a, b) = (all.final_spectrum(&entry.prediction), all.final_spectrum(truth));
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
                scores::record(&prefix, &entry.prediction, truth, times, findings);
            }
            if let Some(single) = entry.single {
                findings.metric(format!("baseline_{}_one_step_rel_l2", entry.name), single.rel_l2);
                if let Some(short) = short(&entry.name).filter(|_| on_grid) {
                    findings.metric(format!("one_step_rel_l2_{short}"), single.rel_l2);
                    findings.metric(format!("rollout_rel_l2_{short}"), mean);
                    findings.metric(format!("one_step_scaled_l2_{short}"), single.scaled_l2);
                    findings.metric(format!("rollout_scaled_l2_{short}"), scaled(entry));
                }
            }
        }
        let show = |v: f64| if v.is_finite() { format!("{v:.4}") } else { "diverged".to_owned() };
        rows.push(json!([
            entry.name,
            entry.single.map_or_else(String::new, |e| show(e.rel_l2)),
            show(mean),
            show(median),
            format!("{:.3}", valid(entry)),
        ]));
    }
    findings.tables.push(json!({
        "title": format!("Test trajectories, relative L2 at t = {}", times.last().copied().unwrap_or(0.0)),
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

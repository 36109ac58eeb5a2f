//! A latent differential equation: it sees some samples of a stretch, tells the others and goes on.

use std::time::Instant;

use burn::module::Module;
use burn::tensor::{Tensor, TensorData};
use flowmap_datasets::rng::stream;
use flowmap_models::neural_de::{LatentOde, LatentOdeConfig};
use ndarray::{Array1, Array3, Axis, s};
use rand::seq::index::sample;
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::train::{Task, read};
use super::{Baseline, Findings, draw, write_npz};
use crate::error::Error;
use crate::metric::relative_l2;
use crate::train::{Fit, TrajectoryObjective, mismatched};

/// Trajectories of the validation that choose the best weights, at most.
const JUDGES: usize = 64;

pub(super) fn judge(task: &Task<'_>, config: &LatentOdeConfig, findings: &mut Findings) -> Result<(), Error> {
    let (train, dt, seed) = (task.training()?, task.dt(), task.config.seed);
    let device = task.job.device.clone().autodiff();
    let mut rng = stream(seed, "weights", 0);
    let model = config.init(task.data.channels.len(), dt, &mut rng, &device);
    let series = task.data.series(&task.data.split.train);
    let window = train.sequence.unwrap_or(2);
    let times: Vec<f64> = (0..window).map(|i| i as f64 * dt).collect();
    let seen = if config.seen == 0 { window } else { config.seen.min(window) };
    let loss = |model: &LatentOde, x: Tensor<3>, step: u64| {
        let [_, batch, _] = x.dims();
        let mut rng = stream(seed, "latent", step);
        let shown = choose(seen, config.share, &mut rng);
        let noise: Vec<f32> = (0..batch * config.latent).map(|_| rng.sample(StandardNormal)).collect();
        let noise = Tensor::from_data(TensorData::new(noise, [batch, config.latent]), &x.device());
        model.loss(x, &times, &shown, noise)
    };
    let judges: Vec<_> = task.judges().into_iter().take(JUDGES).collect();
    let truth = ndarray::stack(Axis(0), &judges).unwrap_or_default();
    let score = |model: &LatentOde| {
        let shown = choose(seen, config.share, &mut stream(seed, "judged", 0));
        let found = predict(model, &truth, &shown, dt, task);
        found.map_or(f64::INFINITY, |p| relative_l2(p.view().into_dyn(), truth.view().into_dyn()))
    };
    let started = Instant::now();
    let mut objective = TrajectoryObjective::new(&series, train, seed, task.job.device, &loss, &score)?;
    let trained = Fit::new("model", train, task.job).train(model, &mut objective)?;
    task.job.progress.say(&format!("model: trained in {:.1} s", started.elapsed().as_secs_f64()));
    findings.metric("params", trained.model.num_params() as f64);
    findings.metric("train_s", trained.seconds);

    let tests = task.data.series(&task.data.split.test);
    let truth = ndarray::stack(Axis(0), &tests).unwrap_or_default();
    let shown = choose(seen, config.share, &mut stream(seed, "shown", 0));
    let prediction = predict(&trained.model, &truth, &shown, dt, task)?;
    let mut rows = Vec::new();
    let mut measure = |role: &str, found: &Array3<f64>| {
        let error = |from: usize, to: usize| {
            let part = s![.., from..to, ..];
            relative_l2(found.slice(part).into_dyn(), truth.slice(part).into_dyn())
        };
        let samples = truth.shape()[1];
        let [all, within] = [error(0, samples), error(0, seen)];
        let after = (seen < samples).then(|| error(seen, samples));
        let name = |n: &str| if role == "model" { n.to_owned() } else { format!("baseline_{role}_{n}") };
        findings.metric(name("trajectory_rel_l2"), all);
        findings.metric(name("seen_rel_l2"), within);
        if let Some(after) = after {
            findings.metric(name("extrapolation_rel_l2"), after);
        }
        let after = after.map_or("–".into(), |e| format!("{e:.3e}"));
        rows.push(vec![role.to_owned(), format!("{all:.3e}"), format!("{within:.3e}"), after]);
    };
    measure("model", &prediction);
    for baseline in &task.config.evaluate.baselines {
        let last = shown.last().copied().unwrap_or(0);
        let mean = task.mean();
        let constant = |value: &dyn Fn(usize, usize) -> f64| {
            Array3::from_shape_fn(truth.raw_dim(), |(i, _, c)| value(i, c))
        };
        match baseline {
            Baseline::Persistence => measure("persistence", &constant(&|i, c| truth[[i, last, c]])),
            Baseline::Mean => measure("mean", &constant(&|_, c| mean[c])),
            _ => {}
        }
    }
    findings.tables.push(serde_json::json!({
        "title": format!("Test trajectories, told from {} of their first {seen} samples", shown.len()),
        "columns": ["", "relative L2 error", "where it saw samples", "beyond"],
        "rows": rows,
    }));
    draw::latent(task, &truth, &prediction, &shown, seen, findings)?;
    write_npz(task.job.run, |archive| {
        archive.add_array("truth", &truth)?;
        archive.add_array("model", &prediction)?;
        archive.add_array("times", &Array1::from_iter((0..truth.shape()[1]).map(|i| i as f64 * dt)))?;
        archive.add_array("shown", &Array1::from_iter(shown.iter().map(|i| *i as u64)))
    })
}

/// Ascending places of the samples that are shown, the first always among them.
fn choose(seen: usize, share: f64, rng: &mut impl Rng) -> Vec<usize> {
    let count = ((seen as f64 * share).round() as usize).clamp(1, seen);
    let mut places: Vec<usize> = sample(rng, seen - 1, count - 1).into_iter().map(|i| i + 1).collect();
    places.push(0);
    places.sort_unstable();
    places
}

/// What the mean of the posterior tells of trajectories `[trajectory, time, channel]`.
fn predict(
    model: &LatentOde,
    truth: &Array3<f64>,
    shown: &[usize],
    dt: f64,
    task: &Task<'_>,
) -> Result<Array3<f64>, Error> {
    let (n, samples, channels) = truth.dim();
    let values: Vec<f32> = shown
        .iter()
        .flat_map(|i| truth.index_axis(Axis(1), *i).iter().map(|v| *v as f32).collect::<Vec<_>>())
        .collect();
    let x = Tensor::from_data(TensorData::new(values, [shown.len(), n, channels]), task.job.device);
    let times: Vec<f64> = (0..samples).map(|i| i as f64 * dt).collect();
    let shown: Vec<f64> = shown.iter().map(|i| times[*i]).collect();
    let (mean, _) = model.encode(x, &shown, 0.0);
    let found = read(model.decode(mean, &times).map_err(mismatched)?);
    let found = Array3::from_shape_vec((samples, n, channels), found).unwrap_or_default();
    Ok(found.permuted_axes([1, 0, 2]).as_standard_layout().to_owned())
}

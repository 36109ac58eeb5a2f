//! The law of a process learned from its paths: marginals, and a distance of whole paths.

mod draw;
mod judge;

use burn::module::Module;
use burn::tensor::Tensor;
use flowmap_datasets::generate::DataError;
use flowmap_datasets::problem::Problem;
use flowmap_datasets::rng::stream;
use flowmap_models::config::ModelConfig;
use flowmap_solvers::issue::Issue;
use ndarray::{Array1, Array3, Axis, Ix3, s};
use rand::Rng;

use super::keep::{build, keep_card, write_npz};
use super::simulation::keep_diverged;
use super::{Findings, Job, seeded};
use crate::config::ExperimentConfig;
use crate::error::Error;
use crate::train::{
    Fit, LatentSdeObjective, PATH_START, PathData, Sampling, SdeGanObjective, Trained, normal,
};
use judge::Judge;

/// Paths that a model makes at a time.
const CHUNK: usize = 2048;

/// Trains a model of paths, draws from it, compares.
///
/// # Errors
/// If training fails or is interrupted, or a file cannot be written.
pub fn paths(config: &ExperimentConfig, model: &ModelConfig, job: &Job<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let Problem::Sde(process) = build(config)? else {
        let issue = Issue::new(format!("model.{}", model.name()), "this model learns paths of a process");
        return Err(DataError::Config(issue).into());
    };
    let started = std::time::Instant::now();
    let data = match job.progress.data(config) {
        Ok(data) => data,
        Err(error) => {
            keep_diverged(config, &build(config)?, error, job.run, &mut findings)?;
            return Ok(findings);
        }
    };
    findings.metric("solve_s", started.elapsed().as_secs_f64());
    keep_card(&data, job.run, &mut findings)?;
    let part = |part| data.part(part).to_owned().into_dimensionality::<Ix3>().unwrap_or_default();
    let (train, validation, test): (Array3<f64>, Array3<f64>, Array3<f64>) =
        (part(&data.split.train), part(&data.split.validation), part(&data.split.test));
    let scale = Scale::fit(&train);
    let settings = config.train.clone().unwrap_or_default();
    let sampling = Sampling { config: &settings, seed: config.seed, name: "model", device: job.device };
    let shown = |paths: &Array3<f64>| PathData::new(scale.apply(paths).view());
    let (data_paths, validation) = (shown(&train), shown(&validation));
    let (channels, fit) = (train.dim().2, Fit::new("model", &settings, job));
    let seed = stream(config.seed, "weights", 0).next_u64();
    let device = job.device.clone().autodiff();
    let generated = match model {
        ModelConfig::SdeGan(c) => {
            let mut objective = SdeGanObjective { sampling, data: data_paths, validation };
            let drawn = seeded(&device, seed, || Ok::<_, Error>(c.init(channels, &device)))?;
            let trained = fit.train(drawn, &mut objective)?;
            told(&trained, &mut findings);
            let draw = |noise, times, seed| trained.model.paths(noise, times, seed);
            make(&draw, PATH_START, test.dim(), config.seed, job)
        }
        ModelConfig::LatentSde(c) => {
            let mut objective = LatentSdeObjective { sampling, data: data_paths, validation };
            let drawn = seeded(&device, seed, || Ok::<_, Error>(c.init(channels, &device)))?;
            let trained = fit.train(drawn, &mut objective)?;
            told(&trained, &mut findings);
            let draw = |noise, times, seed| trained.model.paths(noise, times, seed);
            make(&draw, trained.model.latent(), test.dim(), config.seed, job)
        }
        other => {
            let issue = Issue::new(format!("model.{}", other.name()), "this model learns no paths");
            return Err(DataError::Config(issue).into());
        }
    };
    let generated = scale.undo(generated);
    let judge = Judge::new(&*process, &data.times, &train, &test, &scale);
    judge.report(&generated, &mut findings);
    draw::figures(&judge, &generated, &data.channels, job.run, &mut findings)?;
    super::density::training(job.run, &mut findings)?;
    write_npz(job.run, |archive| {
        archive.add_array("truth", &test)?;
        archive.add_array("generated", &generated)?;
        archive.add_array("times", &Array1::from(data.times.clone()))
    })?;
    Ok(findings)
}

fn told<M: Module>(trained: &Trained<M>, findings: &mut Findings) {
    findings.metric("train_s", trained.seconds);
    findings.metric("params", trained.model.num_params() as f64);
}

/// As many paths as the test has, in the units of the model, from `normals` normal numbers each.
fn make(
    draw: &dyn Fn(Tensor<2>, usize, u64) -> Tensor<3>,
    normals: usize,
    (paths, times, channels): (usize, usize, usize),
    seed: u64,
    job: &Job<'_>,
) -> Array3<f64> {
    let mut out = Array3::zeros((paths, times, channels));
    for (i, mut chunk) in out.axis_chunks_iter_mut(Axis(0), CHUNK).enumerate() {
        let mut rng = stream(seed, "samples", i as u64);
        let noise = normal(chunk.dim().0, normals, &mut rng, job.device);
        let made = draw(noise, times, rng.next_u64());
        let values = made.into_data().convert::<f64>().try_to_vec::<f64>().unwrap_or_default();
        chunk.iter_mut().zip(values).for_each(|(o, v)| *o = v);
    }
    out
}

/// Means and standard deviations of the channels over all times.
pub(super) struct Scale {
    mean: Vec<f64>,
    std: Vec<f64>,
}

impl Scale {
    fn fit(paths: &Array3<f64>) -> Self {
        let channels = 0..paths.dim().2;
        let channel = |c: usize| paths.slice(s![.., .., c]);
        Self {
            mean: channels.clone().map(|c| channel(c).mean().unwrap_or(0.0)).collect(),
            std: channels.map(|c| channel(c).std(0.0).max(f64::MIN_POSITIVE)).collect(),
        }
    }

    pub(super) fn apply(&self, paths: &Array3<f64>) -> Array3<f64> {
        Array3::from_shape_fn(paths.dim(), |(i, t, c)| (paths[[i, t, c]] - self.mean[c]) / self.std[c])
    }

    fn undo(&self, paths: Array3<f64>) -> Array3<f64> {
        Array3::from_shape_fn(paths.dim(), |(i, t, c)| self.mean[c] + self.std[c] * paths[[i, t, c]])
    }
}

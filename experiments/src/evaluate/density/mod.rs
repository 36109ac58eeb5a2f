//! A density learned from a cloud of points: samples and likelihoods beside those of the truth.

mod continuous;
mod draw;
mod judge;
mod rectified;
mod score;

use std::sync::Arc;

use burn::module::Module;
use burn::store::ModuleSnapshot;
use burn::tensor::{Device, Tensor, TensorData};
use flowmap_datasets::dataset::Dataset;
use flowmap_datasets::generate::DataError;
use flowmap_datasets::problem::Problem;
use flowmap_datasets::problem::density::Density;
use flowmap_datasets::rng::stream;
use flowmap_models::config::ModelConfig;
use flowmap_solvers::config::{AdaptiveConfig, SolverConfig};
use flowmap_solvers::issue::{Check, Issue, Validate};
use ndarray::{Array2, Ix2};
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::keep::{build, keep_card};
use super::{Findings, Job, seeded};
use crate::config::ExperimentConfig;
use crate::error::Error;
use crate::train::{Fit, Objective, Points, Sampling, TrainConfig, Trained, normal};
use judge::Judge;

/// How a learned density is judged: `[evaluate.density]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DensityEvaluation {
    /// Numbers of Euler steps that a rectified flow is judged at.
    pub steps: Vec<usize>,
    /// Steps of the samplers of a diffusion that have steps of one size.
    pub sampler_steps: usize,
    /// Clouds of as many points as test that every sampler makes; distances are means over them.
    pub clouds: usize,
    /// The method of flows, whose steps follow a tolerance: for samples and likelihoods.
    pub tolerance: f64,
    /// The negative log-likelihood of another program's model of the same data, where it was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nll_peer: Option<f64>,
}

impl Default for DensityEvaluation {
    fn default() -> Self {
        Self { steps: vec![1, 2, 4, 8, 100], sampler_steps: 500, clouds: 4, tolerance: 1e-5, nll_peer: None }
    }
}

impl Validate for DensityEvaluation {
    fn validate(&self, mut check: Check<'_>) {
        check.require(
            self.steps.iter().all(|n| (1..=100_000).contains(n)),
            "steps",
            "a number of steps that is not between 1 and 100000",
            "give a list such as [1, 2, 4, 8, 100]",
        );
        check.within("sampler_steps", self.sampler_steps, 1, 1_000_000);
        check.within("clouds", self.clouds, 1, 1000);
        check.within("tolerance", self.tolerance, 1e-7, 0.1);
    }
}

/// Trains a generative model on the cloud, draws from it, compares, draws.
///
/// # Errors
/// If training fails or is interrupted, a flow has no end, or a file cannot be written.
pub fn density(config: &ExperimentConfig, model: &ModelConfig, job: &Job<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let Problem::Density(truth) = build(config)? else {
        let issue = Issue::new(format!("model.{}", model.name()), "this model learns points of a density");
        return Err(DataError::Config(issue).into());
    };
    let data = job.progress.data(config)?;
    keep_card(&data, job.run, &mut findings)?;
    let task = Task::new(config, &data, truth, job);
    let judge = Judge::new(&task, &mut findings);
    match model {
        ModelConfig::RectifiedFlow(c) => rectified::evaluate(&task, &judge, c, &mut findings)?,
        ModelConfig::ScoreSde(c) => score::evaluate(&task, &judge, c, &mut findings)?,
        ModelConfig::ContinuousFlow(c) => continuous::evaluate(&task, &judge, c, &mut findings)?,
        other => {
            let issue = Issue::new(format!("model.{}", other.name()), "this model learns no density");
            return Err(DataError::Config(issue).into());
        }
    }
    draw::training(job.run, &mut findings)?;
    Ok(findings)
}

/// What is learned from, where, and how it is judged.
struct Task<'a> {
    config: &'a ExperimentConfig,
    settings: DensityEvaluation,
    train_config: TrainConfig,
    truth: Arc<dyn Density>,
    train: Array2<f64>,
    validation: Array2<f64>,
    test: Array2<f64>,
    job: &'a Job<'a>,
}

impl<'a> Task<'a> {
    fn new(config: &'a ExperimentConfig, data: &Dataset, truth: Arc<dyn Density>, job: &'a Job<'a>) -> Self {
        let cloud = |part| {
            let points = data.part(part).index_axis_move(ndarray::Axis(1), 0).to_owned();
            points.into_dimensionality::<Ix2>().unwrap_or_default()
        };
        let split = &data.split;
        Self {
            config,
            settings: config.evaluate.density.clone().unwrap_or_default(),
            train_config: config.train.clone().unwrap_or_default(),
            truth,
            train: cloud(&split.train),
            validation: cloud(&split.validation),
            test: cloud(&split.test),
            job,
        }
    }

    /// Draws the weights and trains.
    fn fit<M: Module + ModuleSnapshot + Clone>(
        &self,
        role: &str,
        draw: impl FnOnce(&Device) -> M,
        objective: &mut impl Objective<M>,
    ) -> Result<Trained<M>, Error> {
        let device = self.job.device.clone().autodiff();
        let seed = stream(self.config.seed, "weights", 0).next_u64();
        let model = seeded(&device, seed, || Ok::<_, Error>(draw(&device)))?;
        Fit::new(role, &self.train_config, self.job).train(model, objective)
    }

    fn sampling(&'a self, name: &'a str) -> Sampling<'a> {
        Sampling { config: &self.train_config, seed: self.config.seed, name, device: self.job.device }
    }

    fn points(&self, cloud: &Array2<f64>) -> Points {
        Points::new(cloud.view())
    }

    /// As many normal points as all clouds of a sampler have together.
    fn noise(&self, name: &str) -> Tensor<2> {
        let rows = self.settings.clouds * self.test.nrows();
        normal(rows, 2, &mut stream(self.config.seed, name, 0), self.job.device)
    }

    /// A cloud on the device.
    fn tensor(&self, cloud: &Array2<f64>) -> Tensor<2> {
        let values: Vec<f32> = cloud.iter().map(|v| *v as f32).collect();
        Tensor::from_data(TensorData::new(values, [cloud.nrows(), cloud.ncols()]), self.job.device)
    }

    /// The method that follows a learned flow as exactly as it can be.
    fn method(&self) -> SolverConfig {
        let tolerance = self.settings.tolerance;
        let adaptive = AdaptiveConfig { rtol: tolerance, atol: tolerance, ..AdaptiveConfig::default() };
        SolverConfig::Dopri5(AdaptiveConfig { max_steps: 100_000, ..adaptive })
    }
}

/// Points on the host.
fn host(points: Tensor<2>) -> Array2<f64> {
    let [rows, coordinates] = points.dims();
    let values = points.into_data().convert::<f64>().try_to_vec::<f64>().unwrap_or_default();
    Array2::from_shape_vec((rows, coordinates), values).unwrap_or_default()
}

/// The mean of `−log p`, in nats a point.
fn negative_mean(log_density: Tensor<1>) -> f64 {
    let values = log_density.into_data().convert::<f64>().try_to_vec::<f64>().unwrap_or_default();
    -values.iter().sum::<f64>() / values.len() as f64
}

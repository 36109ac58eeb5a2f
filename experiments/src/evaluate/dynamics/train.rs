//! The training of a learned field, and the identification of an equation.

use std::time::Instant;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use flowmap_datasets::dataset::Dataset;
use flowmap_datasets::generate::DataError;
use flowmap_datasets::rng::stream;
use flowmap_models::baseline::{Samples, SindyConfig};
use flowmap_models::config::ModelConfig;
use flowmap_models::neural_de::{Equations, Flow, NeuralOdeConfig, Steps};
use flowmap_solvers::issue::Issue;
use ndarray::{Array2, ArrayView2};

use super::learned::{Learned, Moving};
use crate::config::ExperimentConfig;
use crate::error::Error;
use crate::evaluate::Job;
use crate::metric::relative_l2;
use crate::train::{Fit, TrainConfig, Trained, TrajectoryObjective, mismatched};

/// What is learned from, and where.
pub(super) struct Task<'a> {
    pub(super) config: &'a ExperimentConfig,
    pub(super) data: &'a Dataset,
    pub(super) job: &'a Job<'a>,
}

/// The network without structure that stands beside a model: with its layers, method and step.
pub(super) fn plain(model: &ModelConfig) -> NeuralOdeConfig {
    let (hidden, method, step) = match model {
        ModelConfig::NeuralOde(c) => (c.hidden.clone(), c.method, c.step),
        ModelConfig::HamiltonianNetwork(c) => (c.hidden.clone(), c.method, c.step),
        ModelConfig::LagrangianNetwork(c) => (c.hidden.clone(), c.method, c.step),
        ModelConfig::UniversalDe(c) => (c.hidden.clone(), c.method, c.step),
        _ => return NeuralOdeConfig::default(),
    };
    NeuralOdeConfig { hidden, method, step, ..NeuralOdeConfig::default() }
}

impl Task<'_> {
    /// Time between two samples.
    pub(super) fn dt(&self) -> f64 {
        self.data.times.get(1).zip(self.data.times.first()).map_or(1.0, |(b, a)| b - a)
    }

    /// The means of the channels.
    pub(super) fn mean(&self) -> Vec<f64> {
        flowmap_datasets::dataset::Normalisation::fit(self.data.part(&self.data.split.train)).mean
    }

    /// The configuration of the training.
    pub(super) fn training(&self) -> Result<&TrainConfig, Error> {
        let missing = || DataError::Config(Issue::new("train", "a model, and no training"));
        Ok(self.config.train.as_ref().ok_or_else(missing)?)
    }

    /// The series that choose the best weights.
    pub(super) fn judges(&self) -> Vec<ArrayView2<'_, f64>> {
        let judges = self.data.series(&self.data.split.validation);
        if judges.iter().any(|s| s.nrows() > 1) { judges } else { self.data.series(&self.data.split.train) }
    }

    /// Trains a field.
    pub(super) fn learn(&self, role: &str, model: &ModelConfig) -> Result<Learned, Error> {
        let trained = self.flow(role, model)?;
        let step = trained.model.steps().longest;
        let field = trained.model.to_host().map_err(mismatched)?;
        let augmented = field.spec().dim() - trained.model.channels();
        Ok(Learned {
            moving: Moving::Network { field, augmented, step },
            parameters: trained.model.num_params(),
            seconds: trained.seconds,
            notes: Vec::new(),
        })
    }

    pub(super) fn flow(&self, role: &str, model: &ModelConfig) -> Result<Trained<Flow>, Error> {
        let (config, dt) = (self.training()?, self.dt());
        let device = self.job.device.clone().autodiff();
        let channels = self.data.channels.len();
        let mut rng = stream(self.config.seed, "weights", 0);
        let drawn = match model {
            ModelConfig::NeuralOde(c) => Ok(c.init(channels, dt, &mut rng, &device)),
            ModelConfig::HamiltonianNetwork(c) => c.init(channels, dt, &mut rng, &device),
            ModelConfig::LagrangianNetwork(c) => c.init(channels, dt, &mut rng, &device),
            ModelConfig::UniversalDe(c) => c.init(&self.data.channels, dt, &mut rng, &device),
            _ => {
                let path = format!("model.{}", model.name());
                Err(Issue::new(path, "this model learns no differential equation"))
            }
        };
        let series = self.data.series(&self.data.split.train);
        let scale = weights(&series, &device);
        let times: Vec<f64> = (0..config.sequence.unwrap_or(2)).map(|i| i as f64 * dt).collect();
        let loss = |flow: &Flow, x: Tensor<3>, _step: u64| {
            let [samples, batch, n] = x.dims();
            let start = x.clone().narrow(0, 0, 1).reshape([batch, n]);
            let states = flow.trajectories(start, &times)?;
            let error = (states - x).narrow(0, 1, samples - 1) * scale.clone();
            Ok(error.powi_scalar(2).mean())
        };
        let judges = self.judges();
        let score = |flow: &Flow| {
            let errors = judges.iter().map(|truth| {
                let times: Vec<f64> = (0..truth.nrows()).map(|i| i as f64 * dt).collect();
                let start: Vec<f32> = truth.row(0).iter().map(|v| *v as f32).collect();
                let start = Tensor::from_data(TensorData::new(start, [1, n_of(truth)]), self.job.device);
                let found = flow.trajectories(start, &times).map(read).unwrap_or_default();
                let found = Array2::from_shape_vec(truth.raw_dim(), found).unwrap_or_default();
                relative_l2(found.view().into_dyn(), truth.view().into_dyn())
            });
            errors.sum::<f64>() / judges.len().max(1) as f64
        };
        let mut objective =
            TrajectoryObjective::new(&series, config, self.config.seed, self.job.device, &loss, &score)?;
        Fit::new(role, config, self.job).train(drawn.map_err(DataError::Config)?, &mut objective)
    }

    /// Identifies an equation of few terms.
    pub(super) fn identify(&self) -> Result<Learned, Error> {
        let started = Instant::now();
        let split = &self.data.split;
        let samples = Samples {
            train: self.data.series(&split.train),
            validation: self.data.series(&split.validation),
            dt: self.dt(),
            channels: &self.data.channels,
        };
        let found = SindyConfig::default().identify(&samples);
        let (sindy, half) = found.map_err(|e| Error::Numerical(format!("sindy: {e}")))?;
        let mut notes = vec![format!("weak form with windows of {} samples", 2 * half + 1)];
        notes.extend(sindy.text(&self.data.channels));
        let terms = sindy.equations.iter().map(|e| e.iter().map(|(t, c)| (t.clone(), *c, true)).collect());
        Ok(Learned {
            parameters: sindy.equations.iter().map(Vec::len).sum(),
            moving: Moving::Equations(Equations { terms: terms.collect() }),
            seconds: started.elapsed().as_secs_f64(),
            notes,
        })
    }

    /// The steps between two samples as Gauss-Newton steps take them.
    pub(super) fn substeps(&self, steps: Steps) -> usize {
        (self.dt() / steps.longest - 1e-9).ceil().max(1.0) as usize
    }
}

fn n_of(series: &ArrayView2<'_, f64>) -> usize {
    series.ncols()
}

/// The values of a tensor.
pub(super) fn read<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.into_data().convert::<f64>().try_to_vec::<f64>().unwrap_or_default()
}

/// The inverse standard deviations of the channels, `[1, 1, channel]`.
pub(super) fn weights(series: &[ArrayView2<'_, f64>], device: &Device) -> Tensor<3> {
    let scale = flowmap_models::baseline::Scale::fit(series);
    let inverse: Vec<f32> = scale.std.iter().map(|s| (1.0 / s) as f32).collect();
    let n = inverse.len();
    Tensor::from_data(TensorData::new(inverse, [1, 1, n]), device)
}

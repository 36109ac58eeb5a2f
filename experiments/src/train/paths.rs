//! What generative models of paths minimise.

use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use flowmap_datasets::rng::stream;
use flowmap_models::generative::{LatentSde, SdeGan, energy_distance};
use ndarray::ArrayView3;
use rand::{Rng, RngExt};

use super::points::{Sampling, normal};
use super::{BATCHES, Objective};
use crate::error::Error;

/// Paths that validate, at most.
const VALIDATION: usize = 2048;
/// Paths of the data for each that is generated: they cost little, and steady the distance.
const SHOWN: usize = 4;
/// Normal numbers from which a path starts.
pub(crate) const START: usize = 5;

/// Paths `[path, time, channel]`, in the units of the model.
pub(crate) struct PathData {
    values: Vec<f32>,
    shape: [usize; 3],
}

impl PathData {
    pub(crate) fn new(paths: ArrayView3<'_, f64>) -> Self {
        let (n, times, channels) = paths.dim();
        Self { values: paths.iter().map(|v| *v as f32).collect(), shape: [n, times, channels] }
    }

    pub(crate) fn gather(&self, rows: &[usize], device: &Device) -> Tensor<3> {
        let [_, times, channels] = self.shape;
        let size = times * channels;
        let values: Vec<f32> =
            rows.iter().flat_map(|r| self.values[r * size..][..size].iter().copied()).collect();
        Tensor::from_data(TensorData::new(values, [rows.len(), times, channels]), device)
    }
}

/// The distance of generated paths to the data.
pub(crate) struct SdeGanObjective<'a> {
    pub(crate) sampling: Sampling<'a>,
    pub(crate) data: PathData,
    pub(crate) validation: PathData,
}

impl Objective<SdeGan> for SdeGanObjective<'_> {
    fn steps(&self) -> usize {
        self.sampling.config.batches.unwrap_or(BATCHES)
    }

    fn gradients(&mut self, model: &SdeGan, step: u64) -> Result<Option<(f64, GradientsParams)>, Error> {
        let s = &self.sampling;
        let (mut rng, device) = (stream(s.seed, s.name, step), s.device.clone().autodiff());
        let [n, times, _] = self.data.shape;
        let shown = if model.adversarial() { 1 } else { SHOWN } * s.config.batch;
        let rows: Vec<usize> = (0..shown).map(|_| rng.random_range(0..n)).collect();
        let start = normal(s.config.batch, START, &mut rng, &device);
        let generated = model.paths(start, times, rng.next_u64());
        let distance = model.distance(self.data.gather(&rows, &device), generated);
        let value = distance.clone().into_scalar::<f64>();
        Ok(value.is_finite().then(|| (value, model.gradients(distance, step))))
    }

    fn project(&self, model: SdeGan) -> SdeGan {
        model.clipped()
    }

    fn score_name(&self) -> &'static str {
        "energy_distance"
    }

    fn score(&mut self, model: &SdeGan) -> f64 {
        let mut rng = stream(self.sampling.seed, "validation noise", 0);
        let [n, times, _] = self.validation.shape;
        let rows: Vec<usize> = (0..n.min(VALIDATION)).collect();
        let device = self.sampling.device;
        let start = normal(rows.len(), START, &mut rng, device);
        let generated = model.paths(start, times, rng.next_u64());
        energy_distance(self.validation.gather(&rows, device), generated).into_scalar::<f64>()
    }

    fn advice(&self) -> String {
        "lower train.optimiser.*.rate, or raise model.sde_gan.substeps".into()
    }
}

/// The evidence lower bound of a latent equation.
pub(crate) struct LatentSdeObjective<'a> {
    pub(crate) sampling: Sampling<'a>,
    pub(crate) data: PathData,
    pub(crate) validation: PathData,
}

impl Objective<LatentSde> for LatentSdeObjective<'_> {
    fn steps(&self) -> usize {
        self.sampling.config.batches.unwrap_or(BATCHES)
    }

    /// Per sample and channel, so that the rate need not follow the length of paths.
    fn gradients(&mut self, model: &LatentSde, step: u64) -> Result<Option<(f64, GradientsParams)>, Error> {
        let s = &self.sampling;
        let (mut rng, device) = (stream(s.seed, s.name, step), s.device.clone().autodiff());
        let [n, times, channels] = self.data.shape;
        let rows: Vec<usize> = (0..s.config.batch).map(|_| rng.random_range(0..n)).collect();
        let noise = normal(rows.len(), model.latent(), &mut rng, &device);
        let found = model.evidence(self.data.gather(&rows, &device), noise, rng.next_u64());
        let weight = model.annealed(step) / (times * channels) as f64;
        let loss = found.reconstruction + found.divergence.mul_scalar(weight);
        let value = loss.clone().into_scalar::<f64>();
        Ok(value.is_finite().then(|| (value, GradientsParams::from_grads(loss.backward(), model))))
    }

    fn score_name(&self) -> &'static str {
        "energy_distance"
    }

    /// Of paths of the prior.
    fn score(&mut self, model: &LatentSde) -> f64 {
        let mut rng = stream(self.sampling.seed, "validation noise", 0);
        let [n, times, _] = self.validation.shape;
        let rows: Vec<usize> = (0..n.min(VALIDATION)).collect();
        let device = self.sampling.device;
        let noise = normal(rows.len(), model.latent(), &mut rng, device);
        let generated = model.paths(noise, times, rng.next_u64());
        energy_distance(self.validation.gather(&rows, device), generated).into_scalar::<f64>()
    }

    fn advice(&self) -> String {
        "lower train.optimiser.*.rate, or raise model.latent_sde.substeps".into()
    }
}

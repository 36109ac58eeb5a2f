//! The training of a piecewise-linear network on time series, by forced runs along random windows.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use flowmap_datasets::rng::stream;
use flowmap_models::plrnn::{ForcingConfig, Plrnn, PlrnnSystem, RegulariserConfig};
use ndarray::{Array2, Axis};
use rand::RngExt;
use rand_distr::StandardNormal;
use serde_json::{Value, json};

use super::windows::Windows;
use super::{Objective, TrainConfig};
use crate::error::Error;

/// Batches of an epoch unless the configuration says otherwise.
pub(crate) const BATCHES: usize = 50;

/// The squared error of forced runs along windows of the series.
pub struct SequenceObjective<'a> {
    sampler: Sampler,
    config: &'a TrainConfig,
    forcing: ForcingConfig,
    regulariser: RegulariserConfig,
    /// How strongly the states are pulled towards the data.
    alpha: f64,
    /// Where tensors live, without autodiff.
    device: &'a Device,
    score_name: &'static str,
    score: &'a dyn Fn(&PlrnnSystem) -> f64,
}

impl<'a> SequenceObjective<'a> {
    /// On series `[time, channel + input]` in the units of the model, `inputs` of them inputs; `seed` is that of the sampler and the noise, `device` without
    /// autodiff, and `score` what the best weights are chosen by: the lower the better, not finite if there is nothing to
    /// choose.
    ///
    /// # Errors
    /// If no series is as long as a window, or they differ in their channels.
    pub fn new(
        series: &[Array2<f64>],
        inputs: usize,
        config: &'a TrainConfig,
        seed: u64,
        device: &'a Device,
        (score_name, score): (&'static str, &'a dyn Fn(&PlrnnSystem) -> f64),
    ) -> Result<Self, Error> {
        let forcing = config.forcing.clone().unwrap_or_default();
        Ok(Self {
            sampler: Sampler::new(series, inputs, config, seed)?,
            config,
            alpha: forcing.initial(),
            forcing,
            regulariser: config.regulariser.clone().unwrap_or_default(),
            device,
            score_name,
            score,
        })
    }
}

impl Objective<Plrnn> for SequenceObjective<'_> {
    fn steps(&self) -> usize {
        self.config.batches.unwrap_or(BATCHES)
    }

    fn gradients(&mut self, model: &Plrnn, step: u64) -> Result<Option<(f64, GradientsParams)>, Error> {
        let device = self.device.clone().autodiff();
        let (input, target) = self.sampler.batch(step, &device);
        if let Some(adaptive) = self.forcing.due(step) {
            let still = model.valid();
            let states = still.states(input.clone().inner());
            self.alpha = adaptive.next(self.alpha, &still.to_map(), &states, self.config.batch);
        }
        let steps = self.forcing.sequence(self.alpha, self.sampler.windows.samples - 1);
        let loss = model.loss(input, target, &steps, &self.regulariser);
        let value = loss.clone().into_scalar::<f64>();
        if !value.is_finite() {
            return Ok(None);
        }
        Ok(Some((value, GradientsParams::from_grads(loss.backward(), model))))
    }

    fn score_name(&self) -> &'static str {
        self.score_name
    }

    fn score(&mut self, model: &Plrnn) -> f64 {
        (self.score)(&model.to_system())
    }

    fn logged(&self) -> Vec<(&'static str, f64)> {
        vec![("alpha", self.alpha)]
    }

    fn memory(&self) -> Value {
        json!(self.alpha.to_bits())
    }

    fn remember(&mut self, memory: &Value) {
        if let Some(bits) = memory.as_u64() {
            self.alpha = f64::from_bits(bits);
        }
    }

    fn advice(&self) -> String {
        format!(
            "lower train.optimiser.*.rate, force more strongly (train.forcing; α is {:.3}), or shorten train.sequence",
            self.alpha
        )
    }
}

/// Draws windows of the series.
struct Sampler {
    windows: Windows,
    /// The standard deviation of the noise on each channel.
    noise: Vec<f32>,
}

impl Sampler {
    fn new(series: &[Array2<f64>], inputs: usize, c: &TrainConfig, seed: u64) -> Result<Self, Error> {
        let samples = c.sequence.unwrap_or(2);
        let channels = series.first().map_or(0, Array2::ncols);
        let longest = series.iter().map(Array2::nrows).max().unwrap_or(0);
        if longest < samples {
            return Err(Error::Usage {
                message: format!("the longest series has {longest} samples, a window {samples}"),
                hint: "lower train.sequence, or give a longer series".into(),
            });
        }
        if series.iter().any(|s| s.ncols() != channels || s.iter().any(|v| !v.is_finite())) {
            return Err(Error::Usage {
                message: "the series differ in their channels, or hold values that are no numbers".into(),
                hint: "give all series the same channels, and fill or cut what is missing".into(),
            });
        }
        let long: Vec<_> = series.iter().filter(|s| s.nrows() >= samples).map(|s| s.view()).collect();
        let joined = ndarray::concatenate(Axis(0), &long).unwrap_or_default();
        // Inputs are known exactly.
        let noisy = |i: usize| if i + inputs < channels { c.noise } else { 0.0 };
        let noise =
            joined.std_axis(Axis(0), 0.0).iter().enumerate().map(|(i, s)| (s * noisy(i)) as f32).collect();
        Ok(Self { windows: Windows::new(&long, samples, c.batch, seed), noise })
    }

    /// The windows of a step, `[sample, batch, channel]`, with noise, and their samples after the first without.
    fn batch(&self, step: u64, device: &Device) -> (Tensor<3>, Tensor<3>) {
        let Windows { channels: n, samples, batch, seed, .. } = self.windows;
        let mut values = self.windows.draw(step);
        let tensor = |values: Vec<f32>, count: usize| {
            Tensor::from_data(TensorData::new(values, [count, batch, n]), device)
        };
        let target = tensor(values[batch * n..].to_vec(), samples - 1);
        if self.noise.iter().any(|s| *s > 0.0) {
            let mut rng = stream(seed, "noise", step);
            for sample in values.chunks_exact_mut(n) {
                for (v, s) in sample.iter_mut().zip(&self.noise) {
                    *v += s * rng.sample::<f32, _>(StandardNormal);
                }
            }
        }
        (tensor(values, samples), target)
    }
}

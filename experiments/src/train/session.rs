//! One training from its start, or its last checkpoint, to its end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::store::ModuleSnapshot;
use burn::tensor::{Device, Tensor, TensorData};
use flowmap_datasets::dataset::Dataset;
use flowmap_datasets::rng::stream;
use flowmap_models::emulator::Emulator;
use ndarray::{Array, ArrayD, Axis};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_distr::StandardNormal;
use serde_json::json;

use super::average::Average;
use super::checkpoint::{Place, Store};
use super::{TrainConfig, optimiser, schedule};
use crate::commands::Progress;
use crate::error::Error;
use crate::metric::by_lead_time;
use crate::run_dir::RunDir;

/// What a training works with.
pub struct Session<'a> {
    /// The model's name in the run: a folder of checkpoints, a key in the log.
    pub role: &'a str,
    /// The data, `[trajectory, time, channel, x]`.
    pub dataset: &'a Dataset,
    /// How it learns.
    pub config: &'a TrainConfig,
    /// The seed of the sampler and the noise.
    pub seed: u64,
    /// Where it writes.
    pub run: &'a RunDir,
    /// Where tensors live, without autodiff.
    pub device: &'a Device,
    /// Whether to go on from the last checkpoint.
    pub resume: bool,
    /// Set when the user interrupts.
    pub interrupted: &'a AtomicBool,
    /// What a person sees.
    pub progress: &'a Progress,
}

/// A trained model.
pub struct Trained<M> {
    /// With the best weights, without autodiff.
    pub model: M,
    /// Seconds of training, interruptions left out.
    pub seconds: f64,
    /// The best validation error.
    pub validation: f64,
}

impl Session<'_> {
    /// Trains `model`, made on an autodiff device.
    ///
    /// # Errors
    /// If the loss is no longer finite, the user interrupts (a checkpoint is written first), or a file cannot be written.
    pub fn train<M: Emulator + ModuleSnapshot + Clone>(&self, model: M) -> Result<Trained<M>, Error> {
        let store = Store::open(self.run.join("checkpoints").join(self.role))?;
        let mut model = optimiser::numbered(model);
        let mut average = Average::of(&model, self.config.average);
        let mut optimiser = self.config.optimiser.init();
        let mut place = Place::default();
        if self.resume {
            let (m, o, a, found) = store.load_last(model, optimiser, average)?;
            (model, optimiser, average) = (m, o, a);
            if let Some(found) = found {
                self.progress.say(&format!("{}: resumed at step {}", self.role, found.step));
                place = found;
            }
            self.run.trim_log(self.role, place.step)?;
        }
        let window = 1 + self.config.push_forward + self.config.unroll;
        let windows = self.dataset.windows(&self.dataset.split.train, window);
        let batches = windows.len().div_ceil(self.config.batch);
        let total = (batches * self.config.epochs) as u64;
        let bar = self.progress.bar(self.role, total, place.step);
        let before = place.seconds;
        let started = Instant::now();
        while place.epoch < self.config.epochs && !place.done {
            let mut order = windows.clone();
            order.shuffle(&mut stream(self.seed, "sampler", place.epoch as u64));
            for batch in order.chunks(self.config.batch).skip(place.batch) {
                if self.interrupted.load(Ordering::Relaxed) {
                    place.seconds = before + started.elapsed().as_secs_f64();
                    store.save_last(&model, &optimiser, average.as_ref(), &place)?;
                    return Err(Error::Interrupted);
                }
                let Some((next, loss)) = self.step(model, &mut optimiser, batch, &place, total) else {
                    return Err(self.diverged(&place, &store));
                };
                model = next;
                if let Some(average) = &mut average {
                    average.update(&model, place.step);
                }
                place.loss_sum += loss;
                place.batch += 1;
                place.step += 1;
                bar.at(place.step, &format!("loss {loss:.3e}"));
                if place.step.is_multiple_of(10) {
                    self.log(&place, "train", "loss", loss)?;
                }
            }
            let mean = place.loss_sum / batches.max(1) as f64;
            self.log(&place, "train", "epoch_loss", mean)?;
            place.epoch += 1;
            (place.batch, place.loss_sum) = (0, 0.0);
            if place.epoch.is_multiple_of(self.config.validate_every) || place.epoch == self.config.epochs {
                let judged = average.as_ref().map_or_else(|| model.valid(), |a| a.model.clone());
                let error = self.validate(&judged);
                self.log(&place, "validation", "rollout_rel_l2", error)?;
                self.progress.epoch(self.role, place.epoch, self.config.epochs, mean, error, &bar);
                if place.best.is_none_or(|(best, _)| error < best) {
                    store.save_best(&judged)?;
                    (place.best, place.stale) = (Some((error, place.step)), 0);
                } else {
                    place.stale += 1;
                }
                place.done = self.config.patience > 0 && place.stale >= self.config.patience;
            }
            place.done |= place.epoch == self.config.epochs;
            place.seconds = before + started.elapsed().as_secs_f64();
            store.save_last(&model, &optimiser, average.as_ref(), &place)?;
        }
        bar.finish();
        let model = store.load_best(model)?.valid();
        let validation = place.best.map_or(f64::INFINITY, |(error, _)| error);
        if !validation.is_finite() {
            return Err(Error::Numerical(format!(
                "{}: no rollout on the validation trajectories stayed finite: lower train.optimiser.*.rate, or raise train.unroll",
                self.role
            )));
        }
        Ok(Trained { model, seconds: place.seconds, validation })
    }

    /// One step of the optimiser on one batch of windows; none if the loss is not finite.
    fn step<M: Emulator>(
        &self,
        model: M,
        optimiser: &mut ModuleOptimizer,
        batch: &[(usize, usize)],
        place: &Place,
        total: u64,
    ) -> Option<(M, f64)> {
        let c = self.config;
        let device = self.device.clone().autodiff();
        let (start, targets) = self.batch(batch, place.step, &device);
        let mut start = start;
        if c.push_forward > 0 {
            let rolled = model.valid().rollout(start.inner(), c.push_forward);
            start = rolled
                .last()
                .map_or_else(|| Tensor::zeros([1, 1, 1], &device), |s| Tensor::from_inner(s.clone()));
        }
        let mut loss = Tensor::<1>::zeros([1], &device);
        for (i, state) in model.rollout(start, c.unroll).into_iter().enumerate() {
            let target = targets[i].clone();
            // Relative to each sample: a small field counts as much as a large one.
            let size = target.clone().powi_scalar(2).mean_dims(&[1, 2]);
            let error = (state - target).powi_scalar(2).mean_dims(&[1, 2]) / size.add_scalar(1e-12);
            loss = loss + error.mean() / c.unroll as f64;
        }
        let value = loss.clone().into_scalar::<f64>();
        if !value.is_finite() {
            return None;
        }
        let gradients = loss.backward();
        let mut gradients = GradientsParams::from_grads(gradients, &model);
        optimiser::clip(&model, &mut gradients, c.clip);
        let rate = c.optimiser.rate() * schedule::rate(c, place.step, total);
        Some((optimiser.step(rate, model, gradients), value))
    }

    fn diverged(&self, place: &Place, store: &Store) -> Error {
        Error::Numerical(format!(
            "{}: the loss is no longer finite in epoch {}, step {}: lower train.optimiser.*.rate (now {}), or train.unroll; {}",
            self.role,
            place.epoch + 1,
            place.step + 1,
            self.config.optimiser.rate(),
            store.kept(),
        ))
    }

    /// The first states of a batch, `[batch, channel, x]`, with noise, and the states that the loss compares with.
    fn batch(&self, batch: &[(usize, usize)], step: u64, device: &Device) -> (Tensor<3>, Vec<Tensor<3>>) {
        let c = self.config;
        let (channels, points) = (self.dataset.values.shape()[2], self.dataset.values.shape()[3]);
        let shape = [batch.len(), channels, points];
        let gather = |offset: usize| -> Vec<f32> {
            let states = batch.iter().map(|(t, s)| self.dataset.window(*t, s + offset, 1));
            states.flat_map(|w| w.iter().map(|v| *v as f32).collect::<Vec<_>>()).collect()
        };
        let tensor = |values: Vec<f32>| Tensor::from_data(TensorData::new(values, shape), device);
        let mut first = gather(0);
        if c.noise > 0.0 {
            let mut rng = stream(self.seed, "noise", step);
            for state in first.chunks_exact_mut(channels * points) {
                let rms = (state.iter().map(|v| v * v).sum::<f32>() / state.len() as f32).sqrt();
                let scale = c.noise as f32 * rms;
                state.iter_mut().for_each(|v| *v += scale * rng.sample::<f32, _>(StandardNormal));
            }
        }
        let targets = (1..=c.unroll).map(|i| tensor(gather(c.push_forward + i))).collect();
        (tensor(first), targets)
    }

    /// The relative L2 error of the rollouts of a model without autodiff from the first samples of the validation
    /// trajectories, the mean over lead times.
    fn validate<M: Emulator>(&self, model: &M) -> f64 {
        let truth = self.dataset.part(&self.dataset.split.validation).to_owned();
        let prediction = rollout(model, &truth, self.device);
        let errors = by_lead_time(prediction.view(), truth.view());
        let lead = errors.slice_axis(Axis(1), (1..).into());
        lead.mean().unwrap_or(f64::INFINITY)
    }

    fn log(&self, place: &Place, split: &str, name: &str, value: f64) -> Result<(), Error> {
        self.run.log(&json!({
            "step": place.step, "split": split, "name": name, "value": value, "model": self.role, "epoch": place.epoch,
        }))
    }
}

/// The rollouts of a model from the first samples of `truth`, in its shape `[trajectory, time, channel, x]`.
pub(crate) fn rollout<M: Emulator>(model: &M, truth: &ArrayD<f64>, device: &Device) -> ArrayD<f64> {
    let shape = truth.shape().to_vec();
    let (n, times, channels, points) = (shape[0], shape[1], shape[2], shape[3]);
    let first: Vec<f32> = truth.index_axis(Axis(1), 0).iter().map(|v| *v as f32).collect();
    let start = Tensor::from_data(TensorData::new(first, [n, channels, points]), device);
    let mut out = Array::from_elem(shape, f64::NAN);
    out.index_axis_mut(Axis(1), 0).assign(&truth.index_axis(Axis(1), 0));
    for (i, state) in model.rollout(start, times - 1).into_iter().enumerate() {
        let values = state.into_data().convert::<f32>().try_to_vec::<f32>().unwrap_or_default();
        out.index_axis_mut(Axis(1), i + 1).iter_mut().zip(values).for_each(|(o, v)| *o = f64::from(v));
    }
    out
}

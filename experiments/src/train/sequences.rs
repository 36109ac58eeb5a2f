//! The training of a piecewise-linear network on time series, by forced runs along random windows.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use burn::module::Module;
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor, TensorData};
use flowmap_datasets::rng::stream;
use flowmap_models::plrnn::{ForcingConfig, Plrnn, PlrnnSystem, RegulariserConfig};
use ndarray::{Array2, Axis};
use rand::RngExt;
use rand_distr::StandardNormal;
use serde_json::json;

use super::average::Average;
use super::checkpoint::{Place, Store};
use super::{TrainConfig, Trained, optimiser, schedule};
use crate::commands::Progress;
use crate::error::Error;
use crate::run_dir::RunDir;

/// Batches of an epoch unless the configuration says otherwise.
pub(crate) const BATCHES: usize = 50;

/// The longest time that an interruption without warning may cost.
const SAVE_EVERY: Duration = Duration::from_secs(30);

/// Epochs whose losses are logged, at most.
const LOGGED: usize = 1000;

/// What a training on time series works with.
pub struct SequenceSession<'a> {
    /// The model's name in the run: a folder of checkpoints, a key in the log.
    pub role: &'a str,
    /// The training series, each `[time, channel]`, in the units of the model.
    pub series: &'a [Array2<f64>],
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
    /// The name of the score in the log.
    pub score_name: &'a str,
    /// By what the best weights are chosen: the lower the better, not finite if there is nothing to choose.
    pub score: &'a dyn Fn(&PlrnnSystem) -> f64,
}

impl SequenceSession<'_> {
    /// Trains `model`, made on an autodiff device.
    ///
    /// # Errors
    /// If no series is as long as a window or has other channels, the loss is no longer finite, the user interrupts (a
    /// checkpoint is written first), no score is finite, or a file cannot be written.
    pub fn train(&self, model: Plrnn) -> Result<Trained<Plrnn>, Error> {
        let c = self.config;
        let sampler = Sampler::new(self)?;
        let store = Store::open(self.run.join("checkpoints").join(self.role))?;
        let mut model = optimiser::numbered(model);
        let mut optimiser = c.optimiser.init();
        let none = Average::new(0.0, &model);
        let forcing = c.forcing.clone().unwrap_or_default();
        let mut place = Place::default();
        if self.resume {
            let (m, o, found) = store.load_last(model, optimiser)?;
            (model, optimiser) = (m, o);
            if let Some(found) = found {
                self.progress.say(&format!("{}: resumed at step {}", self.role, found.step));
                place = found;
            }
            self.run.trim_log(self.role, place.step)?;
        }
        // What a divergence leaves: the end of the last epoch, which is not written every time.
        let mut good = None;
        let mut alpha = place.forcing.map_or_else(|| forcing.initial(), f64::from_bits);
        let batches = c.batches.unwrap_or(BATCHES);
        let total = (batches * c.epochs) as u64;
        let bar = self.progress.bar(self.role, total, place.step);
        let before = place.seconds;
        let started = Instant::now();
        let mut saved = Instant::now();
        while place.epoch < c.epochs && !place.done {
            while place.batch < batches {
                if self.interrupted.load(Ordering::Relaxed) {
                    place.seconds = before + started.elapsed().as_secs_f64();
                    place.forcing = Some(alpha.to_bits());
                    store.save_last(&model, &optimiser, &none, &place)?;
                    return Err(Error::Interrupted);
                }
                let stepped = self.step(model, &mut optimiser, &sampler, &forcing, &mut alpha, &place);
                let Some((next, loss)) = stepped else {
                    if let Some((model, optimiser, place)) = &good {
                        store.save_last(model, optimiser, &none, place)?;
                    }
                    return Err(self.diverged(&place, alpha, &store));
                };
                model = next;
                place.loss_sum += loss;
                place.batch += 1;
                place.step += 1;
            }
            let mean = place.loss_sum / batches as f64;
            bar.at(place.step, &format!("loss {mean:.3e}"));
            place.epoch += 1;
            (place.batch, place.loss_sum) = (0, 0.0);
            let last = place.epoch == c.epochs;
            if place.epoch.is_multiple_of(c.epochs.div_ceil(LOGGED)) || last {
                self.log(&place, "train", "epoch_loss", mean)?;
                self.log(&place, "train", "alpha", alpha)?;
            }
            let judged = place.epoch.is_multiple_of(c.validate_every) || last;
            if judged {
                let score = (self.score)(&model.valid().to_system());
                self.log(&place, "validation", self.score_name, score)?;
                self.progress.epoch(self.role, place.epoch, c.epochs, mean, score, &bar);
                if score.is_finite() && place.best.is_none_or(|(best, _)| score < best) {
                    store.save_best(&model)?;
                    (place.best, place.stale) = (Some((score, place.step)), 0);
                } else {
                    place.stale += 1;
                }
                place.done = c.patience > 0 && place.stale >= c.patience;
            }
            place.done |= last;
            place.seconds = before + started.elapsed().as_secs_f64();
            place.forcing = Some(alpha.to_bits());
            if judged || saved.elapsed() > SAVE_EVERY {
                store.save_last(&model, &optimiser, &none, &place)?;
                saved = Instant::now();
                good = None;
            } else {
                good = Some((model.clone(), optimiser.clone(), place.clone()));
            }
        }
        bar.finish();
        let Some((validation, _)) = place.best else {
            return Err(Error::Numerical(format!(
                "{}: no run on the validation data stayed finite: train longer, or lower train.optimiser.*.rate",
                self.role
            )));
        };
        let model = store.load_best(model)?.valid();
        Ok(Trained { model, seconds: place.seconds, validation })
    }

    /// One step of the optimiser on one batch of windows; none if the loss is not finite.
    fn step(
        &self,
        model: Plrnn,
        optimiser: &mut ModuleOptimizer,
        sampler: &Sampler,
        forcing: &ForcingConfig,
        alpha: &mut f64,
        place: &Place,
    ) -> Option<(Plrnn, f64)> {
        let c = self.config;
        let device = self.device.clone().autodiff();
        let (input, target) = sampler.batch(place.step, &device);
        if let Some(adaptive) = forcing.due(place.step) {
            let still = model.valid();
            let states = still.states(input.clone().inner());
            *alpha = adaptive.next(*alpha, &still.to_map(), &states, c.batch);
        }
        let steps = forcing.sequence(*alpha, sampler.samples - 1);
        let none = RegulariserConfig::default();
        let loss = model.loss(input, target, &steps, c.regulariser.as_ref().unwrap_or(&none));
        let value = loss.clone().into_scalar::<f64>();
        if !value.is_finite() {
            return None;
        }
        let mut gradients = GradientsParams::from_grads(loss.backward(), &model);
        if c.clip > 0.0 {
            optimiser::clip(&model, &mut gradients, c.clip);
        }
        let total = (c.batches.unwrap_or(BATCHES) * c.epochs) as u64;
        let rate = c.optimiser.rate() * schedule::rate(c, place.step, total);
        Some((optimiser.step(rate, model, gradients), value))
    }

    fn diverged(&self, place: &Place, alpha: f64, store: &Store) -> Error {
        Error::Numerical(format!(
            "{}: the loss is no longer finite in epoch {}, batch {} (α = {alpha:.3}): lower train.optimiser.*.rate (now {}), force more \
             strongly (train.forcing), or shorten train.sequence; {}",
            self.role,
            place.epoch + 1,
            place.batch + 1,
            self.config.optimiser.rate(),
            store.kept(),
        ))
    }

    fn log(&self, place: &Place, split: &str, name: &str, value: f64) -> Result<(), Error> {
        self.run.log(&json!({
            "step": place.step, "split": split, "name": name, "value": value, "model": self.role, "epoch": place.epoch,
        }))
    }
}

/// Draws windows of the series.
struct Sampler {
    /// The series that are long enough.
    series: Vec<Vec<f32>>,
    /// The number of windows in each and those before.
    windows: Vec<usize>,
    channels: usize,
    samples: usize,
    batch: usize,
    /// The standard deviation of the noise on each channel.
    noise: Vec<f32>,
    seed: u64,
}

impl Sampler {
    fn new(session: &SequenceSession<'_>) -> Result<Self, Error> {
        let (series, c) = (session.series, session.config);
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
        let long: Vec<_> = series.iter().filter(|s| s.nrows() >= samples).collect();
        let mut windows = Vec::with_capacity(long.len());
        for s in &long {
            windows.push(windows.last().copied().unwrap_or(0) + s.nrows() - samples + 1);
        }
        let all: Vec<_> = long.iter().map(|s| s.view()).collect();
        let joined = ndarray::concatenate(Axis(0), &all).unwrap_or_default();
        let noise = joined.std_axis(Axis(0), 0.0).iter().map(|s| (s * c.noise) as f32).collect();
        let series = long.iter().map(|s| s.iter().map(|v| *v as f32).collect()).collect();
        Ok(Self { series, windows, channels, samples, batch: c.batch, noise, seed: session.seed })
    }

    /// The windows of a step, `[sample, batch, channel]`, with noise, and their samples after the first without.
    fn batch(&self, step: u64, device: &Device) -> (Tensor<3>, Tensor<3>) {
        let (n, samples, batch) = (self.channels, self.samples, self.batch);
        let mut rng = stream(self.seed, "sampler", step);
        let mut values = vec![0.0_f32; samples * batch * n];
        for b in 0..batch {
            let window = rng.random_range(0..self.windows.last().copied().unwrap_or(1));
            let which = self.windows.partition_point(|end| *end <= window);
            let first = window - which.checked_sub(1).map_or(0, |before| self.windows[before]);
            let source = self.series[which][first * n..].chunks_exact(n);
            for (to, from) in values.chunks_exact_mut(batch * n).zip(source) {
                to[b * n..][..n].copy_from_slice(from);
            }
        }
        let tensor = |values: Vec<f32>, count: usize| {
            Tensor::from_data(TensorData::new(values, [count, batch, n]), device)
        };
        let target = tensor(values[batch * n..].to_vec(), samples - 1);
        if self.noise.iter().any(|s| *s > 0.0) {
            let mut rng = stream(self.seed, "noise", step);
            for sample in values.chunks_exact_mut(n) {
                for (v, s) in sample.iter_mut().zip(&self.noise) {
                    *v += s * rng.sample::<f32, _>(StandardNormal);
                }
            }
        }
        (tensor(values, samples), target)
    }
}

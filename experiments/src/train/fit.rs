//! One training from its start, or its last checkpoint, to its end, whatever it is that learns.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::store::ModuleSnapshot;
use serde_json::{Value, json};

use super::average::Average;
use super::checkpoint::{Place, Store};
use super::{TrainConfig, optimiser, schedule};
use crate::commands::Progress;
use crate::error::Error;
use crate::evaluate::Job;
use crate::run_dir::RunDir;

/// The longest time that an interruption without warning may cost.
const SAVE_EVERY: Duration = Duration::from_secs(30);

/// Epochs, and steps, whose losses are logged, at most.
const LOGGED: usize = 1000;

/// What a training minimises. Everything random is a function of the seed and the step, so that a resumed training
/// goes on bit for bit.
pub trait Objective<M> {
    /// Steps of an epoch.
    fn steps(&self) -> usize;

    /// The loss of a step, and its gradients; none if the loss is not finite. The model lives on an autodiff device.
    ///
    /// # Errors
    /// If the step cannot be made for a reason other than its values.
    fn gradients(&mut self, model: &M, step: u64) -> Result<Option<(f64, GradientsParams)>, Error>;

    /// What is done to the weights after a step: a projection, a clipping.
    fn project(&self, model: M) -> M {
        model
    }

    /// The name of the score in the log.
    fn score_name(&self) -> &'static str;

    /// By what the best weights are chosen: the lower the better, not finite if there is nothing to choose. The model
    /// is without autodiff.
    fn score(&mut self, model: &M) -> f64;

    /// Further quantities that are logged with the loss of an epoch.
    fn logged(&self) -> Vec<(&'static str, f64)> {
        Vec::new()
    }

    /// What beside the step must be known to go on.
    fn memory(&self) -> Value {
        Value::Null
    }

    /// Takes up what [`memory`](Self::memory) gave.
    fn remember(&mut self, _memory: &Value) {}

    /// What may help where the loss is no longer finite.
    fn advice(&self) -> String {
        "lower train.optimiser.*.rate".into()
    }
}

/// A trained model.
pub struct Trained<M> {
    /// With the best weights, without autodiff.
    pub model: M,
    /// Seconds of training, interruptions left out.
    pub seconds: f64,
    /// The best validation score.
    pub validation: f64,
}

/// Where and how a training runs.
#[derive(Clone, Copy)]
pub struct Fit<'a> {
    /// The model's name in the run: a folder of checkpoints, a key in the log.
    pub role: &'a str,
    /// How it learns.
    pub config: &'a TrainConfig,
    /// Where it writes.
    pub run: &'a RunDir,
    /// Whether to go on from the last checkpoint.
    pub resume: bool,
    /// Set when the user interrupts.
    pub interrupted: &'a AtomicBool,
    /// What a person sees.
    pub progress: &'a Progress,
}

impl<'a> Fit<'a> {
    /// The training of the model `role` of an experiment.
    pub fn new(role: &'a str, config: &'a TrainConfig, job: &Job<'a>) -> Self {
        let Job { run, resume, interrupted, progress, .. } = *job;
        Self { role, config, run, resume, interrupted, progress }
    }

    /// Trains `model`, made on an autodiff device.
    ///
    /// # Errors
    /// If the loss is no longer finite, the user interrupts (a checkpoint is written first), no score is finite, or a
    /// file cannot be written.
    pub fn train<M: Module + ModuleSnapshot + Clone>(
        &self,
        model: M,
        objective: &mut impl Objective<M>,
    ) -> Result<Trained<M>, Error> {
        let c = self.config;
        let store = Store::open(self.run.join("checkpoints").join(self.role))?;
        let mut model = optimiser::numbered(model);
        let mut optimiser = c.optimiser.init();
        let mut average = Average::new(c.average, &model);
        let mut place = Place::default();
        if self.resume {
            let (m, o, found) = store.load_last(model, optimiser)?;
            (model, optimiser) = (m, o);
            if let Some(found) = found {
                self.progress.say(&format!("{}: resumed at step {}", self.role, found.step));
                objective.remember(&found.memory);
                store.load_average(&mut average)?;
                place = found;
            }
            self.run.trim_log(self.role, place.step)?;
        }
        let steps = objective.steps();
        let total = (steps * c.epochs) as u64;
        let bar = self.progress.bar(self.role, total, place.step);
        let before = place.seconds;
        let started = Instant::now();
        let mut saved = Instant::now();
        // What a divergence leaves: the end of the last epoch, which is not written every time.
        let mut good = None;
        // What a training starts from on purpose is a candidate too.
        if place.step == 0 && place.best.is_none() && c.start.is_some() {
            let candidate = model.valid();
            let score = objective.score(&candidate);
            self.log(&place, "validation", objective.score_name(), score)?;
            if score.is_finite() {
                store.save_best(&candidate)?;
                place.best = Some((score, 0));
            }
            // From here on the file is no longer needed.
            store.save_last(&model, &optimiser, &average, &place)?;
        }
        while place.epoch < c.epochs && !place.done {
            while place.batch < steps {
                if self.interrupted.load(Ordering::Relaxed) {
                    place.seconds = before + started.elapsed().as_secs_f64();
                    place.memory = objective.memory();
                    store.save_last(&model, &optimiser, &average, &place)?;
                    return Err(Error::Interrupted);
                }
                let found = objective.gradients(&model, place.step)?;
                let Some((loss, mut gradients)) = found.filter(|(loss, _)| loss.is_finite()) else {
                    if let Some((model, optimiser, average, place)) = &good {
                        store.save_last(model, optimiser, average, place)?;
                    }
                    return Err(self.diverged(&place, &objective.advice(), &store));
                };
                if c.clip > 0.0 {
                    optimiser::clip(&model, &mut gradients, c.clip);
                }
                let rate = c.optimiser.rate() * schedule::rate(c, place.step, total);
                model = objective.project(optimiser.step(rate, model, gradients));
                average.update(&model, place.step);
                place.loss_sum += loss;
                place.batch += 1;
                place.step += 1;
                bar.at(place.step, &format!("loss {loss:.3e}"));
                if place.step.is_multiple_of(total.div_ceil(LOGGED as u64).max(10)) {
                    self.log(&place, "train", "loss", loss)?;
                }
            }
            let mean = place.loss_sum / steps.max(1) as f64;
            place.epoch += 1;
            (place.batch, place.loss_sum) = (0, 0.0);
            let last = place.epoch == c.epochs;
            if place.epoch.is_multiple_of(c.epochs.div_ceil(LOGGED)) || last {
                self.log(&place, "train", "epoch_loss", mean)?;
                for (name, value) in objective.logged() {
                    self.log(&place, "train", name, value)?;
                }
            }
            let judged = place.epoch.is_multiple_of(c.validate_every) || last;
            if judged {
                let candidate = average.model().cloned().unwrap_or_else(|| model.valid());
                let score = objective.score(&candidate);
                self.log(&place, "validation", objective.score_name(), score)?;
                self.progress.epoch(self.role, place.epoch, c.epochs, mean, score, &bar);
                if score.is_finite() && place.best.is_none_or(|(best, _)| score < best) {
                    store.save_best(&candidate)?;
                    (place.best, place.stale) = (Some((score, place.step)), 0);
                } else {
                    place.stale += 1;
                }
                place.done = c.patience > 0 && place.stale >= c.patience;
            }
            place.done |= last;
            place.seconds = before + started.elapsed().as_secs_f64();
            place.memory = objective.memory();
            if judged || saved.elapsed() > SAVE_EVERY {
                store.save_last(&model, &optimiser, &average, &place)?;
                saved = Instant::now();
                good = None;
            } else {
                good = Some((model.clone(), optimiser.clone(), average.clone(), place.clone()));
            }
        }
        bar.finish();
        let Some((validation, _)) = place.best else {
            return Err(Error::Numerical(format!(
                "{}: no score on the validation data was finite: {}",
                self.role,
                objective.advice()
            )));
        };
        let model = store.load_best(model)?.valid();
        Ok(Trained { model, seconds: place.seconds, validation })
    }

    fn diverged(&self, place: &Place, advice: &str, store: &Store) -> Error {
        Error::Numerical(format!(
            "{}: the loss is no longer finite in epoch {}, step {} (rate {}): {advice}; {}",
            self.role,
            place.epoch + 1,
            place.step + 1,
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

//! A march through time with its checkpoints, its log and what it costs.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use flowmap_datasets::rng::stream;
use flowmap_models::gauss_newton::GaussNewtonError;
use flowmap_models::insr::{Effort, March};
use flowmap_solvers::solve::{Outcome, Snapshot};
use ndarray::Array2;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::error::Error;
use crate::evaluate::{Findings, Job};
use crate::run_dir::write_atomically;

/// The longest time that an interruption without warning may cost.
const SAVE_EVERY: Duration = Duration::from_secs(30);

const FORMAT_VERSION: &str = "1";

/// One sample of a march.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) t: f64,
    /// Seconds of fitting and marching so far, without comparisons.
    pub(super) seconds: f64,
    pub(super) error: f64,
    pub(super) effort: Effort,
}

/// A march, as far as it came.
#[derive(Clone, Debug, Default)]
pub(super) struct Marched {
    /// The weights at every wanted time from zero on.
    pub(super) weights: Vec<Vec<f64>>,
    pub(super) samples: Vec<Sample>,
    /// The root mean square at which the fit of the start ended, and the steps that it took.
    pub(super) start: (f64, u64),
    pub(super) failure: Option<String>,
}

/// Fits the start and marches through `times`, which begin with zero; `judge` gives the error of weights at a time, for the log
/// alone.
///
/// # Errors
/// If the run is interrupted (a checkpoint is written first), or a file cannot be written.
pub(super) fn march(
    job: &Job<'_>,
    march: &March,
    times: &[f64],
    start: impl Fn(&[f64], &mut [f64]),
    judge: impl Fn(f64, &[f64]) -> f64,
) -> Result<Marched, Error> {
    let store = Store::open(job)?;
    let (mut marched, mut snapshot) = (Marched::default(), None::<Snapshot>);
    if job.resume {
        if let Some(found) = store.load()? {
            (marched, snapshot) = found;
            job.progress.say(&format!("resumed at t = {}", marched.samples.last().map_or(0.0, |s| s.t)));
        }
        job.run.trim_log("model", marched.samples.len() as u64)?;
    }
    let mut clock = Instant::now();
    let mut before = marched.samples.last().map_or(0.0, |s| s.seconds);
    if marched.weights.is_empty() {
        let fitted = match march.fit(start, &mut stream(march.seed, "weights", 0)) {
            Ok(fitted) => fitted,
            Err(error) => {
                marched.failure = Some(format!("the start cannot be fitted: {error}"));
                return Ok(marched);
            }
        };
        marched.start = (fitted.rms, fitted.iterations);
        before += clock.elapsed().as_secs_f64();
        let error = judge(0.0, &fitted.theta);
        marched.samples.push(Sample { t: 0.0, seconds: before, error, effort: Effort::default() });
        job.progress.say(&format!(
            "start: {} steps, {before:.1} s, residual {:.2e}, error {error:.2e}",
            fitted.iterations, fitted.rms
        ));
        marched.weights.push(fitted.theta);
        clock = Instant::now();
    }
    let wanted = &times[1..];
    let total = wanted.len() as u64;
    let bar = job.progress.bar("march", total, (marched.weights.len() - 1) as u64);
    let first = marched.weights[0].clone();
    let mut saved = Instant::now();
    let mut failed: Option<Error> = None;
    let mut keep = marched.clone();
    let ended = march.run(&first, wanted, snapshot.as_ref(), |moment| {
        before += clock.elapsed().as_secs_f64();
        for (t, theta) in &moment.saved {
            let error = judge(*t, theta);
            keep.samples.push(Sample { t: *t, seconds: before, error, effort: moment.effort });
            keep.weights.push(theta.clone());
            let done = keep.weights.len() - 1;
            let line = |name: &str, value: f64| {
                json!({"step": done, "split": "train", "name": name, "value": value, "model": "model"})
            };
            let logged = job.run.log(&line("error", error)).and_then(|()| job.run.log(&line("seconds", before)));
            failed = failed.take().or(logged.err());
            bar.at(done as u64, &format!("error {error:.2e}"));
            if done.is_multiple_of(wanted.len().div_ceil(20)) {
                let effort = moment.effort;
                job.progress.say(&format!(
                    "t = {t:.3}, {before:.1} s, error {error:.2e}, {} regressions of {:.1} steps, residual up to {:.1e}",
                    effort.fits,
                    effort.iterations as f64 / effort.fits.max(1) as f64,
                    effort.worst
                ));
            }
        }
        let interrupted = job.interrupted.load(Ordering::Relaxed);
        if interrupted || saved.elapsed() > SAVE_EVERY {
            if let Some(snapshot) = (moment.snapshot)() {
                failed = failed.take().or(store.save(&keep, &snapshot).err());
            }
            saved = Instant::now();
        }
        clock = Instant::now();
        !interrupted && failed.is_none()
    });
    bar.finish();
    if let Some(error) = failed {
        return Err(error);
    }
    marched = keep;
    match ended {
        Err(error) => return Err(store.damaged(error.to_string())),
        Ok((Outcome::Reached, _)) => {}
        Ok((Outcome::Unfinished { .. }, _)) => return Err(Error::Interrupted),
        Ok((outcome, reason)) => {
            let last = marched.samples.last().map_or(0.0, |s| s.t);
            let reason = reason.unwrap_or_else(|| format!("{outcome:?}"));
            marched.failure = Some(format!("the march ended after t = {last}: {reason}"));
        }
    }
    Ok(marched)
}

/// Marches in `count` steps of `dt` that are no matter of the integrator core: `advance` is given the weights of all steps so far, the last of them last. All
/// are kept, so that a march goes on from its last step to the same bits. `start` gives the first weights and the root mean square of their fit.
///
/// # Errors
/// As [`march`].
pub(super) fn in_steps(
    job: &Job<'_>,
    (dt, count): (f64, usize),
    start: impl FnOnce() -> Result<(Vec<f64>, f64), GaussNewtonError>,
    mut advance: impl FnMut(&[Vec<f64>], &mut Effort) -> Result<Vec<f64>, GaussNewtonError>,
    judge: impl Fn(usize, &[f64]) -> f64,
) -> Result<Marched, Error> {
    let store = Store::open(job)?;
    let mut marched = Marched::default();
    if job.resume {
        if let Some((found, _)) = store.load::<()>()? {
            marched = found;
            job.progress.say(&format!("resumed at step {}", marched.weights.len() - 1));
        }
        job.run.trim_log("model", marched.samples.len() as u64)?;
    }
    if marched.weights.is_empty() {
        let clock = Instant::now();
        let (theta, rms) = match start() {
            Ok(found) => found,
            Err(error) => {
                marched.failure = Some(format!("the start cannot be fitted: {error}"));
                return Ok(marched);
            }
        };
        marched.start = (rms, 0);
        let (seconds, error) = (clock.elapsed().as_secs_f64(), judge(0, &theta));
        marched.samples.push(Sample { t: 0.0, seconds, error, effort: Effort::default() });
        marched.weights.push(theta);
    }
    let bar = job.progress.bar("march", count as u64, (marched.weights.len() - 1) as u64);
    let (mut seconds, mut saved) = (marched.samples.last().map_or(0.0, |s| s.seconds), Instant::now());
    let mut effort = marched.samples.last().map(|s| s.effort).unwrap_or_default();
    while marched.weights.len() <= count {
        let interrupted = job.interrupted.load(Ordering::Relaxed);
        if interrupted || saved.elapsed() > SAVE_EVERY {
            store.save(&marched, &())?;
            saved = Instant::now();
        }
        if interrupted {
            return Err(Error::Interrupted);
        }
        let (clock, step) = (Instant::now(), marched.weights.len());
        let t = step as f64 * dt;
        let theta = match advance(&marched.weights, &mut effort) {
            Ok(theta) => theta,
            Err(error) => {
                marched.failure = Some(format!("step {step}, t = {t:.4}: {error}"));
                break;
            }
        };
        seconds += clock.elapsed().as_secs_f64();
        let error = judge(step, &theta);
        marched.samples.push(Sample { t, seconds, error, effort });
        marched.weights.push(theta);
        job.run.log(
            &json!({"step": step, "split": "train", "name": "error", "value": error, "model": "model"}),
        )?;
        bar.at(step as u64, &format!("error {error:.2e}"));
        if step.is_multiple_of(count.div_ceil(20)) {
            let steps = effort.iterations as f64 / effort.fits.max(1) as f64;
            job.progress.say(&format!(
                "t = {t:.3}, {seconds:.1} s, error {error:.2e}, {} fits of {steps:.1} steps of the optimiser",
                effort.fits
            ));
        }
    }
    bar.finish();
    Ok(marched)
}

impl Marched {
    /// Every so many steps of a march alone.
    pub(super) fn every(mut self, parts: usize) -> Self {
        let keep = |i: &usize| i.is_multiple_of(parts);
        self.weights =
            self.weights.into_iter().enumerate().filter(|(i, _)| keep(i)).map(|(_, w)| w).collect();
        self.samples =
            self.samples.into_iter().enumerate().filter(|(i, _)| keep(i)).map(|(_, s)| s).collect();
        self
    }

    /// Time, seconds and error of every sample.
    pub(super) fn table(&self) -> Array2<f64> {
        Array2::from_shape_fn((self.samples.len(), 3), |(i, c)| {
            let s = &self.samples[i];
            [s.t, s.seconds, s.error][c]
        })
    }

    /// The metrics that all marches have.
    pub(super) fn measure(&self, parameters: usize, findings: &mut Findings) {
        let last = self.samples.last();
        let effort = last.map(|s| s.effort).unwrap_or_default();
        findings.metric("params", parameters as f64);
        findings.metric("train_s", last.map_or(f64::NAN, |s| s.seconds));
        findings.metric("start_rms", self.start.0);
        findings.metric("iterations", (self.start.1 + effort.iterations) as f64);
        if effort.fits > 0 {
            findings.metric("regressions", effort.fits as f64);
            findings.metric("residual_rms", effort.worst);
        }
        findings.failure.clone_from(&self.failure);
    }
}

/// The file of a march: written whole or not at all.
struct Store(PathBuf);

impl Store {
    fn open(job: &Job<'_>) -> Result<Self, Error> {
        let folder = job.run.join("checkpoints").join("model");
        std::fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
        Ok(Self(folder.join("last.safetensors")))
    }

    fn save(&self, marched: &Marched, snapshot: &impl Serialize) -> Result<(), Error> {
        let bytes = |values: &mut dyn Iterator<Item = f64>| -> Vec<u8> {
            values.flat_map(f64::to_le_bytes).collect()
        };
        let weights = bytes(&mut marched.weights.iter().flatten().copied());
        let samples = bytes(&mut marched.samples.iter().flat_map(|s| {
            [s.t, s.seconds, s.error, s.effort.fits as f64, s.effort.iterations as f64, s.effort.worst]
        }));
        let start = bytes(&mut [marched.start.0, marched.start.1 as f64].into_iter());
        let damaged = |e: safetensors::SafeTensorError| self.damaged(e.to_string());
        let parameters = marched.weights.first().map_or(0, Vec::len);
        let view = |data, shape| TensorView::new(Dtype::F64, shape, data).map_err(damaged);
        let views = [
            ("weights", view(&weights, vec![marched.weights.len(), parameters])?),
            ("samples", view(&samples, vec![marched.samples.len(), 6])?),
            ("start", view(&start, vec![2])?),
        ];
        let state = serde_json::to_string(snapshot).map_err(|e| self.damaged(e.to_string()))?;
        let metadata = HashMap::from([
            ("flowmap_format".to_owned(), FORMAT_VERSION.to_owned()),
            ("snapshot".to_owned(), state),
        ]);
        write_atomically(&self.0, &safetensors::serialize(views, Some(metadata)).map_err(damaged)?)
    }

    fn load<S: DeserializeOwned>(&self) -> Result<Option<(Marched, Option<S>)>, Error> {
        if !self.0.exists() {
            return Ok(None);
        }
        let bytes = std::fs::read(&self.0).map_err(Error::io(&self.0))?;
        let damaged = |e: safetensors::SafeTensorError| self.damaged(e.to_string());
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(damaged)?;
        let metadata = header.metadata().clone().unwrap_or_default();
        if metadata.get("flowmap_format").map(String::as_str) != Some(FORMAT_VERSION) {
            return Err(
                self.damaged(format!("not of format version {FORMAT_VERSION}, which this program reads"))
            );
        }
        let state = metadata.get("snapshot").ok_or_else(|| self.damaged("it has no snapshot".into()))?;
        let snapshot = serde_json::from_str(state).map_err(|e| self.damaged(e.to_string()))?;
        let file = SafeTensors::deserialize(&bytes).map_err(damaged)?;
        let read = |name: &str| -> Result<(Vec<f64>, usize), Error> {
            let tensor = file.tensor(name).map_err(damaged)?;
            let numbers =
                tensor.data().chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap_or_default()));
            Ok((numbers.collect(), tensor.shape().last().copied().unwrap_or(1)))
        };
        let (weights, parameters) = read("weights")?;
        let (samples, _) = read("samples")?;
        let (start, _) = read("start")?;
        let sample = |s: &[f64]| Sample {
            t: s[0],
            seconds: s[1],
            error: s[2],
            effort: Effort { fits: s[3] as u64, iterations: s[4] as u64, worst: s[5] },
        };
        let marched = Marched {
            weights: weights.chunks_exact(parameters.max(1)).map(<[f64]>::to_vec).collect(),
            samples: samples.chunks_exact(6).map(sample).collect(),
            start: (start[0], start[1] as u64),
            failure: None,
        };
        Ok(Some((marched, Some(snapshot))))
    }

    fn damaged(&self, message: String) -> Error {
        Error::Checkpoint { path: self.0.clone(), message }
    }
}

//! The training of a correction, by a recursion that is unrolled over frames some of which are seen.

use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use flowmap_datasets::dataset::Dataset;
use flowmap_datasets::rng::stream;
use flowmap_models::emulator::FieldSpec;
use flowmap_models::observer::{Observer, Seen};
use flowmap_solvers::issue::{Check, Validate};
use nalgebra::DMatrix;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::{BATCHES, Objective, TrainConfig};
use crate::error::Error;
use crate::evaluate::Forecast;

/// What is seen in the training of a correction, drawn anew for every batch so that one network serves all: `[train.events]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EventsConfig {
    /// The least share of the frames in which something is seen; a third of the batches sees every frame, the shares of the
    /// others are spread evenly in their logarithm.
    pub fraction: f64,
    /// The least and the most power of what is seen relative to its noise, in decibels.
    pub snr_db: [f64; 2],
    /// Distances of sensors, one drawn for a batch.
    pub every: Vec<usize>,
    /// Frames at the beginning that all are seen.
    pub warm_up: usize,
    /// The least and the most deviation of the start, relative to that between two states of the climate.
    pub start: [f64; 2],
}

impl Default for EventsConfig {
    fn default() -> Self {
        Self { fraction: 0.05, snr_db: [15.0, 25.0], every: vec![1], warm_up: 4, start: [0.01, 0.7] }
    }
}

impl Validate for EventsConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.require(
            self.fraction > 0.0 && self.fraction <= 1.0,
            "fraction",
            format!("{} is no share to learn from", self.fraction),
            "give more than 0 and at most 1",
        );
        let ordered = |[low, high]: [f64; 2]| low.is_finite() && high.is_finite() && low <= high;
        let hint = "give the lower one first";
        check.require(ordered(self.snr_db), "snr_db", "no range", hint);
        check.require(ordered(self.start) && self.start[0] > 0.0, "start", "no range above zero", hint);
        check.require(
            !self.every.is_empty() && !self.every.contains(&0),
            "every",
            "no distance of sensors",
            "give at least one, each at least 1",
        );
    }
}

/// What one batch sees.
struct Drawn {
    /// Whether a frame is seen, from the first after the start.
    observed: Vec<bool>,
    /// The entries seen, and the deviation of their noise.
    entries: Vec<usize>,
    deviation: f64,
    /// The deviation of the start.
    start: f64,
}

/// Share of the batches that sees every frame.
const ALL_SEEN: f64 = 1.0 / 3.0;

/// A state that is this far away, in deviations of the field, is lost.
const LOST: f64 = 30.0;

/// The logarithm of the error of the analysis relative to the truth, the mean over the frames that are seen.
///
/// Between frames the estimate moves without a gradient, by the solver or the trained network: the gain that makes the
/// error least right after every analysis is the best also for what follows if the motion is linear, as Kalman's is, and a
/// gradient through chaos says little. What is believed of the error is followed through all frames.
pub struct ObserverObjective<'a> {
    dataset: &'a Dataset,
    config: &'a TrainConfig,
    events: EventsConfig,
    spec: &'a FieldSpec,
    forecast: &'a mut dyn Forecast,
    seed: u64,
    device: &'a Device,
    windows: Vec<(usize, usize)>,
    validation: Vec<(usize, usize)>,
}

impl<'a> ObserverObjective<'a> {
    /// On the training trajectories of `dataset`, around `forecast`; `device` is without autodiff.
    pub(crate) fn new(
        dataset: &'a Dataset,
        config: &'a TrainConfig,
        spec: &'a FieldSpec,
        forecast: &'a mut dyn Forecast,
        seed: u64,
        device: &'a Device,
    ) -> Self {
        let events = config.events.clone().unwrap_or_default();
        let frames = 1 + events.warm_up + config.unroll;
        let windows = dataset.windows(&dataset.split.train, frames);
        let part = &dataset.split.validation;
        let validation = part.trajectories.clone().map(|t| (t, part.samples.start)).collect();
        Self { dataset, config, events, spec, forecast, seed, device, windows, validation }
    }

    fn draw(
        &self,
        rng: &mut ChaCha8Rng,
        fraction: Option<f64>,
        every: Option<usize>,
        frames: usize,
    ) -> Drawn {
        let e = &self.events;
        let uniform = |low: f64, high: f64, rng: &mut ChaCha8Rng| low + (high - low) * rng.random::<f64>();
        let drawn = if rng.random::<f64>() < ALL_SEEN { 1.0 } else { e.fraction.powf(rng.random()) };
        let fraction = fraction.unwrap_or(drawn);
        let spaced = e.every[rng.random_range(0..e.every.len())];
        let every = every.unwrap_or(spaced);
        let first = rng.random_range(0..every);
        let size: f64 = self.spec.std.iter().map(|s| s * s).sum::<f64>() / self.spec.channels as f64;
        let snr = uniform(e.snr_db[0], e.snr_db[1], rng);
        let start = uniform(e.start[0].ln(), e.start[1].ln(), rng).exp();
        Drawn {
            observed: (0..frames).map(|k| rng.random::<f64>() < fraction || k < e.warm_up).collect(),
            entries: (first..self.spec.channels * self.spec.points()).step_by(every).collect(),
            deviation: size.sqrt() * 10_f64.powf(-snr / 20.0),
            start,
        }
    }

    /// The sample `offset` after the beginnings of windows, `[state, window]`.
    fn states(&self, windows: &[(usize, usize)], offset: usize) -> DMatrix<f64> {
        let size = self.spec.channels * self.spec.points();
        let values = windows
            .iter()
            .flat_map(|(t, s)| self.dataset.window(*t, s + offset, 1).iter().copied().collect::<Vec<_>>());
        DMatrix::from_iterator(size, windows.len(), values)
    }

    /// The recursion; the mean squared errors relative to the truth, of the analyses.
    fn recursion<O: Observer>(
        &mut self,
        model: &O,
        windows: &[(usize, usize)],
        drawn: &Drawn,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Vec<Tensor<1>> {
        let (channels, points) = (self.spec.channels, self.spec.points());
        let shape = [windows.len(), channels, points];
        let tensor = |m: &DMatrix<f64>| {
            let values: Vec<f32> = m.iter().map(|v| *v as f32).collect();
            Tensor::<3>::from_data(TensorData::new(values, shape), device)
        };
        let truth = self.states(windows, 0);
        // Off towards another state of the climate, as errors of a chaotic motion are.
        let others: Vec<_> =
            windows.iter().map(|_| self.windows[rng.random_range(0..self.windows.len())]).collect();
        let mut z = &truth + (self.states(&others, 0) - &truth) * drawn.start;
        let mut belief = model.believe(drawn.start);
        let mask = Seen::mask(&drawn.entries, channels, points, device);
        let limit = LOST * self.spec.std.iter().copied().fold(0.0, f64::max);
        let mut errors = Vec::new();
        for (k, observed) in drawn.observed.iter().enumerate() {
            let dt = self.spec.dt;
            let truth = self.states(windows, k + 1);
            let moved = self.forecast.advance(&mut z, k as f64 * dt, (k + 1) as f64 * dt);
            // What is lost starts anew.
            for (mut column, truth) in z.column_iter_mut().zip(truth.column_iter()) {
                if moved.is_err() || column.iter().any(|v| !v.is_finite() || v.abs() > limit) {
                    column.copy_from(&truth);
                }
            }
            belief = model.elapse(belief);
            if !observed {
                continue;
            }
            let mut innovation = DMatrix::zeros(z.nrows(), z.ncols());
            for j in 0..z.ncols() {
                for i in &drawn.entries {
                    let noise = drawn.deviation * rng.sample::<f64, _>(StandardNormal);
                    innovation[(*i, j)] = truth[(*i, j)] + noise - z[(*i, j)];
                }
            }
            let seen =
                Seen { innovation: tensor(&innovation), mask: mask.clone(), deviation: drawn.deviation };
            let (added, after) = model.correct(tensor(&z), belief, &seen);
            belief = after;
            let size = truth.norm_squared() / truth.len() as f64;
            let off = tensor(&(&z - &truth)) + added.clone();
            errors.push(off.powi_scalar(2).mean() / size);
            let added = added.into_data().convert::<f32>().try_to_vec::<f32>().unwrap_or_default();
            z.iter_mut().zip(added).for_each(|(z, a)| *z += f64::from(a));
        }
        errors
    }
}

impl<O: Observer> Objective<O> for ObserverObjective<'_> {
    fn steps(&self) -> usize {
        self.config.batches.unwrap_or(BATCHES)
    }

    fn gradients(&mut self, model: &O, step: u64) -> Result<Option<(f64, GradientsParams)>, Error> {
        let mut rng = stream(self.seed, "events", step);
        let windows: Vec<_> =
            (0..self.config.batch).map(|_| self.windows[rng.random_range(0..self.windows.len())]).collect();
        let drawn = self.draw(&mut rng, None, None, self.events.warm_up + self.config.unroll);
        let device = self.device.clone().autodiff();
        let errors = self.recursion(model, &windows, &drawn, &mut rng, &device);
        let count = errors.len().max(1) as f64;
        let logs = errors.into_iter().map(|e| e.add_scalar(1e-9).log() * (0.5 / count));
        let Some(loss) = logs.reduce(|a, b| a + b) else { return Ok(None) };
        let value = loss.clone().into_scalar::<f64>();
        if !value.is_finite() {
            return Ok(None);
        }
        Ok(Some((value, GradientsParams::from_grads(loss.backward(), model))))
    }

    fn score_name(&self) -> &'static str {
        "analysis_rel_l2"
    }

    /// The geometric mean of the relative errors of the analyses on the validation trajectories, over shares and distances.
    fn score(&mut self, model: &O) -> f64 {
        let windows = self.validation.clone();
        let frames = (2 * (self.events.warm_up + self.config.unroll)).min(self.dataset.values.shape()[1] - 1);
        let device = self.device.clone();
        let (mut sum, mut count) = (0.0, 0.0);
        let mut distances = self.events.every.clone();
        distances.sort_unstable();
        distances.dedup();
        for every in distances {
            for fraction in [1.0, 0.3, 0.1] {
                let mut rng = stream(self.seed, "validation events", every as u64);
                let drawn = self.draw(&mut rng, Some(fraction), Some(every), frames);
                for error in self.recursion(model, &windows, &drawn, &mut rng, &device) {
                    sum += 0.5 * error.into_scalar::<f64>().ln();
                    count += 1.0;
                }
            }
        }
        let score = (sum / f64::max(count, 1.0)).exp();
        if score.is_nan() { f64::INFINITY } else { score }
    }
}

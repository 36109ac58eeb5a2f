//! One trial: a truth, its observations, and a filter that follows it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use flowmap_datasets::flow::Flow;
use flowmap_datasets::generate::{DataError, Recipe};
use flowmap_datasets::problem::Problem;
use flowmap_datasets::rng::stream;
use flowmap_solvers::assimilation::ensemble::{centred, spread};
use flowmap_solvers::assimilation::{Climatology, Filter, FilterConfig, FilterError};
use nalgebra::{DMatrix, DVector};
use rand::RngExt;
use rand_distr::StandardNormal;

use super::AssimilationConfig;
use super::events::{self, Event};
use super::forecast::Forecast;
use crate::error::Error;
use crate::metric::{VALID_THRESHOLD, crps};

/// Samples of the long run that the climate is measured on, at most.
const CLIMATE: usize = 10_000;

/// Cycles between two that the spread of the members is judged by.
const JUDGED: usize = 5;

/// Cycles of a forecast from an estimate, at most.
const LONGEST: usize = 1000;

/// Consecutive cycles in which an estimate that is no better than the climate has lost the truth.
const LOST: usize = 50;

/// What the trials of an experiment have in common.
pub(super) struct Twin<'a> {
    pub(super) recipe: Recipe<'a>,
    pub(super) problem: &'a Problem,
    pub(super) config: &'a AssimilationConfig,
    /// Where a filter asks for it.
    pub(super) climatology: Option<Climatology>,
    /// The standard deviation of a state from the climate's mean.
    pub(super) climate_deviation: f64,
    /// States of the climate, `[state, sample]`, for the noise of a scene by its power.
    samples: DMatrix<f64>,
    pub(super) interrupted: &'a AtomicBool,
}

/// One way to see the truths.
pub(super) struct Scene {
    /// The end of the names of its metrics.
    pub(super) suffix: String,
    pub(super) config: AssimilationConfig,
    /// The deviation of the noise.
    pub(super) deviation: f64,
}

/// A truth.
pub(super) struct Truth {
    pub(super) index: usize,
    /// About which truth and members start.
    centre: Vec<f64>,
    /// The times of the cycles, and the states then; none where the observations are a file's.
    times: Vec<f64>,
    pub(super) states: Vec<Vec<f64>>,
    /// Where forecasts from estimates are made: the states every `data.dt` after the last cycle.
    after: Vec<Vec<f64>>,
}

/// A truth and what is seen of it.
pub(super) struct Trial<'a> {
    pub(super) truth: &'a Truth,
    pub(super) events: Vec<Event>,
}

/// How a filter fared in a trial.
#[derive(Clone, Debug, Default)]
pub(super) struct Course {
    /// Root mean square errors after every cycle: of the forecast, of the estimate, and the spread of the members.
    pub(super) forecast: Vec<f64>,
    pub(super) estimate: Vec<f64>,
    pub(super) spread: Vec<f64>,
    /// The estimates, kept for the first trial.
    pub(super) states: Vec<Vec<f64>>,
    /// The root mean square of the innovations of the forecasts in units of their noise, of every observed cycle.
    pub(super) innovation: Vec<f64>,
    /// The mean score of the members as a distribution, and the ranks of the truth among them.
    pub(super) crps: Option<f64>,
    pub(super) ranks: Vec<u64>,
    /// How long forecasts from estimates are valid.
    pub(super) valid: Vec<f64>,
    /// Conserved quantities of the estimates, and their largest deviation from the truth's.
    pub(super) drift: Vec<(&'static str, f64)>,
    /// Seconds of all cycles.
    pub(super) seconds: f64,
    /// What ended it early, and in which cycle.
    pub(super) failure: Option<(usize, String)>,
    /// The cycle from which on it has lost the truth.
    pub(super) lost: Option<usize>,
}

fn rms(a: impl Iterator<Item = f64>) -> f64 {
    let (mut n, mut sum) = (0.0, 0.0);
    for v in a {
        n += 1.0;
        sum += v * v;
    }
    (sum / f64::max(n, 1.0)).sqrt()
}

impl<'a> Twin<'a> {
    /// With the climate of `samples`, `[state, sample]`, or else of a long run from a start of its own.
    pub(super) fn new(
        recipe: Recipe<'a>,
        problem: &'a Problem,
        config: &'a AssimilationConfig,
        samples: Option<DMatrix<f64>>,
        interrupted: &'a AtomicBool,
    ) -> Result<Self, Error> {
        let size: usize = problem.state_shape().iter().product();
        for (_, scene) in config.scenes() {
            let last = scene.operator.last_entry();
            if last >= size {
                let issue = flowmap_solvers::issue::Issue::new(
                    "assimilation.operator",
                    format!("entry {last} is observed of a state of {size} entries"),
                );
                let hint = format!("entries run from 0 to {}", size - 1);
                return Err(DataError::Config(issue.hint(hint)).into());
            }
        }
        let samples = match samples {
            Some(samples) => samples,
            None => long_run(&recipe, problem, config, interrupted)?,
        };
        let climate_deviation = rms(centred(&samples).1.iter().copied());
        let asked = config.filters.values().any(FilterConfig::needs_climate);
        let climatology = asked.then(|| Climatology::of(&samples));
        Ok(Self { recipe, problem, config, climatology, climate_deviation, samples, interrupted })
    }

    /// All ways to see the truths.
    pub(super) fn scenes(&self) -> Vec<Scene> {
        let scene = |(suffix, config): (String, AssimilationConfig)| {
            let deviation = config.deviation.unwrap_or_else(|| {
                let seen = config.operator.of_members(&self.samples);
                rms(seen.iter().copied()) * 10_f64.powf(-config.snr_db.unwrap_or(0.0) / 20.0)
            });
            Scene { suffix, config, deviation }
        };
        self.config.scenes().into_iter().map(scene).collect()
    }

    /// A method that moves single states.
    pub(super) fn flow(&self) -> Result<Flow, Error> {
        Ok(Flow::new(self.problem, self.recipe.solver).map_err(DataError::Config)?)
    }

    /// The start of a trial after its burn-in: one that no model was trained on.
    fn centre(&self, flow: &mut Flow, index: usize) -> Result<Vec<f64>, Error> {
        let data = self.recipe.data;
        let mut centre = self.recipe.start(self.problem, data.train + data.validation + index)?;
        if data.burn_in > 0.0 {
            let outcome = flow.advance(&mut centre, -data.burn_in, 0.0);
            if !outcome.is_success() {
                return Err(Error::Numerical(format!("trial {index}: the truth {outcome}")));
            }
        }
        Ok(centre)
    }

    /// The one trial whose observations are a file's.
    pub(super) fn untold(&self) -> Result<Truth, Error> {
        let centre = self.centre(&mut self.flow()?, 0)?;
        Ok(Truth { index: 0, centre, times: Vec::new(), states: Vec::new(), after: Vec::new() })
    }

    /// The truth of a trial.
    pub(super) fn truth(&self, index: usize) -> Result<Truth, Error> {
        let data = self.recipe.data;
        let mut flow = self.flow()?;
        let centre = self.centre(&mut flow, index)?;
        let mut rng = stream(self.recipe.seed, "truth", index as u64);
        let mut u: Vec<f64> = centre
            .iter()
            .map(|v| v + self.config.start_deviation * rng.sample::<f64, _>(StandardNormal))
            .collect();
        let cycles = self.config.cycles.unwrap_or(data.steps);
        let times = events::times(self.config, cycles, data.dt, self.recipe.seed, index);
        let (mut states, mut now) = (Vec::with_capacity(cycles), 0.0);
        for (k, time) in times.iter().enumerate() {
            let outcome = flow.advance(&mut u, now, *time);
            if !outcome.is_success() {
                return Err(Error::Numerical(format!("trial {index}, cycle {k}: the truth {outcome}")));
            }
            states.push(u.clone());
            now = *time;
        }
        let mut after = Vec::new();
        if self.config.forecasts > 0 {
            for k in 0..self.horizon(cycles) {
                let outcome = flow.advance(&mut u, now, now + data.dt);
                if !outcome.is_success() {
                    return Err(Error::Numerical(format!(
                        "trial {index}, {k} cycles after it: the truth {outcome}"
                    )));
                }
                after.push(u.clone());
                now += data.dt;
            }
        }
        Ok(Truth { index, centre, times, states, after })
    }

    /// Cycles of a forecast from an estimate, at most.
    fn horizon(&self, cycles: usize) -> usize {
        cycles.min(LONGEST)
    }

    /// What is seen of a truth in a scene.
    pub(super) fn trial<'t>(&self, truth: &'t Truth, scene: &Scene) -> Trial<'t> {
        let mut noise = stream(self.recipe.seed, "observations", truth.index as u64);
        let events = events::drawn(&scene.config, scene.deviation, &truth.times, &truth.states, &mut noise);
        Trial { truth, events }
    }

    /// Lets a filter follow a truth, moved by `forecast`.
    pub(super) fn follow(
        &self,
        name: &str,
        filter: &mut dyn Filter,
        forecast: &mut dyn Forecast,
        trial: &Trial<'_>,
    ) -> Result<Course, Error> {
        let truth = trial.truth;
        let size = truth.centre.len();
        let mut rng = stream(self.recipe.seed, &format!("filter {name}"), truth.index as u64);
        let members = filter.members();
        let mut ensemble = DMatrix::from_fn(size, members, |i, _| truth.centre[i]);
        if members > 1 {
            ensemble
                .iter_mut()
                .for_each(|v| *v += self.config.start_deviation * rng.sample::<f64, _>(StandardNormal));
        }
        filter.begin(&DVector::from_column_slice(&truth.centre));
        let mut course = Course { ranks: vec![0; members + 1], ..Course::default() };
        let climate = self.climate_deviation;
        let (mut scores, mut judged, mut worse) = (0.0, 0_u64, 0);
        let (mut clock, mut now) = (0.0, 0.0);
        let discard = self.config.discard;
        let averaged = trial.events.len().saturating_sub(discard);
        let forecasts = self.config.forecasts.min(averaged);
        let mut starts = (0..forecasts).map(|i| discard + i * averaged / forecasts).peekable();
        let mut begun = Vec::new();
        let mut invariants = self.problem.invariant_reader();
        for (k, event) in trial.events.iter().enumerate() {
            if self.interrupted.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            let started = Instant::now();
            let mut failure = forecast.advance(&mut ensemble, now, event.time).err();
            filter.elapse(event.time - now);
            now = event.time;
            let told = truth.states.get(k);
            let error = |estimate: &DVector<f64>| {
                told.map_or(f64::NAN, |truth| rms(estimate.iter().zip(truth).map(|(a, b)| a - b)))
            };
            let before = filter.estimate(&ensemble);
            let predicted = error(&before);
            if let (Some(sight), None) = (&event.seen, &failure) {
                let expected = sight.operator.apply(before.as_slice());
                let off = sight.values.iter().zip(expected).zip(&sight.deviation);
                course.innovation.push(rms(off.map(|((y, h), s)| (y - h) / s)));
                let result = filter.analyse(&mut ensemble, &sight.observation(), &mut rng);
                let spread = spread(&ensemble);
                let collapsed = members > 1 && spread < 1e-10 * climate;
                failure = match result {
                    Err(e) => Some(e.to_string()),
                    Ok(()) if collapsed => Some(FilterError::Collapsed { spread }.to_string()),
                    Ok(()) => None,
                };
            }
            clock += started.elapsed().as_secs_f64();
            if let Some(failure) = failure {
                course.failure = Some((k, failure));
                break;
            }
            let estimate = filter.estimate(&ensemble);
            let off = error(&estimate);
            course.forecast.push(predicted);
            course.estimate.push(off);
            course.spread.push(spread(&ensemble));
            if truth.index == 0 {
                course.states.push(estimate.as_slice().to_vec());
            }
            worse = if off > climate { worse + 1 } else { 0 };
            if worse == LOST && k >= self.config.discard {
                course.lost = course.lost.or(Some(k + 1 - LOST));
            }
            if starts.next_if_eq(&k).is_some() {
                begun.push((k, estimate.clone()));
            }
            if let Some(truth) = told.filter(|_| k >= discard && k % JUDGED == 0) {
                let (found, wanted) = (invariants(estimate.as_slice()), invariants(truth));
                widen(&mut course.drift, &found, &wanted);
            }
            if let Some(truth) = told.filter(|_| members > 1 && k >= self.config.discard && k % JUDGED == 0) {
                for (i, truth) in truth.iter().enumerate() {
                    let mut values: Vec<f64> = ensemble.row(i).iter().copied().collect();
                    values.sort_by(f64::total_cmp);
                    scores += crps(&values, *truth);
                    course.ranks[values.partition_point(|v| v < truth)] += 1;
                }
                judged += truth.len() as u64;
            }
        }
        course.crps = (judged > 0).then(|| scores / judged as f64);
        course.seconds = clock;
        course.valid = begun.into_iter().map(|(k, start)| self.valid(forecast, truth, k, &start)).collect();
        Ok(course)
    }

    /// How long a forecast from an estimate of cycle `k` keeps within the threshold, in units of the climate's deviation; for [`horizon`](Self::horizon)
    /// cycles at most.
    fn valid(&self, forecast: &mut dyn Forecast, truth: &Truth, k: usize, start: &DVector<f64>) -> f64 {
        let mut state = DMatrix::from_column_slice(start.len(), 1, start.as_slice());
        let (mut until, mut now) = (0.0, truth.times[k]);
        let cycles = truth.states.len();
        for j in k + 1..k + 1 + self.horizon(cycles) {
            let (time, wanted) = match j.checked_sub(cycles) {
                None => (truth.times[j], &truth.states[j]),
                Some(i) => match (truth.times.last(), truth.after.get(i)) {
                    (Some(last), Some(state)) => (last + (i + 1) as f64 * self.recipe.data.dt, state),
                    _ => break,
                },
            };
            if forecast.advance(&mut state, now, time).is_err() {
                break;
            }
            now = time;
            let error = rms(state.iter().zip(wanted).map(|(a, b)| a - b));
            if error.is_nan() || error > VALID_THRESHOLD * self.climate_deviation {
                break;
            }
            until = now - truth.times[k];
        }
        until
    }
}

/// Widens the largest deviations by those of one state.
fn widen(
    drift: &mut Vec<(&'static str, f64)>,
    found: &[(&'static str, f64)],
    wanted: &[(&'static str, f64)],
) {
    drift.resize(wanted.len(), ("", 0.0));
    for ((drift, (name, b)), (_, a)) in drift.iter_mut().zip(wanted).zip(found) {
        let off = (a - b).abs();
        *drift = (*name, if off.is_nan() { off } else { drift.1.max(off) });
    }
}

/// States of a long run, `[state, sample]`.
fn long_run(
    recipe: &Recipe<'_>,
    problem: &Problem,
    config: &AssimilationConfig,
    interrupted: &AtomicBool,
) -> Result<DMatrix<f64>, Error> {
    let size: usize = problem.state_shape().iter().product();
    let data = recipe.data;
    let mut flow = Flow::new(problem, recipe.solver).map_err(DataError::Config)?;
    let mut u = recipe.start(problem, data.trajectories())?;
    let mut rng = stream(recipe.seed, "climate", 0);
    u.iter_mut().for_each(|v| *v += config.start_deviation * rng.sample::<f64, _>(StandardNormal));
    // At rest a perturbation takes its time to grow.
    let samples = config.cycles.unwrap_or(data.steps).clamp(1000, CLIMATE);
    let transient = data.burn_in.max(0.1 * samples as f64 * data.dt);
    let fail = |outcome: flowmap_solvers::solve::Outcome| {
        Error::Numerical(format!("the long run that measures the climate {outcome}"))
    };
    let mut states = DMatrix::zeros(size, samples);
    let outcome = flow.advance(&mut u, 0.0, transient);
    if !outcome.is_success() {
        return Err(fail(outcome));
    }
    for k in 0..samples {
        if interrupted.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        let outcome = flow.advance(&mut u, k as f64 * data.dt, (k + 1) as f64 * data.dt);
        if !outcome.is_success() {
            return Err(fail(outcome));
        }
        states.column_mut(k).copy_from_slice(&u);
    }
    Ok(states)
}

//! One trial: a truth, its observations, and a filter that follows it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use flowmap_datasets::flow::Flow;
use flowmap_datasets::generate::{DataError, Recipe};
use flowmap_datasets::problem::Problem;
use flowmap_datasets::rng::stream;
use flowmap_solvers::assimilation::ensemble::spread;
use flowmap_solvers::assimilation::{Climatology, FilterConfig, FilterError, Observation};
use nalgebra::{DMatrix, DVector};
use rand::RngExt;
use rand_distr::StandardNormal;

use super::AssimilationConfig;
use crate::error::Error;
use crate::metric::crps;

/// Samples of the long run that the climate is measured on, at most.
const CLIMATE: usize = 10_000;

/// Cycles between two that the spread of the members is judged by.
const JUDGED: usize = 5;

/// Consecutive cycles in which an estimate that is no better than the climate has lost the truth.
const LOST: usize = 50;

/// What the trials of an experiment have in common.
pub(super) struct Twin<'a> {
    pub(super) recipe: Recipe<'a>,
    pub(super) problem: &'a Problem,
    pub(super) config: &'a AssimilationConfig,
    pub(super) climatology: Climatology,
    /// The deviation of every observed value.
    pub(super) deviation: Vec<f64>,
    pub(super) interrupted: &'a AtomicBool,
}

/// A truth and what is seen of it.
pub(super) struct Trial {
    pub(super) index: usize,
    /// About which truth and members start.
    centre: Vec<f64>,
    /// The states after every cycle.
    pub(super) truth: Vec<Vec<f64>>,
    /// What is seen after every cycle, if something is.
    pub(super) seen: Vec<Option<Vec<f64>>>,
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
    /// The mean score of the members as a distribution, and the ranks of the truth among them.
    pub(super) crps: Option<f64>,
    pub(super) ranks: Vec<u64>,
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
    /// Measures the climate by a long run from a start of its own.
    pub(super) fn new(
        recipe: Recipe<'a>,
        problem: &'a Problem,
        config: &'a AssimilationConfig,
        interrupted: &'a AtomicBool,
    ) -> Result<Self, Error> {
        let size: usize = problem.state_shape().iter().product();
        let last = config.operator.last_entry();
        if last >= size {
            let issue = flowmap_solvers::issue::Issue::new(
                "assimilation.operator",
                format!("entry {last} is observed of a state of {size} entries"),
            );
            return Err(DataError::Config(issue.hint(format!("entries run from 0 to {}", size - 1))).into());
        }
        let data = recipe.data;
        let mut flow = Flow::new(problem, recipe.solver).map_err(DataError::Config)?;
        let mut u = recipe.start(problem, data.test)?;
        let mut rng = stream(recipe.seed, "climate", 0);
        u.iter_mut().for_each(|v| *v += config.start_deviation * rng.sample::<f64, _>(StandardNormal));
        // At rest a perturbation takes its time to grow.
        let samples = data.steps.clamp(1000, CLIMATE);
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
        let climatology = Climatology::of(&states);
        let outputs = config.operator.outputs(size);
        let deviation = config.deviation.unwrap_or_else(|| {
            let seen = config.operator.of_members(&states);
            rms(seen.iter().copied()) * 10_f64.powf(-config.snr_db.unwrap_or(0.0) / 20.0)
        });
        Ok(Self { recipe, problem, config, climatology, deviation: vec![deviation; outputs], interrupted })
    }

    /// The truth of a trial, and its observations.
    pub(super) fn trial(&self, index: usize) -> Result<Trial, Error> {
        let data = self.recipe.data;
        let mut flow = Flow::new(self.problem, self.recipe.solver).map_err(DataError::Config)?;
        let mut centre = self.recipe.start(self.problem, index)?;
        if data.burn_in > 0.0 {
            let outcome = flow.advance(&mut centre, -data.burn_in, 0.0);
            if !outcome.is_success() {
                return Err(Error::Numerical(format!("trial {index}: the truth {outcome}")));
            }
        }
        let mut rng = stream(self.recipe.seed, "truth", index as u64);
        let mut noise = stream(self.recipe.seed, "observations", index as u64);
        let mut u: Vec<f64> = centre
            .iter()
            .map(|v| v + self.config.start_deviation * rng.sample::<f64, _>(StandardNormal))
            .collect();
        let (mut truth, mut seen) = (Vec::with_capacity(data.steps), Vec::with_capacity(data.steps));
        for k in 0..data.steps {
            let outcome = flow.advance(&mut u, k as f64 * data.dt, (k + 1) as f64 * data.dt);
            if !outcome.is_success() {
                return Err(Error::Numerical(format!("trial {index}, cycle {k}: the truth {outcome}")));
            }
            truth.push(u.clone());
            let observed = noise.random::<f64>() < self.config.fraction || k < self.config.warm_up;
            let values = self.config.operator.apply(&u);
            let values = values
                .iter()
                .zip(&self.deviation)
                .map(|(v, s)| v + s * noise.sample::<f64, _>(StandardNormal))
                .collect();
            seen.push(observed.then_some(values));
        }
        Ok(Trial { index, centre, truth, seen })
    }

    /// Lets a filter follow a truth.
    pub(super) fn follow(&self, name: &str, filter: &FilterConfig, trial: &Trial) -> Result<Course, Error> {
        let data = self.recipe.data;
        let mut rng = stream(self.recipe.seed, &format!("filter {name}"), trial.index as u64);
        let mut filter = filter.init(&self.climatology);
        let members = filter.members();
        let mut ensemble = DMatrix::from_fn(trial.centre.len(), members, |i, _| trial.centre[i]);
        if members > 1 {
            ensemble
                .iter_mut()
                .for_each(|v| *v += self.config.start_deviation * rng.sample::<f64, _>(StandardNormal));
        }
        let mut flow = Flow::new(self.problem, self.recipe.solver).map_err(DataError::Config)?;
        let mut course = Course { ranks: vec![0; members + 1], ..Course::default() };
        let climate = (self.climatology.covariance.trace() / trial.centre.len() as f64).sqrt();
        let (mut scores, mut judged, mut worse) = (0.0, 0_u64, 0);
        let mut clock = 0.0;
        for (k, (truth, seen)) in trial.truth.iter().zip(&trial.seen).enumerate() {
            if self.interrupted.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            let started = Instant::now();
            let (t0, t1) = (k as f64 * data.dt, (k + 1) as f64 * data.dt);
            let mut failure = None;
            for mut member in ensemble.column_iter_mut() {
                let outcome = flow.advance(member.as_mut_slice(), t0, t1);
                if !outcome.is_success() {
                    failure = Some(format!("a member of the forecast {outcome}"));
                }
            }
            let error = |estimate: &DVector<f64>| rms(estimate.iter().zip(truth).map(|(a, b)| a - b));
            let forecast = error(&filter.estimate(&ensemble));
            if let (Some(values), None) = (seen, &failure) {
                let observation =
                    Observation { operator: &self.config.operator, values, deviation: &self.deviation };
                let result = filter.analyse(&mut ensemble, &observation, &mut rng);
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
            course.forecast.push(forecast);
            course.estimate.push(off);
            course.spread.push(spread(&ensemble));
            if trial.index == 0 {
                course.states.push(estimate.as_slice().to_vec());
            }
            worse = if off > climate { worse + 1 } else { 0 };
            if worse == LOST && k >= self.config.discard {
                course.lost = course.lost.or(Some(k + 1 - LOST));
            }
            if members > 1 && k >= self.config.discard && k % JUDGED == 0 {
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
        Ok(course)
    }
}

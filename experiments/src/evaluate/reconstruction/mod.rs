//! A dynamical system reconstructed from time series: fitted, run freely, compared with what it learned from.

mod draw;
mod gradients;
mod judge;

use std::sync::atomic::Ordering;
use std::time::Instant;

use burn::module::Module;
use flowmap_datasets::dataset::Dataset;
use flowmap_datasets::generate::DataError;
use flowmap_datasets::problem::Problem;
use flowmap_datasets::problem::ode::OdeField;
use flowmap_datasets::rng::stream;
use flowmap_models::baseline::{Fitting, Samples};
use flowmap_models::config::ModelConfig;
use flowmap_models::plrnn::{PlrnnConfig, PlrnnSystem};
use flowmap_models::state_space::StateSpaceModel;
use flowmap_solvers::issue::Issue;
use flowmap_solvers::lyapunov::{LyapunovOptions, flow_exponents};
use flowmap_solvers::stepper::explicit_rk::RK4;
use ndarray::{Array1, Array2, ArrayView2, s};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;
use rayon::prelude::*;

use super::keep::{obtain, write_npz};
use super::{Findings, Job, seeded};
use crate::config::ExperimentConfig;
use crate::error::Error;
use crate::metric::{hellinger_distance, state_space_divergence};
use crate::train::{Fit, SequenceObjective, TrainConfig};
use gradients::Growth;
use judge::{Entry, Judge, free_run};

/// Samples of a validation series that a candidate is judged on, at most, and starts of its free runs.
const VALIDATION: usize = 50_000;
const STARTS: usize = 4;

/// Steps along which the exponent of equations without a published one is measured.
const EXPONENT_STEPS: f64 = 50_000.0;

/// A model and what its fit has cost.
struct Learned {
    model: Box<dyn StateSpaceModel>,
    /// The same as a piecewise-linear map, if it is one.
    piecewise: Option<PlrnnSystem>,
    parameters: usize,
    seconds: f64,
    notes: Vec<String>,
    /// How its gradients grow, if that was asked for.
    gradients: Vec<Growth>,
}

/// Fits the model and the baselines to the training series, runs them freely, measures, draws.
///
/// # Errors
/// If the data cannot be had, a fit fails or is interrupted, or a file cannot be written.
pub fn reconstruction(
    config: &ExperimentConfig,
    model: &ModelConfig,
    job: &Job<'_>,
) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let Some(data) = obtain(config, job, &mut findings)? else { return Ok(findings) };
    if config.data.observe.as_ref().is_some_and(|o| o.standardise) {
        let told = "Models see standardised channels: errors, equations and figures are in units of the standard deviations.";
        findings.notes.push(told.to_owned());
    }
    let task = Task { config, data: &data, job };
    let judge = Judge::new(config, &data, known_exponent(config))?;
    if config.evaluate.innovations {
        findings.notes.push(
            "With innovations: what a model does not foresee along the training series is drawn again, all channels of one time together, and added; a sample corrects the state by the gain with which the innovations are least.".to_owned(),
        );
    }
    if data.inputs() > 0 && config.evaluate.baselines.iter().any(|b| b.model().is_some()) {
        let (_, inputs) = data.channels.split_at(task.channels());
        findings
            .notes
            .push(format!("The model alone is given the inputs ({}); baselines are not.", inputs.join(", ")));
    }

    let learned = task.learn("model", model)?;
    findings.metric("params", learned.parameters as f64);
    findings.metric("train_s", learned.seconds);
    findings.notes.extend(learned.notes.iter().cloned());
    if !learned.gradients.is_empty() {
        gradients::report(&learned.gradients, job.run, &mut findings)?;
    }
    let mut entries = vec![judge.entry("model", model.name(), learned)];
    for baseline in &config.evaluate.baselines {
        let Some(candidate) = baseline.model() else { continue };
        match task.learn(baseline.name(), &candidate) {
            Ok(learned) => {
                let found = learned.notes.iter().map(|n| format!("{}: {n}", baseline.name()));
                findings.notes.extend(found);
                entries.push(judge.entry(baseline.name(), baseline.name(), learned));
            }
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            // A baseline that fails is no reason to lose the model.
            Err(error) => findings.notes.push(format!("{}: {error}", baseline.name())),
        }
    }
    judge.report(&entries, &mut findings);
    draw::figures(&judge, &entries, job.run, &mut findings)?;
    write(&judge, &entries, &data, job)?;
    Ok(findings)
}

/// The largest exponent of the system behind the data: published, or measured from its equations.
fn known_exponent(config: &ExperimentConfig) -> Option<(f64, &'static str)> {
    let problem = config.problem.as_ref()?.build().ok()?;
    if let Some(published) = problem.lyapunov_exponent() {
        return Some((published, "published"));
    }
    let Problem::Ode(ode) = problem else { return None };
    let dt = config.data.dt.min(0.05);
    let start = Array1::from(ode.initial());
    let options = LyapunovOptions {
        count: 1,
        transient: EXPONENT_STEPS / 10.0 * dt,
        duration: EXPONENT_STEPS * dt,
        interval: 10.0 * dt,
    };
    let spectrum = flow_exponents(OdeField::new(ode), &start, &RK4, dt, &options).ok()?;
    spectrum.exponents.first().map(|e| (*e, "measured"))
}

fn write(judge: &Judge<'_>, entries: &[Entry], data: &Dataset, job: &Job<'_>) -> Result<(), Error> {
    write_npz(job.run, |archive| {
        archive.add_array("truth", &judge.test)?;
        for entry in entries {
            archive.add_array(entry.role.as_str(), &entry.generated)?;
            if let Some(run) = &entry.stochastic {
                archive.add_array(format!("{}_innovations", entry.role), &run.generated)?;
            }
        }
        let times: Array1<f64> = (0..judge.test.nrows()).map(|i| i as f64 * judge.dt).collect();
        archive.add_array("times", &times)?;
        if let Some(scale) = data.card.observation.as_ref().and_then(|o| o.scale.as_ref()) {
            archive.add_array("mean", &Array1::from(scale.mean.clone()))?;
            archive.add_array("std", &Array1::from(scale.std.clone()))?;
        }
        Ok(())
    })
}

/// What is learned from, and where.
struct Task<'a> {
    config: &'a ExperimentConfig,
    data: &'a Dataset,
    job: &'a Job<'a>,
}

impl Task<'_> {
    fn learn(&self, role: &str, model: &ModelConfig) -> Result<Learned, Error> {
        match (model, &self.config.train) {
            (ModelConfig::Plrnn(plrnn), Some(train)) => self.train(role, plrnn, train),
            _ => self.fit(role, model),
        }
    }

    /// Trains a piecewise-linear network; the weights kept are those of the best free run on the validation series.
    fn train(&self, role: &str, plrnn: &PlrnnConfig, train: &TrainConfig) -> Result<Learned, Error> {
        let device = self.job.device;
        let (config, split) = (self.config, &self.data.split);
        let series: Vec<Array2<f64>> =
            self.data.series(&split.train).iter().map(ArrayView2::to_owned).collect();
        let mut validation = self.data.series(&split.validation);
        if validation.iter().all(|v| v.nrows() < 2) {
            validation = self.data.series(&split.train);
        }
        let (noise, channels) = (self.noise(), s![.., ..self.channels()]);
        // A map that leaves its attractor may do so late, and from some starts only: the worst of several counts.
        let score = |system: &PlrnnSystem| {
            let runs = validation.iter().flat_map(|truth| (0..STARTS).map(move |i| (truth, i)));
            let scores: Vec<f64> = runs
                .collect::<Vec<_>>()
                .into_par_iter()
                .map(|(truth, i)| {
                    let truth = truth.slice(s![..truth.nrows().min(VALIDATION), ..]);
                    let start = truth.slice(s![i * truth.nrows() / STARTS.., ..]);
                    // Inputs are known as far as the series goes: what is driven is compared with the stretch that it ran along.
                    let truth = if system.inputs() > 0 { start } else { truth };
                    let mut generated = free_run(system, start, truth.nrows());
                    let truth = truth.slice(channels);
                    // The validation series are noisy; a free run is not until it is observed in the same way.
                    let mut rng = stream(config.seed, "score", i as u64);
                    for mut x in generated.rows_mut() {
                        x.iter_mut()
                            .zip(&noise)
                            .for_each(|(x, s)| *x += s * rng.sample::<f64, _>(StandardNormal));
                    }
                    state_space_divergence(truth, generated.view(), config.seed)
                        + hellinger_distance(truth, generated.view())
                })
                .collect();
            scores.into_iter().fold(0.0, f64::max)
        };
        let judged: (&str, &dyn Fn(&PlrnnSystem) -> f64) = ("d_stsp_plus_d_hellinger", &score);
        let mut objective =
            SequenceObjective::new(&series, self.data.inputs(), train, config.seed, device, judged)?;
        let autodiff = device.clone().autodiff();
        let drawn = seeded(&autodiff, stream(config.seed, "weights", 0).next_u64(), || {
            plrnn.init(self.channels(), self.data.inputs(), &autodiff)
        });
        let observed: Vec<_> = series.iter().map(|s| s.slice(channels)).collect();
        let drawn = drawn.map_err(DataError::Config)?.with_principal_observation(&observed);
        let trained = Fit::new(role, train, self.job).train(drawn, &mut objective)?;
        let system = trained.model.to_system();
        let forcing = train.forcing.clone().unwrap_or_default();
        let gradients = match series.first().filter(|_| config.evaluate.gradients) {
            Some(series) => gradients::growth(&trained.model, series.view(), &forcing, device),
            None => Vec::new(),
        };
        Ok(Learned {
            gradients,
            parameters: trained.model.num_params(),
            model: Box::new(system.clone()),
            piecewise: Some(system),
            seconds: trained.seconds,
            notes: Vec::new(),
        })
    }

    /// The channels that are reconstructed; inputs come after them.
    fn channels(&self) -> usize {
        self.data.channels.len() - self.data.inputs()
    }

    /// The standard deviations of the noise on the channels of the training and validation series, as far as the
    /// experiment has added it.
    fn noise(&self) -> Vec<f64> {
        let Some(observation) = &self.data.card.observation else { return Vec::new() };
        let delays = observation.dimension.max(1);
        let of_channel = observation.noise_std.iter().flat_map(|s| std::iter::repeat_n(*s, delays));
        match &observation.scale {
            Some(scale) => of_channel.zip(&scale.std).map(|(noise, std)| noise / std).collect(),
            None => of_channel.collect(),
        }
    }

    /// Fits a model that needs no training of its own.
    fn fit(&self, role: &str, model: &ModelConfig) -> Result<Learned, Error> {
        let Job { device, interrupted, progress, .. } = *self.job;
        let (data, split, channels) = (self.data, &self.data.split, self.channels());
        let observed = |part| -> Vec<ArrayView2<'_, f64>> {
            data.series(part).into_iter().map(|s| s.slice_move(s![.., ..channels])).collect()
        };
        let Some(fit) = model.baseline() else {
            let issue = Issue::new(format!("model.{}", model.name()), "this model learns fields, not series");
            return Err(DataError::Config(issue).into());
        };
        let samples = Samples {
            train: observed(&split.train),
            validation: observed(&split.validation),
            dt: data.times.get(1).zip(data.times.first()).map_or(1.0, |(b, a)| b - a),
            channels: &data.channels[..channels],
        };
        let started = Instant::now();
        let mut rng = stream(self.config.seed, model.name(), 0);
        let bar = std::cell::OnceCell::new();
        let mut on_step = |step: usize, of: usize, loss: f64| {
            let bar = bar.get_or_init(|| progress.bar(role, of as u64, 0));
            bar.at(step as u64, &format!("loss {loss:.3e}"));
            !interrupted.load(Ordering::Relaxed)
        };
        let fitted = fit.fit(&samples, &mut Fitting { rng: &mut rng, device, on_step: &mut on_step });
        if let Some(bar) = bar.get() {
            bar.finish();
        }
        if interrupted.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        let fitted = fitted.map_err(|e| Error::Numerical(format!("{role}: {e}")))?;
        progress.say(&format!("{role}: fitted in {:.1} s", started.elapsed().as_secs_f64()));
        Ok(Learned {
            model: fitted.model,
            piecewise: None,
            parameters: fitted.parameters,
            seconds: started.elapsed().as_secs_f64(),
            notes: fitted.notes,
            gradients: Vec::new(),
        })
    }
}

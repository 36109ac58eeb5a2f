//! What is learned of an assimilation: the forecast, and the corrections around it.

use std::time::Instant;

use burn::module::Module;
use burn::store::ModuleSnapshot;
use flowmap_datasets::dataset::Dataset;
use flowmap_datasets::problem::Problem;
use flowmap_datasets::rng::stream;
use flowmap_models::emulator::FieldSpec;
use flowmap_models::observer::{
    Forecast as Inside, GainConfig, Observer, ObserverConfig, ObserverFilter, Variances,
};
use flowmap_models::semilinear_operator::SemilinearOperator;
use flowmap_solvers::assimilation::Filter;
use nalgebra::DMatrix;
use ndarray::Axis;
use num_complex::Complex64;
use rand::Rng;
use serde_json::json;

use super::forecast::{Forecast, NetworkForecast};
use super::twin::Twin;
use crate::config::ExperimentConfig;
use crate::error::Error;
use crate::evaluate::surrogate::{field_spec, fit};
use crate::evaluate::{Findings, Job, seeded};
use crate::metric::by_lead_time;
use crate::train::{Fit, ObserverObjective, TrainConfig, rollout};

/// A trained observer, as often as it is asked for, about a start with a relative deviation.
type Make = Box<dyn Fn(f64) -> Box<dyn Filter>>;

/// A trained correction.
pub(super) struct Learned {
    /// The name in metrics.
    pub(super) name: String,
    pub(super) method: &'static str,
    pub(super) inside: Inside,
    pub(super) make: Make,
}

/// All that was learned.
pub(super) struct Lessons {
    /// The learned forecast, where one is asked for.
    pub(super) network: Option<SemilinearOperator>,
    pub(super) spec: FieldSpec,
    pub(super) observers: Vec<Learned>,
}

/// The states of the training trajectories, `[state, sample]`.
pub(super) fn climate(data: &Dataset) -> DMatrix<f64> {
    let train = data.part(&data.split.train);
    let size: usize = train.shape()[2..].iter().product();
    let states = train.shape()[0] * train.shape()[1];
    DMatrix::from_iterator(size, states, train.iter().copied())
}

/// The variances of the modes of every channel over `states`, `[state, sample]`, in the order of the symbol; their mean over the
/// whole spectrum is the variance of a point.
fn spectrum(problem: &Problem, states: &DMatrix<f64>, spec: &FieldSpec) -> Vec<Vec<f64>> {
    let Problem::Pde(pde) = problem else { return Vec::new() };
    let (grid, points) = (pde.grid(), spec.points());
    let half = spec.shape.last().map_or(1, |n| n / 2 + 1);
    let twice = |i: usize| if i.is_multiple_of(half) || i % half == half - 1 { 1.0 } else { 2.0 };
    let mut transform = grid.transform();
    let mut u_hat = vec![Complex64::ZERO; grid.modes()];
    let of = |c: usize| {
        let mut power = vec![0.0; grid.modes()];
        let mut square = 0.0;
        for state in states.column_iter() {
            let values = &state.as_slice()[c * points..][..points];
            transform.forward(values, &mut u_hat);
            power.iter_mut().zip(&u_hat).for_each(|(p, u)| *p += u.norm_sqr());
            square += values.iter().map(|v| v * v).sum::<f64>();
        }
        // Parseval's identity fixes the scale.
        let total: f64 = power.iter().enumerate().map(|(i, p)| twice(i) * p).sum();
        let scale = square / (states.ncols().max(1) as f64 * total.max(f64::MIN_POSITIVE));
        power.into_iter().map(|p| p * scale).collect()
    };
    (0..spec.channels).map(of).collect()
}

/// States from which the errors of one forecast are measured.
const MEASURED: usize = 64;

/// The spectra of the climate, and of the errors of a forecast over one frame.
fn variances(problem: &Problem, data: &Dataset, spec: &FieldSpec, forecast: &mut dyn Forecast) -> Variances {
    let states = climate(data);
    let mut anomalies = states.clone();
    for (i, mut row) in anomalies.row_iter_mut().enumerate() {
        row.add_scalar_mut(-spec.mean[i / spec.points()]);
    }
    // The last sample of a trajectory has no next one.
    let samples = data.split.train.samples.len();
    let followed: Vec<usize> = (0..states.ncols()).filter(|i| (i + 1) % samples != 0).collect();
    let chosen: Vec<usize> =
        followed.iter().copied().step_by(followed.len().div_ceil(MEASURED).max(1)).collect();
    let next: Vec<usize> = chosen.iter().map(|i| i + 1).collect();
    let mut moved = states.select_columns(&chosen);
    let model_error = match forecast.advance(&mut moved, 0.0, spec.dt) {
        Ok(()) => spectrum(problem, &(moved - states.select_columns(&next)), spec),
        // A forecast that does not even last for a frame is trusted as little as the climate.
        Err(_) => spectrum(problem, &anomalies, spec),
    };
    Variances { climate: spectrum(problem, &anomalies, spec), model_error }
}

/// Trains the forecast and then, around it and around the solver, every correction.
pub(super) fn learn(
    config: &ExperimentConfig,
    observer: &ObserverConfig,
    twin: &Twin<'_>,
    data: &Dataset,
    job: &Job<'_>,
    findings: &mut Findings,
) -> Result<Lessons, Error> {
    let train = config.train.clone().unwrap_or_default();
    let spec = field_spec(twin.problem, data, config.data.dt, 1, observer.network.linear)?;
    let mut seconds = 0.0;
    let network = if observer.forecasts.contains(&Inside::Network) {
        let alone = train.forecast.as_deref().cloned().unwrap_or_default();
        let fit_of = Fit::new("forecast", &alone, job);
        let trained = fit(&fit_of, &observer.network, twin.problem, data, config, job.device)?;
        seconds += trained.seconds;
        judge(&trained.model, &spec, twin, data, job, findings)?;
        Some(trained.model)
    } else {
        None
    };
    let mut observers = Vec::new();
    for inside in &observer.forecasts {
        for (gain_name, gain) in &observer.gains {
            let (name, mut forecast): (String, Box<dyn Forecast + '_>) = match (inside, &network) {
                (Inside::Network, Some(model)) => {
                    let forecast = NetworkForecast { model, spec: &spec, device: job.device };
                    (gain_name.clone(), Box::new(forecast))
                }
                _ => (format!("{gain_name}_solver"), Box::new(twin.flow()?)),
            };
            let known = variances(twin.problem, data, &spec, &mut *forecast);
            let mut training = Training {
                config,
                train: &train,
                spec: &spec,
                data,
                job,
                forecast: &mut *forecast,
                seconds: 0.0,
            };
            let device = job.device.clone().autodiff();
            let make: Make = match gain {
                GainConfig::Diagonal(c) => training.run(&name, || c.init(&spec, &known, &device))?,
                GainConfig::Gated(c) => training.run(&name, || c.init(&spec, &known, &device))?,
                GainConfig::LearnedOperator(c) => training.run(&name, || c.init(&spec, &known, &device))?,
            };
            seconds += training.seconds;
            observers.push(Learned { name, method: gain.name(), inside: *inside, make });
        }
    }
    findings.metric("train_s", seconds);
    Ok(Lessons { network, spec, observers })
}

/// What the trainings of corrections share.
struct Training<'a> {
    config: &'a ExperimentConfig,
    train: &'a TrainConfig,
    spec: &'a FieldSpec,
    data: &'a Dataset,
    job: &'a Job<'a>,
    forecast: &'a mut dyn Forecast,
    seconds: f64,
}

impl Training<'_> {
    fn run<O>(&mut self, name: &str, draw: impl FnOnce() -> O) -> Result<Make, Error>
    where
        O: Observer + Module + ModuleSnapshot + Clone + 'static,
    {
        let tracked = self.job.device.clone().autodiff();
        let seed = self.config.seed;
        let drawn =
            seeded(&tracked, stream(seed, "weights of a gain", 0).next_u64(), || Ok::<_, Error>(draw()))?;
        let device = self.job.device;
        let mut objective =
            ObserverObjective::new(self.data, self.train, self.spec, &mut *self.forecast, seed, device);
        let trained = Fit::new(name, self.train, self.job).train(drawn, &mut objective)?;
        self.seconds += trained.seconds;
        let (spec, device) = (self.spec.clone(), device.clone());
        let model = trained.model;
        Ok(Box::new(move |deviation| {
            Box::new(ObserverFilter::new(model.clone(), spec.clone(), deviation, &device))
        }))
    }
}

/// How good and how fast the learned forecast is, beside the solver's.
fn judge(
    model: &SemilinearOperator,
    spec: &FieldSpec,
    twin: &Twin<'_>,
    data: &Dataset,
    job: &Job<'_>,
    findings: &mut Findings,
) -> Result<(), Error> {
    let truth = data.part(&data.split.test).to_owned();
    let prediction = rollout(model, &truth, job.device);
    let errors = by_lead_time(prediction.view(), truth.view());
    let at = |lead: usize| errors.column(lead.min(errors.ncols() - 1)).mean().unwrap_or(f64::NAN);
    findings.metric("params", model.num_params() as f64);
    findings.metric("one_step_rel_l2", at(1));
    findings.metric("rollout_rel_l2", at(10));
    let first = truth.index_axis(Axis(0), 0).index_axis(Axis(0), 0).to_owned();
    let mut state = DMatrix::from_iterator(first.len(), 1, first.iter().copied());
    let mut network = NetworkForecast { model, spec, device: job.device };
    let mut flow = twin.flow()?;
    let learned = time(&mut network, &mut state.clone(), spec.dt);
    let solved = time(&mut flow, &mut state, spec.dt);
    findings.metric("learned_step_us", learned);
    findings.metric("solver_step_us", solved);
    findings.notes.push(format!(
        "One learned step takes {learned:.0} µs, the solver {solved:.0} µs over the same time of {}: {:.1} times as much.",
        spec.dt,
        learned / solved
    ));
    findings.tables.push(json!({
        "title": "The learned forecast",
        "columns": ["relative L2 error of one step", "of ten", "µs a step", "of the solver"],
        "rows": [[format!("{:.5}", at(1)), format!("{:.4}", at(10)), format!("{learned:.0}"), format!("{solved:.0}")]],
    }));
    Ok(())
}

/// Microseconds that a forecast over `dt` takes, the median of many.
fn time(forecast: &mut dyn Forecast, state: &mut DMatrix<f64>, dt: f64) -> f64 {
    let mut runs: Vec<f64> = (0..51)
        .map(|k| {
            let started = Instant::now();
            // Where a forecast ends early is found out elsewhere.
            let _ = forecast.advance(state, f64::from(k) * dt, f64::from(k + 1) * dt);
            started.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    runs.sort_by(f64::total_cmp);
    runs[runs.len() / 2]
}

//! The measures of a reconstructed system.

use flowmap_datasets::dataset::Dataset;
use flowmap_datasets::generate::DataError;
use flowmap_datasets::rng::stream;
use flowmap_models::innovations::Innovations;
use flowmap_models::plrnn::{CycleSearch, Cycles, PlrnnSystem};
use flowmap_models::state_space::{Map, StateSpaceModel, driven_rollout, observations};
use flowmap_solvers::issue::Issue;
use flowmap_solvers::lyapunov::{LyapunovOptions, LyapunovSpectrum, kaplan_yorke_dimension, map_exponents};
use flowmap_solvers::solve::Outcome;
use ndarray::{Array1, Array2, ArrayView2, s};
use serde_json::json;

use super::Learned;
use crate::config::ExperimentConfig;
use crate::evaluate::{Baseline, Findings};
use crate::metric::{
    VALID_THRESHOLD, correlation_dimension, even_starts, exponent_from_series, hellinger_distance,
    prediction_errors, state_space_divergence, valid_prediction_time,
};

/// Lead times of prediction errors, in samples.
const LEADS: [usize; 2] = [5, 20];
/// Starts of valid-prediction times.
const STARTS: usize = 50;
/// Steps along which exponents are measured: as many as this number of weights read, between the two limits. The exponent of
/// 500 units of Lorenz' time is known to 0.03 only.
const EXPONENT_WORK: f64 = 2e8;
const EXPONENT_STEPS: [f64; 2] = [50_000.0, 400_000.0];
/// Steps before.
const EXPONENT_TRANSIENT: f64 = 2_000.0;
/// The largest state of which all exponents are measured; of a larger one only the largest.
const WHOLE_SPECTRUM: usize = 32;
/// States of the free run that the search for cycles starts from.
const VISITED: usize = 20_000;

/// What models are judged on.
pub(super) struct Judge<'a> {
    config: &'a ExperimentConfig,
    /// The test series `[time, channel]`.
    pub(super) test: Array2<f64>,
    /// The same, followed by the inputs.
    series: Array2<f64>,
    /// The time between two samples.
    pub(super) dt: f64,
    pub(super) channels: &'a [String],
    /// The largest exponent of the system behind the data, per unit of time.
    pub(super) exponent: Option<f64>,
    /// Whether it is published or measured from the equations.
    pub(super) exponent_source: &'static str,
    /// The largest exponent that the test series alone tells, per unit of time.
    estimate: f64,
    /// The two halves of the test series compared: what a perfect model would score, about.
    floor: (f64, f64),
    /// The samples in which the series forgets itself.
    theiler: usize,
    /// The training series `[time, channel + input]`, along which innovations are measured.
    train: Vec<Array2<f64>>,
}

/// A model, run freely and measured.
pub(super) struct Entry {
    pub(super) role: String,
    pub(super) name: String,
    pub(super) cycles: Option<(PlrnnSystem, Cycles)>,
    /// `[time, channel]`, as long as the test series; not a number after a divergence.
    pub(super) generated: Array2<f64>,
    outcome: Outcome,
    d_stsp: f64,
    d_hellinger: f64,
    pub(super) errors: Vec<f64>,
    pub(super) spectrum: Result<LyapunovSpectrum, Outcome>,
    valid: f64,
    /// The correlation dimension of the free run.
    dimension: f64,
    parameters: usize,
    seconds: f64,
    /// With the innovations drawn again, if that was asked for and the model can be corrected.
    pub(super) stochastic: Option<Stochastic>,
}

/// A free run with innovations.
pub(super) struct Stochastic {
    pub(super) generated: Array2<f64>,
    gain: f64,
    d_stsp: f64,
    d_hellinger: f64,
}

/// The free run of `samples` that starts with the first samples of `series`, `[time, channel + input]`, and is driven by its
/// inputs; not a number after a divergence.
pub(super) fn free_run(
    model: &dyn StateSpaceModel,
    series: ArrayView2<'_, f64>,
    samples: usize,
) -> Array2<f64> {
    run(model, series, samples).0
}

fn run(
    model: &dyn StateSpaceModel,
    series: ArrayView2<'_, f64>,
    samples: usize,
) -> (Array2<f64>, Vec<Array1<f64>>, Outcome) {
    // A model with memory is given the samples that it needs; they count as generated.
    let series = seen(model, series);
    let given = model.memory().min(series.nrows().saturating_sub(1)).min(samples.saturating_sub(1));
    let states = model.filter(series.slice(s![..=given, ..]));
    let start: Vec<f64> = states.row(states.nrows() - 1).to_vec();
    let ahead = series.slice(s![given + 1.., ..]);
    let solution = driven_rollout(model, &start, ahead, samples - 1 - given);
    let mut generated = Array2::from_elem((samples, model.channels()), f64::NAN);
    generated.slice_mut(s![..given, ..]).assign(&series.slice(s![..given, ..model.channels()]));
    let seen = observations(model, &solution.ys);
    let end = (given + seen.nrows()).min(samples);
    generated.slice_mut(s![given..end, ..]).assign(&seen.slice(s![..end - given, ..]));
    (generated, solution.ys, solution.outcome)
}

/// Of a series `[time, channel + input]` what a model is shown.
fn seen<'a>(model: &dyn StateSpaceModel, series: ArrayView2<'a, f64>) -> ArrayView2<'a, f64> {
    series.slice_move(s![.., ..model.channels() + model.inputs()])
}

impl<'a> Judge<'a> {
    pub(super) fn new(
        config: &'a ExperimentConfig,
        data: &'a Dataset,
        exponent: Option<(f64, &'static str)>,
    ) -> Result<Self, DataError> {
        let channels = data.channels.len() - data.inputs();
        let series = data.series(&data.split.test).first().map(ArrayView2::to_owned);
        let longest = LEADS[LEADS.len() - 1];
        let series = series.filter(|t| t.nrows() > 2 * longest).ok_or_else(|| {
            let issue =
                Issue::new("data.steps", format!("the test series has no {} samples", 2 * longest + 1));
            DataError::Config(issue.hint("give a longer one"))
        })?;
        let test = series.slice(s![.., ..channels]).to_owned();
        let dt = data.times.get(1).zip(data.times.first()).map_or(1.0, |(b, a)| b - a);
        let half = test.nrows() / 2;
        let (a, b) = (test.slice(s![..half, ..]), test.slice(s![half..2 * half, ..]));
        let floor = (state_space_divergence(a, b, config.seed), hellinger_distance(a, b));
        let theiler = memory_of(test.view());
        let estimate = exponent_from_series(test.view(), theiler, 20 * theiler).exponent / dt;
        let (exponent, exponent_source) =
            exponent.map_or((None, ""), |(value, source)| (Some(value), source));
        Ok(Self {
            config,
            test,
            series,
            dt,
            channels: &data.channels[..channels],
            exponent,
            exponent_source,
            estimate,
            floor,
            theiler,
            train: data.series(&data.split.train).iter().map(ArrayView2::to_owned).collect(),
        })
    }

    /// The experiment's name.
    pub(super) fn name(&self) -> &str {
        &self.config.name
    }

    /// The mean squared error of persistence.
    pub(super) fn persistence(&self, lead: usize) -> f64 {
        let n = self.test.nrows() - lead;
        let (a, b) = (self.test.slice(s![..n, ..]), self.test.slice(s![lead.., ..]));
        (&a - &b).iter().map(|d| d * d).sum::<f64>() / a.len() as f64
    }

    /// The mean squared error of the mean.
    fn variance(&self) -> f64 {
        self.test.var_axis(ndarray::Axis(0), 0.0).mean().unwrap_or(f64::NAN)
    }

    /// A delay, in samples, at which a single channel shows its attractor.
    pub(super) fn delay(&self) -> usize {
        self.theiler.div_ceil(2)
    }

    /// Runs a model freely and measures it.
    pub(super) fn entry(&self, role: &str, name: &str, learned: Learned) -> Entry {
        let model = &*learned.model;
        let test = self.test.view();
        let series = seen(model, self.series.view());
        let (generated, states, outcome) = run(model, series, test.nrows());
        let errors = prediction_errors(model, series, LEADS[LEADS.len() - 1]);
        let count = if model.state_size() <= WHOLE_SPECTRUM { model.state_size() } else { 1 };
        let steps = EXPONENT_WORK / learned.parameters.max(1) as f64;
        let steps = steps.clamp(EXPONENT_STEPS[0], EXPONENT_STEPS[1]);
        // Of a driven model only as long as there are inputs.
        let known = test.nrows() as f64 - model.memory() as f64 - 8.0;
        let (transient, longest) = match model.inputs() {
            0 => (EXPONENT_TRANSIENT, 50.0 * test.nrows() as f64),
            _ => (EXPONENT_TRANSIENT.min(known / 4.0).floor(), (0.75 * known).floor()),
        };
        let options = LyapunovOptions { count, transient, duration: steps.min(longest), interval: 5.0 };
        let ahead = series.slice(s![model.memory() + 1.., ..]);
        let spectrum = match states.first() {
            Some(start) if outcome.is_success() => map_exponents(Map { model, ahead }, start, &options),
            _ => Err(outcome),
        };
        // Per unit of time instead of per step.
        let spectrum = spectrum.map(|mut s| {
            s.exponents.iter_mut().for_each(|e| *e /= self.dt);
            s
        });
        let unit = self.exponent.unwrap_or(self.estimate) * self.dt;
        let valid = if unit > 0.0 {
            let horizon = ((20.0 / unit) as usize).clamp(1, test.nrows() / 2);
            let starts = even_starts(test.nrows(), model.memory(), horizon, STARTS);
            valid_prediction_time(model, series, &starts, horizon, VALID_THRESHOLD, unit).mean
        } else {
            f64::NAN
        };
        // A driven map has no cycles of its own.
        let searched = self.config.evaluate.cycles > 0 && model.inputs() == 0;
        let cycles = learned.piecewise.filter(|_| searched).map(|system| {
            let search = CycleSearch {
                max_period: self.config.evaluate.cycles,
                seed: self.config.seed,
                ..CycleSearch::default()
            };
            let visited = &states[..states.len().min(VISITED)];
            let cycles = search.run(system.map(), visited);
            (system, cycles)
        });
        let stochastic = self.config.evaluate.innovations.then(|| self.stochastic(model, series)).flatten();
        Entry {
            stochastic,
            role: role.to_owned(),
            name: name.to_owned(),
            d_stsp: state_space_divergence(test, generated.view(), self.config.seed),
            d_hellinger: hellinger_distance(test, generated.view()),
            errors,
            spectrum,
            valid,
            dimension: correlation_dimension(generated.view(), self.theiler).dimension,
            cycles,
            generated,
            outcome,
            parameters: learned.parameters,
            seconds: learned.seconds,
        }
    }

    /// A run with innovations drawn again from those along the training series.
    fn stochastic(&self, model: &dyn StateSpaceModel, series: ArrayView2<'_, f64>) -> Option<Stochastic> {
        let train: Vec<_> = self.train.iter().map(|s| seen(model, s.view())).collect();
        let innovations = Innovations::measure(model, &train)?;
        let test = self.test.view();
        let mut rng = stream(self.config.seed, "innovations", 0);
        let generated = innovations.run(model, series, test.nrows(), &mut rng);
        Some(Stochastic {
            gain: innovations.gain,
            d_stsp: state_space_divergence(test, generated.view(), self.config.seed),
            d_hellinger: hellinger_distance(test, generated.view()),
            generated,
        })
    }

    /// Metrics, tables and sentences.
    pub(super) fn report(&self, entries: &[Entry], findings: &mut Findings) {
        for entry in entries {
            let name = |metric: &str| match entry.role.as_str() {
                "model" => metric.to_owned(),
                role => format!("baseline_{role}_{metric}"),
            };
            findings.metric(name("d_stsp"), entry.d_stsp);
            findings.metric(name("d_hellinger"), entry.d_hellinger);
            findings.metric(name("lyapunov_max"), entry.largest());
            if entry.role == "model" {
                findings.metric("truth_lyapunov_max", self.exponent.unwrap_or(f64::NAN));
            }
            for lead in LEADS {
                findings.metric(name(&format!("pe_{lead}")), entry.pe(lead));
            }
            findings.metric(name("valid_lyapunov_times"), entry.valid);
            if self.config.evaluate.innovations && entry.stochastic.is_none() {
                findings.notes.push(format!(
                    "{}: no run with innovations: samples cannot correct its state, or it does not stay finite along the training series.",
                    entry.name
                ));
            }
            if let Some(run) = &entry.stochastic {
                findings.metric(name("innovations_d_stsp"), run.d_stsp);
                findings.metric(name("innovations_d_hellinger"), run.d_hellinger);
                findings.metric(name("innovations_gain"), run.gain);
            }
            if entry.role == "model" {
                findings.metric("kaplan_yorke", entry.kaplan_yorke());
                findings.metric("correlation_dimension", entry.dimension);
                if let Some((_, cycles)) = &entry.cycles {
                    let fixed = cycles.cycles.iter().filter(|c| c.period() == 1).count();
                    findings.metric("fixed_points", fixed as f64);
                }
                if !entry.outcome.is_success() {
                    findings
                        .notes
                        .push(format!("The free run of the model: {} (in samples).", entry.outcome));
                } else if let Err(outcome) = entry.spectrum {
                    findings.notes.push(format!(
                        "The exponents of the model could not be measured: its longer free run {outcome} (in samples)."
                    ));
                }
            }
        }
        let truth_dimension = correlation_dimension(self.test.view(), self.theiler).dimension;
        findings.metric("truth_correlation_dimension", truth_dimension);
        findings.metric("series_lyapunov_max", self.estimate);
        findings.metric("floor_d_stsp", self.floor.0);
        findings.metric("floor_d_hellinger", self.floor.1);
        for baseline in &self.config.evaluate.baselines {
            for lead in LEADS {
                let error = match baseline {
                    Baseline::Persistence => self.persistence(lead),
                    Baseline::Mean => self.variance(),
                    _ => continue,
                };
                findings.metric(format!("baseline_{}_pe_{lead}", baseline.name()), error);
            }
        }
        let show = |v: f64| match v {
            v if !v.is_finite() => "–".to_owned(),
            v if v != 0.0 && v.abs() < 1e-3 => format!("{v:.2e}"),
            v => format!("{v:.4}"),
        };
        let mut rows = vec![json!([
            "test series, second half against first",
            show(self.floor.0),
            show(self.floor.1),
            "",
            "",
            show(self.exponent.unwrap_or(self.estimate)),
            "",
            show(truth_dimension),
            "",
            "",
        ])];
        rows.extend(entries.iter().flat_map(|e| {
            let innovations = e.stochastic.as_ref().map(|run| {
                let name = format!("{}, with innovations", e.name);
                json!([
                    name,
                    show(run.d_stsp),
                    show(run.d_hellinger),
                    "",
                    "",
                    "",
                    "",
                    "",
                    "",
                    format!("gain {:.1}", run.gain)
                ])
            });
            let alone = json!([
                e.name,
                show(e.d_stsp),
                show(e.d_hellinger),
                show(e.pe(LEADS[0])),
                show(e.pe(LEADS[1])),
                show(e.largest()),
                show(e.kaplan_yorke()),
                show(e.dimension),
                show(e.valid),
                format!("{} in {:.1} s", e.parameters, e.seconds),
            ]);
            std::iter::once(alone).chain(innovations)
        }));
        findings.tables.push(json!({
            "title": format!("Free runs of {} samples against the test series", self.test.nrows()),
            "columns": ["", "D_stsp", "D_H", format!("PE({})", LEADS[0]), format!("PE({})", LEADS[1]),
                "largest exponent", "Kaplan-Yorke", "correlation dimension", "valid Lyapunov times", "parameters"],
            "rows": rows,
        }));
        match self.exponent {
            Some(known) => findings.notes.push(format!(
                "The largest exponent of the system behind the data is {known:.4} per unit of time ({}).",
                self.exponent_source
            )),
            None => findings.notes.push(format!(
                "The largest exponent is not known; the test series alone says {:.4} per unit of time (noise biases it low).",
                self.estimate
            )),
        }
        for (system, cycles) in entries.iter().filter_map(|e| e.cycles.as_ref()) {
            findings.tables.push(cycle_table(system, cycles));
        }
    }
}

fn cycle_table(system: &PlrnnSystem, cycles: &Cycles) -> serde_json::Value {
    let rows: Vec<_> = cycles
        .cycles
        .iter()
        .map(|cycle| {
            let mut x = vec![0.0; system.channels()];
            system.observe(&cycle.points[0], &mut x);
            let point: Vec<_> = x.iter().take(8).map(|v| format!("{v:.3}")).collect();
            let moduli: Vec<_> =
                cycle.eigenvalues.iter().take(6).map(|e| format!("{:.4}", e.norm())).collect();
            json!([cycle.period(), point.join(", "), format!("{:?}", cycle.stability), moduli.join(", ")])
        })
        .collect();
    json!({
        "title": format!(
            "Cycles of the learned map up to period {} ({})",
            cycles.complete.len(),
            if cycles.complete.iter().all(|c| *c) { "all regions were searched" } else { "searched from the attractor and at random" }
        ),
        "columns": ["period", "first point, as observed", "stability", "moduli of eigenvalues"],
        "rows": rows,
    })
}

impl Entry {
    pub(super) fn largest(&self) -> f64 {
        self.spectrum.as_ref().ok().and_then(|s| s.exponents.first().copied()).unwrap_or(f64::NAN)
    }

    fn kaplan_yorke(&self) -> f64 {
        match &self.spectrum {
            Ok(s) if s.exponents.len() > 1 => kaplan_yorke_dimension(&s.exponents),
            _ => f64::NAN,
        }
    }

    fn pe(&self, lead: usize) -> f64 {
        self.errors.get(lead - 1).copied().unwrap_or(f64::NAN)
    }
}

/// The first sample at which the autocorrelation, the mean over the channels, has fallen below `1/e`.
fn memory_of(series: ArrayView2<'_, f64>) -> usize {
    let n = series.nrows();
    let mean = series.mean_axis(ndarray::Axis(0)).unwrap_or_default();
    let centred = &series - &mean;
    let variance = centred.iter().map(|v| v * v).sum::<f64>() / n as f64;
    let correlation = |lag: usize| {
        let (a, b) = (centred.slice(s![..n - lag, ..]), centred.slice(s![lag.., ..]));
        a.iter().zip(b.iter()).map(|(a, b)| a * b).sum::<f64>() / (n - lag) as f64
    };
    let limit = (n / 10).max(2);
    (1..limit).find(|lag| correlation(*lag) < variance / std::f64::consts::E).unwrap_or(limit)
}

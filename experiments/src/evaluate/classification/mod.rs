//! Classes of irregular series: told by a network and by baselines, whole and with samples lost.

mod draw;

use std::time::Instant;

use burn::module::Module;
use burn::store::ModuleSnapshot;
use burn::tensor::Device;
use flowmap_datasets::generate::DataError;
use flowmap_datasets::labelled::{self, LabelledData, LabelledSeries};
use flowmap_datasets::problem::Problem;
use flowmap_datasets::rng::stream;
use flowmap_models::classifier::{
    FittedClassifier, GatedClassifier, GatedClassifierConfig, LogSignatureClassifierConfig,
    NearestClassifierConfig, SeriesClassifier, SeriesSpec,
};
use flowmap_models::config::ModelConfig;
use flowmap_models::neural_de::neural_cde::NeuralCde;
use flowmap_solvers::issue::Issue;
use ndarray::Array1;
use rand::{Rng, RngExt};
use serde_json::json;

use super::keep::{build, write_npz};
use super::{Baseline, Findings, Job, seeded};
use crate::config::ExperimentConfig;
use crate::error::Error;
use crate::train::{Fit, LabelObjective, TrainConfig, Trained, accuracy, samples, thinned, unfit};

/// Shares of samples lost at which all are judged, beside that of the config.
const SHARES: [f64; 9] = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8];

/// A classifier that has learned.
enum Learned {
    Neural(Box<NeuralCde>),
    Gated(Box<GatedClassifier>),
    Fitted(Box<dyn FittedClassifier>),
}

/// One row of the comparison.
struct Entry {
    /// `model`, or the baseline's name.
    role: String,
    learned: Learned,
    parameters: usize,
    seconds: f64,
    /// At each share of samples lost.
    accuracies: Vec<f64>,
}

/// Trains, tells the classes of the test series at every share of samples lost, compares, draws.
///
/// # Errors
/// If training fails or is interrupted, or a file cannot be written.
pub fn classification(
    config: &ExperimentConfig,
    model: &ModelConfig,
    job: &Job<'_>,
) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let (Some(problem), Problem::Labelled(kind)) = (&config.problem, build(config)?) else {
        return Err(DataError::Config(Issue::new("problem", "these are no labelled series")).into());
    };
    let data = labelled::draw(problem, &*kind, &config.data, config.seed);
    job.run.write("data_card.json", &serde_json::to_vec_pretty(&data.card).unwrap_or_default())?;
    let [train, validation, test] = [&data.train, &data.validation, &data.test].map(ExactSizeIterator::len);
    job.progress
        .say(&format!("data: {train} labelled series to train, {validation} to validate, {test} to test"));
    let task = Task::new(config, &data, job)?;

    let mut entries = vec![task.learn("model", model)?];
    for baseline in &config.evaluate.baselines {
        entries.extend(task.baseline(*baseline)?);
    }
    task.judge(&mut entries)?;
    task.report(&entries, &mut findings);
    draw::figures(&task, &entries, &mut findings)?;
    task.write(&entries)?;
    Ok(findings)
}

/// What is learned from, and what judges.
struct Task<'a> {
    config: &'a ExperimentConfig,
    train: TrainConfig,
    data: &'a LabelledData,
    job: &'a Job<'a>,
    spec: SeriesSpec,
    /// Shares of samples lost, ascending from zero, that of the config among them.
    shares: Vec<f64>,
    /// The test series at each share.
    tests: Vec<Vec<LabelledSeries>>,
}

impl<'a> Task<'a> {
    fn new(config: &'a ExperimentConfig, data: &'a LabelledData, job: &'a Job<'a>) -> Result<Self, Error> {
        let mut shares = SHARES.to_vec();
        shares.push(config.data.dropped);
        shares.sort_by(f64::total_cmp);
        shares.dedup();
        let test = &data.series[data.test.clone()];
        let tests = shares.iter().map(|share| thinned(test, *share, config.seed, "test-dropped")).collect();
        let span = config.data.steps as f64 * config.data.dt;
        let spec = SeriesSpec { channels: data.channels.len(), classes: data.classes.len(), span };
        Ok(Self { config, train: config.train.clone().unwrap_or_default(), data, job, spec, shares, tests })
    }

    fn learn(&self, role: &str, model: &ModelConfig) -> Result<Entry, Error> {
        match model {
            ModelConfig::NeuralCde(c) => {
                let trained = self.trained(role, |device| c.init(&self.spec, device))?;
                Ok(entry(role, &trained, |m| Learned::Neural(Box::new(m))))
            }
            ModelConfig::GatedClassifier(c) => self.gated(role, c),
            other => {
                let issue = Issue::new(format!("model.{}", other.name()), "this model tells no classes");
                Err(DataError::Config(issue).into())
            }
        }
    }

    fn gated(&self, role: &str, config: &GatedClassifierConfig) -> Result<Entry, Error> {
        let trained = self.trained(role, |device| config.init(&self.spec, device))?;
        Ok(entry(role, &trained, |m| Learned::Gated(Box::new(m))))
    }

    /// Draws the weights from their own stream and trains.
    fn trained<M: SeriesClassifier + Module + ModuleSnapshot + Clone>(
        &self,
        role: &str,
        init: impl FnOnce(&Device) -> M,
    ) -> Result<Trained<M>, Error> {
        let tracked = self.job.device.clone().autodiff();
        let seed = stream(self.config.seed, "weights", 0).next_u64();
        let drawn = seeded(&tracked, seed, || Ok::<_, Error>(init(&tracked)))?;
        let random = (self.config.data.dropped, self.config.seed);
        let mut objective =
            LabelObjective::new(self.data, random, &self.train, (role, self.job.run), self.job.device);
        Fit::new(role, &self.train, self.job).train(drawn, &mut objective)
    }

    /// Trains or fits a baseline; none if it is not for labelled series.
    fn baseline(&self, baseline: Baseline) -> Result<Option<Entry>, Error> {
        let role = baseline.name();
        if baseline == Baseline::Gru {
            return self.gated(role, &GatedClassifierConfig::default()).map(Some);
        }
        let started = Instant::now();
        let (series, labels) = self.known()?;
        let learned: Box<dyn FittedClassifier> = match baseline {
            Baseline::NearestNeighbour => {
                Box::new(NearestClassifierConfig::default().fit(&series, &labels, &self.spec).map_err(unfit)?)
            }
            Baseline::LogSignature => Box::new(
                LogSignatureClassifierConfig::default().fit(&series, &labels, &self.spec).map_err(unfit)?,
            ),
            _ => return Ok(None),
        };
        let seconds = started.elapsed().as_secs_f64();
        let parameters = learned.parameters();
        let learned = Learned::Fitted(learned);
        Ok(Some(Entry { role: role.to_owned(), learned, parameters, seconds, accuracies: Vec::new() }))
    }

    /// What a baseline is fitted to: the training series whole, and once more after a random loss.
    fn known(&self) -> Result<(Vec<flowmap_solvers::control_path::Samples>, Vec<usize>), Error> {
        let mut series = self.data.series[self.data.train.clone()].to_vec();
        if self.config.data.dropped > 0.0 {
            let mut rng = stream(self.config.seed, "fit-dropped", 0);
            let lost: Vec<_> = series
                .iter()
                .map(|s| {
                    let share = self.config.data.dropped * rng.random::<f64>();
                    s.thinned(share, &mut rng)
                })
                .collect();
            series.extend(lost);
        }
        let labels = series.iter().map(|s| s.label).collect();
        Ok((samples(&series)?, labels))
    }

    fn judge(&self, entries: &mut [Entry]) -> Result<(), Error> {
        for test in &self.tests {
            for entry in entries.iter_mut() {
                let told = entry.learned.classify(test, self.job.device)?;
                entry.accuracies.push(accuracy(&told, test));
            }
        }
        Ok(())
    }

    /// The place of the config's share of lost samples.
    fn dropped(&self) -> Option<usize> {
        let share = self.config.data.dropped;
        self.shares.iter().position(|s| *s == share).filter(|_| share > 0.0)
    }

    fn report(&self, entries: &[Entry], findings: &mut Findings) {
        let dropped = self.dropped();
        let mut rows = Vec::new();
        for entry in entries {
            let prefix =
                if entry.role == "model" { String::new() } else { format!("baseline_{}_", entry.role) };
            findings.metric(format!("{prefix}accuracy"), entry.accuracies[0]);
            if let Some(at) = dropped {
                findings.metric(format!("{prefix}accuracy_dropped"), entry.accuracies[at]);
            }
            let lost = dropped.map(|at| entry.accuracies[at]);
            rows.push(json!([entry.role, entry.accuracies[0], lost, entry.parameters, entry.seconds]));
        }
        if let Some(model) = entries.first() {
            findings.metric("params", model.parameters as f64);
        }
        findings.metric("train_s", entries.iter().map(|e| e.seconds).sum());
        let share = 100.0 * self.config.data.dropped;
        findings.tables.push(json!({
            "title": "Accuracy on the test series",
            "columns": ["classifier", "whole", format!("{share:.0} % of the samples lost"), "parameters", "seconds"],
            "rows": rows,
        }));
        let count = self.data.test.len();
        findings.notes.push(format!(
            "Classes of {count} test series at random times; a score of 0.99 has a standard error of {:.4}. In training each \
             series loses a random share of its samples, up to {share:.0} %, anew at every step; the fitted baselines see \
             every series whole and once with such a loss.",
            (0.99_f64 * 0.01 / count as f64).sqrt()
        ));
    }

    fn write(&self, entries: &[Entry]) -> Result<(), Error> {
        let labels: Array1<u32> = self.tests[0].iter().map(|s| s.label as u32).collect();
        let mut told = Vec::new();
        for entry in entries {
            for (at, suffix) in [(Some(0), ""), (self.dropped(), "_dropped")] {
                let Some(at) = at else { continue };
                let classes = entry.learned.classify(&self.tests[at], self.job.device)?;
                let classes: Array1<u32> = classes.iter().map(|c| *c as u32).collect();
                told.push((format!("{}{suffix}", entry.role), classes));
            }
        }
        write_npz(self.job.run, |archive| {
            archive.add_array("label", &labels)?;
            for (name, classes) in &told {
                archive.add_array(name.as_str(), classes)?;
            }
            archive.add_array("share", &Array1::from(self.shares.clone()))?;
            for entry in entries {
                let accuracies = Array1::from(entry.accuracies.clone());
                archive.add_array(format!("accuracy_{}", entry.role), &accuracies)?;
            }
            Ok(())
        })
    }
}

fn entry<M: Module>(role: &str, trained: &Trained<M>, wrap: impl FnOnce(M) -> Learned) -> Entry {
    Entry {
        role: role.to_owned(),
        parameters: trained.model.num_params(),
        seconds: trained.seconds,
        learned: wrap(trained.model.clone()),
        accuracies: Vec::new(),
    }
}

impl Learned {
    fn classify(&self, series: &[LabelledSeries], device: &Device) -> Result<Vec<usize>, Error> {
        let series = samples(series)?;
        match self {
            Self::Neural(m) => m.classify(&series, device),
            Self::Gated(m) => m.classify(&series, device),
            Self::Fitted(m) => series.iter().map(|s| m.class(s)).collect(),
        }
        .map_err(unfit)
    }
}

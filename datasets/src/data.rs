//! What data an experiment wants: `[data]`.

use std::path::PathBuf;

use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use crate::initial::{Empty, InitialConfig};
use crate::observe::ObserveConfig;

/// Trajectories of a problem, sampled at a coarse step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// Trajectories to train on.
    #[serde(default)]
    pub train: usize,
    /// Trajectories that choose the best weights.
    #[serde(default)]
    pub validation: usize,
    /// Trajectories that judge.
    #[serde(default = "one")]
    pub test: usize,
    /// Time between two samples; zero takes what the problem advises, or a file says, or one.
    #[serde(default)]
    pub dt: f64,
    /// Samples of a trajectory after the first; zero takes all of a file.
    #[serde(default)]
    pub steps: usize,
    /// Samples after the first of the trajectories that train and validate; zero takes all.
    #[serde(default, skip_serializing_if = "is_none")]
    pub train_steps: usize,
    /// Samples that a model of fields is given to predict the next.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub history: usize,
    /// Time before the first sample, in which a trajectory settles.
    #[serde(default)]
    pub burn_in: f64,
    /// Where trajectories start.
    #[serde(default = "textbook")]
    pub initial: InitialConfig,
    /// Data from a file instead of the solver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileConfig>,
    /// The share of the samples of a labelled series that may be lost: training series lose a random share up to it, the
    /// series that judge none and all of it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dropped: f64,
    /// What a model is shown of the data; without it, all as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observe: Option<ObserveConfig>,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            train: 0,
            validation: 0,
            test: one(),
            dt: 0.0,
            steps: 0,
            train_steps: 0,
            history: 1,
            burn_in: 0.0,
            initial: textbook(),
            file: None,
            dropped: 0.0,
            observe: None,
        }
    }
}

fn is_zero(share: &f64) -> bool {
    *share == 0.0
}

fn is_none(count: &usize) -> bool {
    *count == 0
}

fn is_one(count: &usize) -> bool {
    *count == 1
}

fn one() -> usize {
    1
}

fn textbook() -> InitialConfig {
    InitialConfig::Textbook(Empty {})
}

/// A file with trajectories.
///
/// Its first trajectories train, the next validate, the last test, as many as `data` says; of a file or folder in parts the first of each. Without a
/// problem it may also be one long series: then its first stretch trains, the end of that stretch validates, and the rest tests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileConfig {
    /// An NPZ archive, an NPY array, a table of text, an HDF5 file in a layout of PDEArena, PDEBench or The Well, or a folder of such files; a relative
    /// path starts at the config's folder.
    pub path: PathBuf,
    /// Another file of the same kind that tests; all of the first then trains and validates. Beside a problem the two may differ in length,
    /// as `train_steps` and `steps` do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<PathBuf>,
    /// The share of a long series that trains and validates; 0.8 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_fraction: Option<f64>,
    /// The share of that stretch, at its end, that validates; 0.1 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_fraction: Option<f64>,
    /// The channels of the file that are the problem's, in its order; unless given, told by their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<String>,
    /// The most megabytes of fields that train to keep in memory; the rest is read when it is needed. Zero takes 1024.
    #[serde(default, skip_serializing_if = "is_none")]
    pub cache_mb: usize,
}

impl DataConfig {
    /// The number of trajectories.
    pub fn trajectories(&self) -> usize {
        self.train + self.validation + self.test
    }

    /// Checks that there are samples along time, as all data need but a cloud of points.
    pub fn check_times(&self, check: &mut Check<'_>) {
        if self.file.is_none() {
            check.positive("dt", self.dt);
            check.at_least("steps", self.steps, 1);
        }
    }

    /// The times of the samples, from zero.
    pub fn times(&self) -> Vec<f64> {
        (0..=self.steps).map(|i| i as f64 * self.dt).collect()
    }
}

impl Validate for DataConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.non_negative("dt", self.dt);
        check.within("steps", self.steps, 0, 10_000_000);
        check.require(
            self.train_steps == 0 || self.file.is_some() || self.train_steps <= self.steps,
            "train_steps",
            format!("{} steps to train on, and trajectories of {}", self.train_steps, self.steps),
            "give at most data.steps",
        );
        check.non_negative("burn_in", self.burn_in);
        check.within("history", self.history, 1, 64);
        check.within("dropped", self.dropped, 0.0, 0.95);
        check.within("test", self.test, 1, 1_000_000);
        check.within("train", self.train, 0, 1_000_000);
        check.within("validation", self.validation, 0, 1_000_000);
        self.initial.validate(check.table("initial"));
        if let Some(file) = &self.file {
            file.validate(check.table("file"));
        }
        if let Some(observe) = &self.observe {
            observe.validate(check.table("observe"));
        }
    }
}

impl Validate for FileConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.within("cache_mb", self.cache_mb, 0, 16_000_000);
        let hint = "it must be greater than 0 and less than 1";
        if let Some(share) = self.train_fraction {
            check.require(share > 0.0 && share < 1.0, "train_fraction", format!("{share} is no share"), hint);
            check.require(
                self.test.is_none(),
                "train_fraction",
                "all of the first file trains, since another one tests",
                "leave out data.file.train_fraction, or data.file.test",
            );
        }
        if let Some(share) = self.validation_fraction {
            check.require(
                share > 0.0 && share < 1.0,
                "validation_fraction",
                format!("{share} is no share"),
                hint,
            );
        }
    }
}

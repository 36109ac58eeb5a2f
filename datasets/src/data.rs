//! What data an experiment wants: `[data]`.

use std::path::PathBuf;

use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use crate::initial::{Empty, InitialConfig};

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
    /// Time between two samples.
    pub dt: f64,
    /// Samples of a trajectory after the first.
    pub steps: usize,
    /// Time before the first sample, in which a trajectory settles.
    #[serde(default)]
    pub burn_in: f64,
    /// Where trajectories start.
    #[serde(default = "textbook")]
    pub initial: InitialConfig,
    /// Data from a file instead of the solver: its first trajectories train, the next validate, the last test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileConfig>,
}

fn one() -> usize {
    1
}

fn textbook() -> InitialConfig {
    InitialConfig::Textbook(Empty {})
}

/// A file with trajectories.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileConfig {
    /// An NPZ archive, or an HDF5 file in PDEBench's layout; a relative path starts at the config's folder.
    pub path: PathBuf,
}

impl DataConfig {
    /// The number of trajectories.
    pub fn trajectories(&self) -> usize {
        self.train + self.validation + self.test
    }

    /// The times of the samples, from zero.
    pub fn times(&self) -> Vec<f64> {
        (0..=self.steps).map(|i| i as f64 * self.dt).collect()
    }
}

impl Validate for DataConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.positive("dt", self.dt);
        check.within("steps", self.steps, 1, 10_000_000);
        check.non_negative("burn_in", self.burn_in);
        check.within("test", self.test, 1, 1_000_000);
        check.within("train", self.train, 0, 1_000_000);
        check.within("validation", self.validation, 0, 1_000_000);
        self.initial.validate(check.table("initial"));
    }
}

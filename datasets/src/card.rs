//! What a data set is made of, and how exact it is.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dataset::Normalisation;

/// The version of the cached form; a change of the generators' meaning raises it.
pub const FORMAT_VERSION: u32 = 2;

/// The provenance of a data set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DataCard {
    /// The version of the cached form.
    pub format_version: u32,
    /// The equation.
    pub equation: String,
    /// The problem's configuration.
    pub problem: Value,
    /// The method's configuration.
    pub solver: Value,
    /// The data's configuration.
    pub data: Value,
    /// The seed.
    pub seed: u64,
    /// The hash of all of these, which names the data.
    pub hash: String,
    /// The measured error, if the data were solved for.
    pub reference: Option<ReferenceError>,
    /// The largest relative drift of each conserved quantity over the trajectories measured.
    pub drift: Vec<(String, f64)>,
    /// The share of the fields that the highest modes hold, of a nonlinear equation on a periodic grid: what the grid resolves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tail: Option<f64>,
    /// The file that the data come from, if they were not solved for.
    pub source: Option<String>,
    /// What was done to the data before a model sees them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observation: Option<Observation>,
    /// What a reader of scores on these data must know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// What was done to the data before a model sees them: noise, then a choice of channels, delays, a scale.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// The standard deviation of the noise on each channel observed.
    pub noise_std: Vec<f64>,
    /// Coordinates made of each channel observed: one, unless it is embedded.
    pub dimension: usize,
    /// Samples between two of them.
    pub delay: usize,
    /// The scale: `(u − mean) / std` is what the data hold.
    pub scale: Option<Normalisation>,
    /// How many channels, the last, are inputs.
    #[serde(default)]
    pub inputs: usize,
}

/// The difference to the same trajectories with half the step (or tolerances of a thirty-second).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReferenceError {
    /// Trajectories measured.
    pub trajectories: usize,
    /// The largest relative L2 difference at the last sample.
    pub last: f64,
    /// The largest relative L2 difference at any sample.
    pub largest: f64,
}

/// The share of highest modes from which on more points would change the data visibly.
const COARSE: f64 = 0.01;

impl DataCard {
    /// Whether the grid is too coarse for what is on it.
    pub fn unresolved(&self) -> bool {
        self.tail.is_some_and(|tail| tail > COARSE)
    }
}

/// The difference from which on two trajectories have lost each other.
const CHAOTIC: f64 = 0.3;

impl ReferenceError {
    /// Whether trajectories part from those of the finer solution, as chaotic ones must after many Lyapunov times.
    pub fn parted(&self) -> bool {
        self.last > CHAOTIC
    }
}

//! What a data set is made of, and how exact it is.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of the cached form; a change of the generators' meaning raises it.
pub const FORMAT_VERSION: u32 = 1;

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
    /// The file that the data come from, if they were not solved for.
    pub source: Option<String>,
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

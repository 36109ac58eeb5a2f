//! Training: windows of trajectories, unrolled losses, AdamW, checkpoints that resume bit for bit.

mod checkpoint;
mod optimiser;
mod schedule;
mod session;

pub use optimiser::OptimiserConfig;
pub(crate) use session::rollout;
pub use session::{Session, Trained};

use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

/// How a model learns: `[train]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Passes over all windows of the training trajectories.
    pub epochs: usize,
    /// Windows of a step.
    pub batch: usize,
    /// Steps of the model through which the loss is followed.
    pub unroll: usize,
    /// Steps of the model before them through which no gradient flows (J. Brandstetter et al., ICLR 2022).
    pub push_forward: usize,
    /// Standard deviation of the noise on inputs, relative to that of the data.
    pub noise: f64,
    /// The share of all steps in which the rate rises from zero.
    pub warm_up: f64,
    /// The rate at the end, relative to its highest; in between it falls as a cosine.
    pub final_rate: f64,
    /// The norm of all gradients together at which they are clipped; zero clips nothing.
    pub clip: f64,
    /// Epochs between two validations.
    pub validate_every: usize,
    /// Validations without an improvement after which training stops; zero never stops.
    pub patience: usize,
    /// The optimiser.
    pub optimiser: OptimiserConfig,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            epochs: 20,
            batch: 16,
            unroll: 1,
            push_forward: 0,
            noise: 0.0,
            warm_up: 0.05,
            final_rate: 0.01,
            clip: 1.0,
            validate_every: 1,
            patience: 0,
            optimiser: OptimiserConfig::default(),
        }
    }
}

impl Validate for TrainConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.within("epochs", self.epochs, 1, 1_000_000);
        check.within("batch", self.batch, 1, 65_536);
        check.within("unroll", self.unroll, 1, 1000);
        check.within("push_forward", self.push_forward, 0, 1000);
        check.non_negative("noise", self.noise);
        check.within("warm_up", self.warm_up, 0.0, 1.0);
        check.within("final_rate", self.final_rate, 0.0, 1.0);
        check.non_negative("clip", self.clip);
        check.at_least("validate_every", self.validate_every, 1);
        self.optimiser.validate(check.table("optimiser"));
    }
}

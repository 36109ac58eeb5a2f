//! Training: windows of trajectories, unrolled or forced losses, optimisers, checkpoints that resume bit for bit.

mod average;
mod checkpoint;
mod field_loss;
mod fields;
mod fit;
mod labels;
mod observers;
mod optimiser;
mod paths;
mod points;
mod radam;
mod schedule;
mod sequences;
mod start;
mod trajectories;
mod unroll;
mod windows;

pub use field_loss::FieldLoss;
pub use fields::FieldObjective;
pub(crate) use fields::rollout;
pub use fit::{Fit, Objective, Trained};
pub(crate) use labels::{LabelObjective, accuracy, samples, thinned, unfit};
pub use observers::{EventsConfig, ObserverObjective};
pub use optimiser::OptimiserConfig;
pub(crate) use optimiser::numbered;
pub(crate) use paths::{LatentSdeObjective, PathData, START as PATH_START, SdeGanObjective};
pub(crate) use points::{
    LikelihoodObjective, Pairs, Points, RectifiedObjective, Sampling, ScoreObjective, normal, signs,
};
pub use schedule::Schedule;
pub(crate) use sequences::BATCHES;
pub use sequences::SequenceObjective;
pub use start::StartConfig;
pub(crate) use start::{begun, keep_scale};
pub use trajectories::TrajectoryObjective;
pub(crate) use trajectories::mismatched;

use burn::module::Module;
use burn::optim::GradientsParams;
use flowmap_models::config::Learns;
use flowmap_models::plrnn::{ForcingConfig, RegulariserConfig};
use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

/// How a model learns: `[train]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Passes over all windows of the training trajectories; of a model of time series or points, `batches` random batches
    /// each.
    pub epochs: usize,
    /// Windows of a step.
    pub batch: usize,
    /// Steps of a model of fields through which the loss is followed; of a correction, frames after those at the beginning.
    pub unroll: usize,
    /// Frames that a network on a grid predicts at once (temporal bundling, J. Brandstetter et al., ICLR 2022).
    pub bundle: usize,
    /// Weights that a model of fields starts from. They are validated before the training, which may then have no epochs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<StartConfig>,
    /// Steps of a model of fields before them through which no gradient flows (J. Brandstetter et al., ICLR 2022).
    pub push_forward: usize,
    /// Steps of the unroll after which no gradient goes back; zero never cuts.
    pub cut: usize,
    /// Whether the tape of one step at a time is rebuilt on the way back: memory for time.
    pub checkpoint: bool,
    /// Whether a state is compared with the solver's step from the model's own state in place of the data (F. Koehler et al., NeurIPS 2024).
    pub diverted_chain: bool,
    /// What is minimised, of a model of fields.
    pub loss: FieldLoss,
    /// Samples of a window of a model of time series.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<usize>,
    /// Batches of an epoch of a model of time series or points; unless given, 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batches: Option<usize>,
    /// Standard deviation of the noise on inputs, relative to that of the data.
    pub noise: f64,
    /// The share of all steps in which the rate rises from zero.
    pub warm_up: f64,
    /// The rate at the end, relative to its highest.
    pub final_rate: f64,
    /// How the rate falls in between.
    pub schedule: Schedule,
    /// The norm of all gradients together at which they are clipped; zero clips nothing.
    pub clip: f64,
    /// The decay of the moving average of the weights that is validated and kept; zero averages nothing.
    pub average: f64,
    /// Epochs between two validations.
    pub validate_every: usize,
    /// Validations without an improvement after which training stops; zero never stops.
    pub patience: usize,
    /// The optimiser.
    pub optimiser: OptimiserConfig,
    /// How a model of time series is pulled towards the data; unless given, adaptively.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forcing: Option<ForcingConfig>,
    /// Penalties on the weights of a model of time series.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regulariser: Option<RegulariserConfig>,
    /// What a correction sees in its training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<EventsConfig>,
    /// How the forecast that a correction is learned around is learned itself, before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forecast: Option<Box<TrainConfig>>,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            epochs: 20,
            batch: 16,
            unroll: 1,
            bundle: 1,
            start: None,
            push_forward: 0,
            cut: 0,
            checkpoint: false,
            diverted_chain: false,
            loss: FieldLoss::default(),
            sequence: None,
            batches: None,
            noise: 0.0,
            warm_up: 0.05,
            final_rate: 0.01,
            schedule: Schedule::Cosine,
            clip: 1.0,
            average: 0.0,
            validate_every: 1,
            patience: 0,
            optimiser: OptimiserConfig::default(),
            forcing: None,
            regulariser: None,
            events: None,
            forecast: None,
        }
    }
}

impl Validate for TrainConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.within("epochs", self.epochs, usize::from(self.start.is_none()), 1_000_000);
        check.within("batch", self.batch, 1, 65_536);
        check.within("unroll", self.unroll, 1, 1000);
        if let Some(start) = &self.start {
            start.validate(check.table("start"));
        }
        check.within("bundle", self.bundle, 1, 64);
        check.require(
            self.bundle == 1 || self.unroll.is_multiple_of(self.bundle.max(1)),
            "bundle",
            format!("bundles of {} frames in an unroll of {}", self.bundle, self.unroll),
            "take as many in train.unroll, or a multiple",
        );
        check.require(
            self.bundle == 1 || self.cut.is_multiple_of(self.bundle.max(1)),
            "bundle",
            format!("bundles of {} frames, and a cut after every {}", self.bundle, self.cut),
            "cut after a bundle, or after several",
        );
        check.within("push_forward", self.push_forward, 0, 1000);
        check.require(
            self.cut < self.unroll || self.cut == 0,
            "cut",
            format!("a gradient cut after {} steps of an unroll of {}", self.cut, self.unroll),
            "lower it below train.unroll, or leave it out",
        );
        check.require(
            !self.checkpoint || self.unroll > 1,
            "checkpoint",
            "an unroll of one step has one tape anyway",
            "raise train.unroll, or leave it out",
        );
        check.non_negative("noise", self.noise);
        check.within("warm_up", self.warm_up, 0.0, 1.0);
        check.within("final_rate", self.final_rate, 0.0, 1.0);
        check.non_negative("clip", self.clip);
        check.require(
            (0.0..1.0).contains(&self.average),
            "average",
            format!("{} is no decay of an average", self.average),
            "give a number below 1, such as 0.999, or 0 for no average",
        );
        check.at_least("validate_every", self.validate_every, 1);
        self.optimiser.validate(check.table("optimiser"));
        if let Some(sequence) = self.sequence {
            check.within("sequence", sequence, 2, 1_000_000);
        }
        if let Some(batches) = self.batches {
            check.within("batches", batches, 1, 1_000_000);
        }
        if let Some(forcing) = &self.forcing {
            forcing.validate(check.table("forcing"));
        }
        if let Some(regulariser) = &self.regulariser {
            regulariser.validate(check.table("regulariser"));
        }
        if let Some(events) = &self.events {
            events.validate(check.table("events"));
        }
        if let Some(forecast) = &self.forecast {
            forecast.validate(check.table("forecast"));
            forecast.check_family(check.table("forecast"), Some(Learns::Fields));
        }
        check.require(
            self.schedule != Schedule::Exponential || self.final_rate > 0.0,
            "final_rate",
            "an exponential decay never reaches zero",
            "give a final_rate above 0, such as 1e-3",
        );
    }
}

/// The common norm of all gradients of a module.
pub(crate) fn gradient_norm<M: Module>(module: &M, gradients: &mut GradientsParams) -> f64 {
    optimiser::clip(module, gradients, 0.0)
}

impl TrainConfig {
    /// Samples after the first that a window of a model of fields needs.
    pub(crate) fn window(&self) -> usize {
        self.push_forward + if self.diverted_chain { 0 } else { self.unroll }
    }

    /// Checks that only those keys are there that a family of models knows.
    pub(crate) fn check_family(&self, mut check: Check<'_>, learns: Option<Learns>) {
        let is = |what| learns == Some(what);
        let (series, labels, points) =
            (is(Learns::Series), is(Learns::Labels), is(Learns::Points) || is(Learns::Paths));
        let (dynamics, corrections) = (is(Learns::Dynamics), is(Learns::Corrections));
        let elsewhere = series || labels || points || dynamics;
        let windows = series || dynamics;
        let foreign = [
            ("unroll", elsewhere && self.unroll != 1, "fields"),
            ("bundle", (elsewhere || corrections) && self.bundle != 1, "fields"),
            ("start", (elsewhere || corrections) && self.start.is_some(), "fields"),
            ("push_forward", (elsewhere || corrections) && self.push_forward != 0, "fields"),
            ("cut", (elsewhere || corrections) && self.cut != 0, "fields"),
            ("checkpoint", (elsewhere || corrections) && self.checkpoint, "fields"),
            ("diverted_chain", (elsewhere || corrections) && self.diverted_chain, "fields"),
            ("loss", (elsewhere || corrections) && self.loss != FieldLoss::default(), "fields"),
            ("events", !corrections && self.events.is_some(), "corrections"),
            ("forecast", !corrections && self.forecast.is_some(), "corrections"),
            ("sequence", !windows && self.sequence.is_some(), "time series or dynamics"),
            (
                "batches",
                !(windows || points || corrections) && self.batches.is_some(),
                "time series, dynamics, points, paths or corrections",
            ),
            ("forcing", !series && self.forcing.is_some(), "time series"),
            ("regulariser", !series && self.regulariser.is_some(), "time series"),
            (
                "noise",
                (labels || points || dynamics || corrections) && self.noise != 0.0,
                "fields or time series",
            ),
        ];
        for (key, given, of) in foreign {
            check.require(
                !given,
                key,
                format!("'{key}' is for models of {of}"),
                "leave it out, or take another model",
            );
        }
        check.require(
            !windows || self.sequence.is_some(),
            "sequence",
            "a model of time series or dynamics needs the length of its windows",
            "give train.sequence, such as 200",
        );
    }
}

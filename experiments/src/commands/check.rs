//! `experiment check`.

use std::path::PathBuf;

use flowmap_datasets::generate::Recipe;
use flowmap_datasets::problem::ProblemConfig;
use flowmap_models::config::{Learns, ModelConfig};

use super::print;
use crate::cli::OverrideArgs;
use crate::config::{ExperimentConfig, Loaded, load};
use crate::error::Error;
use crate::evaluate::StudyConfig;
use crate::run_dir::resolved;
use crate::train::{BATCHES, TrainConfig};

/// Validates configs and prints them as they would run.
///
/// # Errors
/// The problems of the first config that has any; those of the others are printed too.
pub fn check(configs: &[PathBuf], overrides: &OverrideArgs) -> Result<(), Error> {
    let mut first = None;
    for path in configs {
        match load(path, &overrides.into()) {
            Ok(loaded) => print(&describe(&loaded)),
            Err(errors) => {
                let error = Error::Config(errors);
                if first.is_none() {
                    first = Some(error);
                } else {
                    crate::cli::tell(&error);
                }
            }
        }
    }
    first.map_or(Ok(()), Err)
}

/// The resolved config and its cost.
pub(super) fn describe(loaded: &Loaded) -> String {
    let config = &loaded.config;
    let mut lines = vec![resolved(loaded)];
    match config.recipe() {
        Some(recipe) => lines.extend(cost(&recipe)),
        None if config.problem.as_ref().is_some_and(ProblemConfig::is_labelled) => {
            let (series, samples) = (config.data.trajectories(), config.data.steps + 1);
            lines.push(format!("# data: {series} labelled series of {samples} samples"));
        }

        None if config.problem.as_ref().is_some_and(ProblemConfig::is_density) => {
            lines.push(format!("# data: {} points", config.data.trajectories()));
        }
        None if config.problem.as_ref().is_some_and(ProblemConfig::is_boxed) => {
            let problem = config.problem.as_ref().and_then(|p| p.build().ok());
            lines.extend(problem.map(|p| format!("# equation: {}", p.equation())));
        }
        None => {
            lines.extend(config.data.file.iter().map(|f| format!("# data: series of {}", f.path.display())))
        }
    }
    if let Some(StudyConfig::Gradient(study)) = &config.study {
        lines.push(format!("# study: gradients of solves of up to {} steps", study.longest()));
    }
    if let Some(train) = &config.train {
        lines.push(match config.model.as_ref().map(ModelConfig::learns) {
            Some(Learns::Series | Learns::Dynamics) => sequences(train),
            Some(Learns::Labels) => labels(config, train),
            Some(Learns::Points | Learns::Paths) => points(train),
            Some(Learns::Corrections) => corrections(config, train),
            Some(Learns::Fields | Learns::Solution | Learns::Evolution) | None => windows(config, train),
        });
    }
    if !loaded.members.is_empty() {
        lines.push(format!("# sweep: {} members, each of this cost", loaded.members.len()));
    }
    lines.join("\n")
}

/// The training of a model of fields.
fn windows(config: &ExperimentConfig, train: &TrainConfig) -> String {
    let window = config.data.history + train.window();
    let steps = if config.data.train_steps > 0 { config.data.train_steps } else { config.data.steps };
    let windows = config.data.train * (steps + 2).saturating_sub(window);
    let batches = windows.div_ceil(train.batch.max(1)) * train.epochs;
    format!("# training: {windows} windows, {batches} steps of {} unrolled", train.unroll)
}

/// The trainings of a forecast and of the corrections around it.
fn corrections(config: &ExperimentConfig, train: &TrainConfig) -> String {
    let forecast = train.forecast.as_deref().map(|f| windows(config, f) + ", of the forecast\n");
    let frames = train.unroll + train.events.as_ref().map_or(0, |e| e.warm_up);
    let steps = train.epochs * train.batches.unwrap_or(BATCHES);
    format!(
        "{}# training: {steps} steps on {} windows each, unrolled over {frames} frames, of every correction",
        forecast.unwrap_or_default(),
        train.batch
    )
}

/// The training of a model of time series.
fn sequences(train: &TrainConfig) -> String {
    let batches = train.batches.unwrap_or(BATCHES);
    format!(
        "# training: {} epochs of {batches} batches, {} steps on {} windows each, unrolled over {} samples",
        train.epochs,
        train.epochs * batches,
        train.batch,
        train.sequence.unwrap_or(2) - 1
    )
}

/// The training of a classifier.
fn labels(config: &ExperimentConfig, train: &TrainConfig) -> String {
    let batches = config.data.train.div_ceil(train.batch.max(1)) * train.epochs;
    format!("# training: {batches} steps on {} series each", train.batch)
}

/// The training of a model of points or paths.
fn points(train: &TrainConfig) -> String {
    let batches = train.batches.unwrap_or(BATCHES);
    format!(
        "# training: {} epochs of {batches} batches, {} steps on {} points or paths each",
        train.epochs,
        train.epochs * batches,
        train.batch
    )
}

/// The equation, and the size of its data.
fn cost(recipe: &Recipe<'_>) -> [String; 2] {
    let (problem, data) = (recipe.problem.build(), recipe.data);
    let size = problem.as_ref().map_or(0, |p| p.state_shape().iter().product::<usize>());
    let trajectories = data.trajectories();
    let memory = (trajectories * (data.steps + 1) * size * 8) as f64 / 1e6;
    let horizon = data.steps as f64 * data.dt + data.burn_in;
    let steps = recipe.solver.dt().map(|dt| format!("{:.0} steps each", (horizon / dt).ceil()));
    [
        format!("# equation: {}", problem.as_ref().map_or("", |p| p.equation())),
        format!(
            "# data: {trajectories} trajectories to t = {horizon:.4}, {}, {memory:.1} MB",
            steps.unwrap_or_else(|| "adaptive steps".into())
        ),
    ]
}

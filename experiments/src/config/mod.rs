//! The configuration of an experiment: one file.

mod diagnostic;
mod load;

pub use diagnostic::{ConfigErrors, Problem};
pub use load::{Loaded, Overrides, load};

use flowmap_datasets::data::DataConfig;
use flowmap_datasets::generate::{DataError, Recipe};
use flowmap_datasets::problem::{self, ProblemConfig};
use flowmap_datasets::simulate::check_method;
use flowmap_models::config::{Learns, ModelConfig};
use flowmap_models::pinn::{Boundary, Frame};
use flowmap_solvers::config::SolverConfig;
use flowmap_solvers::issue::{Check, Issue, Validate};
use serde::{Deserialize, Serialize};

use crate::evaluate::{Baseline, EvaluateConfig, Family, equation};
use crate::train::TrainConfig;

/// An experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExperimentConfig {
    /// The name, which becomes a folder's.
    pub name: String,
    /// A sentence for the report.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The seed of every random stream.
    #[serde(default)]
    pub seed: u64,
    /// What is solved; absent if the data are plain series of a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<ProblemConfig>,
    /// How the truth is made; present with a problem.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solver: Option<SolverConfig>,
    /// Which trajectories are made.
    pub data: DataConfig,
    /// What learns them; without a model the experiment is a simulation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelConfig>,
    /// How it learns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train: Option<TrainConfig>,
    /// How it is judged.
    #[serde(default)]
    pub evaluate: EvaluateConfig,
    /// Dotted keys and lists of their values: one experiment for every combination.
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    pub sweep: toml::Table,
    /// Dotted keys and their values under `--quick`.
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    pub quick: toml::Table,
}

/// Tables that hold exactly one sub-table.
pub(crate) const CHOICES: [&str; 8] = [
    "problem",
    "solver",
    "data.initial",
    "model",
    "model.pinn.optimiser",
    "model.lpinn.optimiser",
    "train.optimiser",
    "train.forcing",
];

impl Validate for ExperimentConfig {
    fn validate(&self, mut check: Check<'_>) {
        let named = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        check.require(
            !self.name.is_empty() && self.name.chars().all(named) && !self.name.starts_with('.'),
            "name",
            format!("'{}' is no name", self.name),
            "use letters, digits, '-', '_' and '.', since it names a folder",
        );
        if let Some(problem) = &self.problem {
            problem.validate(check.table("problem"));
        }
        if let Some(solver) = &self.solver {
            solver.validate(check.table("solver"));
        }
        self.data.validate(check.table("data"));
        self.validate_source(&mut check);
        self.evaluate.validate(check.table("evaluate"));
        if let Some(model) = &self.model {
            model.validate(check.table("model"));
            // A plain series may be split in time.
            let whole = (self.problem.is_some() || self.data.train > 0) && model.solution().is_none();
            check.require(
                self.data.train > 0 || !whole,
                "data.train",
                "a model, and nothing to train on",
                "give at least one trajectory",
            );
            check.require(
                self.data.validation > 0 || !whole,
                "data.validation",
                "a model, and nothing to choose the best weights by",
                "give at least one trajectory",
            );
        }
        if let Some(train) = &self.train {
            train.validate(check.table("train"));
            let series = self.model.as_ref().is_some_and(ModelConfig::learns_series);
            train.check_family(check.table("train"), series);
            let window = if series {
                train.sequence.map_or(0, |samples| samples.saturating_sub(1))
            } else {
                train.unroll + train.push_forward
            };
            check.require(
                window <= self.data.steps || self.data.steps == 0,
                if series { "train.sequence" } else { "train.unroll" },
                format!("{window} steps of training in trajectories of {} steps", self.data.steps),
                if series {
                    "lower train.sequence, or raise data.steps"
                } else {
                    "lower train.unroll or train.push_forward, or raise data.steps"
                },
            );
        }
        if self.model.as_ref().is_some_and(ModelConfig::learns_series) {
            check.require(
                self.data.test <= 1,
                "data.test",
                format!("{} test trajectories for a model of series, which is judged on one", self.data.test),
                "give one, and sweep over seeds for more",
            );
        }
        if let Some(model) = &self.model {
            let (family, of, takes) = match model.learns() {
                Learns::Fields => (Family::Fields, "fields", "persistence, mean, solver, explicit or fno"),
                Learns::Series => {
                    (Family::Series, "series", "echo_state, sindy, autoregressive, lstm or gru")
                }
                Learns::Solution => (Family::Solution, "a solution", "persistence, mean or pinn"),
            };
            let foreign = |b: &&Baseline| b.family() != Family::Any && b.family() != family;
            if let Some(baseline) = self.evaluate.baselines.iter().find(foreign) {
                check.fail(
                    "evaluate.baselines",
                    format!("'{}' cannot stand beside a model of {of}", baseline.name()),
                    format!("take {takes}"),
                );
            }
            check.require(
                model.solution().is_none() || self.train.is_none(),
                "train",
                format!("[train], and '{}' learns no data", model.name()),
                format!("leave it out; model.{}.optimiser says how the network is found", model.name()),
            );
        }
        let fits_alone =
            self.model.as_ref().is_some_and(|m| m.baseline().is_some() || m.solution().is_some());
        check.require(
            self.model.is_some() == self.train.is_some() || fits_alone,
            if self.model.is_some() { "model" } else { "train" },
            if self.model.is_some() { "a model without [train]" } else { "[train] without a model" },
            "give both, or neither for a plain simulation",
        );
    }
}

impl ExperimentConfig {
    /// A problem and its method, or a file of plain series and a model that learns them.
    fn validate_source(&self, check: &mut Check<'_>) {
        let (problem, solver, file) =
            (self.problem.is_some(), self.solver.is_some(), self.data.file.is_some());
        check.require(
            problem || file,
            "problem",
            "nothing to solve and no data",
            "give [problem.NAME] and [solver.NAME], or a series by [data.file] path = \"…\"",
        );
        check.require(
            problem == solver || !(problem || file),
            if problem { "problem" } else { "solver" },
            if problem { "a problem without [solver.NAME]" } else { "[solver] without a problem" },
            "give both, or neither if the data are series of a file",
        );
        check.require(
            self.model.is_some() || problem || !file,
            "data.file",
            "series of a file, and no model that learns them",
            "give [model.NAME], or the [problem.NAME] that they solve",
        );
        check.require(
            self.model.is_some() || self.data.observe.is_none(),
            "data.observe",
            "an observation, and no model that is shown it",
            "give [model.NAME], or leave [data.observe] out",
        );
    }
}

impl ExperimentConfig {
    /// All that is wrong beyond types: values, and what does not fit together.
    pub fn problems(&self) -> Vec<Issue> {
        let mut issues = self.issues("");
        if !issues.is_empty() {
            return issues;
        }
        let Some(recipe) = self.recipe() else {
            return self.check_model(None).err().into_iter().collect();
        };
        match recipe.problem.build() {
            Err(e) => issues.push(Issue::new(format!("problem.{}", recipe.problem.name()), e.to_string())),
            Ok(problem) => {
                issues.extend(check_method(&problem, recipe.solver).err());
                issues.extend(self.check_start(&recipe, &problem).err());
                issues.extend(self.check_model(Some(&problem)).err());
            }
        }
        issues
    }

    /// Fills in what follows from the rest: the time between samples that a problem advises.
    pub(crate) fn settle(&mut self) {
        let advised = || self.problem.as_ref()?.build().ok()?.time_step();
        if self.data.dt == 0.0
            && self.data.file.is_none()
            && let Some(dt) = advised()
        {
            self.data.dt = dt;
        }
    }

    /// How trajectories of the problem are made; none if the data are plain series of a file.
    pub fn recipe(&self) -> Option<Recipe<'_>> {
        let (problem, solver) = (self.problem.as_ref()?, self.solver.as_ref()?);
        Some(Recipe { problem, solver, data: &self.data, seed: self.seed })
    }

    fn check_start(&self, recipe: &Recipe<'_>, problem: &problem::Problem) -> Result<(), Issue> {
        if self.data.file.is_some() {
            return Ok(());
        }
        match recipe.start(problem, 0) {
            Err(DataError::Config(issue)) => Err(issue),
            _ => Ok(()),
        }
    }

    /// The channels that a model is shown, where they are known before the data are made.
    fn observed(&self, problem: &problem::Problem) -> Option<usize> {
        let all = problem.channels().len();
        let Some(observe) = &self.data.observe else { return Some(all) };
        let chosen = if observe.channels.is_empty() { all } else { observe.channels.len() };
        match observe.embedding.as_ref().map_or(1, |e| e.dimension) {
            0 => None,
            delays => Some(chosen * delays),
        }
    }

    /// Whether a network can be the solution of the problem, in its frame, in the memory that is allowed.
    fn check_solution(&self, model: &ModelConfig) -> Result<(), Issue> {
        let Some((network, frame)) = model.solution() else { return Ok(()) };
        let path = format!("model.{}", model.name());
        let Some(equation) = self.problem.as_ref().and_then(equation) else {
            let message = format!("no network solves this problem by '{}'", model.name());
            let hint = "take a problem of one real field on one axis; `experiment list problems` shows them";
            return Err(Issue::new(path, message).hint(hint));
        };
        let lagrangian = frame == Frame::Lagrangian;
        if lagrangian && !equation.has_characteristics() {
            let message = "derivatives of third order or higher do not follow characteristics";
            return Err(Issue::new(path, message).hint("take [model.pinn]"));
        }
        if lagrangian && network.boundary == Boundary::Fixed {
            return Err(Issue::new(
                format!("{path}.boundary"),
                "characteristics leave an axis with fixed ends",
            )
            .hint("take boundary = \"periodic\", or [model.pinn]"));
        }
        let branch = |features: usize| {
            let hidden = (network.depth - 1) * (network.width + 1) * network.width;
            (features + 1) * network.width + hidden + network.width + 1
        };
        let features = match network.boundary {
            Boundary::Periodic => 2 * network.harmonics + 1,
            Boundary::Fixed => 2,
        };
        let kinds = if lagrangian { 2 } else { 1 };
        let (rows, parameters) = (kinds * network.sampling.points, kinds * branch(features));
        network.optimiser.affordable(rows, parameters).map_err(|refusal| {
            Issue::new(format!("{path}.optimiser.{}.memory_gb", network.optimiser.name()), refusal.to_string())
                .hint("take solve = \"cg\", which holds a part of the Jacobian at a time, lower width, depth or sampling.points, or raise memory_gb")
        })
    }

    fn check_model(&self, problem: Option<&problem::Problem>) -> Result<(), Issue> {
        let Some(model) = &self.model else { return Ok(()) };
        if model.solution().is_some() {
            return self.check_solution(model);
        }
        let path = format!("model.{}", model.name());
        let misfit = |what: &str, hint: &str| {
            Err(Issue::new(path, format!("'{}' learns {what}", model.name())).hint(hint))
        };
        match problem {
            Some(problem::Problem::Pde(_)) if model.learns_series() => misfit(
                "series, not fields",
                "take a system of ordinary equations, or [data.file] with a series",
            ),
            _ if model.learns_series() => match (model, problem) {
                (ModelConfig::Plrnn(plrnn), Some(problem)) => {
                    self.observed(problem).map_or(Ok(()), |n| plrnn.fits(n))
                }
                _ => Ok(()),
            },
            Some(problem::Problem::Pde(p))
                if p.grid().axes() == 1 && p.grid().kind() == flowmap_solvers::fourier::GridKind::Real =>
            {
                match &self.data.observe {
                    Some(o) if o.embedding.is_some() || o.standardise || !o.channels.is_empty() => misfit(
                        "whole fields in their own units",
                        "leave all but the noise out of data.observe",
                    ),
                    _ => Ok(()),
                }
            }
            _ => misfit(
                "real fields on one axis",
                "take a problem on one axis, or leave [model] and [train] out for a simulation",
            ),
        }
    }
}

//! The configuration of an experiment: one file.

mod diagnostic;
mod load;

pub use diagnostic::{ConfigErrors, Problem};
pub use load::{Loaded, Overrides, load};

use flowmap_datasets::data::DataConfig;
use flowmap_datasets::problem::{self, ProblemConfig};
use flowmap_datasets::simulate::check_method;
use flowmap_models::config::ModelConfig;
use flowmap_solvers::config::SolverConfig;
use flowmap_solvers::issue::{Check, Issue, Validate};
use serde::{Deserialize, Serialize};

use crate::evaluate::EvaluateConfig;
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
    /// What is solved.
    pub problem: ProblemConfig,
    /// How the truth is made.
    pub solver: SolverConfig,
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
    /// Dotted keys and their values under `--quick`.
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    pub quick: toml::Table,
}

/// Tables that hold exactly one sub-table.
pub(crate) const CHOICES: [&str; 6] =
    ["problem", "solver", "data.initial", "model", "train.optimiser", "train.forcing"];

impl Validate for ExperimentConfig {
    fn validate(&self, mut check: Check<'_>) {
        let named = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        check.require(
            !self.name.is_empty() && self.name.chars().all(named) && !self.name.starts_with('.'),
            "name",
            format!("'{}' is no name", self.name),
            "use letters, digits, '-', '_' and '.', since it names a folder",
        );
        self.problem.validate(check.table("problem"));
        self.solver.validate(check.table("solver"));
        self.data.validate(check.table("data"));
        self.evaluate.validate(check.table("evaluate"));
        if let Some(model) = &self.model {
            model.validate(check.table("model"));
            let train = self.data.train > 0;
            check.require(
                train,
                "data.train",
                "a model, and nothing to train on",
                "give at least one trajectory",
            );
            let validation = self.data.validation > 0;
            check.require(
                validation,
                "data.validation",
                "a model, and nothing to choose the best weights by",
                "give at least one trajectory",
            );
        }
        if let Some(train) = &self.train {
            train.validate(check.table("train"));
            let series = matches!(self.model, Some(ModelConfig::Plrnn(_)));
            train.check_family(check.table("train"), series);
            let window = if series {
                train.sequence.map_or(0, |samples| samples.saturating_sub(1))
            } else {
                train.unroll + train.push_forward
            };
            check.require(
                window <= self.data.steps,
                if series { "train.sequence" } else { "train.unroll" },
                format!("{window} steps of training in trajectories of {} steps", self.data.steps),
                if series {
                    "lower train.sequence, or raise data.steps"
                } else {
                    "lower train.unroll or train.push_forward, or raise data.steps"
                },
            );
        }
        check.require(
            self.model.is_some() == self.train.is_some(),
            if self.model.is_some() { "model" } else { "train" },
            if self.model.is_some() { "a model without [train]" } else { "[train] without a model" },
            "give both, or neither for a plain simulation",
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
        match self.problem.build() {
            Err(e) => issues.push(Issue::new(format!("problem.{}", self.problem.name()), e.to_string())),
            Ok(problem) => {
                issues.extend(check_method(&problem, &self.solver).err());
                issues.extend(self.check_start(&problem).err());
                issues.extend(self.check_model(&problem).err());
            }
        }
        issues
    }

    fn check_start(&self, problem: &problem::Problem) -> Result<(), Issue> {
        if self.data.file.is_some() {
            return Ok(());
        }
        let recipe = flowmap_datasets::generate::Recipe {
            problem: &self.problem,
            solver: &self.solver,
            data: &self.data,
            seed: self.seed,
        };
        match recipe.start(problem, 0) {
            Err(flowmap_datasets::generate::DataError::Config(issue)) => Err(issue),
            _ => Ok(()),
        }
    }

    fn check_model(&self, problem: &problem::Problem) -> Result<(), Issue> {
        let Some(model) = &self.model else { return Ok(()) };
        let path = format!("model.{}", model.name());
        if let ModelConfig::Plrnn(plrnn) = model {
            let problem::Problem::Ode(ode) = problem else {
                return Err(Issue::new(path, "'plrnn' learns time series")
                    .hint("take a system of ordinary equations"));
            };
            return if self.data.file.is_some() { Ok(()) } else { plrnn.fits(ode.variables().len()) };
        }
        match problem {
            problem::Problem::Pde(p)
                if p.grid().axes() == 1 && p.grid().kind() == flowmap_solvers::fourier::GridKind::Real =>
            {
                Ok(())
            }
            _ => Err(Issue::new(path, format!("'{}' learns real fields on one axis", model.name()))
                .hint("take a problem on one axis, or leave [model] and [train] out for a simulation")),
        }
    }
}

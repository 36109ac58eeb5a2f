//! The configuration of an experiment: one file.

mod diagnostic;
mod fit;
mod load;

pub use diagnostic::{ConfigErrors, Problem};
pub use load::{Loaded, Overrides, load};

use flowmap_datasets::data::DataConfig;
use flowmap_datasets::generate::Recipe;
use flowmap_datasets::problem::ProblemConfig;
use flowmap_datasets::simulate::check_method;
use flowmap_models::config::{Learns, ModelConfig};
use flowmap_solvers::config::SolverConfig;
use flowmap_solvers::issue::{Check, Issue, Validate};
use serde::{Deserialize, Serialize};

use crate::evaluate::{AssimilationConfig, Baseline, EvaluateConfig, StudyConfig};
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
    #[serde(default, skip_serializing_if = "untouched")]
    pub data: DataConfig,
    /// What learns them; without a model the experiment is a simulation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelConfig>,
    /// A study that stands for itself, without a problem, data or a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub study: Option<StudyConfig>,
    /// How it learns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train: Option<TrainConfig>,
    /// Filters that follow a truth of the problem by noisy observations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assimilation: Option<AssimilationConfig>,
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
pub(crate) const CHOICES: [&str; 12] = [
    "problem",
    "solver",
    "data.initial",
    "model",
    "study",
    "model.pinn.optimiser",
    "model.lpinn.optimiser",
    "model.insr.optimiser",
    "model.insr.stepper",
    "train.optimiser",
    "train.forcing",
    "assimilation.operator",
];

fn untouched(data: &DataConfig) -> bool {
    *data == DataConfig::default()
}

impl Validate for ExperimentConfig {
    fn validate(&self, mut check: Check<'_>) {
        let named = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        check.require(
            !self.name.is_empty() && self.name.chars().all(named) && !self.name.starts_with('.'),
            "name",
            format!("'{}' is no name", self.name),
            "use letters, digits, '-', '_' and '.', since it names a folder",
        );
        if let Some(study) = &self.study {
            study.validate(check.table("study"));
            let others = [
                ("problem", self.problem.is_some()),
                ("solver", self.solver.is_some()),
                ("data", !untouched(&self.data)),
                ("model", self.model.is_some()),
                ("train", self.train.is_some()),
            ];
            for (key, given) in others {
                check.require(
                    !given,
                    key,
                    format!("[{key}] beside a study"),
                    "a study stands for itself: leave it out, or leave [study] out",
                );
            }
            return;
        }
        if let Some(problem) = &self.problem {
            problem.validate(check.table("problem"));
        }
        if let Some(solver) = &self.solver {
            solver.validate(check.table("solver"));
        }
        self.data.validate(check.table("data"));
        check.require(
            self.problem.is_none() || self.data.file.is_none() || self.data.train_steps <= self.data.steps,
            "data.train_steps",
            format!("{} steps to train on, and trajectories of {}", self.data.train_steps, self.data.steps),
            "give at most data.steps",
        );
        let timeless = match &self.problem {
            Some(problem) => problem.is_density() || matches!(problem, ProblemConfig::ElasticBlock(_)),
            None => false,
        };
        if !timeless {
            self.data.check_times(&mut check.table("data"));
        }
        self.validate_source(&mut check);
        self.evaluate.validate(check.table("evaluate"));
        if let Some(assimilation) = &self.assimilation {
            assimilation.validate(check.table("assimilation"));
            check.require(
                self.problem.is_some()
                    && self.data.file.is_none()
                    && self.model.as_ref().is_none_or(|m| m.learns() == Learns::Corrections),
                "assimilation",
                "filters follow a truth that the equations of a problem make",
                "give [problem.NAME] and [solver.NAME], no [model] but [model.observer], and no [data.file]",
            );
            let cycles = assimilation.cycles.unwrap_or(self.data.steps);
            check.require(
                assimilation.discard < cycles,
                "assimilation.discard",
                format!("all {cycles} cycles are left out of the averages"),
                "lower it, or raise assimilation.cycles or data.steps",
            );
            check.require(
                self.model.is_some() || !assimilation.filters.is_empty(),
                "assimilation.filters",
                "no filter",
                "give at least one, such as [assimilation.filters.ETKF.etkf] with members = 20",
            );
            if let Some(ModelConfig::Observer(observer)) = &self.model {
                let uneven = observer.forecasts.contains(&flowmap_models::observer::Forecast::Network)
                    && assimilation.irregular > 0.0;
                if let Some(name) = observer.gains.keys().find(|n| assimilation.filters.contains_key(*n)) {
                    check.fail(
                        "assimilation.filters",
                        format!("'{name}' is the name of a filter and of a gain"),
                        "call one of them otherwise: metrics are named after them",
                    );
                }
                check.require(
                    !uneven,
                    "assimilation.irregular",
                    "a network steps by data.dt and lands on no other time",
                    "leave it out, or take model.observer.forecasts = [\"solver\"]",
                );
            }
        }
        if let Some(model) = &self.model {
            model.validate(check.table("model"));
            // A plain series may be split in time.
            let whole = (self.problem.is_some() || self.data.train > 0) && !model.solves();
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
            // Models of dynamics learn from windows, as models of series do.
            let learns = self.model.as_ref().map(ModelConfig::learns);
            let series = matches!(learns, Some(Learns::Series | Learns::Dynamics));
            train.check_family(check.table("train"), learns);
            let unsolved = train.diverted_chain && (self.solver.is_none() || self.data.observe.is_some());
            check.require(
                !unsolved,
                "train.diverted_chain",
                "a diverted chain, and no solver that could go on from the model's states",
                "give [problem.NAME] and [solver.NAME] and leave [data.observe] out, or leave diverted_chain out",
            );
            let bundles = self.model.as_ref().is_some_and(|m| m.grid().is_some());
            check.require(
                train.bundle == 1 || bundles,
                "train.bundle",
                "only networks on a grid predict several frames at once",
                "leave it out, or take such a network",
            );
            let rivals = self.evaluate.baselines.iter().any(|b| b.fields().is_some() || *b == Baseline::Fno);
            check.require(
                train.epochs > 0 || !rivals,
                "train.epochs",
                "no epochs, and rivals that would not be trained",
                "give some, or leave the networks out of evaluate.baselines",
            );
            check.require(
                train.start.is_none() || learns == Some(Learns::Fields),
                "train.start",
                "weights to start from, and a model that is not one of fields",
                "leave it out",
            );
            let window = if series {
                train.sequence.map_or(0, |samples| samples.saturating_sub(1))
            } else {
                self.data.history - 1 + train.window() + train.events.as_ref().map_or(0, |e| e.warm_up)
            };
            let steps = if self.data.train_steps > 0 { self.data.train_steps } else { self.data.steps };
            check.require(
                window <= steps || steps == 0,
                if series { "train.sequence" } else { "train.unroll" },
                format!("{window} steps of training in trajectories of {steps} steps"),
                if series {
                    "lower train.sequence, or raise data.steps"
                } else {
                    "lower train.unroll, train.push_forward or data.history, or raise data.steps"
                },
            );
            check.require(
                self.data.history == 1 || self.data.history <= steps.min(self.data.steps),
                "data.history",
                format!("{} frames given, and nothing after them to predict", self.data.history),
                "lower it, or raise data.steps",
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
        check.require(
            !self.evaluate.innovations || self.model.as_ref().is_some_and(ModelConfig::learns_series),
            "evaluate.innovations",
            "innovations are those of a model of time series",
            "leave it out, or take such a model",
        );
        if let Some(model) = &self.model {
            if let Some(baseline) = self.evaluate.baselines.iter().find(|b| !b.stands_beside(model.learns()))
            {
                let (of, hint) = match model.learns() {
                    Learns::Fields => (
                        "fields",
                        "take persistence, mean, solver, explicit, fno, conv_net, residual_net, dilated_resnet, u_net, strided_u_net, modern_u_net, fourier_operator, factorised_operator or sinenet",
                    ),
                    Learns::Corrections => ("corrections", "leave it out: filters stand beside it"),
                    Learns::Series => ("series", "take echo_state, sindy, autoregressive, lstm or gru"),
                    Learns::Dynamics => ("dynamics", "take persistence, mean, neural_ode or sindy"),
                    Learns::Labels => ("labels", "take gru, nearest_neighbour or log_signature"),
                    Learns::Paths => ("paths", "leave it out: the floor of other paths stands beside it"),
                    Learns::Points => {
                        ("points", "leave it out: the floor of a second cloud stands beside it")
                    }
                    Learns::Solution => ("a solution", "take persistence, mean or pinn"),
                    Learns::Evolution => ("a solution that moves", "take persistence or mean"),
                };
                check.fail(
                    "evaluate.baselines",
                    format!("'{}' cannot stand beside a model of {of}", baseline.name()),
                    hint,
                );
            }
            check.require(
                !model.solves() || self.train.is_none(),
                "train",
                format!("[train], and '{}' learns no data", model.name()),
                format!("leave it out; model.{}.optimiser says how the network is found", model.name()),
            );
        }
        let fits_alone =
            self.model.as_ref().is_some_and(|m| (m.learns_series() && m.baseline().is_some()) || m.solves());
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
        if self.problem.as_ref().is_some_and(ProblemConfig::is_labelled) {
            check.require(!solver, "solver", "labelled series are drawn, not solved", "leave [solver] out");
            check.require(!file, "data.file", "labelled series are drawn", "leave [data.file] out");
            check.require(
                self.model.is_some(),
                "problem",
                "labelled series, and no model that tells them apart",
                "give [model.neural_cde] or [model.gated_classifier]",
            );
            check.require(
                self.data.observe.is_none(),
                "data.observe",
                "labelled series are shown as they are",
                "leave [data.observe] out; data.dropped is the share of samples that are lost",
            );
            return;
        }
        check.require(
            self.data.dropped == 0.0,
            "data.dropped",
            "only labelled series lose samples",
            "leave it out, or take [problem.spirals]",
        );
        if self.problem.as_ref().is_some_and(ProblemConfig::is_density) {
            check.require(!solver, "solver", "a density is not solved", "leave [solver] out");
            check.require(!file, "data.file", "points of a density are drawn", "leave [data.file] out");
            check.require(
                self.model.is_some(),
                "problem",
                "a density, and no model that learns it",
                "give [model.rectified_flow], [model.score_sde] or [model.continuous_flow]",
            );
            check.require(
                self.data.observe.is_none(),
                "data.observe",
                "a density is learned as it is",
                "leave [data.observe] out",
            );
            return;
        }
        if self.problem.as_ref().is_some_and(ProblemConfig::is_boxed) {
            check.require(
                !solver,
                "solver",
                "a problem between walls has no solver here",
                "leave [solver] out",
            );
            check.require(!file, "data.file", "the reference is computed", "leave [data.file] out");
            check.require(
                self.model.is_some(),
                "problem",
                "a problem between walls, and no network that solves it",
                "give [model.insr]",
            );
            check.require(
                self.data.observe.is_none(),
                "data.observe",
                "nothing is observed",
                "leave [data.observe] out",
            );
            return;
        }
        check.require(
            problem == solver || !(problem || file),
            if problem { "problem" } else { "solver" },
            if problem { "a problem without [solver.NAME]" } else { "[solver] without a problem" },
            "give both, or neither if the data are series of a file",
        );
        let named = self.data.file.as_ref().filter(|_| !problem);
        check.require(
            named.is_none_or(|f| f.channels.is_empty()),
            "data.file.channels",
            "channels of fields, and no problem that has them",
            "name channels of a series by data.observe.channels",
        );
        check.require(
            named.is_none_or(|f| f.cache_mb == 0),
            "data.file.cache_mb",
            "a series is read whole",
            "leave it out, or name the [problem] and the [solver] of fields",
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
            let unsolved = self.problem.as_ref().and_then(|p| p.build().ok());
            return self.check_model(unsolved.as_ref()).err().into_iter().collect();
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
}

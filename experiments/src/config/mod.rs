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
use flowmap_models::pinn::{BaseConfig, Boundary, Frame, Symmetry};
use flowmap_models::semilinear_operator::LinearPart;
use flowmap_solvers::config::SolverConfig;
use flowmap_solvers::issue::{Check, Issue, Validate};
use serde::{Deserialize, Serialize};

use crate::evaluate::{AssimilationConfig, Baseline, EvaluateConfig, StudyConfig, check_evolution, equation};
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
        if let Some(model) = &self.model {
            if let Some(baseline) = self.evaluate.baselines.iter().find(|b| !b.stands_beside(model.learns()))
            {
                let (of, hint) = match model.learns() {
                    Learns::Fields => (
                        "fields",
                        "take persistence, mean, solver, explicit, fno, conv_net, residual_net, dilated_resnet, u_net, strided_u_net, fourier_operator or sinenet",
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
        let others = all.saturating_sub(observe.inputs.len());
        let chosen = if observe.channels.is_empty() { others } else { observe.channels.len() };
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
        if lagrangian && network.base == BaseConfig::Split {
            let message = "characteristics start from the start itself";
            return Err(
                Issue::new(format!("{path}.base"), message).hint("leave it out, or take [model.pinn]")
            );
        }
        let symmetric = network.symmetry != Symmetry::None;
        let symmetry = |message: &str, hint: &str| {
            Err(Issue::new(format!("{path}.symmetry"), message.to_owned()).hint(hint.to_owned()))
        };
        if lagrangian && symmetric {
            return symmetry("labels have no such symmetry", "leave it out, or take [model.pinn]");
        }
        if !equation.keeps(network.symmetry) {
            return symmetry("the equation does not keep it", "leave it out");
        }
        let branch = |features: usize| {
            let hidden = (network.depth - 1) * (network.width + 1) * network.width;
            (features + 1) * network.width + hidden + network.width + 1
        };
        let features = match network.boundary {
            Boundary::Periodic if network.symmetry == Symmetry::Even => network.harmonics + 1,
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
        if self.assimilation.is_some()
            && let Some(problem::Problem::Cells(p)) = problem
        {
            let what = format!("filters know no walls, as '{}' has", p.name());
            return Err(Issue::new("assimilation", what).hint("take a system or a periodic field"));
        }
        if self.data.history > 1 && !self.model.as_ref().is_some_and(sees_frames) {
            let what = match &self.model {
                Some(model) => format!("'{}' sees the last sample alone", model.name()),
                None => "several frames, and no model that is given them".to_owned(),
            };
            return Err(Issue::new("data.history", what).hint(
                "leave it out, or take a network on a grid or a semilinear_operator with linear = \"none\" and conservative = false",
            ));
        }
        let Some(model) = &self.model else { return Ok(()) };
        if let Some(problem) = problem {
            check_grid(format!("model.{}.levels", model.name()), model, problem)?;
            for rival in self.evaluate.baselines.iter().filter_map(|b| b.fields()) {
                check_grid("evaluate.baselines".into(), &rival, problem)?;
            }
        }

        if let ModelConfig::Insr(network) = model {
            return check_evolution(self.problem.as_ref(), &self.data, network);
        }
        if model.solution().is_some() {
            return self.check_solution(model);
        }
        if model.learns() == Learns::Corrections && self.assimilation.is_none() {
            let what = "a correction, and nothing that it is judged by";
            return Err(Issue::new("model.observer", what)
                .hint("give [assimilation], with how the truth is seen and the filters beside it"));
        }

        let driven = self.data.observe.as_ref().is_some_and(|o| !o.inputs.is_empty());
        if driven && !matches!(model, ModelConfig::Plrnn(_)) {
            let issue = Issue::new("data.observe.inputs", format!("'{}' takes no inputs", model.name()));
            return Err(issue.hint("take [model.plrnn], or leave the inputs out"));
        }
        let path = format!("model.{}", model.name());
        let misfit = |what: &str, hint: &str| {
            Err(Issue::new(path, format!("'{}' learns {what}", model.name())).hint(hint))
        };
        match problem {
            Some(problem::Problem::Labelled(_)) if model.learns() == Learns::Labels => Ok(()),
            Some(problem::Problem::Labelled(p)) => misfit(
                &format!("no labels, and '{}' is a kind of labelled series", p.name()),
                "take neural_cde or gated_classifier",
            ),
            _ if model.learns() == Learns::Labels => misfit("labels of series", "take [problem.spirals]"),
            Some(problem::Problem::Boxed(p)) => {
                misfit(&format!("no solution between walls, as '{}' has", p.name()), "take [model.insr]")
            }
            Some(problem::Problem::Density(_)) if model.learns() == Learns::Points => Ok(()),
            Some(problem::Problem::Sde(_)) if model.learns() == Learns::Paths => Ok(()),
            _ if model.learns() == Learns::Paths => misfit(
                "the law of a stochastic process",
                "take a stochastic equation, such as [problem.ornstein_uhlenbeck]",
            ),
            Some(problem::Problem::Density(d)) => misfit(
                &format!("no points, and '{}' is a density", d.name()),
                "take rectified_flow, score_sde or continuous_flow",
            ),
            _ if model.learns() == Learns::Points => misfit(
                "points of a density",
                "take [problem.two_moons], [problem.eight_gaussians] or [problem.checkerboard]",
            ),
            Some(problem::Problem::Pde(_) | problem::Problem::Cells(_)) if model.learns_series() => misfit(
                "series, not fields",
                "take a system of ordinary equations, or [data.file] with a series",
            ),
            Some(problem::Problem::Pde(_) | problem::Problem::Cells(_))
                if model.learns() == Learns::Dynamics =>
            {
                misfit(
                    "differential equations of few variables, not fields",
                    "take a system of ordinary equations, or [data.file] with a series",
                )
            }
            _ if model.learns() == Learns::Dynamics => self.check_dynamics(model, problem),
            _ if model.learns_series() => match (model, problem) {
                (ModelConfig::Plrnn(plrnn), Some(problem)) => {
                    self.observed(problem).map_or(Ok(()), |n| plrnn.fits(n))
                }
                _ => Ok(()),
            },
            Some(problem::Problem::Cells(p)) if matches!(model, ModelConfig::SemilinearOperator(c) if c.linear == LinearPart::Exact) => {
                misfit(
                    &format!(
                        "beside a linear part that is diagonal on a periodic grid, and '{}' has none",
                        p.name()
                    ),
                    "take linear = \"none\", or a network on a grid",
                )
            }
            Some(problem) if is_plane(problem) => match &self.data.observe {
                Some(o) if o.embedding.is_some() || o.standardise || !o.channels.is_empty() => {
                    misfit("whole fields in their own units", "leave all but the noise out of data.observe")
                }
                _ => Ok(()),
            },
            _ => misfit(
                "real fields on one axis or two",
                "take a problem on one axis or two, or leave [model] and [train] out for a simulation",
            ),
        }
    }

    /// Whether what a model of dynamics is shown is a state in the units of its equations, where it must be.
    fn check_dynamics(&self, model: &ModelConfig, problem: Option<&problem::Problem>) -> Result<(), Issue> {
        let observe = self.data.observe.clone().unwrap_or_default();
        let partial = observe.embedding.is_some() || !observe.channels.is_empty();
        let changed = partial || observe.standardise;
        let structured = matches!(
            model,
            ModelConfig::HamiltonianNetwork(_)
                | ModelConfig::LagrangianNetwork(_)
                | ModelConfig::UniversalDe(_)
        );
        if structured && changed {
            let what = format!("'{}' needs whole states in their own units", model.name());
            return Err(Issue::new("data.observe", what).hint("leave all but the noise out of data.observe"));
        }
        if self.evaluate.horizon > 0.0 && (changed || problem.is_none()) {
            let what = "there is no truth beyond the data for what is observed of it";
            return Err(Issue::new("evaluate.horizon", what)
                .hint("leave it out, or let the model see whole states of a problem in their own units"));
        }
        match (model, problem) {
            (ModelConfig::HamiltonianNetwork(c), Some(p)) => c.fits(p.channels().len()),
            (ModelConfig::LagrangianNetwork(c), Some(p)) => c.fits(p.channels().len()),
            (ModelConfig::UniversalDe(c), Some(p)) => c.monomials(&p.channels()).map(|_| ()),
            _ => Ok(()),
        }
    }
}

/// Whether a model sees more than the last sample, where it is asked to.
fn sees_frames(model: &ModelConfig) -> bool {
    match model {
        ModelConfig::SemilinearOperator(c) => c.linear == LinearPart::None && !c.conservative,
        _ => model.grid().is_some(),
    }
}

/// Whether a problem has real fields on one axis or two.
fn is_plane(problem: &problem::Problem) -> bool {
    match problem {
        problem::Problem::Pde(p) => {
            p.grid().axes() <= 2 && p.grid().kind() == flowmap_solvers::fourier::GridKind::Real
        }
        problem::Problem::Cells(_) => true,
        _ => false,
    }
}

/// Whether fields can be halved as often as a network does.
fn check_grid(path: String, model: &ModelConfig, problem: &problem::Problem) -> Result<(), Issue> {
    let Some(divisor) = model.grid().map(|network| network.divisor()) else { return Ok(()) };
    let shape = problem.state_shape();
    // An axis of one point would be none.
    let fits = |n: &usize| n.is_multiple_of(divisor) && (divisor == 1 || *n > divisor);
    let Some(points) = shape.iter().skip(1).find(|n| !fits(n)) else { return Ok(()) };
    let message = format!(
        "'{}' halves its axes: one of {points} points must be a multiple of {divisor}, and more",
        model.name()
    );
    Err(Issue::new(path, message)
        .hint("lower levels, each halves the points of every axis, or choose other points"))
}

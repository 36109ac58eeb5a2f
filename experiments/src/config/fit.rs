//! Whether model, problem and data fit each other.

use flowmap_datasets::generate::{DataError, Recipe};
use flowmap_datasets::problem;
use flowmap_models::config::{Learns, ModelConfig};
use flowmap_models::pinn::{BaseConfig, Boundary, Frame, Symmetry};
use flowmap_models::semilinear_operator::LinearPart;
use flowmap_solvers::issue::Issue;

use super::ExperimentConfig;
use crate::evaluate::{check_evolution, equation};

impl ExperimentConfig {
    pub(super) fn check_start(&self, recipe: &Recipe<'_>, problem: &problem::Problem) -> Result<(), Issue> {
        if self.data.file.is_some() {
            return Ok(());
        }
        match recipe.start(problem, 0) {
            Err(DataError::Config(issue)) => Err(issue),
            _ => Ok(()),
        }
    }

    /// The channels that a model is shown, where they are known before the data are made.
    pub(super) fn observed(&self, problem: &problem::Problem) -> Option<usize> {
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

    pub(super) fn check_model(&self, problem: Option<&problem::Problem>) -> Result<(), Issue> {
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

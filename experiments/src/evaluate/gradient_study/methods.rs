//! The gradients that stand side by side.

use flowmap_solvers::config::{FixedConfig, SolverConfig};
use flowmap_solvers::gradient::{Checkpointed, Gradient, Reversible};
use flowmap_solvers::stepper::explicit_rk::ExplicitMethod;
use flowmap_solvers::stepper::reversible::{
    AsynchronousLeapfrogConfig, BdiaConfig, CoupledConfig, ReversibleHeunConfig,
};

use super::GradientStudyConfig;

/// A method of the solve and a kind of gradient.
#[derive(Clone, Debug)]
pub(super) struct Method {
    /// In metrics.
    pub(super) name: String,
    /// In figures.
    pub(super) label: String,
    pub(super) solver: SolverConfig,
    pub(super) gradient: Gradient,
    /// Steps after which companions start afresh.
    pub(super) resynchronise: Option<u64>,
}

impl Method {
    /// In tables.
    pub(super) fn described(&self) -> String {
        let how = match self.gradient {
            Gradient::Reversible(r) if r.segment.is_none() => ", one segment",
            Gradient::Reversible(_) => ", segments",
            _ => ", RK4",
        };
        format!("{}{how}", self.label)
    }

    /// Whether states are found by running back.
    pub(super) fn reversible(&self) -> bool {
        matches!(self.gradient, Gradient::Reversible(_))
    }

    /// Whether it runs back in one go.
    pub(super) fn unsegmented(&self) -> bool {
        matches!(self.gradient, Gradient::Reversible(r) if r.segment.is_none())
    }
}

pub(super) fn methods(config: &GradientStudyConfig) -> Vec<Method> {
    let rk4 = SolverConfig::Rk4(FixedConfig { dt: 1.0 });
    let checkpointed = Checkpointed { slots: Some(config.slots), budget_mb: None };
    let kinds = [
        ("direct", Gradient::Direct {}),
        ("step_checkpoint", Gradient::StepCheckpoint {}),
        ("checkpointed", Gradient::Checkpointed(checkpointed)),
        ("backsolve", Gradient::Backsolve {}),
    ];
    let plain = kinds.map(|(name, gradient)| Method {
        name: name.into(),
        label: name.replace('_', " "),
        solver: rk4,
        gradient,
        resynchronise: None,
    });
    let schemes = [
        ("reversible Heun", SolverConfig::ReversibleHeun(ReversibleHeunConfig::default())),
        ("async. leapfrog", SolverConfig::AsynchronousLeapfrog(AsynchronousLeapfrogConfig::default())),
        ("coupled RK4", SolverConfig::Coupled(CoupledConfig { lambda: 0.99, ..Default::default() })),
        (
            "BDIA, midpoint",
            SolverConfig::Bdia(BdiaConfig {
                method: ExplicitMethod::Midpoint,
                gamma: 0.95,
                ..Default::default()
            }),
        ),
        ("EES(2,5)", SolverConfig::Ees25(FixedConfig { dt: 1.0 })),
    ];
    let segmented = Reversible { segment: Some(config.segment), tolerance: config.tolerance };
    // Nothing is computed again: what the inverse steps alone are worth.
    let whole = Reversible { segment: None, tolerance: f64::INFINITY };
    let with = |(label, solver): &(&str, SolverConfig), prefix: &str, how: Reversible| Method {
        name: format!("{prefix}{}", solver.name()),
        label: (*label).to_owned(),
        solver: *solver,
        gradient: Gradient::Reversible(how),
        resynchronise: how.segment,
    };
    plain
        .into_iter()
        .chain(schemes.iter().map(|s| with(s, "", segmented)))
        .chain(schemes.iter().map(|s| with(s, "unsegmented_", whole)))
        .collect()
}

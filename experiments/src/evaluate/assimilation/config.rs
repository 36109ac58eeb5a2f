//! How a moving state is observed, and what estimates it: `[assimilation]`.

use std::collections::BTreeMap;

use flowmap_solvers::assimilation::{FilterConfig, Operator};
use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

/// A twin experiment: the problem makes the truth, is seen with noise every `data.dt`, and filters estimate it with the
/// same equations. Each of the `data.test` trials has a truth and a noise of its own; `data.steps` are the cycles of a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssimilationConfig {
    /// How the state is seen.
    #[serde(default)]
    pub operator: Operator,
    /// The standard deviation of the noise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deviation: Option<f64>,
    /// The noise by the ratio of the power of what is seen to its own, in decibels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snr_db: Option<f64>,
    /// The share of cycles, drawn at random, in which something is seen.
    #[serde(default = "all")]
    pub fraction: f64,
    /// Cycles at the beginning in which something is seen in any case.
    #[serde(default)]
    pub warm_up: usize,
    /// Cycles at the beginning that errors are not averaged over.
    #[serde(default)]
    pub discard: usize,
    /// The standard deviation of truth and members about the start.
    #[serde(default = "near")]
    pub start_deviation: f64,
    /// What estimates, by the names in metrics.
    pub filters: BTreeMap<String, FilterConfig>,
}

fn all() -> f64 {
    1.0
}

fn near() -> f64 {
    0.001_f64.sqrt()
}

impl Validate for AssimilationConfig {
    fn validate(&self, mut check: Check<'_>) {
        self.operator.validate(check.table("operator"));
        check.require(
            self.deviation.is_some() != self.snr_db.is_some(),
            "deviation",
            "the noise of the observations must be given in one way",
            "give deviation, or snr_db",
        );
        if let Some(deviation) = self.deviation {
            check.positive("deviation", deviation);
        }
        if let Some(snr) = self.snr_db {
            check.finite("snr_db", snr);
        }
        check.within("fraction", self.fraction, 0.0, 1.0);
        check.positive("start_deviation", self.start_deviation);
        check.require(
            !self.filters.is_empty(),
            "filters",
            "no filter",
            "give at least one, such as [assimilation.filters.ETKF.etkf] with members = 20",
        );
        let mut filters = check.table("filters");
        for (name, filter) in &self.filters {
            let named = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
            filters.require(
                name.chars().all(named),
                name,
                format!("'{name}' is no name of a metric"),
                "use letters, digits, '-' and '_'",
            );
            filter.validate(filters.table(name));
        }
    }
}

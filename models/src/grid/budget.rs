//! What a network may cost.

use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use super::Cost;

/// A budget for a family of networks: their channels are chosen so that they use it up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetConfig {
    /// What is the same for all.
    #[serde(default)]
    pub equal: Equal,
    /// Parameters.
    pub params: usize,
    /// Multiplications with additions of one sample's forward pass; needed where they are the same for all.
    #[serde(default)]
    pub macs: usize,
}

/// What is the same for all networks of a family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Equal {
    /// The number of parameters.
    #[default]
    Params,
    /// The multiplications of a forward pass.
    Macs,
}

impl Validate for BudgetConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.at_least("params", self.params, 1);
        check.require(
            self.equal == Equal::Params || self.macs > 0,
            "macs",
            "no multiplications to share",
            "give macs, the multiplications of one sample's forward pass",
        );
    }
}

impl BudgetConfig {
    /// The largest number from `low` to `high` that fits, by bisection; `low` if none does.
    pub(super) fn most(fits: impl Fn(f64) -> bool, low: f64, high: f64) -> f64 {
        let (mut low, mut high) = (low, high);
        for _ in 0..40 {
            let middle = 0.5 * (low + high);
            if fits(middle) { low = middle } else { high = middle }
        }
        low
    }

    /// Whether a cost is within the parameters.
    pub(super) fn allows_params(&self, cost: Cost) -> bool {
        cost.params <= self.params
    }

    /// Whether a cost is within the multiplications.
    pub(super) fn allows_macs(&self, cost: Cost) -> bool {
        cost.macs <= self.macs
    }
}

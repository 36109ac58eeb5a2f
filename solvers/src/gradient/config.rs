//! What is kept of a solve, as configuration.

use serde::{Deserialize, Serialize};

use crate::issue::{Check, Validate};

/// What is kept of a solve for its gradient.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Gradient {
    /// Every accepted state; the stages of one step at a time are found again.
    StepCheckpoint {},
    /// A bounded number of states, chosen on the way so that the least is computed again.
    Checkpointed(Checkpointed),
    /// The ends of segments; the states between are found by inverting the steps.
    Reversible(Reversible),
    /// Every accepted state and its stages.
    Direct {},
    /// The end only; the continuous adjoint equation is solved backward.
    Backsolve {},
}

impl Default for Gradient {
    fn default() -> Self {
        Self::StepCheckpoint {}
    }
}

/// Online binomial checkpointing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Checkpointed {
    /// The most states that are kept, the start among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slots: Option<usize>,
    /// The most memory that kept states may take, in MB (10⁶ bytes).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_mb: Option<f64>,
}

impl Default for Checkpointed {
    fn default() -> Self {
        Self { slots: Some(32), budget_mb: None }
    }
}

/// Reconstruction by the inverse steps of a reversible scheme.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reversible {
    /// Steps between checkpoints, at which the companions are started afresh; without it there is one segment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment: Option<u64>,
    /// The largest relative error of a reconstructed segment; one that is further off is computed again.
    pub tolerance: f64,
}

impl Default for Reversible {
    fn default() -> Self {
        Self { segment: Some(50), tolerance: 1e-9 }
    }
}

impl Gradient {
    /// The name in configs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::StepCheckpoint {} => "step_checkpoint",
            Self::Checkpointed(_) => "checkpointed",
            Self::Reversible(_) => "reversible",
            Self::Direct {} => "direct",
            Self::Backsolve {} => "backsolve",
        }
    }
}

impl Validate for Gradient {
    fn validate(&self, mut check: Check<'_>) {
        let mut check = check.table(self.name());
        match self {
            Self::Checkpointed(c) => {
                if let Some(slots) = c.slots {
                    check.at_least("slots", slots, 1);
                }
                if let Some(budget) = c.budget_mb {
                    check.positive("budget_mb", budget);
                }
            }
            Self::Reversible(r) => {
                if let Some(segment) = r.segment {
                    check.require(segment > 0, "segment", "0 steps in a segment", "give at least 1");
                }
                check.require(
                    r.tolerance >= 0.0,
                    "tolerance",
                    format!("{} is not a tolerance", r.tolerance),
                    "it must be at least 0; inf switches the check off",
                );
            }
            Self::StepCheckpoint {} | Self::Direct {} | Self::Backsolve {} => {}
        }
    }
}

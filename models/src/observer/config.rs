//! The choice of an observer as configuration: `[model.observer]`.

use std::collections::BTreeMap;

use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use super::{DiagonalGainConfig, GatedGainConfig, LearnedOperatorConfig};
use crate::semilinear_operator::SemilinearOperatorConfig;

/// Learned observers, each around every forecast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObserverConfig {
    /// What moves the estimate from frame to frame; a gain is learned for each.
    #[serde(default = "network")]
    pub forecasts: Vec<Forecast>,
    /// The learned forecast.
    #[serde(default)]
    pub network: SemilinearOperatorConfig,
    /// The corrections, by their names in metrics.
    pub gains: BTreeMap<String, GainConfig>,
}

fn network() -> Vec<Forecast> {
    vec![Forecast::Network]
}

/// What moves an estimate between two frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Forecast {
    /// The semilinear operator, learned first and then kept.
    Network,
    /// The method that makes the truth.
    Solver,
}

/// How a correction is made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GainConfig {
    /// A gain that does not depend on the forecast: Kalman's, for errors that are diagonal in Fourier space.
    Diagonal(DiagonalGainConfig),
    /// The same, and gated Fourier layers that look at the forecast.
    Gated(GatedGainConfig),
    /// The form of the paper: gated Fourier layers and a learned observation operator.
    LearnedOperator(LearnedOperatorConfig),
}

impl GainConfig {
    /// The name in configs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Diagonal(_) => "diagonal",
            Self::Gated(_) => "gated",
            Self::LearnedOperator(_) => "learned_operator",
        }
    }
}

impl Validate for ObserverConfig {
    fn validate(&self, mut check: Check<'_>) {
        let twice = self.forecasts.iter().enumerate().any(|(i, f)| self.forecasts[..i].contains(f));
        check.require(
            !self.forecasts.is_empty() && !twice,
            "forecasts",
            "nothing moves the estimate, or one thing twice",
            "give \"network\", \"solver\" or both, each once",
        );
        self.network.validate(check.table("network"));
        check.require(
            !self.gains.is_empty(),
            "gains",
            "no correction",
            "give at least one, such as [model.observer.gains.learned.gated]",
        );
        let mut gains = check.table("gains");
        for (name, gain) in &self.gains {
            let named = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
            gains.require(
                name.chars().all(named),
                name,
                format!("'{name}' is no name of a metric"),
                "use letters, digits, '-' and '_'",
            );
            let mut check = gains.table(name);
            let check = check.table(gain.name());
            match gain {
                GainConfig::Diagonal(_) => {}
                GainConfig::Gated(c) => c.validate(check),
                GainConfig::LearnedOperator(c) => c.validate(check),
            }
        }
    }
}

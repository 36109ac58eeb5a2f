//! How a moving state is observed, and what estimates it: `[assimilation]`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use flowmap_solvers::assimilation::{FilterConfig, Operator};
use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

/// A twin experiment: the problem makes the truth, is seen with noise every `data.dt`, and filters estimate it with the
/// same equations, or with a learned forecast. Each of the `data.test` trials has a truth and a noise of its own.
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
    /// The share of values, drawn at random, that are lost.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dropout: f64,
    /// The share of values, drawn at random, whose noise is ten times as large; no filter is told.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub outliers: f64,
    /// How far a time of observation is from its place in the order of cycles, at most, relative to half of `data.dt`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub irregular: f64,
    /// Cycles of a trial; unless given, `data.steps`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cycles: Option<usize>,
    /// Cycles at the beginning in which something is seen in any case.
    #[serde(default)]
    pub warm_up: usize,
    /// Cycles at the beginning that errors are not averaged over.
    #[serde(default)]
    pub discard: usize,
    /// Estimates of a trial from which forecasts without observations start, evenly over the cycles that are averaged over, to see for how long
    /// they are valid; each lasts as many cycles as a trial, and 1000 at most.
    #[serde(default, skip_serializing_if = "is_none")]
    pub forecasts: usize,
    /// The standard deviation of truth and members about the start.
    #[serde(default = "near")]
    pub start_deviation: f64,
    /// Observations of a file instead of a twin's: there is no truth then, and no trial but one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<ObservationFile>,
    /// Other ways to see the same truths, by the ends of their names in metrics; without any there is the one above.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scenes: BTreeMap<String, SceneConfig>,
    /// What estimates, by the names in metrics.
    #[serde(default)]
    pub filters: BTreeMap<String, FilterConfig>,
}

/// What one scene has otherwise.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SceneConfig {
    /// How the state is seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<Operator>,
    /// The noise, in decibels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snr_db: Option<f64>,
    /// The share of cycles in which something is seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fraction: Option<f64>,
    /// The share of values that are lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropout: Option<f64>,
    /// The share of values whose noise is ten times as large.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outliers: Option<f64>,
}

/// Observations that a user brings.
///
/// A table with the columns `time`, `entry`, `value` and, if they differ, `deviation`, one value a line and equal times
/// together; or an NPZ archive with `times` `[time]`, `values` `[time, sensor]`, not a number where one is missing, `entries`
/// `[sensor]` or, of sensors that move, `[time, sensor]`, and, if they differ, `deviation` `[sensor]`. Entries count from zero.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObservationFile {
    /// The file; a relative path starts at the config's folder.
    pub path: PathBuf,
}

fn all() -> f64 {
    1.0
}

fn is_zero(share: &f64) -> bool {
    *share == 0.0
}

fn is_none(count: &usize) -> bool {
    *count == 0
}

fn near() -> f64 {
    0.001_f64.sqrt()
}

impl AssimilationConfig {
    /// All scenes with the ends of their names: itself, or itself with what each has otherwise.
    pub(crate) fn scenes(&self) -> Vec<(String, Self)> {
        let plain = Self { scenes: BTreeMap::new(), ..self.clone() };
        if self.scenes.is_empty() {
            return vec![(String::new(), plain)];
        }
        let with = |scene: &SceneConfig| {
            let mut config = plain.clone();
            if let Some(snr) = scene.snr_db {
                (config.snr_db, config.deviation) = (Some(snr), None);
            }
            config.operator = scene.operator.clone().unwrap_or(config.operator);
            config.fraction = scene.fraction.unwrap_or(config.fraction);
            config.dropout = scene.dropout.unwrap_or(config.dropout);
            config.outliers = scene.outliers.unwrap_or(config.outliers);
            config
        };
        self.scenes.iter().map(|(name, scene)| (format!("_{name}"), with(scene))).collect()
    }
}

/// Whether a key can be part of the name of a metric.
fn named(key: &str) -> bool {
    key.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
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
        check.within("dropout", self.dropout, 0.0, 1.0);
        check.within("outliers", self.outliers, 0.0, 1.0);
        check.within("irregular", self.irregular, 0.0, 0.9);
        if let Some(cycles) = self.cycles {
            check.within("cycles", cycles, 1, 10_000_000);
        }
        let losing = self.dropout > 0.0 || self.scenes.values().any(|s| s.dropout.is_some_and(|d| d > 0.0));
        check.require(
            !losing || self.operator.entries(1).is_some(),
            "dropout",
            "only values of entries of the state can be lost one by one",
            "take the operator identity, points or sensors",
        );
        let waves = self.scenes().iter().any(|(_, s)| matches!(s.operator, Operator::Modes(_)));
        let local = |f: &FilterConfig| matches!(f, FilterConfig::Letkf(_) | FilterConfig::SerialEakf(_));
        check.require(
            !(waves && self.filters.values().any(local)),
            "operator.modes",
            "modes come from everywhere, and a filter with localisation asks where from",
            "leave letkf and serial_eakf out, or observe places",
        );
        check.within("forecasts", self.forecasts, 0, 10_000);
        check.require(
            self.forecasts == 0 || self.file.is_none(),
            "forecasts",
            "forecasts, and no truth to hold them against",
            "leave it out, or leave file out",
        );
        check.positive("start_deviation", self.start_deviation);
        check.require(
            self.file.is_none() || (self.scenes.is_empty() && self.deviation.is_some()),
            "file",
            "observations of a file have one deviation, and no scenes",
            "give deviation, which holds where the file gives none, and leave scenes out",
        );
        let mut scenes = check.table("scenes");
        for (name, scene) in &self.scenes {
            scenes.require(
                named(name),
                name,
                format!("'{name}' is no part of a metric's name"),
                "use letters, digits, '-' and '_'",
            );
            let mut check = scenes.table(name);
            if let Some(operator) = &scene.operator {
                operator.validate(check.table("operator"));
            }
            for (key, share) in
                [("fraction", scene.fraction), ("dropout", scene.dropout), ("outliers", scene.outliers)]
            {
                check.within(key, share.unwrap_or(0.0), 0.0, 1.0);
            }
            check.finite("snr_db", scene.snr_db.unwrap_or(0.0));
        }
        let mut filters = check.table("filters");
        for (name, filter) in &self.filters {
            filters.require(
                named(name),
                name,
                format!("'{name}' is no name of a metric"),
                "use letters, digits, '-' and '_'",
            );
            filter.validate(filters.table(name));
        }
    }
}

//! Chaotic flows by name: `[problem.chaotic_flow]`.
//!
//! A system is an entry of a table: its right-hand side, written once in a number type, gives its Jacobian by forward-mode
//! differentiation. Systems with a problem of their own (Lorenz, Rössler, Chua, …) are not repeated.

mod convection;
mod driven;
mod flow;
mod four;
mod jerk;
mod number;
mod source;
mod sprott;
mod winged;

use std::collections::BTreeMap;
use std::sync::Arc;

use flowmap_solvers::issue::{Check, Validate};
use nalgebra::DMatrix;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{OdeProblem, names};
use crate::problem::Problem;
use flow::Flow;
use number::{Dual, MOST};

const FAMILIES: [&[Flow]; 6] =
    [sprott::FLOWS, jerk::FLOWS, convection::FLOWS, winged::FLOWS, four::FLOWS, driven::FLOWS];

/// A chaotic flow of the zoo, with other values for some of its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChaoticFlow {
    /// The system.
    pub system: System,
    /// Values instead of the usual ones, by the names of the system's equation.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, f64>,
}

/// A system of the zoo; in configs its name.
#[derive(Clone, Copy, Debug)]
pub struct System(&'static Flow);

/// There is no system of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown system `{name}`, expected one of {}", systems().map(|s| format!("`{}`", s.name())).collect::<Vec<_>>().join(", "))]
pub struct UnknownSystem {
    /// The name asked for.
    pub name: String,
}

/// All systems of the zoo.
pub fn systems() -> impl Iterator<Item = System> {
    FAMILIES.into_iter().flatten().map(System)
}

impl System {
    /// The name in configs.
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// One line of mathematics.
    pub fn equation(&self) -> &'static str {
        self.0.equation
    }

    /// The names of the parameters and their usual values.
    pub fn parameters(&self) -> &'static [(&'static str, f64)] {
        self.0.parameters
    }

    /// The largest Lyapunov exponent as published for the usual parameters, per unit of time.
    pub fn lyapunov_exponent(&self) -> f64 {
        self.0.exponent
    }

    /// Where the exponent is published.
    pub fn source(&self) -> &'static str {
        self.0.source
    }

    /// A step that resolves the attractor, about a hundredth of the time of one turn.
    pub fn dt(&self) -> f64 {
        self.0.dt
    }
}

impl std::str::FromStr for System {
    type Err = UnknownSystem;

    fn from_str(name: &str) -> Result<Self, UnknownSystem> {
        systems().find(|s| s.name() == name).ok_or_else(|| UnknownSystem { name: name.to_owned() })
    }
}

impl PartialEq for System {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Serialize for System {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for System {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl ChaoticFlow {
    /// A system with its usual parameters.
    pub fn new(system: System) -> Self {
        Self { system, parameters: BTreeMap::new() }
    }

    /// The system with its numbers in place.
    pub fn build(&self) -> Problem {
        let flow = self.system.0;
        let value = |&(name, usual): &(&str, f64)| self.parameters.get(name).copied().unwrap_or(usual);
        let values: Vec<f64> = flow.parameters.iter().map(value).collect();
        let duals = values.iter().map(|v| Dual::from(*v)).collect();
        let usual = flow.parameters.iter().zip(&values).all(|(p, v)| p.1 == *v);
        Problem::Ode(Arc::new(Instance { flow, values, duals, usual }))
    }
}

impl Default for ChaoticFlow {
    fn default() -> Self {
        Self::new(System(&winged::FLOWS[0]))
    }
}

impl Validate for ChaoticFlow {
    fn validate(&self, mut check: Check<'_>) {
        let system = self.system;
        let known: Vec<_> = system.parameters().iter().map(|p| p.0).collect();
        let mut check = check.table("parameters");
        for (name, value) in &self.parameters {
            check.finite(name, *value);
            check.require(
                known.contains(&name.as_str()),
                name,
                format!("'{}' has no parameter '{name}'", system.name()),
                if known.is_empty() {
                    "it has none".to_owned()
                } else {
                    format!("it has {}", known.join(", "))
                },
            );
        }
    }
}

/// A system with numbers for its parameters.
struct Instance {
    flow: &'static Flow,
    values: Vec<f64>,
    duals: Vec<Dual>,
    /// Whether these are the usual ones.
    usual: bool,
}

impl OdeProblem for Instance {
    fn name(&self) -> &'static str {
        "chaotic_flow"
    }

    fn equation(&self) -> &'static str {
        self.flow.equation
    }

    fn variables(&self) -> Vec<String> {
        names(self.flow.variables)
    }

    fn rhs(&self, _t: f64, y: &[f64], dy: &mut [f64]) {
        (self.flow.slope)(y, &self.values, dy);
    }

    fn jacobian(&self, _t: f64, y: &[f64], j: &mut DMatrix<f64>) {
        let n = y.len();
        let (mut at, mut slope) = ([Dual::from(0.0); MOST], [Dual::from(0.0); MOST]);
        for (i, y) in y.iter().enumerate() {
            at[i] = Dual::variable(*y, i);
        }
        (self.flow.dual)(&at[..n], &self.duals, &mut slope[..n]);
        for i in 0..n {
            for k in 0..n {
                j[(i, k)] = slope[i].gradient[k];
            }
        }
    }

    fn initial(&self) -> Vec<f64> {
        self.flow.start.to_vec()
    }

    fn time_step(&self) -> Option<f64> {
        Some(self.flow.dt)
    }

    fn lyapunov_exponent(&self) -> Option<f64> {
        self.usual.then_some(self.flow.exponent)
    }
}

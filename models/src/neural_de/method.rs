//! The explicit methods by which a learned field is solved in training.

use flowmap_solvers::stepper::explicit_rk::{DOPRI5, EULER, HEUN, MIDPOINT, RALSTON, RK4, TSIT5, Tableau};
use serde::{Deserialize, Serialize};

/// An explicit Runge-Kutta method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Euler's.
    Euler,
    /// The midpoint rule.
    Midpoint,
    /// Heun's.
    Heun,
    /// Ralston's.
    Ralston,
    /// The classical one.
    #[default]
    Rk4,
    /// That of Tsitouras.
    Tsit5,
    /// That of Dormand and Prince.
    Dopri5,
}

impl Method {
    /// Its tableau.
    pub fn tableau(self) -> &'static Tableau {
        match self {
            Self::Euler => &EULER,
            Self::Midpoint => &MIDPOINT,
            Self::Heun => &HEUN,
            Self::Ralston => &RALSTON,
            Self::Rk4 => &RK4,
            Self::Tsit5 => &TSIT5,
            Self::Dopri5 => &DOPRI5,
        }
    }
}

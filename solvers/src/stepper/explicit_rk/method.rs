//! The explicit Runge-Kutta methods by name.

use serde::{Deserialize, Serialize};

use super::{BOGACKI_SHAMPINE, DOPRI5, DOPRI8, EULER, HEUN, MIDPOINT, RALSTON, RK4, TSIT5, Tableau};

/// An explicit Runge-Kutta method, where a config names one for what is built upon it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExplicitMethod {
    /// [`EULER`].
    Euler,
    /// [`MIDPOINT`].
    Midpoint,
    /// [`HEUN`].
    Heun,
    /// [`RALSTON`].
    Ralston,
    /// [`BOGACKI_SHAMPINE`].
    BogackiShampine,
    /// [`RK4`].
    #[default]
    Rk4,
    /// [`DOPRI5`].
    Dopri5,
    /// [`TSIT5`].
    Tsit5,
    /// [`DOPRI8`].
    Dopri8,
}

impl ExplicitMethod {
    /// Its tableau.
    pub fn tableau(self) -> &'static Tableau {
        match self {
            Self::Euler => &EULER,
            Self::Midpoint => &MIDPOINT,
            Self::Heun => &HEUN,
            Self::Ralston => &RALSTON,
            Self::BogackiShampine => &BOGACKI_SHAMPINE,
            Self::Rk4 => &RK4,
            Self::Dopri5 => &DOPRI5,
            Self::Tsit5 => &TSIT5,
            Self::Dopri8 => &DOPRI8,
        }
    }
}

//! The choice of a filter as configuration.

use serde::{Deserialize, Serialize};

use super::deterministic_enkf::DeterministicEnkf;
use super::enkf::Enkf;
use super::etkf::Etkf;
use super::finite_size::FiniteSize;
use super::four_d_var::{Adjoint, FourDVar, FourDVarConfig};
use super::letkf::Letkf;
use super::nudging::Nudging;
use super::optimal_interpolation::OptimalInterpolation;
use super::particle::{Particle, ParticleConfig};
use super::serial_eakf::SerialEakf;
use super::three_d_var::ThreeDVar;
use super::{Climatology, Filter};
use crate::issue::{Check, Validate};

/// A filter and its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FilterConfig {
    /// The climate, corrected by the observations of one time.
    OptimalInterpolation {},
    /// The forecast, corrected with a fixed background covariance.
    ThreeDVar(Scale),
    /// The motion over a window, fitted to the observations.
    FourDVar(FourDVarConfig),
    /// The forecast, pulled towards the observations.
    Nudging(Nudging),
    /// The ensemble transform Kalman filter.
    Etkf(Etkf),
    /// The stochastic ensemble Kalman filter.
    Enkf(Enkf),
    /// The deterministic ensemble Kalman filter.
    DeterministicEnkf(DeterministicEnkf),
    /// The local ensemble transform Kalman filter.
    Letkf(Letkf),
    /// The finite-size ensemble Kalman filter.
    FiniteSize(FiniteSize),
    /// The serial ensemble adjustment Kalman filter.
    SerialEakf(SerialEakf),
    /// The bootstrap particle filter.
    Particle(ParticleConfig),
}

/// Every filter: its name, and what it is.
pub const FILTERS: &[(&str, &str)] = &[
    ("optimal_interpolation", "the climate's mean, corrected by the observations of one time"),
    ("three_d_var", "the forecast, corrected with a fixed share of the climate's covariance"),
    (
        "four_d_var",
        "the start of a window whose motion fits the observations, by the adjoint of the equations",
    ),
    ("nudging", "the forecast, pulled towards the observations by a fixed gain"),
    ("etkf", "ensemble transform Kalman filter, the symmetric square root"),
    ("enkf", "stochastic ensemble Kalman filter, with perturbed observations"),
    ("deterministic_enkf", "deterministic ensemble Kalman filter, half the gain for the anomalies"),
    ("letkf", "local ensemble transform Kalman filter, observations tapered by distance"),
    ("finite_size", "finite-size ensemble Kalman filter, which finds its inflation itself"),
    ("serial_eakf", "serial ensemble adjustment Kalman filter with localisation"),
    ("particle", "bootstrap particle filter with regularised resampling, for small systems"),
];

/// The size of a fixed background covariance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// Relative to the climate's covariance.
    pub scale: f64,
}

pub(super) fn one() -> f64 {
    1.0
}

impl FilterConfig {
    /// The name in configs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::OptimalInterpolation {} => "optimal_interpolation",
            Self::ThreeDVar(_) => "three_d_var",
            Self::FourDVar(_) => "four_d_var",
            Self::Nudging(_) => "nudging",
            Self::Etkf(_) => "etkf",
            Self::Enkf(_) => "enkf",
            Self::DeterministicEnkf(_) => "deterministic_enkf",
            Self::Letkf(_) => "letkf",
            Self::FiniteSize(_) => "finite_size",
            Self::SerialEakf(_) => "serial_eakf",
            Self::Particle(_) => "particle",
        }
    }

    /// Whether it differentiates the model.
    pub fn needs_adjoint(&self) -> bool {
        matches!(self, Self::FourDVar(_))
    }

    /// Whether it knows the covariance of the climate.
    pub fn needs_climate(&self) -> bool {
        matches!(self, Self::OptimalInterpolation {} | Self::ThreeDVar(_) | Self::FourDVar(_))
    }

    /// The filter, which knows the climate and the model if it needs them; none where one that it needs is missing.
    pub fn init(
        &self,
        climatology: Option<&Climatology>,
        model: Option<Box<dyn Adjoint>>,
    ) -> Option<Box<dyn Filter>> {
        Some(match self {
            Self::FourDVar(c) => Box::new(FourDVar::new(c.clone(), climatology?, model?)),
            Self::OptimalInterpolation {} => {
                Box::new(OptimalInterpolation { climatology: climatology?.clone() })
            }
            Self::ThreeDVar(c) => Box::new(ThreeDVar { climatology: climatology?.clone(), scale: c.scale }),
            Self::Nudging(c) => Box::new(c.clone()),
            Self::Etkf(c) => Box::new(c.clone()),
            Self::Enkf(c) => Box::new(c.clone()),
            Self::DeterministicEnkf(c) => Box::new(c.clone()),
            Self::Letkf(c) => Box::new(c.clone()),
            Self::FiniteSize(c) => Box::new(c.clone()),
            Self::SerialEakf(c) => Box::new(c.clone()),
            Self::Particle(c) => Box::new(Particle::new(c.clone())),
        })
    }
}

impl Validate for FilterConfig {
    fn validate(&self, mut check: Check<'_>) {
        let mut check = check.table(self.name());
        let mut ensemble = |members: usize, inflation: f64| {
            check.within("members", members, 2, 100_000);
            check.positive("inflation", inflation);
        };
        match self {
            Self::OptimalInterpolation {} => {}
            Self::ThreeDVar(c) => check.positive("scale", c.scale),
            Self::FourDVar(c) => {
                check.within("lag", c.lag, 1, 1000);
                check.positive("scale", c.scale);
                check.within("iterations", c.iterations, 1, 10_000);
            }
            Self::Nudging(c) => check.within("gain", c.gain, 0.0, 2.0),
            Self::Etkf(c) => ensemble(c.members, c.inflation),
            Self::Enkf(c) => ensemble(c.members, c.inflation),
            Self::DeterministicEnkf(c) => ensemble(c.members, c.inflation),
            Self::Letkf(c) => {
                ensemble(c.members, c.inflation);
                check.positive("radius", c.radius);
                check.at_least("block", c.block, 1);
            }
            Self::FiniteSize(c) => {
                ensemble(c.members, 1.0);
                check.positive("certainty", c.certainty);
            }
            Self::SerialEakf(c) => {
                ensemble(c.members, c.inflation);
                check.positive("radius", c.radius);
            }
            Self::Particle(c) => {
                ensemble(c.members, 1.0);
                check.within("threshold", c.threshold, 0.0, 1.0);
                check.non_negative("regularisation", c.regularisation);
            }
        }
    }
}

//! Nudging towards the observations.

use nalgebra::{DMatrix, DVector};
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::{Filter, FilterError, Observation};

/// `x ← x + g Hᵀ (y − H(x))`, `H` linearised: the simplest of observers.
///
/// J. E. Hoke, R. A. Anthes, Monthly Weather Review 104 (1976) 1551.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nudging {
    /// The share of the innovation that is taken over.
    pub gain: f64,
}

impl Filter for Nudging {
    fn members(&self) -> usize {
        1
    }

    fn analyse(
        &mut self,
        ensemble: &mut DMatrix<f64>,
        observation: &Observation<'_>,
        _rng: &mut dyn Rng,
    ) -> Result<(), FilterError> {
        observation.check(ensemble)?;
        for mut member in ensemble.column_iter_mut() {
            let h = observation.operator.jacobian(member.as_slice());
            let seen = DVector::from_vec(observation.operator.apply(member.as_slice()));
            let innovation = DVector::from_column_slice(observation.values) - seen;
            member += h.transpose() * innovation * self.gain;
        }
        Ok(())
    }
}

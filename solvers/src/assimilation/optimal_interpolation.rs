//! Optimal interpolation of the climate.

use nalgebra::{DMatrix, DVector};
use rand::Rng;

use super::{Climatology, Filter, FilterError, Observation, gain};

/// `x = μ + K (y − H(μ))` with mean and covariance of the climate: what the observations of one time say alone. The forecast
/// is not used.
///
/// A. Gelb (ed.), Applied Optimal Estimation, MIT Press 1974.
#[derive(Clone, Debug)]
pub struct OptimalInterpolation {
    /// The climate.
    pub climatology: Climatology,
}

impl Filter for OptimalInterpolation {
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
        let mean = &self.climatology.mean;
        let gain = gain(&self.climatology.covariance, mean.as_slice(), observation)?;
        let seen = DVector::from_vec(observation.operator.apply(mean.as_slice()));
        let analysis = mean + gain * (DVector::from_column_slice(observation.values) - seen);
        ensemble.column_iter_mut().for_each(|mut c| c.copy_from(&analysis));
        Ok(())
    }
}

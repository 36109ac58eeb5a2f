//! Three-dimensional variational assimilation.

use nalgebra::{DMatrix, DVector};
use rand::Rng;

use super::{Climatology, Filter, FilterError, Observation, gain};

/// The minimum of `(x − x_f)ᵀ B⁻¹ (x − x_f) + (y − H(x))ᵀ R⁻¹ (y − H(x))` with `B` a fixed share of the climate's covariance,
/// in one step for linear observations: `x_f + K (y − H(x_f))`.
///
/// A. C. Lorenc, Quarterly Journal of the Royal Meteorological Society 112 (1986) 1177.
#[derive(Clone, Debug)]
pub struct ThreeDVar {
    /// The climate.
    pub climatology: Climatology,
    /// `B` relative to the climate's covariance.
    pub scale: f64,
}

impl Filter for ThreeDVar {
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
        let background = &self.climatology.covariance * self.scale;
        for mut member in ensemble.column_iter_mut() {
            let gain = gain(&background, member.as_slice(), observation)?;
            let seen = DVector::from_vec(observation.operator.apply(member.as_slice()));
            member += gain * (DVector::from_column_slice(observation.values) - seen);
        }
        Ok(())
    }
}

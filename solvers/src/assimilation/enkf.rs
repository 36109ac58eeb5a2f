//! The stochastic ensemble Kalman filter.

use nalgebra::DMatrix;
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::ensemble::{centred, hessian, inflate};
use super::{Filter, FilterError, Observation};

/// Every member is corrected by observations of its own, `xᵢ ← xᵢ + K (y + εᵢ − H(xᵢ))`, with the gain of the ensemble
/// covariance and perturbations `ε` whose mean is removed.
///
/// G. Burgers, P. J. van Leeuwen, G. Evensen, Monthly Weather Review 126 (1998) 1719.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enkf {
    /// Members of the ensemble.
    pub members: usize,
    /// The factor by which the anomalies are stretched after an analysis.
    #[serde(default = "super::config::one")]
    pub inflation: f64,
}

impl Filter for Enkf {
    fn members(&self) -> usize {
        self.members
    }

    fn analyse(
        &mut self,
        ensemble: &mut DMatrix<f64>,
        observation: &Observation<'_>,
        rng: &mut dyn Rng,
    ) -> Result<(), FilterError> {
        observation.check(ensemble)?;
        let (innovation, observed) = observation.scaled(ensemble);
        let noise =
            DMatrix::from_fn(observed.nrows(), observed.ncols(), |_, _| rng.sample::<f64, _>(StandardNormal));
        let (_, noise) = centred(&noise);
        // In the space of the members: K = A Yᵀ (Y Yᵀ + (N − 1) I)⁻¹ = A (YᵀY + (N − 1) I)⁻¹ Yᵀ.
        let factor = hessian(&observed).cholesky().ok_or(FilterError::Singular)?;
        let mut departures = noise - &observed;
        departures.column_iter_mut().for_each(|mut c| c += &innovation);
        let weights = factor.solve(&(observed.transpose() * departures));
        let (_, anomalies) = centred(ensemble);
        ensemble.gemm(1.0, &anomalies, &weights, 1.0);
        inflate(ensemble, self.inflation);
        Ok(())
    }
}

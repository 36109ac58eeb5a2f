//! The deterministic ensemble Kalman filter.

use nalgebra::DMatrix;
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::ensemble::{centred, hessian, inflate, recombine};
use super::{Filter, FilterError, Observation};

/// The mean is corrected with the gain `K`, the anomalies with half of it: `A ← A − ½ K Y`, right for small corrections.
///
/// P. Sakov, P. R. Oke, Tellus A 60 (2008) 361.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeterministicEnkf {
    /// Members of the ensemble.
    pub members: usize,
    /// The factor by which the anomalies are stretched after an analysis.
    #[serde(default = "super::config::one")]
    pub inflation: f64,
}

impl Filter for DeterministicEnkf {
    fn members(&self) -> usize {
        self.members
    }

    fn analyse(
        &mut self,
        ensemble: &mut DMatrix<f64>,
        observation: &Observation<'_>,
        _rng: &mut dyn Rng,
    ) -> Result<(), FilterError> {
        observation.check(ensemble)?;
        let (innovation, observed) = observation.scaled(ensemble);
        let n = observed.ncols();
        let factor = hessian(&observed).cholesky().ok_or(FilterError::Singular)?;
        let weights = factor.solve(&observed.tr_mul(&innovation));
        // I − ½ H⁻¹ YᵀY with YᵀY = H − (N − 1) I.
        let half = DMatrix::identity(n, n) * 0.5 + factor.inverse() * (0.5 * (n - 1) as f64);
        let (mean, anomalies) = centred(ensemble);
        recombine(ensemble, &mean, &anomalies, &weights, half);
        inflate(ensemble, self.inflation);
        Ok(())
    }
}

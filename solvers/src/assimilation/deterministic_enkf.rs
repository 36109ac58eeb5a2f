//! The deterministic ensemble Kalman filter.

use nalgebra::DMatrix;
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::ensemble::{centred, inflate, recombine};
use super::{Filter, FilterError, Observation, check};

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
        check(ensemble, observation)?;
        let (innovation, observed) = observation.scaled(ensemble);
        let n = observed.ncols();
        let gram = observed.transpose() * &observed;
        let mut hessian = gram.clone();
        (0..n).for_each(|i| hessian[(i, i)] += (n - 1) as f64);
        let factor = hessian.cholesky().ok_or(FilterError::Singular)?;
        let weights = factor.solve(&(observed.transpose() * innovation));
        let half = DMatrix::identity(n, n) - factor.solve(&gram) * 0.5;
        let (mean, anomalies) = centred(ensemble);
        recombine(ensemble, &mean, &anomalies, &weights, half);
        inflate(ensemble, self.inflation);
        Ok(())
    }
}

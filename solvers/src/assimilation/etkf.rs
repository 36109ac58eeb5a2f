//! The ensemble transform Kalman filter.

use nalgebra::DMatrix;
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::ensemble::{centred, recombine, rotate, transform};
use super::{Filter, FilterError, Observation};

/// The symmetric square-root filter: `X ← x̄ 1ᵀ + A (w 1ᵀ + T)` with `w`, `T` of
/// [`transform`]. No observation is perturbed.
///
/// C. H. Bishop, B. J. Etherton, S. J. Majumdar, Monthly Weather Review 129 (2001) 420; B. R. Hunt, E. J. Kostelich,
/// I. Szunyogh, Physica D 230 (2007) 112.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Etkf {
    /// Members of the ensemble.
    pub members: usize,
    /// The factor by which the anomalies are stretched after an analysis.
    #[serde(default = "super::config::one")]
    pub inflation: f64,
    /// Whether the members are mixed after an analysis.
    #[serde(default)]
    pub rotate: bool,
}

impl Filter for Etkf {
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
        let (weights, mut square_root) = transform(&innovation, &observed);
        // The anomalies of the analysis, which have no mean.
        square_root *= self.inflation;
        let (mean, anomalies) = centred(ensemble);
        recombine(ensemble, &mean, &anomalies, &weights, square_root);
        if self.rotate {
            rotate(ensemble, rng);
        }
        Ok(())
    }
}

//! The local ensemble transform Kalman filter.

use nalgebra::{DMatrix, DVector};
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::ensemble::{centred, inflate, rotate, transform};
use super::localisation::{CUT_OFF, gaspari_cohn, ring};
use super::{Filter, FilterError, Observation};

/// The ensemble transform filter, for every block of entries of its own, with the observations near it, the farther the
/// less certain (the inverse of `R` tapered by [`gaspari_cohn`]). Entries lie on a ring.
///
/// B. R. Hunt, E. J. Kostelich, I. Szunyogh, Physica D 230 (2007) 112.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Letkf {
    /// Members of the ensemble.
    pub members: usize,
    /// The radius of the taper, in entries.
    pub radius: f64,
    /// The factor by which the anomalies are stretched after an analysis.
    #[serde(default = "super::config::one")]
    pub inflation: f64,
    /// Whether the members are mixed after an analysis.
    #[serde(default)]
    pub rotate: bool,
    /// Neighbouring entries that are analysed together.
    #[serde(default = "single")]
    pub block: usize,
}

fn single() -> usize {
    1
}

impl Filter for Letkf {
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
        let (mean, anomalies) = centred(ensemble);
        let n = ensemble.nrows();
        for first in (0..n).step_by(self.block) {
            let end = (first + self.block).min(n);
            let centre = (first + end - 1) as f64 / 2.0;
            let near: Vec<(usize, f64)> = (0..innovation.len())
                .map(|i| (i, gaspari_cohn(ring(observation.operator.place(i, n), centre, n), self.radius)))
                .filter(|(_, weight)| *weight > CUT_OFF)
                .collect();
            if near.is_empty() {
                continue;
            }
            let root = |weight: f64| weight.sqrt();
            let local =
                DVector::from_iterator(near.len(), near.iter().map(|(i, w)| innovation[*i] * root(*w)));
            let seen = DMatrix::from_fn(near.len(), observed.ncols(), |k, member| {
                observed[(near[k].0, member)] * root(near[k].1)
            });
            let (weights, mut square_root) = transform(&local, &seen);
            square_root.column_iter_mut().for_each(|mut c| c += &weights);
            let rows = anomalies.rows(first, end - first) * square_root;
            for (k, row) in (first..end).enumerate() {
                for member in 0..rows.ncols() {
                    ensemble[(row, member)] = mean[row] + rows[(k, member)];
                }
            }
        }
        inflate(ensemble, self.inflation);
        if self.rotate {
            rotate(ensemble, rng);
        }
        Ok(())
    }
}

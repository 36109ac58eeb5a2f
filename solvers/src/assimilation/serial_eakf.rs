//! The serial ensemble adjustment Kalman filter with localisation.

use nalgebra::DMatrix;
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use super::ensemble::{centred, inflate, rotate};
use super::localisation::{CUT_OFF, gaspari_cohn, ring};
use super::{Filter, FilterError, Observation};

/// One observation after the other, in a random order: its own ensemble is shifted and contracted exactly, and every entry
/// near it follows by regression, tapered by [`gaspari_cohn`]. Entries lie on a ring.
///
/// J. L. Anderson, Monthly Weather Review 131 (2003) 634; A. R. Karspeck, J. L. Anderson, ibid. 135 (2007) 1403.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SerialEakf {
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
}

impl Filter for SerialEakf {
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
        let (n, members) = (ensemble.nrows(), ensemble.ncols());
        let freedom = (members - 1) as f64;
        let mut order: Vec<usize> = (0..observation.values.len()).collect();
        for i in (1..order.len()).rev() {
            order.swap(i, rng.random_range(0..=i));
        }
        for j in order {
            // What is seen of the members after the corrections so far.
            let seen = observation.operator.of_members(ensemble).row(j) / observation.deviation[j];
            let centre = seen.mean();
            let anomalies: Vec<f64> = seen.iter().map(|v| v - centre).collect();
            let square: f64 = anomalies.iter().map(|a| a * a).sum();
            if square < 1e-12 {
                continue;
            }
            let departure = observation.values[j] / observation.deviation[j] - centre;
            let shift = departure * square / (square + freedom);
            let contraction = (freedom / (freedom + square)).sqrt() - 1.0;
            let (_, deviations) = centred(ensemble);
            let place = observation.operator.place(j, n);
            for i in 0..n {
                let taper = gaspari_cohn(ring(place, i as f64, n), self.radius);
                if taper <= CUT_OFF {
                    continue;
                }
                let covariance: f64 = (0..members).map(|m| deviations[(i, m)] * anomalies[m]).sum();
                let slope = taper * covariance / square;
                for m in 0..members {
                    ensemble[(i, m)] += slope * (shift + contraction * anomalies[m]);
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

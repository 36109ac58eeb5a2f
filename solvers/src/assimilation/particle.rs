//! The bootstrap particle filter, for small systems.

use nalgebra::{DMatrix, DVector};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::{Filter, FilterError, Observation};

/// Members are weighted by the likelihood of the observations; when the effective number of members falls below a share of
/// all, they are drawn anew by systematic resampling and spread by noise of the ensemble's own covariance.
///
/// N. J. Gordon, D. J. Salmond, A. F. M. Smith, IEE Proceedings F 140 (1993) 107; C. Musso, N. Oudjane, F. Le Gland (2001)
/// for the regularisation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParticleConfig {
    /// Members.
    pub members: usize,
    /// The share of effective members below which they are drawn anew.
    #[serde(default = "half")]
    pub threshold: f64,
    /// The noise of drawn members, relative to the optimal bandwidth of a Gaussian kernel.
    #[serde(default = "super::config::one")]
    pub regularisation: f64,
}

fn half() -> f64 {
    0.5
}

/// The filter with its weights.
#[derive(Clone, Debug)]
pub struct Particle {
    config: ParticleConfig,
    weights: Vec<f64>,
}

impl Particle {
    /// Members of equal weight.
    pub fn new(config: ParticleConfig) -> Self {
        let weights = vec![1.0 / config.members as f64; config.members];
        Self { config, weights }
    }

    fn weighted_mean(&self, ensemble: &DMatrix<f64>) -> DVector<f64> {
        let mut mean = DVector::zeros(ensemble.nrows());
        for (m, w) in self.weights.iter().enumerate() {
            mean += ensemble.column(m) * *w;
        }
        mean
    }

    fn resample(&mut self, ensemble: &mut DMatrix<f64>, rng: &mut dyn Rng) {
        let (n, members) = (ensemble.nrows(), ensemble.ncols());
        let offset: f64 = rng.random();
        let (mut chosen, mut sum, mut at) = (Vec::with_capacity(members), self.weights[0], 0);
        for k in 0..members {
            let target = (k as f64 + offset) / members as f64;
            while sum < target && at + 1 < members {
                at += 1;
                sum += self.weights[at];
            }
            chosen.push(at);
        }
        let drawn = DMatrix::from_fn(n, members, |i, m| ensemble[(i, chosen[m])]);
        // The optimal bandwidth of a Gaussian kernel for a Gaussian density.
        let bandwidth = self.config.regularisation
            * (4.0 / (n as f64 + 2.0)).powf(1.0 / (n as f64 + 4.0))
            * (members as f64).powf(-1.0 / (n as f64 + 4.0));
        let mean = self.weighted_mean(ensemble);
        let mut weighted = ensemble.clone();
        for (m, mut column) in weighted.column_iter_mut().enumerate() {
            column -= &mean;
            column *= self.weights[m].sqrt();
        }
        let mut covariance = &weighted * weighted.transpose();
        let jitter = 1e-12 * covariance.trace() / n as f64 + f64::MIN_POSITIVE;
        (0..n).for_each(|i| covariance[(i, i)] += jitter);
        *ensemble = drawn;
        if let Some(factor) = covariance.cholesky() {
            let normal = DMatrix::from_fn(n, members, |_, _| rng.sample::<f64, _>(StandardNormal));
            ensemble.gemm(bandwidth, &factor.l(), &normal, 1.0);
        }
        self.weights.fill(1.0 / members as f64);
    }
}

impl Filter for Particle {
    fn members(&self) -> usize {
        self.config.members
    }

    fn analyse(
        &mut self,
        ensemble: &mut DMatrix<f64>,
        observation: &Observation<'_>,
        rng: &mut dyn Rng,
    ) -> Result<(), FilterError> {
        observation.check(ensemble)?;
        let logs: Vec<f64> = ensemble
            .column_iter()
            .zip(&self.weights)
            .map(|(member, weight)| {
                let seen = observation.operator.apply(member.as_slice());
                let misfit: f64 = seen
                    .iter()
                    .zip(observation.values)
                    .zip(observation.deviation)
                    .map(|((h, y), s)| ((y - h) / s).powi(2))
                    .sum();
                weight.ln() - 0.5 * misfit
            })
            .collect();
        let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        self.weights = logs.iter().map(|l| (l - top).exp()).collect();
        let sum: f64 = self.weights.iter().sum();
        self.weights.iter_mut().for_each(|w| *w /= sum);
        let effective = 1.0 / self.weights.iter().map(|w| w * w).sum::<f64>();
        if effective < self.config.threshold * self.weights.len() as f64 {
            self.resample(ensemble, rng);
        }
        Ok(())
    }

    fn estimate(&self, ensemble: &DMatrix<f64>) -> DVector<f64> {
        self.weighted_mean(ensemble)
    }
}

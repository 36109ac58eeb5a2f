//! The finite-size ensemble Kalman filter, which needs no tuned inflation.

use nalgebra::DMatrix;
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::ensemble::{Spectrum, centred, recombine, rotate};
use super::{Filter, FilterError, Observation};

/// The ensemble transform filter whose inflation `λ` before each analysis follows from the sampling error of a finite
/// ensemble: it minimises
/// `J(λ) = Σ dᵢ²/(N − 1 + λ²sᵢ²) + ε/λ² + c ln λ²`, with `s` the singular values of the observed anomalies and `d` the
/// innovation along them, `ε = 1 + 1/N` and `c = N/(N − 1)`, both corrected so that λ → 1 where nothing is learned from
/// the observations.
///
/// M. Bocquet, Nonlinear Processes in Geophysics 18 (2011) 735; M. Bocquet, P. N. Raanes, A. Hannart, ibid. 22 (2015) 645.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FiniteSize {
    /// Members of the ensemble.
    pub members: usize,
    /// The certainty of the prior of the inflation: 1 as of a sample of chance, more for motions that are deterministic.
    #[serde(default = "super::config::one")]
    pub certainty: f64,
    /// Whether the members are mixed after an analysis.
    #[serde(default)]
    pub rotate: bool,
}

impl FiniteSize {
    /// The inflation of the anomalies before the analysis.
    fn inflation(&self, spectrum: &Spectrum) -> f64 {
        let n = spectrum.squares.len() as f64;
        let freedom = n - 1.0;
        // The innovation along the left vectors is d = vᵀYᵀδ/s.
        let largest = spectrum.squares.max().max(f64::MIN_POSITIVE);
        let pairs: Vec<(f64, f64)> = spectrum
            .squares
            .iter()
            .zip(spectrum.innovation.iter())
            .filter(|(s2, _)| **s2 > 1e-12 * largest)
            .map(|(s2, p)| (*s2, p * p / s2))
            .collect();
        let (mut epsilon, mut c) = (1.0 + 1.0 / n, n / freedom);
        // The share of the prior in the posterior, by which the prior's mode is moved to one.
        let prior = spectrum.squares.iter().map(|s2| freedom / (s2.max(0.0) + freedom)).sum::<f64>() / n;
        let correction = (epsilon / c).powf(prior).sqrt();
        epsilon *= self.certainty / correction;
        c *= self.certainty * correction;
        let cost = |log: f64| {
            let square = (2.0 * log).exp();
            let fit: f64 = pairs.iter().map(|(s2, d2)| d2 / (freedom + square * s2)).sum();
            fit + epsilon / square + c * 2.0 * log
        };
        minimum(cost, 0.2_f64.ln(), 50_f64.ln()).exp()
    }
}

/// The minimum of a function on an interval: the best of a grid, then golden sections around it.
fn minimum(f: impl Fn(f64) -> f64, low: f64, high: f64) -> f64 {
    const GRID: usize = 40;
    let width = (high - low) / GRID as f64;
    let at = |i: usize| low + i as f64 * width;
    let best = (0..=GRID).min_by(|a, b| f(at(*a)).total_cmp(&f(at(*b)))).unwrap_or(0);
    let (mut a, mut b) = (at(best.saturating_sub(1)), at((best + 1).min(GRID)));
    let golden = (5_f64.sqrt() - 1.0) / 2.0;
    while b - a > 1e-6 {
        let (x, y) = (b - golden * (b - a), a + golden * (b - a));
        if f(x) < f(y) { b = y } else { a = x }
    }
    0.5 * (a + b)
}

impl Filter for FiniteSize {
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
        let spectrum = Spectrum::of(&innovation, &observed);
        let inflation = self.inflation(&spectrum);
        let (weights, square_root) = spectrum.transform(inflation);
        let (mean, mut anomalies) = centred(ensemble);
        anomalies *= inflation;
        recombine(ensemble, &mean, &anomalies, &weights, square_root);
        if self.rotate {
            rotate(ensemble, rng);
        }
        Ok(())
    }
}

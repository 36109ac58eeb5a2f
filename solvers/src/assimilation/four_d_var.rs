//! Four-dimensional variational assimilation.

use nalgebra::{DMatrix, DVector};
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::{Climatology, Filter, FilterError, Observation};

/// A model that can be run, and differentiated in reverse.
pub trait Adjoint {
    /// Moves `x` from `t0` to `t1`.
    ///
    /// # Errors
    /// A sentence on why it ended early.
    fn advance(&mut self, x: &mut [f64], t0: f64, t1: f64) -> Result<(), String>;

    /// `(∂x(t1)/∂x(t0))ᵀ v` for the motion from `x` at `t0`.
    ///
    /// # Errors
    /// A sentence on why it ended early.
    fn pull(&mut self, x: &[f64], t0: f64, t1: f64, v: &[f64]) -> Result<Vec<f64>, String>;
}

/// The state `x₀` at the beginning of a window whose motion fits what was seen at its end, under the strong constraint that the
/// model is right: the minimum of
/// `(x₀ − x_b)ᵀ B⁻¹ (x₀ − x_b) + (y − H(M(x₀)))ᵀ R⁻¹ (y − H(M(x₀)))` with `B` a fixed share of the climate's covariance and the
/// gradient by the adjoint of the model, found by L-BFGS in the variable `B^(−½)(x₀ − x_b)`.
///
/// The window is `lag` observations long and moves by one, so that every observation is used once.
///
/// F.-X. Le Dimet, O. Talagrand, Tellus A 38 (1986) 97; windows as in P. Sakov, D. S. Oliver, L. Bertino, Monthly Weather Review
/// 140 (2012) 1988.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FourDVarConfig {
    /// Observations of a window.
    pub lag: usize,
    /// `B` relative to the climate's covariance.
    pub scale: f64,
    /// Iterations of the minimisation, at most.
    #[serde(default = "iterations")]
    pub iterations: usize,
}

fn iterations() -> usize {
    20
}

/// Pairs that the minimisation remembers.
const MEMORY: usize = 8;

/// The gradient relative to its start at which the minimum is found.
const TOLERANCE: f64 = 1e-3;

/// The filter of [`FourDVarConfig`].
pub struct FourDVar {
    config: FourDVarConfig,
    model: Box<dyn Adjoint>,
    /// `B^½`, symmetric.
    root: DMatrix<f64>,
    /// The time, the beginning of the window and the estimate there, and the times of the observations since.
    now: f64,
    start: Option<(f64, DVector<f64>)>,
    seen: Vec<f64>,
}

impl FourDVar {
    /// With the model that makes the forecasts, and the climate.
    pub fn new(config: FourDVarConfig, climatology: &Climatology, model: Box<dyn Adjoint>) -> Self {
        let eigen = (&climatology.covariance * config.scale).symmetric_eigen();
        let scaled = eigen.eigenvalues.map(|v| v.max(0.0).sqrt());
        let root = &eigen.eigenvectors * DMatrix::from_diagonal(&scaled) * eigen.eigenvectors.transpose();
        Self { config, model, root, now: 0.0, start: None, seen: Vec::new() }
    }

    /// The cost at `v`, and its gradient.
    fn cost(
        &mut self,
        v: &DVector<f64>,
        background: &DVector<f64>,
        t0: f64,
        observation: &Observation<'_>,
    ) -> Result<(f64, DVector<f64>), FilterError> {
        let x0 = background + &self.root * v;
        let mut x = x0.clone();
        self.model.advance(x.as_mut_slice(), t0, self.now).map_err(FilterError::Model)?;
        let seen = observation.operator.apply(x.as_slice());
        let weighted = observation.values.iter().zip(&seen).zip(observation.deviation);
        let misfit = DVector::from_iterator(seen.len(), weighted.map(|((y, h), s)| (h - y) / (s * s)));
        let fit: f64 = misfit.iter().zip(observation.deviation).map(|(m, s)| (m * s).powi(2)).sum();
        let end = observation.operator.jacobian(x.as_slice()).tr_mul(&misfit);
        let pulled =
            self.model.pull(x0.as_slice(), t0, self.now, end.as_slice()).map_err(FilterError::Model)?;
        let gradient = v + &self.root * DVector::from_vec(pulled);
        Ok((0.5 * (v.norm_squared() + fit), gradient))
    }

    /// L-BFGS from zero with backtracking.
    fn minimise(
        &mut self,
        background: &DVector<f64>,
        t0: f64,
        observation: &Observation<'_>,
    ) -> Result<DVector<f64>, FilterError> {
        let mut v = DVector::zeros(background.len());
        let (mut cost, mut gradient) = self.cost(&v, background, t0, observation)?;
        let first = gradient.norm();
        let mut pairs: Vec<(DVector<f64>, DVector<f64>)> = Vec::new();
        for _ in 0..self.config.iterations {
            if gradient.norm() <= TOLERANCE * first {
                break;
            }
            let direction = -descent(&gradient, &pairs);
            let slope = gradient.dot(&direction);
            // Without pairs the length is that of a unit step, which the background's weight makes sensible.
            let mut length = if pairs.is_empty() { (1.0 / gradient.norm()).min(1.0) } else { 1.0 };
            let mut found = None;
            for _ in 0..12 {
                let candidate = &v + &direction * length;
                // A model that leaves its range on the way is a step that is too long.
                if let Ok((value, g)) = self.cost(&candidate, background, t0, observation)
                    && value <= cost + 1e-4 * length * slope
                {
                    found = Some((candidate, value, g));
                    break;
                }
                length *= 0.4;
            }
            let Some((candidate, value, g)) = found else { break };
            let (s, y) = (&candidate - &v, &g - &gradient);
            if s.dot(&y) > 1e-12 * s.norm() * y.norm() {
                pairs.push((s, y));
                if pairs.len() > MEMORY {
                    pairs.remove(0);
                }
            }
            (v, cost, gradient) = (candidate, value, g);
        }
        Ok(v)
    }
}

/// The two loops of J. Nocedal, Mathematics of Computation 35 (1980) 773.
fn descent(gradient: &DVector<f64>, pairs: &[(DVector<f64>, DVector<f64>)]) -> DVector<f64> {
    let mut q = gradient.clone();
    let mut along = Vec::with_capacity(pairs.len());
    for (s, y) in pairs.iter().rev() {
        let a = s.dot(&q) / y.dot(s);
        q.axpy(-a, y, 1.0);
        along.push(a);
    }
    if let Some((s, y)) = pairs.last() {
        q *= s.dot(y) / y.norm_squared();
    }
    for ((s, y), a) in pairs.iter().zip(along.into_iter().rev()) {
        let b = y.dot(&q) / y.dot(s);
        q.axpy(a - b, s, 1.0);
    }
    q
}

impl Filter for FourDVar {
    fn members(&self) -> usize {
        1
    }

    fn begin(&mut self, start: &DVector<f64>) {
        self.start = Some((self.now, start.clone()));
    }

    fn elapse(&mut self, time: f64) {
        self.now += time;
    }

    fn analyse(
        &mut self,
        ensemble: &mut DMatrix<f64>,
        observation: &Observation<'_>,
        _rng: &mut dyn Rng,
    ) -> Result<(), FilterError> {
        observation.check(ensemble)?;
        let (mut t0, background) =
            self.start.take().unwrap_or_else(|| (self.now, ensemble.column(0).into_owned()));
        let v = self.minimise(&background, t0, observation)?;
        let mut x0 = background + &self.root * v;
        self.seen.push(self.now);
        if self.seen.len() >= self.config.lag {
            let next = self.seen.remove(0);
            self.model.advance(x0.as_mut_slice(), t0, next).map_err(FilterError::Model)?;
            t0 = next;
        }
        let mut x = x0.clone();
        self.model.advance(x.as_mut_slice(), t0, self.now).map_err(FilterError::Model)?;
        ensemble.column_mut(0).copy_from(&x);
        self.start = Some((t0, x0));
        Ok(())
    }
}

//! Vector autoregression.

use flowmap_solvers::issue::{Check, Validate};
use nalgebra::DMatrix;
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::ridge::Normal;
use super::{Baseline, FitError, Fitted, Fitting, Samples, Scale};
use crate::state_space::StateSpaceModel;

/// `x_{t+1} = c + Σ_k A_k x_{t−k}`, `k < p`, by ridge regression on standardised channels, with the `p` of the least
/// information criterion.
///
/// H. Lütkepohl, New Introduction to Multiple Time Series Analysis (2005), chapter 4.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AutoregressiveConfig {
    /// `p`; zero chooses it.
    pub order: usize,
    /// The largest `p` to choose.
    pub max_order: usize,
    /// How it is chosen.
    pub criterion: Criterion,
    /// The ridge, relative to variances of one.
    pub ridge: f64,
}

/// `ln det Σ + w · m / n` with `Σ` the covariance of residuals, `m` coefficients, `n` samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Criterion {
    /// Schwarz: `w = ln n`.
    #[default]
    Bic,
    /// Akaike: `w = 2`.
    Aic,
}

impl Default for AutoregressiveConfig {
    fn default() -> Self {
        Self { order: 0, max_order: 10, criterion: Criterion::Bic, ridge: 1e-8 }
    }
}

impl Validate for AutoregressiveConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.within("order", self.order, 0, 1000);
        check.within("max_order", self.max_order, 1, 1000);
        check.non_negative("ridge", self.ridge);
    }
}

/// The model of [`AutoregressiveConfig`]. Its state is the last `p` samples, standardised, the newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Autoregressive {
    /// `[1 + channel · p, channel]`: the constant, then `A_kᵀ` one above the other.
    pub weights: DMatrix<f64>,
    /// `p`.
    pub order: usize,
    /// The scale of the channels.
    pub scale: Scale,
}

impl AutoregressiveConfig {
    /// Fits.
    ///
    /// # Errors
    /// If there are fewer samples than coefficients, or the equations are singular.
    pub fn regress(&self, samples: &Samples<'_>) -> Result<Autoregressive, FitError> {
        let longest = if self.order > 0 { self.order } else { self.max_order };
        let channels = samples.width();
        samples.require(2 + longest * (1 + channels), "the order, and the number of channels")?;
        let scale = Scale::fit(&samples.train);
        let mut normal = Normal::new(1 + longest * channels, channels);
        let mut scaled = vec![0.0; channels];
        for series in &samples.train {
            for t in longest..series.nrows() {
                normal.push(|features, target| {
                    features[0] = 1.0;
                    for k in 0..longest {
                        scale.apply(series.row(t - 1 - k).iter().copied(), &mut scaled);
                        features[1 + k * channels..1 + (k + 1) * channels].copy_from_slice(&scaled);
                    }
                    scale.apply(series.row(t).iter().copied(), target);
                });
            }
        }
        normal.flush();
        // Every order is judged on the same samples: its equations are a corner of the largest's.
        let orders = if self.order > 0 { self.order..=self.order } else { 1..=self.max_order };
        let fits = orders.filter_map(|p| self.corner(&normal, p, channels));
        let best = fits.min_by(|a, b| a.0.total_cmp(&b.0));
        let (_, order, weights) = best.ok_or(FitError::Singular("ridge"))?;
        Ok(Autoregressive { weights, order, scale })
    }

    /// The criterion of an order, and its weights.
    fn corner(&self, all: &Normal, order: usize, channels: usize) -> Option<(f64, usize, DMatrix<f64>)> {
        let (m, n) = (1 + order * channels, all.rows as f64);
        let mut corner = Normal::new(m, channels);
        corner.gram = all.gram.view((0, 0), (m, m)).into_owned();
        corner.moment = all.moment.rows(0, m).into_owned();
        corner.rows = all.rows;
        let weights = corner.solve(self.ridge)?;
        let explained = weights.transpose() * &corner.moment;
        let twice = weights.transpose() * &corner.gram * &weights;
        let residual = (&all.target - &explained - explained.transpose() + twice) / n;
        // A series without noise leaves nothing: rounding must not choose.
        let floor = DMatrix::identity(channels, channels) * 1e-14;
        let factor = (residual + floor).cholesky()?;
        let log_det = 2.0 * factor.l().diagonal().iter().map(|v| v.ln()).sum::<f64>();
        let weight = match self.criterion {
            Criterion::Bic => n.ln(),
            Criterion::Aic => 2.0,
        };
        Some((log_det + weight * (m * channels) as f64 / n, order, weights))
    }
}

impl Baseline for AutoregressiveConfig {
    fn fit(&self, samples: &Samples<'_>, _: &mut Fitting<'_>) -> Result<Fitted, FitError> {
        let model = self.regress(samples)?;
        let note = format!("Autoregression: {} samples of past.", model.order);
        Ok(Fitted { parameters: model.weights.len(), model: Box::new(model), notes: vec![note] })
    }
}

impl StateSpaceModel for Autoregressive {
    fn state_size(&self) -> usize {
        self.order * self.channels()
    }

    fn channels(&self) -> usize {
        self.scale.mean.len()
    }

    fn memory(&self) -> usize {
        self.order - 1
    }

    /// Before the first sample the series is taken to have stood still.
    fn filter(&self, series: ArrayView2<'_, f64>) -> Array2<f64> {
        let c = self.channels();
        let mut states = Array2::zeros((series.nrows(), self.state_size()));
        for (t, mut state) in states.rows_mut().into_iter().enumerate() {
            for k in 0..self.order {
                let past = series.row(t.saturating_sub(k));
                for i in 0..c {
                    state[k * c + i] = (past[i] - self.scale.mean[i]) / self.scale.std[i];
                }
            }
        }
        states
    }

    fn observe(&self, z: &[f64], x: &mut [f64]) {
        self.scale.undo(&z[..self.channels()], x);
    }

    fn next(&self, z: &[f64], next: &mut [f64]) {
        let c = self.channels();
        for i in 0..c {
            let weights = self.weights.column(i);
            next[i] = weights[0] + z.iter().enumerate().map(|(k, z)| weights[k + 1] * z).sum::<f64>();
        }
        next[c..].copy_from_slice(&z[..z.len() - c]);
    }

    fn correct(&self, z: &mut [f64], x: &[f64], gain: f64) -> bool {
        let Scale { mean, std } = &self.scale;
        for (i, z) in z.iter_mut().take(self.channels()).enumerate() {
            *z += gain * ((x[i] - mean[i]) / std[i] - *z);
        }
        true
    }

    fn jacobian(&self, _z: &[f64], j: &mut DMatrix<f64>) {
        let (c, n) = (self.channels(), self.state_size());
        j.fill(0.0);
        j.rows_mut(0, c).copy_from(&self.weights.rows(1, n).transpose());
        (c..n).for_each(|i| j[(i, i - c)] = 1.0);
    }
}

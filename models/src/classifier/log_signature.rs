//! A linear classifier of log-signatures.

use flowmap_solvers::control_path::{ControlError, ControlPath, Fill, LogSignature, Samples};
use flowmap_solvers::issue::{Check, Validate};
use nalgebra::{DMatrix, DVector};
use serde::{Deserialize, Serialize};

use super::{FittedClassifier, SeriesSpec};

/// Logistic regression on the log-signature of a series with its time, to depth two: its increments and its Lévy areas. One
/// class against the rest each, by Newton's method, with a ridge penalty on standardised features.
///
/// T. Lyons, "Rough paths, signatures and the modelling of functions on streams", ICM 2014.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSignatureClassifierConfig {
    /// The weight of the penalty, relative to one series.
    pub ridge: f64,
    /// Steps of Newton's method.
    pub steps: usize,
}

impl Default for LogSignatureClassifierConfig {
    fn default() -> Self {
        Self { ridge: 1e-2, steps: 25 }
    }
}

impl Validate for LogSignatureClassifierConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.positive("ridge", self.ridge);
        check.within("steps", self.steps, 1, 10_000);
    }
}

/// The model of [`LogSignatureClassifierConfig`].
#[derive(Clone, Debug)]
pub struct LogSignatureClassifier {
    mean: DVector<f64>,
    inverse_std: DVector<f64>,
    /// A column of weights for each class, the first of the constant.
    weights: DMatrix<f64>,
}

impl LogSignatureClassifierConfig {
    /// Fits to series with their classes.
    ///
    /// # Errors
    /// If a series makes no control.
    pub fn fit(
        &self,
        series: &[Samples],
        labels: &[usize],
        spec: &SeriesSpec,
    ) -> Result<LogSignatureClassifier, ControlError> {
        let rows = series.iter().map(features).collect::<Result<Vec<_>, _>>()?;
        let (n, width) = (rows.len(), rows.first().map_or(0, Vec::len));
        let raw = DMatrix::from_fn(n, width, |i, j| rows[i][j]);
        let mean = raw.row_mean().transpose();
        let inverse_std = raw.row_variance().transpose().map(|v| if v > 0.0 { 1.0 / v.sqrt() } else { 1.0 });
        let x = DMatrix::from_fn(n, width + 1, |i, j| match j {
            0 => 1.0,
            j => (raw[(i, j - 1)] - mean[j - 1]) * inverse_std[j - 1],
        });
        let columns: Vec<DVector<f64>> = (0..spec.classes)
            .map(|class| {
                let target = DVector::from_fn(n, |i, _| f64::from(u8::from(labels[i] == class)));
                self.regress(&x, &target)
            })
            .collect();
        Ok(LogSignatureClassifier { mean, inverse_std, weights: DMatrix::from_columns(&columns) })
    }

    /// The weights of the largest penalised likelihood.
    fn regress(&self, x: &DMatrix<f64>, target: &DVector<f64>) -> DVector<f64> {
        let mut w = DVector::zeros(x.ncols());
        for _ in 0..self.steps {
            let p = (x * &w).map(|a| 1.0 / (1.0 + (-a).exp()));
            let gradient = x.transpose() * (target - &p) - self.ridge * &w;
            let curvature = DMatrix::from_fn(x.nrows(), x.ncols(), |i, j| p[i] * (1.0 - p[i]) * x[(i, j)]);
            let hessian = x.transpose() * curvature + DMatrix::identity(x.ncols(), x.ncols()) * self.ridge;
            let Some(step) = hessian.cholesky().map(|c| c.solve(&gradient)) else { break };
            // The penalised likelihood is concave; far from its top a whole step may go too far.
            let size = step.amax();
            w += step * (2.0 / size.max(2.0));
            if size < 1e-10 {
                break;
            }
        }
        w
    }
}

/// Increments and areas of the path with its time.
fn features(series: &Samples) -> Result<Vec<f64>, ControlError> {
    let path = ControlPath::linear(&series.clone().with_time(), Fill::Interpolate)?;
    let log = LogSignature::new(&path, 0, path.knots().len() - 1, 2)?;
    let c = log.channels();
    let mut features = log.level(1).unwrap_or_default().to_vec();
    let areas = log.level(2).unwrap_or_default();
    features.extend((0..c).flat_map(|i| (i + 1..c).map(move |j| areas[i * c + j])));
    Ok(features)
}

impl FittedClassifier for LogSignatureClassifier {
    fn class(&self, series: &Samples) -> Result<usize, ControlError> {
        let scaled = (DVector::from_vec(features(series)?) - &self.mean).component_mul(&self.inverse_std);
        Ok((self.weights.tr_mul(&scaled.insert_row(0, 1.0))).argmax().0)
    }

    fn parameters(&self) -> usize {
        self.weights.len()
    }
}

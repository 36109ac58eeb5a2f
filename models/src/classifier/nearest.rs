//! The class of the nearest neighbour.

use flowmap_solvers::control_path::{ControlError, ControlPath, Fill, Samples};
use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use super::{FittedClassifier, SeriesSpec};

/// The class of the training series whose interpolant by straight lines is nearest in the mean square over the span.
///
/// T. M. Cover, P. E. Hart, IEEE Trans. Inf. Theory 13 (1967) 21-27.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NearestClassifierConfig {
    /// Times at which interpolants are compared.
    pub points: usize,
}

impl Default for NearestClassifierConfig {
    fn default() -> Self {
        Self { points: 64 }
    }
}

impl Validate for NearestClassifierConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.within("points", self.points, 2, 100_000);
    }
}

/// The model of [`NearestClassifierConfig`].
#[derive(Clone, Debug)]
pub struct NearestClassifier {
    points: usize,
    span: f64,
    /// Interpolants, and their classes.
    known: Vec<(Vec<f64>, usize)>,
}

impl NearestClassifierConfig {
    /// Remembers the series with their classes.
    ///
    /// # Errors
    /// If a series makes no control.
    pub fn fit(
        &self,
        series: &[Samples],
        labels: &[usize],
        spec: &SeriesSpec,
    ) -> Result<NearestClassifier, ControlError> {
        let mut model = NearestClassifier { points: self.points, span: spec.span, known: Vec::new() };
        for (series, label) in series.iter().zip(labels) {
            let curve = model.curve(series)?;
            model.known.push((curve, *label));
        }
        Ok(model)
    }
}

impl NearestClassifier {
    fn curve(&self, series: &Samples) -> Result<Vec<f64>, ControlError> {
        let path = ControlPath::linear(series, Fill::Interpolate)?;
        let mut curve = vec![0.0; self.points * path.channels()];
        for (i, x) in curve.chunks_exact_mut(path.channels()).enumerate() {
            path.value(self.span * (i as f64 + 0.5) / self.points as f64, x);
        }
        Ok(curve)
    }
}

impl FittedClassifier for NearestClassifier {
    fn class(&self, series: &Samples) -> Result<usize, ControlError> {
        let curve = self.curve(series)?;
        let distance = |other: &[f64]| curve.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
        let nearest = self.known.iter().map(|(known, label)| (distance(known), *label));
        Ok(nearest.min_by(|a, b| a.0.total_cmp(&b.0)).map_or(0, |(_, label)| label))
    }

    fn parameters(&self) -> usize {
        self.known.iter().map(|(curve, _)| curve.len()).sum()
    }
}

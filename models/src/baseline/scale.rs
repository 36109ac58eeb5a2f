//! The units of a series.

use ndarray::ArrayView2;

/// `(x − mean) / std`, channel by channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    /// Means.
    pub mean: Vec<f64>,
    /// Standard deviations; one where a channel does not vary.
    pub std: Vec<f64>,
}

impl Scale {
    /// Of series `[time, channel]`.
    pub fn fit(series: &[ArrayView2<'_, f64>]) -> Self {
        let channels = series.first().map_or(0, |s| s.ncols());
        let n = series.iter().map(|s| s.nrows()).sum::<usize>().max(1) as f64;
        let total = |f: &dyn Fn(f64) -> f64, c: usize| -> f64 {
            series.iter().map(|s| s.column(c).iter().map(|v| f(*v)).sum::<f64>()).sum::<f64>() / n
        };
        let mean: Vec<f64> = (0..channels).map(|c| total(&|v| v, c)).collect();
        let std = (0..channels).map(|c| total(&|v| (v - mean[c]).powi(2), c).sqrt());
        let std = std.map(|s| if s > 0.0 { s } else { 1.0 }).collect();
        Self { mean, std }
    }

    /// Writes a sample in units of the scale.
    pub fn apply(&self, sample: impl IntoIterator<Item = f64>, out: &mut [f64]) {
        for ((o, v), (m, s)) in out.iter_mut().zip(sample).zip(self.mean.iter().zip(&self.std)) {
            *o = (v - m) / s;
        }
    }

    /// Writes a sample in units of the series.
    pub fn undo(&self, scaled: &[f64], out: &mut [f64]) {
        for ((o, v), (m, s)) in out.iter_mut().zip(scaled).zip(self.mean.iter().zip(&self.std)) {
            *o = m + s * v;
        }
    }
}

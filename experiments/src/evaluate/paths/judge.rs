//! Marginals of paths, and the discrepancy of whole paths.

use flowmap_datasets::problem::sde::{Moments, SdeProblem};
use ndarray::{Array2, Array3, s};
use serde_json::json;

use super::Scale;
use crate::evaluate::Findings;
use crate::metric::{mean_discrepancy, quantile};

/// Paths that are compared as a whole.
const COMPARED: usize = 2000;

/// What paths are compared with.
pub(super) struct Judge<'a> {
    pub(super) times: &'a [f64],
    pub(super) test: &'a Array3<f64>,
    scale: &'a Scale,
    /// Other paths of the truth.
    other: &'a Array3<f64>,
    /// The mean and standard deviation `[time, channel]`, exact or of the test paths.
    pub(super) mean: Array2<f64>,
    pub(super) std: Array2<f64>,
    exact: bool,
}

/// The mean and the standard deviation of every channel at every time.
pub(super) fn moments(paths: &Array3<f64>) -> (Array2<f64>, Array2<f64>) {
    let (_, times, channels) = paths.dim();
    let at = |t: usize, c: usize| paths.slice(s![.., t, c]);
    (
        Array2::from_shape_fn((times, channels), |(t, c)| at(t, c).mean().unwrap_or(f64::NAN)),
        Array2::from_shape_fn((times, channels), |(t, c)| at(t, c).std(0.0)),
    )
}

/// Quantiles of a channel at every time.
pub(super) fn quantiles(paths: &Array3<f64>, channel: usize, q: f64) -> Vec<f64> {
    (0..paths.dim().1).map(|t| quantile(&paths.slice(s![.., t, channel]).to_vec(), q)).collect()
}

impl<'a> Judge<'a> {
    pub(super) fn new(
        process: &dyn SdeProblem,
        times: &'a [f64],
        other: &'a Array3<f64>,
        test: &'a Array3<f64>,
        scale: &'a Scale,
    ) -> Self {
        let (mut mean, mut std) = moments(test);
        let first = times.first().copied().unwrap_or(0.0);
        let mut exact = false;
        // Given the starts of the test paths: E y and Var y = E Var(y | start) + Var E(y | start).
        for (i, t) in times.iter().enumerate().skip(1) {
            let given = test.outer_iter().map(|path| process.moments(t - first, &path.row(0).to_vec()));
            let Some(given) = given.collect::<Option<Vec<Moments>>>() else { break };
            for c in 0..test.dim().2 {
                let n = given.len() as f64;
                let m = given.iter().map(|g| g.mean[c]).sum::<f64>() / n;
                let spread = given.iter().map(|g| g.variance[c] + (g.mean[c] - m).powi(2)).sum::<f64>() / n;
                (mean[[i, c]], std[[i, c]]) = (m, spread.sqrt());
            }
            exact = true;
        }
        Self { times, test, scale, other, mean, std, exact }
    }

    /// The largest error over times and channels of means and of standard deviations, relative to the true standard
    /// deviations.
    fn marginal_errors(&self, paths: &Array3<f64>) -> (f64, f64) {
        let (mean, std) = moments(paths);
        let largest = |found: &Array2<f64>, truth: &Array2<f64>| {
            let errors = found.iter().zip(truth).zip(&self.std);
            errors.map(|((a, b), s)| (a - b).abs() / s).fold(0.0, f64::max)
        };
        (largest(&mean, &self.mean), largest(&std, &self.std))
    }

    /// The squared discrepancy to the test paths, each path a point.
    fn discrepancy(&self, paths: &Array3<f64>) -> f64 {
        let flat = |paths: &Array3<f64>| {
            let paths = self.scale.apply(paths);
            let (n, times, channels) = paths.dim();
            let rows = n.min(COMPARED);
            let taken = paths.slice(s![..rows, .., ..]).to_owned();
            taken.into_shape_with_order((rows, times * channels)).unwrap_or_default()
        };
        mean_discrepancy(flat(self.test).view(), flat(paths).view())
    }

    pub(super) fn report(&self, generated: &Array3<f64>, findings: &mut Findings) {
        let (mean, std) = self.marginal_errors(generated);
        let n = self.test.dim().0.min(self.other.dim().0);
        let floor = self.other.slice(s![..n, .., ..]).to_owned();
        let (floor_mean, floor_std) = self.marginal_errors(&floor);
        let (mmd, mmd_floor) = (self.discrepancy(generated), self.discrepancy(&floor));
        findings.metric("marginal_error", mean.max(std));
        findings.metric("marginal_error_mean", mean);
        findings.metric("marginal_error_std", std);
        findings.metric("marginal_error_floor", floor_mean.max(floor_std));
        findings.metric("mmd", mmd);
        findings.metric("mmd_floor", mmd_floor);
        let percent = |v: f64| format!("{:.2} %", 100.0 * v);
        findings.tables.push(json!({
            "title": "Paths beside those of the process",
            "columns": ["paths", "largest error of a mean", "of a standard deviation", "MMD²"],
            "rows": [
                ["generated", percent(mean), percent(std), format!("{mmd:.2e}")],
                ["other paths of the process", percent(floor_mean), percent(floor_std), format!("{mmd_floor:.2e}")],
            ],
        }));
        findings.notes.push(format!(
            "Errors are relative to the standard deviation at their time; the marginals of the process are {}.",
            if self.exact { "exact, given the starts of the test paths" } else { "those of the test paths" }
        ));
    }
}

//! Clouds beside those of the truth, and what no model need beat.

use std::sync::Arc;

use flowmap_datasets::problem::density::Density;
use flowmap_datasets::rng::stream;
use ndarray::{Array2, ArrayView2, s};
use rayon::prelude::*;

use super::Task;
use crate::evaluate::Findings;
use crate::metric::{mean_discrepancy, sliced_wasserstein_2, wasserstein_2};

/// The share of the truth's own points that lie where its density is called as good as none.
const OUTSIDE: f64 = 0.005;

/// Directions of a sliced distance.
const DIRECTIONS: usize = 64;

/// Fresh points of the truth.
pub(super) struct Judge {
    /// Points of a cloud.
    points: usize,
    /// `[cloud · point, coordinate]`; the first cloud is the test data.
    truth: Array2<f64>,
    /// The logarithm of the density above which all but few of the truth's points are.
    least: f64,
    density: Arc<dyn Density>,
    /// The distances between these and other fresh points.
    pub(super) floor: Distances,
    /// The mean of `−log p` of the truth over the test data: what the best of models has.
    pub(super) nll: f64,
}

/// Distances of clouds to those of the truth, means over the clouds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Distances {
    /// `W₂`.
    pub(super) w2: f64,
    /// The standard error of its mean.
    pub(super) w2_error: f64,
    /// The sliced `W₂` of all points together.
    pub(super) sliced_w2: f64,
    /// The squared maximum mean discrepancy.
    pub(super) mmd: f64,
    /// The share of points where the truth is as good as never.
    pub(super) outliers: f64,
}

impl Judge {
    pub(super) fn new(task: &Task<'_>, findings: &mut Findings) -> Self {
        let (points, clouds) = (task.test.nrows(), task.settings.clouds);
        let fresh = |name: &str, from: usize| {
            let mut rng = stream(task.config.seed, name, 0);
            let mut cloud = Array2::zeros((clouds * points, 2));
            cloud.slice_mut(s![..from, ..]).assign(&task.test.slice(s![..from, ..]));
            for mut point in cloud.rows_mut().into_iter().skip(from) {
                point.iter_mut().zip(task.truth.sample(&mut rng)).for_each(|(p, x)| *p = x);
            }
            cloud
        };
        let truth = fresh("judge", points);
        let logs = task.test.rows().into_iter().map(|x| task.truth.log_density([x[0], x[1]]));
        let nll = -logs.sum::<f64>() / points as f64;
        let mut all: Vec<f64> =
            truth.rows().into_iter().map(|x| task.truth.log_density([x[0], x[1]])).collect();
        all.sort_by(f64::total_cmp);
        let least = all[(OUTSIDE * all.len() as f64) as usize];
        let density = task.truth.clone();
        let mut judge = Self { points, truth, least, density, floor: Distances::NONE, nll };
        judge.floor = judge.distances(&fresh("floor", 0));
        findings.metric("w2_floor", judge.floor.w2);
        findings.metric("sliced_w2_floor", judge.floor.sliced_w2);
        findings.metric("mmd_floor", judge.floor.mmd);
        findings.metric("outliers_floor", judge.floor.outliers);
        findings.metric("nll_truth", nll);
        findings.metric("entropy", task.truth.entropy());
        findings.notes.push(format!(
            "Distances are means over {clouds} clouds of {points} points; two clouds of the truth itself are W₂ = {:.4} ± {:.4} apart: the floor.",
            judge.floor.w2, judge.floor.w2_error
        ));
        judge
    }

    /// The points of the truth.
    pub(super) fn truth(&self) -> ArrayView2<'_, f64> {
        self.truth.view()
    }

    fn outliers(&self, points: &Array2<f64>) -> f64 {
        let rows: Vec<_> = points.rows().into_iter().collect();
        let outside = |x: &ndarray::ArrayView1<'_, f64>| self.density.log_density([x[0], x[1]]) < self.least;
        rows.par_iter().filter(|x| outside(x)).count() as f64 / rows.len() as f64
    }

    /// The distances of as many points as the truth has here.
    pub(super) fn distances(&self, points: &Array2<f64>) -> Distances {
        let clouds = self.truth.nrows() / self.points;
        let each: Vec<(f64, f64)> = (0..clouds)
            .into_par_iter()
            .map(|k| {
                let rows = s![k * self.points..(k + 1) * self.points, ..];
                let (truth, cloud) = (self.truth.slice(rows), points.slice(rows));
                (wasserstein_2(truth, cloud), mean_discrepancy(truth, cloud))
            })
            .collect();
        let n = clouds as f64;
        let w2 = each.iter().map(|e| e.0).sum::<f64>() / n;
        let variance = each.iter().map(|e| (e.0 - w2).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
        Distances {
            w2,
            w2_error: (variance / n).sqrt(),
            sliced_w2: sliced_wasserstein_2(self.truth.view(), points.view(), DIRECTIONS),
            mmd: each.iter().map(|e| e.1).sum::<f64>() / n,
            outliers: self.outliers(points),
        }
    }
}

impl Distances {
    const NONE: Self =
        Self { w2: f64::NAN, w2_error: f64::NAN, sliced_w2: f64::NAN, mmd: f64::NAN, outliers: f64::NAN };

    /// The cells of a row of a table.
    pub(super) fn cells(&self) -> [String; 4] {
        [
            format!("{:.4} ± {:.4}", self.w2, self.w2_error),
            format!("{:.4}", self.sliced_w2),
            format!("{:.2e}", self.mmd),
            format!("{:.2} %", 100.0 * self.outliers),
        ]
    }

    /// Records them under names that end in `suffix`.
    pub(super) fn record(&self, suffix: &str, findings: &mut Findings) {
        for (name, value) in
            [("w2", self.w2), ("sliced_w2", self.sliced_w2), ("mmd", self.mmd), ("outliers", self.outliers)]
        {
            findings.metric(format!("{name}{suffix}"), value);
        }
    }
}

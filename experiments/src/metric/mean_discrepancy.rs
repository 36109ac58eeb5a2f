//! The maximum mean discrepancy.

use ndarray::ArrayView2;
use rayon::prelude::*;

/// Points by which the scale of the kernel is measured.
const MEASURED: usize = 1000;
/// The kernels: each half as wide, in variance, as the one before.
const KERNELS: i32 = 5;

/// The unbiased estimate of the squared maximum mean discrepancy of two clouds `[point, coordinate]`,
/// `MMD² = E k(x, x') + E k(y, y') − 2 E k(x, y)`, which is zero in the mean, and may be negative, where the laws are the same.
///
/// The kernel is the mean of five Gaussians `exp(−|x − y|²/2s²)` with `s²` from a quarter to four times the squared median
/// distance of the points of `truth`, so that all clouds compared with one truth are measured alike. NaN if a point is not
/// finite, or a cloud has fewer than two.
///
/// A. Gretton et al., J. Machine Learning Research 13 (2012) 723-773, lemma 6.
pub fn mean_discrepancy(truth: ArrayView2<'_, f64>, other: ArrayView2<'_, f64>) -> f64 {
    let few = truth.nrows() < 2 || other.nrows() < 2;
    if few || truth.iter().chain(other.iter()).any(|v| !v.is_finite()) {
        return f64::NAN;
    }
    let scale = median_square(truth);
    let kernel = |a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>, same: bool| -> f64 {
        let row = |i: usize| {
            let terms = (0..b.nrows()).filter(|j| !same || i != *j).map(|j| {
                let square = a.row(i).iter().zip(b.row(j)).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
                // The widest; the square of each is the next.
                let mut k = (-square / (8.0 * scale)).exp();
                let mut sum = 0.0;
                for _ in 0..KERNELS {
                    sum += k;
                    k *= k;
                }
                sum / f64::from(KERNELS)
            });
            terms.sum::<f64>()
        };
        // In order: a sum of floats depends on it.
        let rows: Vec<f64> = (0..a.nrows()).into_par_iter().map(row).collect();
        rows.iter().sum::<f64>() / (a.nrows() * (b.nrows() - usize::from(same))) as f64
    };
    kernel(truth, truth, true) + kernel(other, other, true) - 2.0 * kernel(truth, other, false)
}

/// The median of the squared distances between two of the first points.
fn median_square(cloud: ArrayView2<'_, f64>) -> f64 {
    let n = cloud.nrows().min(MEASURED);
    let mut squares: Vec<f64> = (0..n)
        .flat_map(|i| {
            (0..i).map(move |j| {
                cloud.row(i).iter().zip(cloud.row(j)).map(|(a, b)| (a - b).powi(2)).sum::<f64>()
            })
        })
        .collect();
    let middle = squares.len() / 2;
    let (_, median, _) = squares.select_nth_unstable_by(middle, f64::total_cmp);
    median.max(f64::MIN_POSITIVE)
}

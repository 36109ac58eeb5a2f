//! How long a prediction stays correlated with the truth.

use ndarray::{Array2, ArrayViewD, Axis};

/// The correlation at which a prediction is called lost.
pub const CORRELATION_THRESHOLD: f64 = 0.8;

/// Pearson's correlation of every sample and time over all channels and points, `[sample, time]`, of fields
/// `[sample, time, channel, x, …]`; zero where one of the two does not vary, minus one where the prediction is not finite.
pub fn correlation(prediction: ArrayViewD<'_, f64>, truth: ArrayViewD<'_, f64>) -> Array2<f64> {
    Array2::from_shape_fn((truth.shape()[0], truth.shape()[1]), |(s, t)| {
        let of = |values: &ArrayViewD<'_, f64>| -> Vec<f64> {
            values.index_axis(Axis(0), s).index_axis(Axis(0), t).iter().copied().collect()
        };
        pearson(&of(&prediction), &of(&truth))
    })
}

/// The first lead time at which the correlation is below 0.8, of every sample; the last one where it never is.
///
/// As J. Gupta and J. Brandstetter, TMLR 2023, and P. Lippe et al., "PDE-Refiner", NeurIPS 2023, judge rollouts.
pub fn correlation_times(times: &[f64], correlations: &Array2<f64>) -> Vec<f64> {
    let of = |row: ndarray::ArrayView1<'_, f64>| {
        let lost = row.iter().position(|r| *r < CORRELATION_THRESHOLD).unwrap_or(times.len() - 1);
        times[lost] - times[0]
    };
    correlations.rows().into_iter().map(of).collect()
}

fn pearson(a: &[f64], b: &[f64]) -> f64 {
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len().max(1) as f64;
    let (m, n) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        ab += (a - m) * (b - n);
        aa += (a - m).powi(2);
        bb += (b - n).powi(2);
    }
    if !(ab.is_finite() && aa.is_finite()) {
        return -1.0;
    }
    if aa * bb > 0.0 { ab / (aa * bb).sqrt() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array, array};

    use super::*;

    #[test]
    fn by_hand() {
        // x = (1, 2, 3, 4), y = (1, 3, 2, 4): covariance 4, variances 5 and 5.
        let u = Array::from_iter([1.0, 2.0, 3.0, 4.0]).into_shape_with_order(vec![1, 1, 2, 2]).ok();
        let p = Array::from_iter([1.0, 3.0, 2.0, 4.0]).into_shape_with_order(vec![1, 1, 2, 2]).ok();
        let (Some(u), Some(p)) = (u, p) else { panic!("shapes") };
        assert!((correlation(p.view(), u.view())[[0, 0]] - 0.8).abs() < 1e-15);
        let shifted = &p * -3.0 + 7.0;
        assert!((correlation(shifted.view(), u.view())[[0, 0]] + 0.8).abs() < 1e-15);
        assert_eq!(correlation((&p * 0.0).view(), u.view())[[0, 0]], 0.0);
        assert_eq!(correlation((&p * f64::NAN).view(), u.view())[[0, 0]], -1.0);
    }

    #[test]
    fn the_time_of_the_first_loss() {
        let r = array![[1.0, 0.9, 0.79, 0.95], [1.0, 0.99, 0.98, 0.8], [0.5, 1.0, 1.0, 1.0]];
        assert_eq!(correlation_times(&[0.0, 0.5, 1.0, 1.5], &r), vec![1.0, 1.5, 0.0]);
    }
}

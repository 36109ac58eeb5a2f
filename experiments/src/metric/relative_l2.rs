//! The relative L2 error.

use ndarray::{Array2, ArrayViewD, Axis};

use super::nrmse;

/// `‖p − u‖₂ / ‖u‖₂` over all entries. A prediction that is not finite has an infinite error.
pub fn relative_l2(prediction: ArrayViewD<'_, f64>, truth: ArrayViewD<'_, f64>) -> f64 {
    let (mut difference, mut size) = (0.0, 0.0);
    for (p, u) in prediction.iter().zip(truth) {
        difference += (p - u) * (p - u);
        size += u * u;
    }
    let error = (difference / size.max(f64::MIN_POSITIVE)).sqrt();
    if error.is_finite() { error } else { f64::INFINITY }
}

/// The error of every trajectory at every time, `[trajectory, time]`, of `[trajectory, time, channel, x, …]`.
pub fn by_lead_time(prediction: ArrayViewD<'_, f64>, truth: ArrayViewD<'_, f64>) -> Array2<f64> {
    let (trajectories, times) = (truth.shape()[0], truth.shape()[1]);
    Array2::from_shape_fn((trajectories, times), |(i, t)| {
        let at = |a: &ArrayViewD<'_, f64>| {
            a.clone().index_axis_move(Axis(0), i).index_axis_move(Axis(0), t).to_owned()
        };
        relative_l2(at(&prediction).view(), at(&truth).view())
    })
}

/// The mean over trajectories, times and channels of `‖p − u‖₂ / ‖u‖₂` over space, of `[trajectory, time, channel, x, …]`: the error that
/// SineNet's authors report.
pub fn scaled_l2(prediction: ArrayViewD<'_, f64>, truth: ArrayViewD<'_, f64>) -> f64 {
    nrmse(prediction, truth).mean().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use ndarray::{Array, arr1};

    use super::*;

    #[test]
    fn by_hand() {
        let (p, u) = (arr1(&[3.0, 1.0]).into_dyn(), arr1(&[0.0, 5.0]).into_dyn());
        assert!((relative_l2(p.view(), u.view()) - 1.0).abs() < 1e-15);
        assert_eq!(relative_l2(arr1(&[f64::NAN, 1.0]).into_dyn().view(), u.view()), f64::INFINITY);
        let truth = Array::from_elem(vec![2, 3, 1, 4], 2.0);
        let mut prediction = truth.clone();
        prediction[[1, 2, 0, 0]] = 6.0;
        let errors = by_lead_time(prediction.view(), truth.view());
        assert_eq!(errors[[1, 2]], 1.0);
        assert_eq!(errors.sum(), 1.0);
        // Two channels of different size: each counts as much.
        let truth = Array::from_shape_fn(vec![1, 2, 2, 4], |i| if i[2] == 0 { 100.0 } else { 1.0 });
        let mut prediction = truth.clone();
        prediction[[0, 0, 0, 0]] += 100.0;
        prediction[[0, 1, 1, 3]] -= 2.0;
        assert!((scaled_l2(prediction.view(), truth.view()) - (0.5 + 1.0) / 4.0).abs() < 1e-15);
    }
}

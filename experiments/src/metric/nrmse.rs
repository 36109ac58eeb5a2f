//! The normalised root mean square error of every sample, time and channel.

use ndarray::{Array3, ArrayViewD, Axis};

/// `√(mean (p − u)² / mean u²)` over space, `[sample, time, channel]`, of fields `[sample, time, channel, x, …]`; infinite where a
/// prediction is not finite.
///
/// The same number as the relative L2 error `‖p − u‖/‖u‖` of a sample, time and channel, whose mean is SineNet's "scaled L2 loss" (X. Zhang
/// et al., ICLR 2024) and the nRMSE of PDEBench (M. Takamoto et al., NeurIPS 2022) without its division by one batch too few. APEBench
/// means over samples first and takes the geometric mean over time.
pub fn nrmse(prediction: ArrayViewD<'_, f64>, truth: ArrayViewD<'_, f64>) -> Array3<f64> {
    by_field(&prediction, &truth, |p, u| {
        let size: f64 = u.iter().map(|u| u * u).sum();
        squares(p, u) / size.max(f64::MIN_POSITIVE)
    })
}

/// `√(mean (p − u)² / (σ² + 10⁻⁷))` with the unbiased variance `σ²` of the truth over space: [`nrmse`] by the deviation from the mean, that
/// of The Well (R. Ohana et al., NeurIPS 2024). The mean of the truth as a prediction has about one.
pub fn vrmse(prediction: ArrayViewD<'_, f64>, truth: ArrayViewD<'_, f64>) -> Array3<f64> {
    by_field(&prediction, &truth, |p, u| {
        let n = u.len() as f64;
        let mean = u.iter().sum::<f64>() / n;
        let variance = u.iter().map(|u| (u - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
        squares(p, u) / n / (variance + 1e-7)
    })
}

fn squares(p: &[f64], u: &[f64]) -> f64 {
    p.iter().zip(u).map(|(p, u)| (p - u).powi(2)).sum()
}

/// The root of a measure of every field, infinite where it is not finite.
fn by_field(
    prediction: &ArrayViewD<'_, f64>,
    truth: &ArrayViewD<'_, f64>,
    squared: impl Fn(&[f64], &[f64]) -> f64,
) -> Array3<f64> {
    let [samples, times, channels] = [truth.shape()[0], truth.shape()[1], truth.shape()[2]];
    Array3::from_shape_fn((samples, times, channels), |(s, t, c)| {
        let (p, u) = (field(prediction, s, t, c), field(truth, s, t, c));
        let value = squared(&p, &u).sqrt();
        if value.is_finite() { value } else { f64::INFINITY }
    })
}

/// One channel of one sample at one time.
fn field(values: &ArrayViewD<'_, f64>, sample: usize, time: usize, channel: usize) -> Vec<f64> {
    let state = values.index_axis(Axis(0), sample);
    let state = state.index_axis(Axis(0), time);
    state.index_axis(Axis(0), channel).iter().copied().collect()
}

#[cfg(test)]
mod tests {
    use ndarray::{Array, Axis};

    use super::super::golden::waves;
    use super::*;

    /// NumPy on the same fields.
    const NRMSE: [f64; 3] = [0.09438402375652799, 0.09376585033754703, 0.0964606747815363];
    const VRMSE: [f64; 3] = [0.09592661, 0.09529062, 0.09788219];

    #[test]
    fn as_computed_independently() {
        let (p, u) = waves(&[2, 3, 2, 16]);
        for (t, (n, v)) in NRMSE.into_iter().zip(VRMSE).enumerate() {
            let at = |e: Array3<f64>| e.index_axis(Axis(1), t).mean().unwrap_or(f64::NAN);
            assert!((at(nrmse(p.view(), u.view())) - n).abs() < 1e-12);
            assert!((at(vrmse(p.view(), u.view())) - v).abs() < 1e-8);
        }
    }

    #[test]
    fn the_mean_has_a_vrmse_of_one_and_a_constant_field_a_finite_one() {
        let u = Array::from_shape_fn(vec![1, 1, 1, 1000], |i| 3.0 + (0.7 * i[3] as f64).sin());
        let mean = Array::from_elem(u.raw_dim(), u.mean().unwrap_or(0.0));
        assert!((vrmse(mean.view(), u.view())[[0, 0, 0]] - 1.0).abs() < 1e-3);
        let flat = Array::from_elem(vec![1, 1, 1, 8], 2.0);
        let off = &flat + 1e-3;
        assert!((vrmse(off.view(), flat.view())[[0, 0, 0]] - (1e-6_f64 / 1e-7).sqrt()).abs() < 1e-9);
        let nothing = &flat * f64::NAN;
        assert_eq!(nrmse(nothing.view(), flat.view())[[0, 0, 0]], f64::INFINITY);
    }
}

//! How well a generated trajectory has the frequencies of the true one.

use ndarray::{Array2, ArrayView1, ArrayView2, Axis, s};
use rayon::prelude::*;
use realfft::RealFftPlanner;

/// The standard deviation, in frequency bins, of the window that smooths a spectrum.
const SMOOTHING: f64 = 20.0;
/// Where the window ends, in standard deviations.
const RADIUS: f64 = 4.0;

/// `D_H`, the mean over the channels of the Hellinger distance `√(1 − Σ_ω √(p_ω q_ω))` between the smoothed power
/// spectra of two trajectories `[time, channel]`, in `[0, 1]`.
///
/// The longer series is cut to the length of the shorter. A generated channel that is constant has no power to
/// share: its distance is one. So is that of a series that is not finite. NaN where the truth is not finite or has
/// no length.
///
/// F. Hess et al., "Generalized Teacher Forcing for Learning Chaotic Dynamics", ICML 2023, appendix A.4.
pub fn hellinger_distance(truth: ArrayView2<'_, f64>, generated: ArrayView2<'_, f64>) -> f64 {
    let n = truth.nrows().min(generated.nrows());
    if n < 2 || !truth.iter().all(|x| x.is_finite()) {
        return f64::NAN;
    }
    if !generated.iter().all(|x| x.is_finite()) {
        return 1.0;
    }
    let [p, q] = [truth, generated].map(|series| power_spectra(series.slice(s![..n, ..]), SMOOTHING));
    let distance = |(p, q): (ArrayView1<'_, f64>, ArrayView1<'_, f64>)| {
        let overlap: f64 = p.iter().zip(q).map(|(p, q)| (p * q).sqrt()).sum();
        (1.0 - overlap).max(0.0).sqrt()
    };
    p.columns().into_iter().zip(q.columns()).map(distance).sum::<f64>() / truth.ncols() as f64
}

/// The power spectra `[frequency, channel]` of a series `[time, channel]`, frequency `k` being `k/n` cycles a
/// sample: each channel is standardised, `|rfft|²` is smoothed by a Gaussian window of `smoothing` bins (cut at
/// four of them, the spectrum reflected at its ends), and the sum is made one. A constant channel has a spectrum of
/// zeros.
pub fn power_spectra(series: ArrayView2<'_, f64>, smoothing: f64) -> Array2<f64> {
    let n = series.nrows();
    if n == 0 {
        return Array2::zeros((0, series.ncols()));
    }
    let plan = RealFftPlanner::<f64>::new().plan_fft_forward(n);
    let mut spectra = Array2::zeros((n / 2 + 1, series.ncols()));
    spectra.axis_iter_mut(Axis(1)).into_par_iter().zip(series.axis_iter(Axis(1))).for_each(|(mut out, x)| {
        let (mean, deviation) = (x.mean().unwrap_or(0.0), x.std(0.0));
        // Neither has what is too large to be squared.
        if !deviation.is_finite() || deviation <= f64::EPSILON * mean.abs() {
            return;
        }
        let mut z: Vec<f64> = x.iter().map(|x| (x - mean) / deviation).collect();
        let mut z_hat = plan.make_output_vec();
        // Cannot fail: the lengths are the plan's.
        let _ = plan.process(&mut z, &mut z_hat);
        let power: Vec<f64> = z_hat.iter().map(|z| z.norm_sqr()).collect();
        let smooth = smoothed(&power, smoothing);
        let total: f64 = smooth.iter().sum();
        out.iter_mut().zip(smooth).for_each(|(o, p)| *o = p / total);
    });
    spectra
}

/// The convolution with a Gaussian window; beyond its ends the signal is `… c b a | a b c … x y z | z y x …`.
fn smoothed(signal: &[f64], deviation: f64) -> Vec<f64> {
    let radius = (RADIUS * deviation).round() as isize;
    let weight = |i: isize| (-0.5 * (i as f64 / deviation.max(f64::MIN_POSITIVE)).powi(2)).exp();
    let total = 1.0 + 2.0 * (1..=radius).map(weight).sum::<f64>();
    let n = signal.len() as isize;
    let padded: Vec<f64> = (-radius..n + radius)
        .map(|i| {
            let i = i.rem_euclid(2 * n);
            signal[i.min(2 * n - 1 - i) as usize]
        })
        .collect();
    // One weight after the other along the whole signal: sums of vectors, not of numbers.
    let radius = radius as usize;
    let mut out: Vec<f64> = signal.iter().map(|x| x / total).collect();
    for k in 1..=radius {
        let w = weight(k as isize) / total;
        let (left, right) = (&padded[radius - k..], &padded[radius + k..]);
        out.iter_mut().zip(left).zip(right).for_each(|((o, l), r)| *o += w * (l + r));
    }
    out
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use ndarray::Array2;

    use super::*;
    use crate::metric::golden::logistic_delays;

    fn wave(frequency: f64, n: usize) -> Array2<f64> {
        Array2::from_shape_fn((n, 1), |(t, _)| 3.0 + (TAU * frequency * t as f64 / n as f64).sin())
    }

    #[test]
    fn a_spectrum_by_hand() {
        // Without smoothing all power of a wave is in its bin.
        let p = power_spectra(wave(3.0, 16).view(), 0.0);
        assert_eq!(p.nrows(), 9);
        assert!((p[[3, 0]] - 1.0).abs() < 1e-12);
        // The mass that a window sends over the end comes back.
        let s = smoothed(&[1.0, 0.0, 0.0, 0.0, 0.0, 0.0], 0.5);
        let w = |i: f64| (-2.0 * i * i).exp();
        let total = w(0.0) + 2.0 * (w(1.0) + w(2.0));
        assert!((s[0] - (w(0.0) + w(1.0)) / total).abs() < 1e-15);
        assert!((s[1] - (w(1.0) + w(2.0)) / total).abs() < 1e-15);
        assert!((smoothed(&[1.0, 2.0, 4.0], 20.0).iter().sum::<f64>() - 7.0).abs() < 1e-12);
    }

    #[test]
    fn equal_spectra_are_at_zero_and_separate_ones_at_one() {
        let (a, b) = (wave(300.0, 4000), wave(1500.0, 4000));
        assert!(hellinger_distance(a.view(), a.view()) < 1e-7);
        assert!((hellinger_distance(a.view(), (&a * 2.0 + 7.0).view())) < 1e-7);
        assert!((hellinger_distance(a.view(), b.view()) - 1.0).abs() < 1e-9);
        assert_eq!(hellinger_distance(a.view(), Array2::from_elem((4000, 1), 0.1).view()), 1.0);
        assert_eq!(hellinger_distance(a.view(), Array2::from_elem((4000, 1), f64::INFINITY).view()), 1.0);
        assert_eq!(hellinger_distance(a.view(), (&b * 1e200).view()), 1.0);
        assert!(hellinger_distance(a.view(), Array2::zeros((0, 1)).view()).is_nan());
    }

    #[test]
    fn as_the_golden_script_has_it() {
        let truth = logistic_delays(3.9, 0.3, 1999, 3);
        let generated = logistic_delays(3.7, 0.4, 2100, 3);
        let d = hellinger_distance(truth.view(), generated.view());
        assert!((d / GOLDEN - 1.0).abs() < 1e-11, "{d:.17}");
    }

    const GOLDEN: f64 = 0.47102804085276334;
}

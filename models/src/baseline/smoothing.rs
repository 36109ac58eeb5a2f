//! Derivatives of noisy series: the weak form, with a window as wide as the noise asks for.

use nalgebra::DMatrix;
use ndarray::{Array2, ArrayView1, ArrayView2};

/// The degree of the local polynomials, and of those that measure their bias.
const DEGREES: [usize; 2] = [4, 6];
/// Half widths to choose from.
const HALF_WIDTHS: [usize; 12] = [2, 3, 4, 5, 6, 8, 10, 13, 17, 22, 29, 38];
/// The order of the differences that measure noise, and the sum of the squares of their coefficients, `C(16, 8)`.
const DIFFERENCE: (usize, f64) = (8, 12870.0);

/// The power of the test function `φ(s) = (1 − (s/H)²)^p`.
const POWER: i32 = 6;
/// Half widths of a test function over those of a quartic that averages as much, and the fewest for its sums to be integrals.
const WIDER: usize = 2;
const NARROWEST: usize = 6;

/// Weights `[φ, −φ'] / Σφ` on `2·half + 1` samples. Along a solution of `x' = f(x)` the second applied to `x` is the first
/// applied to `f(x)`, whatever the width: smoothing blurs both sides alike and no derivative is taken of noise.
///
/// D. A. Messenger, D. M. Bortz, "Weak SINDy", Multiscale Modeling & Simulation 19 (2021) 1474-1497.
pub(super) fn test_function(half: usize) -> [Vec<f64>; 2] {
    let h = half as f64;
    let offsets = || (0..=2 * half).map(|i| (i as f64 - h) / h);
    let value: Vec<f64> = offsets().map(|s| (1.0 - s * s).powi(POWER)).collect();
    let sum: f64 = value.iter().sum();
    let slope = offsets().map(|s| 2.0 * f64::from(POWER) * s * (1.0 - s * s).powi(POWER - 1) / (h * sum));
    [value.iter().map(|v| v / sum).collect(), slope.collect()]
}

/// The half width of a test function for a series: the wider, the more noise.
pub(super) fn half_width(series: ArrayView2<'_, f64>) -> usize {
    (WIDER * quartic_half_width(series)).max(NARROWEST)
}

/// The values of the local least-squares polynomials, each in the middle of as many samples as the noise asks for; half a window
/// is lost at both ends.
pub(super) fn smoothed(series: ArrayView2<'_, f64>) -> Array2<f64> {
    let half = quartic_half_width(series);
    let Some([weights, _]) = local_polynomial(half, DEGREES[0]) else { return series.to_owned() };
    let shape = (series.nrows().saturating_sub(2 * half), series.ncols());
    Array2::from_shape_fn(shape, |(t, c)| convolve(series.column(c), &weights, t + half))
}

/// The weights on `2·half + 1` samples of their least-squares polynomial, and of its derivative (per sample), in the middle.
///
/// A. Savitzky, M. J. E. Golay, Analytical Chemistry 36 (1964) 1627-1639.
fn local_polynomial(half: usize, degree: usize) -> Option<[Vec<f64>; 2]> {
    let (n, scale) = (2 * half + 1, half as f64);
    let offset = |i: usize| (i as f64 - scale) / scale;
    let a = DMatrix::from_fn(n, degree + 1, |i, p| offset(i).powi(p as i32));
    let inverse = a.pseudo_inverse(1e-12).ok()?;
    let row = |i: usize, unit: f64| inverse.row(i).iter().map(|w| w / unit).collect();
    Some([row(0, 1.0), row(1, scale)])
}

/// Weights applied to a series around one of its samples.
pub(super) fn convolve(x: ArrayView1<'_, f64>, weights: &[f64], at: usize) -> f64 {
    let half = weights.len() / 2;
    weights.iter().enumerate().map(|(k, w)| w * x[at + k - half]).sum()
}

/// The standard deviation of white noise on a smooth series, by its eighth differences.
fn noise(x: ArrayView1<'_, f64>) -> f64 {
    let (order, squares) = DIFFERENCE;
    let mut d = x.to_vec();
    for _ in 0..order {
        for i in 0..d.len() - 1 {
            d[i] = d[i + 1] - d[i];
        }
        d.pop();
    }
    (d.iter().map(|v| v * v).sum::<f64>() / d.len().max(1) as f64 / squares).sqrt()
}

/// The half width whose derivative has the least mean squared error over all channels, each relative to its derivative:
/// the variance is that of the noise, the bias the difference to a polynomial of a higher degree.
fn quartic_half_width(series: ArrayView2<'_, f64>) -> usize {
    let longest = series.nrows().saturating_sub(1) / 4;
    let widths = HALF_WIDTHS.iter().copied().filter(|h| *h <= longest);
    let error = |half: usize| -> f64 { series.columns().into_iter().map(|x| relative_error(x, half)).sum() };
    widths.map(|h| (error(h), h)).min_by(|a, b| a.0.total_cmp(&b.0)).map_or(HALF_WIDTHS[0], |(_, h)| h)
}

fn relative_error(x: ArrayView1<'_, f64>, half: usize) -> f64 {
    let wide = half.max(DEGREES[1] / 2);
    let polynomials = local_polynomial(half, DEGREES[0]).zip(local_polynomial(wide, DEGREES[1]));
    let Some(([_, w], [_, reference])) = polynomials else {
        return f64::INFINITY;
    };
    let mut padded = vec![0.0; wide - half];
    padded.extend(&w);
    padded.resize(2 * wide + 1, 0.0);
    let squares = |w: &[f64]| w.iter().map(|w| w * w).sum::<f64>();
    let apart: Vec<f64> = padded.iter().zip(&reference).map(|(a, b)| a - b).collect();
    let mean_square = |w: &[f64]| {
        let range = wide..x.len() - wide;
        let n = range.len().max(1) as f64;
        range.map(|t| convolve(x, w, t).powi(2)).sum::<f64>() / n
    };
    let variance = noise(x).powi(2);
    let bias = (mean_square(&apart) - variance * squares(&apart)).max(0.0);
    let size = (mean_square(&reference) - variance * squares(&reference)).max(f64::MIN_POSITIVE);
    (bias + variance * squares(&w)) / size
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ndarray::Array1;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use rand_distr::StandardNormal;

    use super::*;

    #[test]
    fn the_weak_derivative_is_the_smoothed_derivative() {
        let x: Array1<f64> = (0..60).map(|t| (0.2 * f64::from(t)).sin()).collect();
        let slope: Array1<f64> = (0..60).map(|t| 0.2 * (0.2 * f64::from(t)).cos()).collect();
        for half in [6, 10, 20] {
            let [value, derivative] = test_function(half);
            for t in 20..40 {
                let (a, b) = (convolve(x.view(), &derivative, t), convolve(slope.view(), &value, t));
                assert!((a - b).abs() < 2e-4 * 0.2, "{half} {t}: {a} {b}");
            }
        }
    }

    #[test]
    fn a_local_polynomial_is_exact_for_its_degree() {
        let cubic = |t: f64| 0.3 - 0.2 * t + 0.05 * t * t - 0.001 * t.powi(3);
        let x: Array1<f64> = (0..30).map(|t| cubic(f64::from(t))).collect();
        let [value, w] = local_polynomial(5, 4).unwrap();
        for i in 5..25 {
            let t = i as f64;
            assert!((convolve(x.view(), &w, i) + 0.2 - 0.1 * t + 0.003 * t * t).abs() < 1e-9, "{t}");
            assert!((convolve(x.view(), &value, i) - x[i]).abs() < 1e-9, "{t}");
        }
    }

    #[test]
    fn noise_is_measured_and_widens_the_window() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let wave = |std: f64, rng: &mut ChaCha8Rng| -> Array1<f64> {
            (0..4000)
                .map(|t| (0.1 * f64::from(t)).sin() + std * rng.sample::<f64, _>(StandardNormal))
                .collect()
        };
        let (clean, noisy) = (wave(0.0, &mut rng), wave(0.05, &mut rng));
        assert!(noise(clean.view()) < 1e-6);
        assert!((noise(noisy.view()) / 0.05 - 1.0).abs() < 0.1, "{}", noise(noisy.view()));
        let width = |x: &Array1<f64>| quartic_half_width(x.view().insert_axis(ndarray::Axis(1)));
        let smooth = smoothed(noisy.view().insert_axis(ndarray::Axis(1)));
        let (cut, n) = ((4000 - smooth.nrows()) / 2, smooth.nrows());
        let error = (0..n).map(|t| (smooth[[t, 0]] - clean[t + cut]).powi(2)).sum::<f64>() / n as f64;
        assert!(error.sqrt() < 0.5 * 0.05, "{error}");
        assert!(width(&clean) <= 3 && width(&noisy) >= 8, "{} {}", width(&clean), width(&noisy));
    }
}

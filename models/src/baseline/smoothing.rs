//! Values and derivatives of noisy series by local polynomials.
//!
//! A. Savitzky, M. J. E. Golay, Analytical Chemistry 36 (1964) 1627-1639.

use nalgebra::DMatrix;
use ndarray::{Array2, ArrayView1, ArrayView2};

/// The degree of the local polynomials, and of those that measure their bias.
const DEGREES: [usize; 2] = [4, 6];
/// Half widths to choose from.
const HALF_WIDTHS: [usize; 12] = [2, 3, 4, 5, 6, 8, 10, 13, 17, 22, 29, 38];
/// The order of the differences that measure noise, and the sum of the squares of their coefficients, `C(16, 8)`.
const DIFFERENCE: (usize, f64) = (8, 12870.0);

/// The weights on `2·half + 1` samples of the value and the derivative (per sample) of their least-squares polynomial in the
/// middle.
fn weights(half: usize, degree: usize) -> Option<[Vec<f64>; 2]> {
    let (n, scale) = (2 * half + 1, half as f64);
    let offset = |i: usize| (i as f64 - scale) / scale;
    let a = DMatrix::from_fn(n, degree + 1, |i, p| offset(i).powi(p as i32));
    let inverse = a.pseudo_inverse(1e-12).ok()?;
    let row = |p: usize, factor: f64| inverse.row(p).iter().map(|w| w * factor).collect();
    Some([row(0, 1.0), row(1, 1.0 / scale)])
}

fn convolve(x: ArrayView1<'_, f64>, weights: &[f64], at: usize) -> f64 {
    let half = weights.len() / 2;
    weights.iter().enumerate().map(|(k, w)| w * x[at + k - half]).sum()
}

/// The standard deviation of white noise on a smooth series, by its eighth differences.
pub(super) fn noise(x: ArrayView1<'_, f64>) -> f64 {
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
pub(super) fn best_half_width(series: ArrayView2<'_, f64>) -> usize {
    let longest = series.nrows().saturating_sub(1) / 4;
    let widths = HALF_WIDTHS.iter().copied().filter(|h| *h <= longest);
    let error = |half: usize| -> f64 { series.columns().into_iter().map(|x| relative_error(x, half)).sum() };
    widths.map(|h| (error(h), h)).min_by(|a, b| a.0.total_cmp(&b.0)).map_or(HALF_WIDTHS[0], |(_, h)| h)
}

fn relative_error(x: ArrayView1<'_, f64>, half: usize) -> f64 {
    let wide = half.max(DEGREES[1] / 2);
    let Some(([_, w], [_, reference])) = weights(half, DEGREES[0]).zip(weights(wide, DEGREES[1])) else {
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

/// The values and derivatives (per sample) inside a series, `half` samples from its ends; none if it is too short.
pub(super) fn smooth(series: ArrayView2<'_, f64>, half: usize) -> Option<[Array2<f64>; 2]> {
    let [value, slope] = weights(half, DEGREES[0])?;
    let rows = series.nrows().checked_sub(2 * half)?;
    let of = |w: &[f64]| {
        Array2::from_shape_fn((rows, series.ncols()), |(t, c)| convolve(series.column(c), w, t + half))
    };
    Some([of(&value), of(&slope)])
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
    fn a_polynomial_is_its_own_local_polynomial() {
        let cubic = |t: f64| 0.3 - 0.2 * t + 0.05 * t * t - 0.001 * t.powi(3);
        let x = Array2::from_shape_fn((30, 1), |(t, _)| cubic(t as f64));
        let [value, slope] = smooth(x.view(), 5).unwrap();
        for i in 0..20 {
            let t = (i + 5) as f64;
            assert!((value[[i, 0]] - cubic(t)).abs() < 1e-9);
            assert!((slope[[i, 0]] + 0.2 - 0.1 * t + 0.003 * t * t).abs() < 1e-9, "{t}");
        }
        assert!(smooth(x.view(), 16).is_none());
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
        let width = |x: &Array1<f64>| best_half_width(x.view().insert_axis(ndarray::Axis(1)));
        assert!(width(&clean) <= 3 && width(&noisy) >= 8, "{} {}", width(&clean), width(&noisy));
    }
}

//! Delay embedding: `[x(t), x(t − τ), …, x(t − (m − 1)τ)]`, and the choice of `τ` and `m` from a series.
//!
//! F. Takens, "Detecting strange attractors in turbulence", Lecture Notes in Mathematics 898 (1981).

use ndarray::{Array3, ArrayView3, s};

/// The most samples that a chosen delay may have.
pub const LONGEST_DELAY: usize = 500;
/// The most coordinates that may be chosen.
pub const MOST_COORDINATES: usize = 10;
/// Intervals of equal content along each axis of the histogram.
const BINS: usize = 16;
/// Points among which neighbours are sought.
const POINTS: usize = 2000;
/// The growth of a distance by one more coordinate beyond which neighbours are false.
const GROWTH: f64 = 15.0;
/// The distance, in standard deviations, beyond which neighbours are false.
const SIZE: f64 = 2.0;
/// The share of false neighbours that is none.
const TOLERATED: f64 = 0.01;

/// Embeds every channel of `[trajectory, time, channel]`: channel after channel, each with its `dimension` coordinates from
/// the newest to the oldest. The first `(dimension − 1) · delay` samples have no past and are left out.
pub fn embed(values: ArrayView3<'_, f64>, dimension: usize, delay: usize) -> Array3<f64> {
    let (n, samples, channels) = values.dim();
    let lost = (dimension - 1) * delay;
    let mut out = Array3::zeros((n, samples.saturating_sub(lost), channels * dimension));
    let kept = out.dim().1;
    for c in 0..channels {
        for k in 0..dimension {
            let start = lost - k * delay;
            let past = values.slice(s![.., start..start + kept, c]);
            out.slice_mut(s![.., .., c * dimension + k]).assign(&past);
        }
    }
    out
}

/// The first minimum over `τ ≥ 1` of the mutual information of `x(t)` and `x(t − τ)`; none up to [`LONGEST_DELAY`].
///
/// A. M. Fraser, H. L. Swinney, Phys. Rev. A 33 (1986) 1134.
pub fn first_minimum_of_information(x: &[f64]) -> Option<usize> {
    let bins = equiprobable(x);
    let longest = LONGEST_DELAY.min(x.len() / 4);
    let information: Vec<f64> = (0..=longest).map(|delay| mutual_information(&bins, delay)).collect();
    // Below the bias of the histogram a dip is chance.
    let bias = ((BINS - 1) * (BINS - 1)) as f64 / (2.0 * x.len() as f64);
    let rises = |t: usize| information[t + 1..].iter().take(3).all(|later| *later > information[t]);
    (1..longest.saturating_sub(2))
        .find(|&t| (information[t] < information[t - 1] && rises(t)) || information[t] < 2.0 * bias)
}

/// The first `τ` at which the autocorrelation is no longer positive; none up to [`LONGEST_DELAY`].
pub fn first_zero_of_autocorrelation(x: &[f64]) -> Option<usize> {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    let longest = LONGEST_DELAY.min(x.len() / 4);
    (1..=longest).find(|&delay| {
        let products = x.iter().zip(&x[delay..]).map(|(a, b)| (a - mean) * (b - mean));
        products.sum::<f64>() <= 0.0
    })
}

/// The fewest coordinates in which fewer than one in a hundred nearest neighbours are false; at most [`MOST_COORDINATES`].
///
/// M. B. Kennel, R. Brown, H. D. I. Abarbanel, Phys. Rev. A 45 (1992) 3403.
pub fn dimension_by_false_neighbours(x: &[f64], delay: usize) -> usize {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    let std = (x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / x.len() as f64).sqrt();
    (1..MOST_COORDINATES)
        .find(|&m| false_neighbours(x, delay, m, std) < TOLERATED)
        .unwrap_or(MOST_COORDINATES)
}

/// The share of nearest neighbours in `m` coordinates that the next coordinate drives apart.
fn false_neighbours(x: &[f64], delay: usize, m: usize, std: f64) -> f64 {
    let usable = x.len().saturating_sub(m * delay);
    let stride = usable.div_ceil(POINTS).max(1);
    let starts: Vec<usize> = (0..usable).step_by(stride).collect();
    let distance = |i: usize, j: usize| {
        (0..m).map(|k| (x[i + k * delay] - x[j + k * delay]).powi(2)).sum::<f64>().sqrt()
    };
    let (mut wrong, mut all) = (0, 0);
    for &i in &starts {
        // Neighbours in time are neighbours in space on any curve.
        let far = starts.iter().filter(|&&j| i.abs_diff(j) > delay);
        let nearest = far.map(|&j| (distance(i, j), j)).min_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((r, j)) = nearest.filter(|(r, _)| *r > 0.0) {
            let apart = (x[i + m * delay] - x[j + m * delay]).abs();
            all += 1;
            wrong += usize::from(apart / r > GROWTH || r.hypot(apart) / std > SIZE);
        }
    }
    f64::from(wrong as u32) / f64::from(all.max(1) as u32)
}

/// The interval of each value, with as many values in each.
fn equiprobable(x: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..x.len()).collect();
    order.sort_by(|a, b| x[*a].total_cmp(&x[*b]));
    let mut bins = vec![0; x.len()];
    for (rank, i) in order.into_iter().enumerate() {
        bins[i] = rank * BINS / x.len();
    }
    bins
}

fn mutual_information(bins: &[usize], delay: usize) -> f64 {
    let mut joint = [[0.0; BINS]; BINS];
    let pairs = (bins.len() - delay) as f64;
    bins.iter().zip(&bins[delay..]).for_each(|(a, b)| joint[*a][*b] += 1.0 / pairs);
    let row = |a: usize| joint[a].iter().sum::<f64>();
    let column = |b: usize| joint.iter().map(|r| r[b]).sum::<f64>();
    let (rows, columns): (Vec<f64>, Vec<f64>) = (0..BINS).map(|i| (row(i), column(i))).unzip();
    let term = |a: usize, b: usize| match joint[a][b] {
        p if p > 0.0 => p * (p / (rows[a] * columns[b])).ln(),
        _ => 0.0,
    };
    (0..BINS).flat_map(|a| (0..BINS).map(move |b| (a, b))).map(|(a, b)| term(a, b)).sum()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ndarray::Array;

    use super::*;

    #[test]
    fn coordinates_run_from_the_newest_to_the_oldest() {
        let x = Array::from_iter((0..7).flat_map(|t| [f64::from(t), 100.0 + f64::from(t)]));
        let e = embed(x.into_shape_with_order((1, 7, 2)).unwrap().view(), 3, 2);
        assert_eq!(e.dim(), (1, 3, 6));
        assert_eq!(e.slice(s![0, 0, ..]).to_vec(), [4.0, 2.0, 0.0, 104.0, 102.0, 100.0]);
        assert_eq!(e.slice(s![0, 2, ..]).to_vec(), [6.0, 4.0, 2.0, 106.0, 104.0, 102.0]);
    }

    #[test]
    fn a_sine_is_uncorrelated_after_a_quarter_and_needs_two_coordinates() {
        // A period of 40 samples and a bit, so that phases do not repeat.
        let x: Vec<f64> = (0..4000).map(|t| (f64::from(t) * std::f64::consts::TAU / 40.13).sin()).collect();
        let zero = first_zero_of_autocorrelation(&x).unwrap();
        assert!((10..=11).contains(&zero), "{zero}");
        assert_eq!(dimension_by_false_neighbours(&x, 10), 2);
    }

    #[test]
    fn independent_values_share_no_information() {
        // The logistic map at r = 4, every eighth value: independent to the eye of a histogram.
        let mut u = 0.3;
        let mut next = || {
            (0..8).for_each(|_| u = 4.0 * u * (1.0_f64 - u));
            u
        };
        let x: Vec<f64> = (0..5000).map(|_| next()).collect();
        assert_eq!(first_minimum_of_information(&x), Some(1));
        let same = mutual_information(&equiprobable(&x), 0);
        assert!((same - (BINS as f64).ln()).abs() < 0.01, "{same}");
    }

    #[test]
    fn what_never_decorrelates_has_no_delay() {
        let x: Vec<f64> = (0..400).map(|t| f64::from(t) + 0.01 * f64::from(t % 7)).collect();
        assert!(first_minimum_of_information(&x).is_none_or(|t| t > 1));
        assert_eq!(first_zero_of_autocorrelation(&x[..40]), None);
    }
}

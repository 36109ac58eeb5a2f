//! The correlation dimension of an attractor.

use std::ops::Range;

use ndarray::{ArrayView2, Axis};
use rayon::prelude::*;

/// The most points whose distances are counted.
const POINTS: usize = 5000;
/// Radii a factor of two.
const RADII: f64 = 8.0;
/// The smallest radius is `2^(−OCTAVES)` of the box.
const OCTAVES: usize = 40;
/// The correlation sums between which the slope is taken.
const SCALING: Range<f64> = 1e-3..3e-2;
/// Neighbours a point has, on average, at the smallest radius of the fit.
const NEIGHBOURS: f64 = 5.0;

/// A correlation sum and its slope.
#[derive(Clone, Debug, PartialEq)]
pub struct CorrelationDimension {
    /// The radii `r`, ascending by a factor of `2^(1/8)`.
    pub radii: Vec<f64>,
    /// `C(r)`, the fraction of pairs of points nearer than `r`.
    pub sums: Vec<f64>,
    /// The radii of the fit.
    pub scaling: Range<usize>,
    /// `d log C/d log r` over the fit; NaN where fewer than three radii are in it or a sample is
    /// not finite.
    pub dimension: f64,
}

/// The slope of `log C(r)` against `log r`, `C(r)` being the fraction of pairs of samples of `[time, channel]` that
/// are nearer than `r` and more than `theiler` samples apart in time.
///
/// A longer series is thinned evenly to 5000 points or fewer. The slope is the least-squares one over the radii at
/// which `C` lies between 10⁻³ (five neighbours a point, if that is more) and 3·10⁻²: below, chance and noise rule;
/// above, the size of the set. On 5000 points this comes within 3 % for the Lorenz and Hénon attractors and reads 5
/// % low for a filled cube. Noise of a tenth of a standard deviation and more fills the space at these scales and
/// raises the figure.
///
/// `theiler` should exceed the time over which the series is smooth: a tenth of a turn at least, or pairs along the
/// trajectory make every flow one-dimensional.
///
/// P. Grassberger and I. Procaccia, Physica D 9, 189 (1983); J. Theiler, Phys. Rev. A 34, 2427 (1986).
pub fn correlation_dimension(series: ArrayView2<'_, f64>, theiler: usize) -> CorrelationDimension {
    let stride = series.nrows().div_ceil(POINTS).max(1);
    let points: Vec<Vec<f64>> = series.rows().into_iter().step_by(stride).map(|x| x.to_vec()).collect();
    let box_diagonal = series
        .axis_iter(Axis(1))
        .map(|c| c.iter().fold(f64::MIN, |a, b| a.max(*b)) - c.iter().fold(f64::MAX, |a, b| a.min(*b)))
        .map(|side| side * side)
        .sum::<f64>()
        .sqrt();
    let counts = distance_counts(&points, theiler / stride + 1, box_diagonal);
    let pairs = counts.iter().sum::<u64>() as f64;
    let radii: Vec<f64> =
        (0..counts.len()).rev().map(|k| box_diagonal * (-(k as f64) / RADII).exp2()).collect();
    let mut nearer = 0;
    let sums: Vec<f64> = counts
        .iter()
        .rev()
        .map(|count| {
            nearer += count;
            nearer as f64 / pairs
        })
        .collect();
    let lowest = SCALING.start.max(NEIGHBOURS / points.len() as f64);
    let place = |c: f64| sums.partition_point(|s| *s < c);
    let scaling = place(lowest)..place(SCALING.end).max(place(lowest));
    let logs: Vec<(f64, f64)> = scaling.clone().map(|k| (radii[k].ln(), sums[k].ln())).collect();
    let defined = logs.len() >= 3 && series.iter().all(|x| x.is_finite());
    let dimension = if defined { slope(&logs) } else { f64::NAN };
    CorrelationDimension { radii, sums, scaling, dimension }
}

/// The least-squares slope of `y` against `x`.
pub(super) fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), p| (x + p.0 / n, y + p.1 / n));
    let (up, across) =
        points.iter().fold((0.0, 0.0), |(u, a), p| (u + (p.0 - x) * (p.1 - y), a + (p.0 - x) * (p.0 - x)));
    up / across
}

/// How many pairs, `lag` points or more apart, have a distance between `D 2^(−(k+1)/8)` and `D 2^(−k/8)`; the last
/// count takes all that is smaller.
fn distance_counts(points: &[Vec<f64>], lag: usize, diagonal: f64) -> Vec<u64> {
    let bins = OCTAVES * RADII as usize;
    let scale = diagonal * diagonal;
    (0..points.len())
        .into_par_iter()
        .fold(
            || vec![0; bins],
            |mut counts, i| {
                for other in points.iter().skip(i + lag) {
                    let d2: f64 = points[i].iter().zip(other).map(|(a, b)| (a - b) * (a - b)).sum();
                    let k = (0.5 * RADII * (scale / d2).log2()).floor();
                    counts[(k.max(0.0) as usize).min(bins - 1)] += 1;
                }
                counts
            },
        )
        .reduce(|| vec![0; bins], |a, b| a.iter().zip(b).map(|(a, b)| a + b).collect())
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use ndarray::{Array2, array};

    use super::*;
    use crate::metric::golden::{henon, lorenz};

    #[test]
    fn a_sum_by_hand() {
        // Distances 1, 2, 3 between neighbours in time, and 3, 5, 6 between others; the box has the side 6.
        let series = array![[0.0], [1.0], [3.0], [6.0]];
        let found = correlation_dimension(series.view(), 0);
        let at =
            |r: f64| found.sums[found.radii.iter().rposition(|radius| *radius <= r).expect("a radius below")];
        assert_eq!(
            [at(0.99), at(1.1), at(2.2), at(3.3), at(5.4), at(6.0)].map(|c| (c * 6.0).round()),
            [0.0, 1.0, 2.0, 4.0, 5.0, 6.0]
        );
        // Pairs more than one sample apart: 3, 5, 6.
        let found = correlation_dimension(series.view(), 1);
        let at = |r: f64| found.sums[found.radii.iter().rposition(|radius| *radius <= r).expect("one")];
        assert_eq!([at(2.9), at(3.3), at(6.0)].map(|c| (c * 3.0).round()), [0.0, 1.0, 3.0]);
        assert!(found.dimension.is_nan());
    }

    #[test]
    fn sets_of_whole_dimension() {
        // Equidistributed on the circle and in the square (multiples of badly approximable numbers).
        let turn = 0.618_033_988_749_894_9;
        let circle = Array2::from_shape_fn((5000, 2), |(t, c)| {
            let angle = TAU * turn * t as f64;
            if c == 0 { angle.cos() } else { angle.sin() }
        });
        let d = correlation_dimension(circle.view(), 0).dimension;
        assert!((d - 1.0).abs() < 0.05, "{d}");
        let square = Array2::from_shape_fn((5000, 2), |(t, c)| {
            let step = [0.754_877_666_246_692_8, 0.569_840_290_998_053_3][c];
            (step * t as f64).fract()
        });
        let d = correlation_dimension(square.view(), 0).dimension;
        assert!((d - 2.0).abs() < 0.1, "{d}");
    }

    #[test]
    fn strange_attractors() {
        let d = correlation_dimension(henon(5000).view(), 0).dimension;
        assert!((d - 1.21).abs() < 0.05, "{d}");
        let d = correlation_dimension(lorenz(100_000).view(), 50).dimension;
        assert!((d - 2.05).abs() < 0.1, "{d}");
    }

    #[test]
    fn as_the_golden_script_has_it() {
        let found = correlation_dimension(henon(1000).view(), 3);
        for (octaves, golden) in [(2, GOLDEN[0]), (4, GOLDEN[1]), (6, GOLDEN[2])] {
            let k = found.sums.len() - 1 - octaves * 8;
            assert!((found.sums[k] / golden - 1.0).abs() < 1e-12, "{:.17}", found.sums[k]);
        }
    }

    #[test]
    fn nothing_has_no_dimension() {
        assert!(correlation_dimension(Array2::zeros((0, 2)).view(), 0).dimension.is_nan());
        assert!(correlation_dimension(Array2::zeros((50, 2)).view(), 0).dimension.is_nan());
        let mut diverged = henon(500);
        assert!(correlation_dimension(diverged.view(), 0).dimension.is_finite());
        diverged[[499, 0]] = f64::INFINITY;
        assert!(correlation_dimension(diverged.view(), 0).dimension.is_nan());
    }

    const GOLDEN: [f64; 3] = [0.4399664858027899, 0.08320543961200871, 0.016197185935315987];
}

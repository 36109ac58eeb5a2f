//! The largest Lyapunov exponent from a series alone.

use std::ops::Range;

use ndarray::ArrayView2;
use rayon::prelude::*;

use super::correlation_dimension::slope;

/// The most points whose neighbours are followed.
const REFERENCES: usize = 2000;
/// The part of the way from the first distance to saturation over which the slope is taken.
const GROWTH: Range<f64> = 0.2..0.7;
/// The part of the curve, at its end, whose mean is the saturation.
const SATURATED: f64 = 0.25;

/// How neighbours of a series drift apart.
#[derive(Clone, Debug, PartialEq)]
pub struct NeighbourDivergence {
    /// The mean logarithm of the distance after `0, 1, … horizon` samples.
    pub curve: Vec<f64>,
    /// The samples of the fit.
    pub growth: Range<usize>,
    /// The slope over the fit, the largest exponent, per sample; NaN where fewer than three samples are in it
    /// or one is not finite.
    pub exponent: f64,
}

/// The largest Lyapunov exponent by the mean divergence of nearest neighbours: `S(k) = ⟨log|x_{i+k} − x_{j(i)+k}|⟩`
/// with `j(i)` the nearest neighbour of `x_i` more than `theiler` samples away in time grows like `λ₁ k`.
///
/// `series` is `[time, channel]`, of full states or of a delay embedding. Up to 2000 points, evenly spread, are
/// followed for `horizon` samples, which should reach the saturation of `S` (some three Lyapunov times for each
/// factor of ten between nearest neighbours and the attractor's size). The slope is the least-squares one from the
/// first `k` at which `S` has come 20 % of the way from `S(1)` to the mean of its last quarter up to the first `k`
/// at 70 %: before, neighbours turn into the unstable direction; after, the attractor's size bends the curve. Noise
/// starts the curve high and leaves less of it: with noise of more than some per cent, the figure is a lower bound.
///
/// M. T. Rosenstein, J. J. Collins, C. J. De Luca, Physica D 65, 117 (1993).
pub fn exponent_from_series(
    series: ArrayView2<'_, f64>,
    theiler: usize,
    horizon: usize,
) -> NeighbourDivergence {
    let series = series.as_standard_layout();
    let points: Vec<&[f64]> = series.rows().into_iter().filter_map(|x| x.to_slice()).collect();
    let followed = points.len().saturating_sub(horizon);
    let stride = followed.div_ceil(REFERENCES).max(1);
    let references: Vec<usize> = (0..followed).step_by(stride).collect();
    let logs: Vec<Vec<f64>> = references
        .par_iter()
        .filter_map(|&i| {
            let j = neighbour(&points[..followed], i, theiler)?;
            Some((0..=horizon).map(|k| 0.5 * square(points[i + k], points[j + k]).ln()).collect())
        })
        .collect();
    let curve: Vec<f64> = (0..=horizon)
        .map(|k| {
            // Two points that meet exactly have no logarithm.
            let (mut sum, mut terms) = (0.0, 0.0);
            for log in logs.iter().map(|l| l[k]).filter(|l| l.is_finite()) {
                sum += log;
                terms += 1.0;
            }
            sum / terms
        })
        .collect();
    let growth = growth(&curve);
    let fit: Vec<(f64, f64)> = growth.clone().map(|k| (k as f64, curve[k])).collect();
    let defined = fit.len() >= 3 && series.iter().all(|x| x.is_finite());
    let exponent = if defined { slope(&fit) } else { f64::NAN };
    NeighbourDivergence { curve, growth, exponent }
}

fn square(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// The nearest other point that is not at the same place.
fn neighbour(points: &[&[f64]], i: usize, theiler: usize) -> Option<usize> {
    let mut nearest = (f64::INFINITY, None);
    for (j, point) in points.iter().enumerate().filter(|(j, _)| j.abs_diff(i) > theiler) {
        let d = square(points[i], point);
        if d < nearest.0 && d > 0.0 {
            nearest = (d, Some(j));
        }
    }
    nearest.1
}

/// The samples between the first that reaches the lower and the first that reaches the upper end of `GROWTH`.
fn growth(curve: &[f64]) -> Range<usize> {
    let tail = &curve[curve.len() - ((curve.len() as f64 * SATURATED).ceil() as usize).max(1)..];
    let saturation = tail.iter().sum::<f64>() / tail.len() as f64;
    let Some(first) = curve.get(1) else { return 0..0 };
    let at = |part: f64| {
        let level = first + part * (saturation - first);
        1 + curve[1..].iter().position(|s| *s >= level).unwrap_or(0)
    };
    at(GROWTH.start)..at(GROWTH.end) + 1
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, s};

    use super::*;
    use crate::metric::golden::{henon, logistic_delays, lorenz};

    #[test]
    fn maps_and_a_flow() {
        // Literature: 0.419 a step; log 2 a step at r = 4; 0.906 a unit of time.
        let e = exponent_from_series(henon(5000).view(), 10, 40).exponent;
        assert!((e / 0.419 - 1.0).abs() < 0.15, "{e}");
        let e = exponent_from_series(logistic_delays(4.0, 0.3, 5000, 1).view(), 10, 25).exponent;
        assert!((e / 2f64.ln() - 1.0).abs() < 0.15, "{e}");
        let e = exponent_from_series(lorenz(20_000).view(), 50, 500).exponent / 0.02;
        assert!((e / 0.906 - 1.0).abs() < 0.15, "{e}");
    }

    #[test]
    fn a_delay_embedding_of_one_coordinate() {
        let orbit = lorenz(20_000);
        let (lag, n) = (8, 20_000 - 16);
        let embedded = Array2::from_shape_fn((n, 3), |(t, c)| orbit[[t + lag * c, 0]]);
        let e = exponent_from_series(embedded.view(), 50, 500).exponent / 0.02;
        assert!((e / 0.906 - 1.0).abs() < 0.15, "{e}");
    }

    #[test]
    fn as_the_golden_script_has_it() {
        let found = exponent_from_series(henon(1000).view(), 5, 12);
        for (k, golden) in [(0, GOLDEN[0]), (3, GOLDEN[1]), (12, GOLDEN[2])] {
            assert!((found.curve[k] / golden - 1.0).abs() < 1e-12, "{:.17}", found.curve[k]);
        }
    }

    #[test]
    fn an_orbit_that_does_not_diverge_and_one_that_is_too_short() {
        let turn = Array2::from_shape_fn((2000, 2), |(t, c)| (t as f64 + c as f64 * 1.5).sin());
        let e = exponent_from_series(turn.view(), 10, 50).exponent;
        assert!(e.is_nan() || e.abs() < 1e-6, "{e}");
        assert!(exponent_from_series(turn.slice(s![..20, ..]), 10, 50).exponent.is_nan());
        let mut diverged = henon(500);
        diverged[[499, 0]] = f64::NAN;
        assert!(exponent_from_series(diverged.view(), 10, 40).exponent.is_nan());
    }

    const GOLDEN: [f64; 3] = [-5.723242791156279, -4.579539055675669, -0.9653048367767926];
}

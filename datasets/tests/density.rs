//! Every density in the plane: its mass is one, its samples have its law, its entropy is that of its samples.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use flowmap_datasets::problem::density::{Density, EightGaussians, TwoMoons};
use flowmap_datasets::problem::{Problem, ProblemConfig};
use flowmap_datasets::rng::stream;

fn densities() -> Vec<Arc<dyn Density>> {
    let density = |config: ProblemConfig| match config.build().unwrap() {
        Problem::Density(d) => Some(d),
        _ => None,
    };
    ProblemConfig::all().into_iter().filter_map(density).collect()
}

/// Sums `p` and its moments over cells of the window.
fn integrate(density: &dyn Density, cells: usize) -> [f64; 6] {
    let [(x0, x1), (y0, y1)] = density.window();
    let (hx, hy) = ((x1 - x0) / cells as f64, (y1 - y0) / cells as f64);
    let mut sums = [0.0; 6];
    for i in 0..cells {
        for j in 0..cells {
            let (x, y) = (x0 + (i as f64 + 0.5) * hx, y0 + (j as f64 + 0.5) * hy);
            let p = density.log_density([x, y]).exp() * hx * hy;
            for (sum, v) in sums.iter_mut().zip([1.0, x, y, x * x, x * y, y * y]) {
                *sum += p * v;
            }
        }
    }
    sums
}

#[test]
fn masses_are_one_and_samples_have_the_moments_of_their_density() {
    let all = densities();
    assert_eq!(all.len(), 3);
    for density in all {
        let n = 40_000;
        let mut rng = stream(1, density.name(), 0);
        let samples: Vec<_> = (0..n).map(|_| density.sample(&mut rng)).collect();
        let moments = integrate(&*density, 192);
        assert!((moments[0] - 1.0).abs() < 1e-5, "{}: mass {}", density.name(), moments[0]);
        let [(x0, x1), (y0, y1)] = density.window();
        for (k, of) in [
            |p: &[f64; 2]| p[0],
            |p: &[f64; 2]| p[1],
            |p: &[f64; 2]| p[0] * p[0],
            |p: &[f64; 2]| p[0] * p[1],
            |p: &[f64; 2]| p[1] * p[1],
        ]
        .into_iter()
        .enumerate()
        {
            let values: Vec<f64> = samples.iter().map(of).collect();
            let mean = values.iter().sum::<f64>() / n as f64;
            let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n as f64;
            let bound = 4.5 * (variance / n as f64).sqrt();
            let exact = moments[k + 1];
            // The midpoint rule on a board of squares has an error of its own.
            let quadrature = if density.name() == "checkerboard" { 1e-3 } else { 1e-6 };
            assert!((mean - exact).abs() < bound + quadrature, "{}: {k}: {mean} {exact}", density.name());
        }
        // The mean of −log p over the samples is the entropy.
        let logs: Vec<f64> = samples[..4000].iter().map(|x| -density.log_density(*x)).collect();
        let mean = logs.iter().sum::<f64>() / logs.len() as f64;
        let spread = logs.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / logs.len() as f64;
        let bound = 4.5 * (spread / logs.len() as f64).sqrt() + 1e-12;
        let entropy = density.entropy();
        assert!((mean - entropy).abs() < bound, "{}: {mean} {entropy}", density.name());
        assert!(samples.iter().all(|p| (x0..=x1).contains(&p[0]) && (y0..=y1).contains(&p[1])));
    }
}

#[test]
fn densities_at_points_are_those_of_their_formulas() {
    // One Gaussian far from the others.
    let ring = EightGaussians { radius: 50.0, std: 0.5 };
    let peak = -(8.0 * std::f64::consts::TAU * 0.25).ln();
    assert!((ring.log_density([50.0, 0.0]) - peak).abs() < 1e-12);
    assert!((ring.log_density([50.0, 0.5]) - (peak - 0.5)).abs() < 1e-12);
    // Wide noise around the arcs, and far away: values of an adaptive quadrature in another program (scipy 1.17, quad).
    let moons = TwoMoons { noise: 0.1 };
    for (x, exact) in MOONS {
        let found = moons.log_density(x);
        assert!((found - exact).abs() < 1e-9 * exact.abs().max(1.0), "{x:?}: {found} {exact}");
    }
}

/// `log p` of two moons with noise 0.1.
const MOONS: [([f64; 2], f64); 5] = [
    ([0.5, -0.25], -1.14611081714058),
    ([-0.5, 0.75], -0.45297390409898),
    ([-1.5, -0.25], -1.14612137103862),
    ([0.0, 0.0], -9.19164419595305),
    ([4.0, 3.0], -695.31691802307148),
];

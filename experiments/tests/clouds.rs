//! Distances between clouds: golden values of another program (`tests/golden/clouds.py`), and what must hold of them.

#![allow(clippy::unwrap_used)]

use std::f64::consts::{SQRT_2, TAU};

use flowmap_experiments::metric::{mean_discrepancy, sliced_wasserstein_2, wasserstein_2};
use ndarray::{Array2, s};

fn clouds(n: usize, m: usize) -> (Array2<f64>, Array2<f64>) {
    let part = |i: usize, step: f64| ((i + 1) as f64 * step) % 1.0;
    let a = Array2::from_shape_fn((n, 2), |(i, c)| part(i, [0.7548776662466927, 0.5698402909980532][c]));
    let b = Array2::from_shape_fn((m, 2), |(i, c)| {
        let (sin, cos) = (TAU * part(i, 0.6180339887498949)).sin_cos();
        if c == 0 { sin } else { 0.5 * cos + 0.2 * part(i, 0.4142135623730951) }
    });
    (a, b)
}

/// Points of both clouds, `W₂`, the sliced `W₂` of 16 directions, `MMD²`.
const GOLDEN: [(usize, usize, f64, f64, f64); 3] = [
    (7, 7, 0.89128896845717, 0.59454028226502, 0.21065702927174),
    (300, 300, 0.78785876445303, 0.54305623248403, 0.27890171574528),
    (500, 400, 0.78452616753288, 0.54140444137338, 0.27761074881186),
];

#[test]
fn distances_are_those_of_another_program() {
    for (n, m, exact, sliced, discrepancy) in GOLDEN {
        let (a, b) = clouds(n, m);
        let found = wasserstein_2(a.view(), b.view());
        assert!((found - exact).abs() < 1e-11, "{n} {m}: {found} {exact}");
        let found = sliced_wasserstein_2(a.view(), b.view(), 16);
        assert!((found - sliced).abs() < 1e-11, "{n} {m}: {found} {sliced}");
        let found = mean_discrepancy(a.view(), b.view());
        assert!((found - discrepancy).abs() < 1e-11, "{n} {m}: {found} {discrepancy}");
    }
}

#[test]
fn a_shifted_cloud_is_as_far_as_the_shift_and_an_order_does_not_matter() {
    let (a, _) = clouds(400, 1);
    let mut moved = a.clone() + 0.25;
    moved.invert_axis(ndarray::Axis(0));
    assert!((wasserstein_2(a.view(), moved.view()) - 0.25 * SQRT_2).abs() < 1e-12);
    // A shift by v is |⟨v, d⟩| along d, and the mean of its square over even directions |v|²/2.
    assert!((sliced_wasserstein_2(a.view(), moved.view(), 16) - 0.25).abs() < 1e-12);
    // The same points: the estimate without its diagonal is below zero, and small.
    let same = mean_discrepancy(a.view(), a.view());
    assert!(same < 0.0 && same > -2.0 / 400.0 - 1e-3, "{same}");
    assert!(mean_discrepancy(a.view(), (a.clone() + 5.0).view()) > 0.5);
}

#[test]
fn what_is_not_finite_or_empty_has_no_distance() {
    let (a, mut b) = clouds(10, 10);
    let empty = a.slice(s![..0, ..]);
    assert!(wasserstein_2(empty, b.view()).is_nan() && sliced_wasserstein_2(empty, b.view(), 4).is_nan());
    assert!(mean_discrepancy(a.slice(s![..1, ..]), b.view()).is_nan());
    b[[3, 1]] = f64::INFINITY;
    assert!(wasserstein_2(a.view(), b.view()).is_nan() && mean_discrepancy(a.view(), b.view()).is_nan());
    assert!(sliced_wasserstein_2(a.view(), b.view(), 4).is_nan());
}

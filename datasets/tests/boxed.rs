//! Problems between walls, and a bump on a periodic axis.

#![allow(clippy::unwrap_used)]

use std::f64::consts::PI;

use flowmap_datasets::initial::{Gaussian, InitialConfig};
use flowmap_datasets::problem::boxed::{ElasticBlock, EulerBox, Faces, FiniteElements, Vortices};
use flowmap_solvers::fourier::FourierGrid;

#[test]
fn elements_find_the_homogeneous_stretch() {
    let block = ElasticBlock { faces: Faces::Rollers, stretch: 1.4, ..ElasticBlock::default() };
    let [first, second] = block.homogeneous();
    let found = FiniteElements::new(&block, 8).solve();
    for x in [[-0.9, 0.4], [0.3, -0.7], [1.0, 1.0]] {
        let u = found.at(x);
        assert!((u[0] - (first - 1.0) * (x[0] + 1.0)).abs() < 1e-6, "{u:?}");
        assert!((u[1] - (second - 1.0) * x[1]).abs() < 1e-6, "{u:?}");
    }
    let energy =
        (first - 1.0).powi(2) + (second - 1.0).powi(2) + block.volume * (first * second - 1.0).powi(2);
    assert!((found.energy - energy).abs() < 1e-9 * energy);
    assert!(found.gradient < 1e-7, "{:.1e}", found.gradient);
}

#[test]
fn clamped_elements_converge() {
    let block = ElasticBlock { stretch: 1.0, volume: 100.0, ..ElasticBlock::default() };
    let solve = |n| FiniteElements::new(&block, n).solve();
    let [a, b, c] = [8, 16, 32].map(solve);
    assert!(c.gradient < 1e-7, "{:.1e}", c.gradient);
    let (first, second) = ((a.energy - b.energy).abs(), (b.energy - c.energy).abs());
    assert!(second < 0.6 * first, "{first:.2e}, {second:.2e}");
    // Between the faces a block of constant volume grows thinner.
    assert!(c.at([0.0, 1.0])[1] < -0.1);
    assert_eq!(c.at([1.0, 0.3]), [1.0, 0.0]);
}

#[test]
fn vortices_slide_along_walls_and_their_vorticity_is_their_curl() {
    for vortices in [Vortices::TaylorGreen, Vortices::Pair] {
        let flow = EulerBox { vortices, amplitude: 1.7, points: 32 }.flows(&[0.0, 0.5]).unwrap().remove(1);
        let u = |x: [f64; 2]| flow.at(x).0;
        assert!(u([-1.0, 0.3])[0].abs() < 1e-14 && u([0.4, 1.0])[1].abs() < 1e-14);
        let (x, y, h) = (0.31, -0.42, 1e-5);
        let d = |a: [f64; 2], b: [f64; 2], k: usize| (u(a)[k] - u(b)[k]) / (2.0 * h);
        let (v_x, u_y) = (d([x + h, y], [x - h, y], 1), d([x, y + h], [x, y - h], 0));
        let (u_x, v_y) = (d([x + h, y], [x - h, y], 0), d([x, y + h], [x, y - h], 1));
        assert!((v_x - u_y - flow.at([x, y]).1).abs() < 1e-8);
        assert!((u_x + v_y).abs() < 1e-9);
    }
}

#[test]
fn a_pair_of_vortices_begins_as_it_says_and_moves_by_its_equation() {
    let problem = EulerBox { vortices: Vortices::Pair, amplitude: 0.8, points: 32 };
    let h = 0.01;
    let flows = problem.flows(&[0.0, h, 2.0 * h]).unwrap();
    let (x, y) = (0.31, -0.42);
    let (xi, eta) = (PI * (x + 1.0) / 2.0, PI * (y + 1.0) / 2.0);
    let start = 0.8 * (xi.sin() + (2.0 * xi).sin()) * eta.sin();
    assert!((flows[0].at([x, y]).1 - start).abs() < 1e-12);
    let w = |x: f64, y: f64| flows[1].at([x, y]).1;
    let e = 1e-5;
    let gradient = [(w(x + e, y) - w(x - e, y)) / (2.0 * e), (w(x, y + e) - w(x, y - e)) / (2.0 * e)];
    let [u, v] = flows[1].at([x, y]).0;
    let rate = (flows[2].at([x, y]).1 - flows[0].at([x, y]).1) / (2.0 * h);
    assert!((rate + u * gradient[0] + v * gradient[1]).abs() < 1e-4 && rate.abs() > 0.05, "{rate}");
}

#[test]
fn a_bump_is_periodic_and_has_its_derivatives() {
    let grid = FourierGrid::new(&[64], &[4.0]).unwrap();
    let bump = InitialConfig::Gaussian(Gaussian { centre: 0.5, width: 0.4, height: 2.0 });
    let at = bump.derivatives(&grid).unwrap();
    let whole = |x: f64| {
        2.0 * (-4..=4).map(|k| (-0.5 * ((x - 0.5 - 4.0 * f64::from(k)) / 0.4).powi(2)).exp()).sum::<f64>()
    };
    for x in [0.0, 0.7, 3.3, 7.1] {
        assert!((at(x)[0] - whole(x)).abs() < 1e-14);
        for order in 0..4 {
            let difference = (at(x + 1e-4)[order] - at(x - 1e-4)[order]) / 2e-4;
            assert!((difference - at(x)[order + 1]).abs() < 1e-4 * (1.0 + difference.abs()), "{x}, {order}");
        }
    }
    assert_eq!(bump.profile(&grid).unwrap()(&[0.7]), at(0.7)[0]);
}

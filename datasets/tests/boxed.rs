//! Problems between walls, and a bump on a periodic axis.

#![allow(clippy::unwrap_used)]

use std::f64::consts::PI;

use flowmap_datasets::initial::{Gaussian, InitialConfig};
use flowmap_datasets::problem::boxed::{
    Deformation, ElasticBlock, EulerBox, Faces, FallingBlock, FiniteElements, Vortices,
};
use flowmap_solvers::elasticity::Law;
use flowmap_solvers::fourier::FourierGrid;

fn stretched(block: &ElasticBlock, n: usize) -> Deformation {
    FiniteElements::new(block.axes, block.material(), n).stretched(block.faces, block.stretch)
}

#[test]
fn elements_find_the_homogeneous_stretch() {
    for (axes, n) in [(2, 8), (3, 4)] {
        for law in [Law::AsRigidAsPossible, Law::NeoHookean] {
            let block =
                ElasticBlock { axes, law, faces: Faces::Rollers, stretch: 1.4, ..ElasticBlock::default() };
            let [first, second] = block.homogeneous();
            let found = stretched(&block, n);
            for x in [[-0.9, 0.4, 0.1], [0.3, -0.7, -0.8], [1.0, 1.0, 1.0]] {
                let u = found.at(x);
                assert!((u[0] - (first - 1.0) * (x[0] + 1.0)).abs() < 1e-6, "{axes} {law:?} {u:?}");
                for a in 1..axes {
                    assert!((u[a] - (second - 1.0) * x[a]).abs() < 1e-6, "{axes} {law:?} {u:?}");
                }
            }
            let energy = block.material().density(&[first, second, second][..axes]);
            assert!((found.energy - energy).abs() < 1e-9 * energy);
            assert!(found.gradient < 1e-7, "{:.1e}", found.gradient);
        }
    }
}

#[test]
fn clamped_elements_converge() {
    for law in [Law::AsRigidAsPossible, Law::NeoHookean] {
        let block = ElasticBlock { law, stretch: 1.0, volume: 100.0, ..ElasticBlock::default() };
        let [a, b, c] = [8, 16, 32].map(|n| stretched(&block, n));
        assert!(c.gradient < 1e-7, "{:.1e}", c.gradient);
        let (first, second) = ((a.energy - b.energy).abs(), (b.energy - c.energy).abs());
        assert!(second < 0.6 * first, "{first:.2e}, {second:.2e}");
        // Between the faces a block of constant volume grows thinner.
        assert!(c.at([0.0, 1.0, 0.0])[1] < -0.1);
        assert_eq!(c.at([1.0, 0.3, 0.0]), [1.0, 0.0, 0.0]);
    }
}

#[test]
fn a_block_falls_freely_then_bounces_and_loses_energy() {
    let block =
        FallingBlock { height: 0.3, gravity: 2.0, tilt: 20.0, elements: 6, ..FallingBlock::default() };
    let dt = 0.02;
    let fall = FiniteElements::new(2, block.material(), 6).falling(&block, dt, 120);
    let height = |d: &Deformation| d.at([0.0; 3])[1];
    // Until a corner touches, the implicit Euler method of a free fall.
    let corner = 20_f64.to_radians().sin() + 20_f64.to_radians().cos();
    let free = (1..).find(|n| 0.5 * 2.0 * dt * dt * (n * (n + 1)) as f64 > 1.3 - corner).unwrap();
    for n in 1..free {
        let exact = -0.5 * 2.0 * dt * dt * (n * (n + 1)) as f64;
        assert!((height(&fall[n]) - exact).abs() < 1e-9, "{n}");
    }
    // The ground holds it: it turns flat, and never sinks deeper than its weight and its speed can press it.
    let (lowest, steepest) =
        fall.iter().fold((0.0, 0.0), |(h, g): (f64, f64), d| (h.min(height(d)), g.max(d.gradient)));
    assert!(steepest < 1e-6 && lowest > -1.0, "{steepest:.1e} {lowest}");
    let potential = |d: &Deformation| 2.0 * height(d) + d.energy;
    assert!(fall.iter().all(|d| potential(d) < 1e-9 + potential(&fall[0])));
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

//! Compressible flow on a torus.

#![allow(clippy::unwrap_used)]

use std::f64::consts::{PI, TAU};

use flowmap_datasets::initial::{InitialConfig, Noise, Size, TruncatedFourier};
use flowmap_datasets::problem::cells::{CellProblem, Compressible};
use flowmap_datasets::problem::{Problem, ProblemConfig};
use flowmap_datasets::rng::stream;
use flowmap_datasets::simulate::{check_method, simulate};
use flowmap_solvers::config::{AdaptiveConfig, FixedConfig, SolverConfig};

const HEUN: SolverConfig = SolverConfig::Heun(FixedConfig { dt: 0.1 });

fn build(problem: &Compressible) -> Problem {
    ProblemConfig::Compressible(problem.clone()).build().unwrap()
}

fn inviscid(points: [usize; 2], lengths: [f64; 2]) -> Compressible {
    Compressible {
        points,
        lengths,
        gamma: 1.4,
        shear_viscosity: 0.0,
        bulk_viscosity: 0.0,
        ..Default::default()
    }
}

fn end(problem: &Compressible, start: &[f64], t: f64) -> Vec<f64> {
    let mut solved = simulate(&build(problem), &HEUN, start, &[t]).unwrap();
    assert!(solved.outcome.is_success(), "{}", solved.outcome);
    solved.states.remove(0)
}

#[test]
fn mass_momentum_and_energy_are_conserved() {
    let problem = Compressible { points: [16, 24], lengths: [1.0, 1.5], ..Compressible::default() };
    let waves = TruncatedFourier { modes: 2, amplitude: 0.3, size: Size::Maximum, decay: 0.0, mean: 0.0 };
    let start =
        InitialConfig::TruncatedFourier(waves).cells(&problem, &mut stream(1, "compressible", 0)).unwrap();
    let u = end(&problem, &start, 1.0);
    let moved = u.iter().zip(&start).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(moved > 0.1, "{moved}");
    for ((name, a), (_, b)) in problem.invariants(&start).into_iter().zip(problem.invariants(&u)) {
        assert!((a - b).abs() < 1e-12 * (1.0 + a.abs()), "{name}: {a} to {b}");
    }
}

/// The vortex of strength 5 that a stream of velocity one along both axes carries (C.-W. Shu, 1998), in `[0, 10]²`.
fn vortex(problem: &Compressible, t: f64) -> Vec<f64> {
    let near = |x: f64| (x - 5.0 - t) - 10.0 * ((x - 5.0 - t) / 10.0).round();
    problem.sample(|x, y| {
        let (a, b) = (near(x), near(y));
        let turn = 5.0 / TAU * (0.5 * (1.0 - a * a - b * b)).exp();
        let temperature = 1.0 - 0.4 * 25.0 / (8.0 * 1.4 * PI * PI) * (1.0 - a * a - b * b).exp();
        let density = temperature.powf(2.5);
        [density, density * temperature, 1.0 - turn * b, 1.0 + turn * a]
    })
}

#[test]
fn a_vortex_is_carried_with_order_two() {
    let error = |n: usize| {
        let problem = inviscid([n; 2], [10.0; 2]);
        let u = end(&problem, &vortex(&problem, 0.0), 1.0);
        let exact = vortex(&problem, 1.0);
        u.iter().zip(&exact).map(|(a, b)| (a - b).abs()).sum::<f64>() / u.len() as f64
    };
    let errors = [32, 64, 128].map(error);
    eprintln!("vortex: {errors:?}");
    let slope = (errors[1] / errors[2]).log2();
    assert!(slope > 1.7, "{slope:.2} of {errors:?}");
    assert!(errors[2] < 1e-3, "{errors:?}");
}

#[test]
fn a_shock_tube_has_its_exact_states() {
    // G. Sod's, from 0.5, and its mirror image from 1.5 to the left.
    let tube = |axis: usize, n: usize| {
        let (mut points, mut lengths) = ([n, 4], [2.0, 0.1]);
        if axis == 1 {
            points.swap(0, 1);
            lengths.swap(0, 1);
        }
        let problem = inviscid(points, lengths);
        let start = problem.sample(|x, y| {
            let x = if axis == 0 { x } else { y };
            if (0.5..1.5).contains(&x) { [0.125, 0.1, 0.0, 0.0] } else { [1.0, 1.0, 0.0, 0.0] }
        });
        let u = end(&problem, &start, 0.2);
        let cells = points[0] * points[1];
        // The density, pressure and velocity along the tube.
        let line = |c: usize| -> Vec<f64> {
            let c = if c == 2 { 2 + axis } else { c };
            (0..n).map(|i| u[c * cells + if axis == 0 { 4 * i } else { i }]).collect()
        };
        [line(0), line(1), line(2)]
    };
    let exact = |x: f64| -> [f64; 3] {
        let s = (x - 0.5) / 0.2;
        let sound = 1.4_f64.sqrt();
        if s < -sound {
            [1.0, 1.0, 0.0]
        } else if s < 0.92745 - (1.4 * 0.30313 / 0.42632_f64).sqrt() {
            let c = (2.0 * sound - 0.4 * s) / 2.4;
            let density = (c / sound).powi(5);
            [density, density.powf(1.4), s + c]
        } else if s < 0.92745 {
            [0.42632, 0.30313, 0.92745]
        } else if s < 1.75216 {
            [0.26557, 0.30313, 0.92745]
        } else {
            [0.125, 0.1, 0.0]
        }
    };
    let error = |found: &[Vec<f64>; 3]| {
        let n = found[0].len();
        let at = |i: usize| (i as f64 + 0.5) * 2.0 / n as f64;
        let inner = (0..n).filter(|i| at(*i) > 0.1 && at(*i) < 1.0);
        let errors = inner.map(|i| (0..3).map(|c| (found[c][i] - exact(at(i))[c]).abs()).sum::<f64>());
        errors.sum::<f64>() * 2.0 / n as f64
    };
    let (coarse, fine) = (tube(0, 400), tube(0, 800));
    let (a, b) = (error(&coarse), error(&fine));
    eprintln!("tube: {a:.3e}, {b:.3e}");
    assert!(a < 0.02 && b < 0.65 * a, "{a:.3e}, {b:.3e}");
    // Between the waves, away from the jumps.
    for (x, state) in [(0.62, exact(0.62)), (0.76, exact(0.76))] {
        let i = (x * 400.0) as usize;
        for (found, exact) in fine.iter().zip(state) {
            assert!((found[i] - exact).abs() < 4e-3, "{x}: {} instead of {exact}", found[i]);
        }
    }
    // The mirror image, and the other axis.
    for i in 0..400 {
        assert!((coarse[0][i] - coarse[0][399 - i]).abs() < 1e-11);
        assert!((coarse[2][i] + coarse[2][399 - i]).abs() < 1e-11);
    }
    let turned = tube(1, 400);
    assert!(turned.iter().flatten().zip(coarse.iter().flatten()).all(|(a, b)| (a - b).abs() < 1e-12));
}

#[test]
fn a_contact_at_rest_stays() {
    let problem = inviscid([16, 4], [1.0, 0.25]);
    let start = problem.sample(|x, _| [if x < 0.5 { 1.0 } else { 0.2 }, 1.0, 0.0, 0.0]);
    let u = end(&problem, &start, 0.5);
    assert!(u.iter().zip(&start).all(|(a, b)| (a - b).abs() < 1e-13));
}

#[test]
fn viscosity_damps_shear_and_compression_as_it_must() {
    let wave = TAU;
    let size = |u: &[f64], c: usize, axis: usize| {
        let n = 32;
        let cells = u.len() / 4;
        let values = (0..n).map(|i| u[c * cells + if axis == 0 { 4 * i } else { i }]);
        values.fold(0.0_f64, |m, v| m.max(v.abs()))
    };
    for axis in [0, 1] {
        let (mut points, mut lengths) = ([32, 4], [1.0, 0.125]);
        if axis == 1 {
            points.swap(0, 1);
            lengths.swap(0, 1);
        }
        let problem = Compressible {
            points,
            lengths,
            shear_viscosity: 0.02,
            bulk_viscosity: 0.0,
            ..Compressible::default()
        };
        // Along the layers: a wave too slow to compress the fluid.
        let start = problem.sample(|x, y| {
            let a = 1e-3 * (wave * if axis == 0 { x } else { y }).sin();
            if axis == 0 { [1.0, 1.0, 0.0, a] } else { [1.0, 1.0, a, 0.0] }
        });
        let channel = 3 - axis;
        let damped = size(&end(&problem, &start, 0.5), channel, axis) / size(&start, channel, axis);
        let expected = (-0.02 * wave * wave * 0.5).exp();
        assert!((damped - expected).abs() < 0.01 * expected, "axis {axis}: {damped} instead of {expected}");
    }
    // A sound wave: its amplitude falls by (4/3 η + ζ) k²/2 a unit of time, seen after one period.
    let sound = |shear_viscosity: f64, bulk_viscosity: f64| {
        let problem = Compressible {
            points: [128, 4],
            lengths: [1.0, 0.03],
            gamma: 1.4,
            shear_viscosity,
            bulk_viscosity,
            ..Compressible::default()
        };
        let c = 1.4_f64.sqrt();
        let start = problem.sample(|x, _| {
            let a = 1e-4 * (wave * x).sin();
            [1.0 + a, 1.0 + 1.4 * a, c * a, 0.0]
        });
        let u = end(&problem, &start, 1.0 / c);
        (0..128).map(|i| u[4 * i] - 1.0).fold(0.0_f64, f64::max)
    };
    let free = sound(0.0, 0.0);
    for (shear, bulk) in [(0.01, 0.0), (0.0, 0.01)] {
        let expected = (-0.5 * (4.0 / 3.0 * shear + bulk) * wave * wave / 1.4_f64.sqrt()).exp();
        let damped = sound(shear, bulk) / free;
        assert!((damped - expected).abs() < 0.02 * expected, "{shear}, {bulk}: {damped}, not {expected}");
    }
}

#[test]
fn misfits_are_named() {
    let problem = Compressible::default();
    let adaptive = SolverConfig::Dopri5(AdaptiveConfig::default());
    let issue = check_method(&build(&problem), &adaptive).unwrap_err();
    assert!(issue.path == "solver.dopri5" && issue.hint.unwrap().contains("dt"));
    let mut rng = stream(0, "compressible", 0);
    let issue = InitialConfig::Noise(Noise::default()).cells(&problem, &mut rng).unwrap_err();
    assert_eq!(issue.path, "noise");
    let waves = TruncatedFourier { modes: 2, amplitude: 3.0, size: Size::Maximum, decay: 0.0, mean: 0.0 };
    let issue = InitialConfig::TruncatedFourier(waves).cells(&problem, &mut rng).unwrap_err();
    assert_eq!(issue.path, "truncated_fourier.amplitude");
    assert_eq!(problem.initial().len(), 4 * 64 * 64);
}

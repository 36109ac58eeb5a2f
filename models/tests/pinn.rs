//! Solutions of networks: residuals against differences of the field, Jacobians against differences of the residuals.

#![allow(clippy::unwrap_used)]

use std::ops::Range;

use flowmap_models::gauss_newton::{
    FactorsMut, LeastSquares, LevenbergMarquardt, Memory, Optimiser, Solve, cost, gradient,
};
use flowmap_models::pinn::{
    BaseConfig, Boundary, Domain, Equation, Frame, FrozenFeatures, PinnConfig, Profile, SamplingConfig,
    Symmetry, Window,
};
use ndarray::{Array2, Array3, ArrayViewMut2, array, s};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const DOMAIN: Domain = Domain { origin: 0.5, length: 3.0, start: 1.0, duration: 0.5 };

fn start() -> Profile {
    let k = std::f64::consts::TAU / DOMAIN.length;
    Profile::new(move |x| {
        let (s, c) = (k * x).sin_cos();
        [0.3 + s, k * c, -k * k * s, -k.powi(3) * c, k.powi(4) * s]
    })
}

fn window(frame: Frame, boundary: Boundary, equation: &Equation) -> (Window, Vec<f64>) {
    let config = PinnConfig { width: 6, depth: 2, harmonics: 2, boundary, ..PinnConfig::default() };
    let window = Window::new(&config, frame, equation, DOMAIN, start());
    let theta = window.draw(&mut ChaCha8Rng::seed_from_u64(5));
    (window, theta.iter().map(|t| 0.4 * t).collect())
}

fn everything() -> Equation {
    Equation {
        speed: 0.7,
        self_advection: 1.2,
        diffusivity: 0.05,
        dispersion: 0.02,
        hyperdiffusivity: 0.003,
        reaction: [0.4, -0.2, -0.6],
    }
}

fn residuals(problem: &impl LeastSquares, theta: &[f64]) -> Vec<f64> {
    let mut all = Vec::new();
    for (c, rows) in problem.chunks().into_iter().enumerate() {
        let mut r = vec![0.0; rows.len()];
        problem.residual(theta, c, &mut r);
        all.extend(r);
    }
    all
}

/// Central differences of eighth order of the first derivative, in place and time.
fn slope(f: impl Fn(f64) -> f64, h: f64) -> f64 {
    let c = [0.8, -0.2, 4.0 / 105.0, -1.0 / 280.0];
    c.iter().enumerate().map(|(i, c)| c * (f((i + 1) as f64 * h) - f(-((i + 1) as f64) * h))).sum::<f64>() / h
}

#[test]
fn the_eulerian_residual_is_that_of_the_field() {
    let e = everything();
    for boundary in [Boundary::Periodic, Boundary::Fixed] {
        let (window, theta) = window(Frame::Eulerian, boundary, &e);
        let u = |x: f64, t: f64| window.values(&theta, &[x], t).unwrap()[0];
        let points = array![[0.9, 1.2], [2.2, 1.4], [3.1, 1.05]];
        let collocation = window.collocation(points.clone());
        let r = residuals(&window.on(&collocation), &theta);
        for (n, p) in points.rows().into_iter().enumerate() {
            let (x, t, h) = (p[0], p[1], 0.03);
            let d1 = |x: f64| slope(|s| u(x + s, t), h);
            let d2 = |x: f64| slope(|s| d1(x + s), h);
            let d3 = |x: f64| slope(|s| d2(x + s), h);
            let d4 = slope(|s| d3(x + s), h);
            let (v, ut) = (u(x, t), slope(|s| u(x, t + s), 0.01));
            let source = v * (e.reaction[0] + v * (e.reaction[1] + v * e.reaction[2]));
            let expected = ut + (e.speed + e.self_advection * v) * d1(x) - e.diffusivity * d2(x)
                + e.dispersion * d3(x)
                + e.hyperdiffusivity * d4
                - source;
            let got = r[n] * 3f64.sqrt();
            assert!((got - expected).abs() < 1e-5, "{boundary:?}: {got} and {expected}");
        }
        // The start is exact, and so are the ends where they are fixed.
        assert!((u(1.7, 1.0) - start().at(1.7)[0]).abs() < 1e-14);
        if boundary == Boundary::Fixed {
            assert!((u(0.5, 1.3) - start().at(0.5)[0]).abs() < 1e-14);
        } else {
            assert!((u(0.6, 1.3) - u(3.6, 1.3)).abs() < 1e-13);
        }
    }
}

#[test]
fn drawn_characteristics_do_not_cross_and_none_may_be_made_to() {
    let e = Equation { self_advection: 1.0, diffusivity: 0.1, ..Equation::default() };
    for seed in 0..5 {
        let config = PinnConfig { width: 12, depth: 3, ..PinnConfig::default() };
        let window = Window::new(&config, Frame::Lagrangian, &e, DOMAIN, start());
        let mut theta = window.draw(&mut ChaCha8Rng::seed_from_u64(seed));
        let end = DOMAIN.start + DOMAIN.duration;
        let least = |theta: &[f64]| {
            window.characteristics(theta, end, 500).unwrap().compression.into_iter().fold(1.0, f64::min)
        };
        assert!(least(&theta) > 0.4, "seed {seed}: {}", least(&theta));
        // The last layer of the first network, many times as large.
        let p = theta.len() / 2;
        theta[p - 13..p].iter_mut().for_each(|w| *w *= 1e3);
        assert!(least(&theta) < 0.0);
        let collocation = window.sample(&config, &theta, &mut ChaCha8Rng::seed_from_u64(seed));
        assert!(!cost(&window.on(&collocation), &theta).is_finite());
    }
}

#[test]
fn a_row_knows_its_point() {
    let e = Equation { self_advection: 1.0, diffusivity: 0.1, ..Equation::default() };
    let points =
        Array2::from_shape_fn(
            (300, 2),
            |(i, a)| {
                if a == 0 { 0.5 + 0.01 * i as f64 } else { 1.0 + 1e-3 * i as f64 }
            },
        );
    for frame in [Frame::Eulerian, Frame::Lagrangian] {
        let (window, theta) = window(frame, Boundary::Periodic, &e);
        let all = window.collocation(points.clone());
        let r = residuals(&window.on(&all), &theta);
        let mut seen = vec![0; 300];
        for (row, r) in r.iter().enumerate() {
            let [x, t] = window.point_of(&all, row);
            seen[((x - 0.5) / 0.01).round() as usize] += 1;
            let alone = residuals(&window.on(&window.collocation(array![[x, t]])), &theta);
            assert!(alone.iter().any(|a| (a - r * 300f64.sqrt()).abs() < 1e-9), "{frame:?}, row {row}");
        }
        assert!(seen.iter().all(|n| *n == window.kinds()));
    }
}

#[test]
fn a_split_base_has_the_residual_of_the_field() {
    for reaction in [[0.4, 0.0, -0.6], [0.4, -0.7, 0.0], [0.0, 0.0, -0.6], [0.0, 0.5, 0.0]] {
        let e =
            Equation { speed: 0.7, self_advection: 1.2, diffusivity: 0.05, reaction, ..Equation::default() };
        let config = PinnConfig { width: 6, depth: 2, base: BaseConfig::Split, ..PinnConfig::default() };
        let window = Window::new(&config, Frame::Eulerian, &e, DOMAIN, start());
        let theta = window.draw(&mut ChaCha8Rng::seed_from_u64(5));
        let u = |x: f64, t: f64| window.values(&theta, &[x], t).unwrap()[0];
        let points = array![[0.9, 1.2], [2.2, 1.4], [3.1, 1.1]];
        let r = residuals(&window.on(&window.collocation(points.clone())), &theta);
        for (n, p) in points.rows().into_iter().enumerate() {
            let (x, t, h) = (p[0], p[1], 0.03);
            let d1 = |x: f64| slope(|s| u(x + s, t), h);
            let (v, ut) = (u(x, t), slope(|s| u(x, t + s), 0.01));
            let source = v * (reaction[0] + v * (reaction[1] + v * reaction[2]));
            let expected = ut + (e.speed + e.self_advection * v) * d1(x)
                - e.diffusivity * slope(|s| d1(x + s), h)
                - source;
            assert!((r[n] * 3f64.sqrt() - expected).abs() < 1e-6, "{reaction:?}: {} and {expected}", r[n]);
        }
        assert!((u(1.7, 1.0) - start().at(1.7)[0]).abs() < 1e-12);
    }
}

#[test]
fn a_split_base_solves_what_is_linear_or_a_reaction_alone() {
    let linear = Equation { speed: 0.7, diffusivity: 0.05, dispersion: 0.02, ..Equation::default() };
    let reaction = Equation { reaction: [1.0, 0.0, -1.0], ..Equation::default() };
    for e in [linear, Equation { hyperdiffusivity: 0.003, ..Equation::default() }, reaction] {
        let config = PinnConfig { width: 4, depth: 1, base: BaseConfig::Split, ..PinnConfig::default() };
        let window = Window::new(&config, Frame::Eulerian, &e, DOMAIN, start());
        let theta = vec![0.0; window.parameters()];
        let points = array![[0.9, 1.2], [2.2, 1.4], [3.1, 1.1], [1.0, 1.0]];
        let r = residuals(&window.on(&window.collocation(points)), &theta);
        assert!(r.iter().all(|r| r.abs() < 1e-10), "{e:?}: {r:?}");
    }
}

#[test]
fn symmetric_networks_keep_their_symmetry_and_the_residual_of_the_field() {
    let e = Equation {
        self_advection: 1.2,
        diffusivity: 0.05,
        reaction: [0.4, 0.0, -0.6],
        ..Equation::default()
    };
    for (symmetry, sign) in [(Symmetry::Even, 1.0), (Symmetry::Odd, -1.0)] {
        let config = PinnConfig { width: 6, depth: 2, symmetry, harmonics: 3, ..PinnConfig::default() };
        let flat = Profile::new(|_| [0.0; 5]);
        let window = Window::new(&config, Frame::Eulerian, &e, DOMAIN, flat);
        let theta = window.draw(&mut ChaCha8Rng::seed_from_u64(5));
        let u = |x: f64, t: f64| window.values(&theta, &[x], t).unwrap()[0];
        let (here, there) = (u(0.8, 1.3), u(-0.8, 1.3));
        assert!((here - sign * there).abs() < 1e-13 && here.abs() > 1e-3, "{symmetry:?}: {here} {there}");
        assert!((u(0.8 + DOMAIN.length, 1.3) - here).abs() < 1e-13);
        let points = array![[0.9, 1.2], [2.2, 1.4], [3.1, 1.1]];
        let collocation = window.collocation(points.clone());
        let problem = window.on(&collocation);
        let r = residuals(&problem, &theta);
        for (n, p) in points.rows().into_iter().enumerate() {
            let (x, t, h) = (p[0], p[1], 0.008);
            let d1 = |x: f64| slope(|s| u(x + s, t), h);
            let v = u(x, t);
            let expected =
                slope(|s| u(x, t + s), 0.01) + 1.2 * v * d1(x) - 0.05 * slope(|s| d1(x + s), h) - 0.4 * v
                    + 0.6 * v * v * v;
            assert!((r[n] * 3f64.sqrt() - expected).abs() < 1e-6, "{symmetry:?}: {} {expected}", r[n]);
        }
        // Rows of the Jacobian, and their sum.
        let (mut row, mut jacobian) = (vec![0.0; 3], Array2::zeros((3, theta.len())));
        problem.linearise(&theta, 0, &mut row, jacobian.view_mut());
        for k in (0..theta.len()).step_by(7) {
            let moved = |h: f64| {
                let mut theta = theta.clone();
                theta[k] += h;
                residuals(&problem, &theta)
            };
            let (up, down) = (moved(1e-5), moved(-1e-5));
            for n in 0..3 {
                let difference = (up[n] - down[n]) / 2e-5;
                assert!((jacobian[[n, k]] - difference).abs() < 1e-7, "{symmetry:?} {n} {k}");
            }
        }
        let (_, g) = gradient(&problem, &theta).unwrap();
        let sum = jacobian.t().dot(&ndarray::Array1::from(r));
        assert!(g.iter().zip(&sum).all(|(a, b)| (a - b).abs() < 1e-10));
    }
}

#[test]
fn frozen_features_move_waves_and_steepen_them() {
    let frozen = FrozenFeatures { features: 60, steepest: 8.0, tolerance: 1e-8 };
    let domain = Domain { origin: 0.5, length: 3.0, start: 0.0, duration: 1.0 };
    let xs: Vec<f64> = (0..40).map(|i| 0.5 + 3.0 * f64::from(i) / 40.0).collect();
    let ts = [0.0, 0.4, 1.0];
    let rng = || ChaCha8Rng::seed_from_u64(1);
    let fast = Equation { speed: 6.0, ..Equation::default() };
    let found = frozen.solve(&fast, &domain, &start(), &xs, &ts, &mut rng());
    assert!(found.outcome.is_success() && found.rank <= 60, "{:?}", found.outcome);
    for (row, t) in found.values.rows().into_iter().zip(ts) {
        for (u, x) in row.iter().zip(&xs) {
            let exact = start().at(x - 6.0 * t)[0];
            assert!((u - exact).abs() < 1e-6, "t = {t}, x = {x}: {u} and {exact}");
        }
    }
    // The mass of Burgers' equation stays, its energy falls.
    let burgers = Equation { self_advection: 1.0, diffusivity: 0.05, ..Equation::default() };
    let found = frozen.solve(&burgers, &domain, &start(), &xs, &ts, &mut rng());
    let mean = |row: ndarray::ArrayView1<'_, f64>| row.mean().unwrap();
    let energy = |row: ndarray::ArrayView1<'_, f64>| row.iter().map(|u| u * u).sum::<f64>();
    let (first, last) = (found.values.row(0), found.values.row(2));
    assert!((mean(first) - mean(last)).abs() < 1e-5, "{} {}", mean(first), mean(last));
    assert!(energy(last) < 0.95 * energy(first) && energy(last) > 0.3 * energy(first));
}

#[test]
fn the_lagrangian_residuals_are_those_of_the_field() {
    let e = Equation { dispersion: 0.0, hyperdiffusivity: 0.0, ..everything() };
    let (window, theta) = window(Frame::Lagrangian, Boundary::Periodic, &e);
    let u = |x: f64, t: f64| window.values(&theta, &[x], t).unwrap()[0];
    for (label, t) in [(0.0, 1.2), (16.0, 1.35), (40.0, 1.4)] {
        // The place of a label, and the label as one of an even table.
        let place = |t: f64| window.characteristics(&theta, t, 64).unwrap().places[label as usize];
        let xi = DOMAIN.origin + DOMAIN.length * label / 64.0;
        let collocation = window.collocation(array![[xi, t]]);
        let r = residuals(&window.on(&collocation), &theta);
        let (x, h) = (place(t), 0.02);
        let v = u(x, t);
        let moving = slope(|s| place(t + s), 0.01);
        let d1 = |x: f64| slope(|s| u(x + s, t), h);
        let d2 = slope(|s| d1(x + s), h);
        let along = slope(|s| u(place(t + s), t + s), 0.01);
        let source = v * (e.reaction[0] + v * (e.reaction[1] + v * e.reaction[2]));
        let expected = [moving - e.speed - e.self_advection * v, along - e.diffusivity * d2 - source];
        for (got, expected) in r.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-6, "label {label}: {got} and {expected}");
        }
        // A whole length further on is the same label, a length further on.
        assert!((u(x + DOMAIN.length, t) - v).abs() < 1e-12);
    }
}

#[test]
fn jacobians_agree_with_differences() {
    let smooth = Equation { dispersion: 0.0, hyperdiffusivity: 0.0, ..everything() };
    for (frame, boundary, e) in [
        (Frame::Eulerian, Boundary::Periodic, &everything()),
        (Frame::Eulerian, Boundary::Fixed, &everything()),
        (Frame::Lagrangian, Boundary::Periodic, &smooth),
    ] {
        let (window, theta) = window(frame, boundary, e);
        let collocation = window.collocation(array![[0.9, 1.2], [2.2, 1.4], [3.1, 1.05]]);
        let problem = window.on(&collocation);
        let rows = problem.rows();
        let (mut r, mut jacobian) = (vec![0.0; rows], Array2::zeros((rows, theta.len())));
        problem.linearise(&theta, 0, &mut r, jacobian.view_mut());
        assert_eq!(r, residuals(&problem, &theta));
        for w in 0..theta.len() {
            let h = 1e-5;
            let at = |h: f64| {
                let mut theta = theta.clone();
                theta[w] += h;
                residuals(&problem, &theta)
            };
            let (up, down) = (at(h), at(-h));
            for i in 0..rows {
                let expected = (up[i] - down[i]) / (2.0 * h);
                let got = jacobian[[i, w]];
                assert!(
                    (got - expected).abs() < 2e-7 * expected.abs().max(1.0),
                    "{frame:?} {boundary:?}, residual {i}, weight {w}: {got} and {expected}"
                );
            }
        }
        let (value, g) = gradient(&problem, &theta).unwrap();
        assert!((value - cost(&problem, &theta)).abs() < 1e-13 * value);
        let expected = jacobian.t().dot(&ndarray::aview1(&r));
        assert!(g.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-11 * b.abs().max(1.0)));
    }
}

#[test]
fn a_profile_through_values_is_their_wave() {
    let n = 24;
    let at = |i: usize| DOMAIN.origin + DOMAIN.length * i as f64 / n as f64;
    let values: Vec<f64> = (0..n).map(|i| start().at(at(i))[0]).collect();
    let through = Profile::through(&values, DOMAIN.origin, DOMAIN.length).unwrap();
    for x in [0.5, 1.1, 7.3] {
        for (a, b) in through.at(x).into_iter().zip(start().at(x)) {
            assert!((a - b).abs() < 1e-11, "{a} and {b} at {x}");
        }
    }
}

#[test]
fn gauss_newton_moves_a_wave_in_both_frames() {
    let e = Equation { speed: 2.0, ..Equation::default() };
    for frame in [Frame::Eulerian, Frame::Lagrangian] {
        let sampling = SamplingConfig { points: 300, ..SamplingConfig::default() };
        let config = PinnConfig { width: 10, depth: 2, sampling, ..PinnConfig::default() };
        let window = Window::new(&config, frame, &e, DOMAIN, start());
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut theta = window.draw(&mut rng);
        let collocation = window.sample(&config, &theta, &mut rng);
        let mut memory = Memory::default();
        for _ in 0..60 {
            Optimiser::default().step(&window.on(&collocation), &mut theta, &mut memory).unwrap();
        }
        for (x, t) in [(0.7, 1.1), (2.9, 1.5)] {
            let u = window.values(&theta, &[x], t).unwrap()[0];
            let exact = start().at(x - 2.0 * (t - DOMAIN.start))[0];
            assert!((u - exact).abs() < 5e-4, "{frame:?}: {u} and {exact}");
        }
    }
}

/// A problem without its factors.
struct Plain<'a, P>(&'a P);

impl<P: LeastSquares> LeastSquares for Plain<'_, P> {
    fn parameters(&self) -> usize {
        self.0.parameters()
    }
    fn chunks(&self) -> Vec<Range<usize>> {
        self.0.chunks()
    }
    fn residual(&self, theta: &[f64], chunk: usize, r: &mut [f64]) {
        self.0.residual(theta, chunk, r);
    }
    fn linearise(&self, theta: &[f64], chunk: usize, r: &mut [f64], jacobian: ArrayViewMut2<'_, f64>) {
        self.0.linearise(theta, chunk, r, jacobian);
    }
}

#[test]
fn factors_make_the_jacobian_and_steps_by_them_are_those_of_the_matrix() {
    let cases = [
        (Frame::Eulerian, Boundary::Fixed, Symmetry::None),
        (Frame::Eulerian, Boundary::Periodic, Symmetry::Odd),
        (Frame::Lagrangian, Boundary::Periodic, Symmetry::None),
    ];
    let e = Equation { self_advection: 1.0, diffusivity: 0.1, ..Equation::default() };
    for (frame, boundary, symmetry) in cases {
        // Products of the factors are cheaper in the wide layers, rows in the narrow ones.
        let config = PinnConfig { width: 72, depth: 3, boundary, symmetry, ..PinnConfig::default() };
        let window = Window::new(&config, frame, &e, DOMAIN, start());
        let theta = window.draw(&mut ChaCha8Rng::seed_from_u64(5));
        let points = window.sample(&config, &theta, &mut ChaCha8Rng::seed_from_u64(6)).points().to_owned();
        let collocation = window.collocation(points.slice(s![..150, ..]).to_owned());
        let problem = window.on(&collocation);
        for (c, rows) in problem.chunks().into_iter().enumerate() {
            let (mut r, mut other) = (vec![0.0; rows.len()], vec![0.0; rows.len()]);
            let mut jacobian = Array2::zeros((rows.len(), theta.len()));
            problem.linearise(&theta, c, &mut r, jacobian.view_mut());
            let layers = problem.layers();
            assert_eq!(layers.iter().map(|l| l.inputs * l.outputs).sum::<usize>(), theta.len());
            let zeros = |width: usize, terms: usize| Array3::<f64>::zeros((terms, rows.len(), width));
            let mut parts: Vec<_> =
                layers.iter().map(|l| (zeros(l.inputs, l.terms), zeros(l.outputs, l.terms))).collect();
            let factors =
                parts.iter_mut().map(|(h, d)| FactorsMut { h: h.view_mut(), d: d.view_mut() }).collect();
            problem.factors(&theta, c, &mut other, factors);
            assert_eq!(r, other);
            for (l, (h, d)) in layers.iter().zip(&parts) {
                for n in 0..rows.len() {
                    for at in 0..l.inputs * l.outputs {
                        let (i, k) = (at / l.outputs, at % l.outputs);
                        let sum: f64 = (0..l.terms).map(|t| h[[t, n, i]] * d[[t, n, k]]).sum();
                        let exact = jacobian[[n, l.place + at]];
                        assert!((sum - exact).abs() < 1e-11 * (1.0 + exact.abs()), "{frame:?} {n} {at}");
                    }
                }
            }
        }
        let config =
            LevenbergMarquardt { solve: Solve::Dual, damping: 1e-2, ..LevenbergMarquardt::default() };
        let optimiser = Optimiser::LevenbergMarquardt(config);
        let (mut one, mut other) = (theta.clone(), theta.clone());
        let a = optimiser.step(&problem, &mut one, &mut Memory::default()).unwrap();
        let b = optimiser.step(&Plain(&problem), &mut other, &mut Memory::default()).unwrap();
        assert!((a.cost() / b.cost() - 1.0).abs() < 1e-8, "{frame:?}: {a:?} {b:?}");
        let size = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
        let apart: Vec<f64> = one.iter().zip(&other).map(|(a, b)| a - b).collect();
        let moved: Vec<f64> = one.iter().zip(&theta).map(|(a, b)| a - b).collect();
        assert!(size(&moved) > 1e-3 && size(&apart) < 1e-8 * size(&moved), "{frame:?}");
    }
}

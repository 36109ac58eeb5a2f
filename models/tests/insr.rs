//! Networks that move: their derivatives against differences, the orders of their steps, both forms against each other and against
//! exact solutions, and how they end when they cannot go on.

#![allow(clippy::unwrap_used)]

use std::f64::consts::{PI, TAU};
use std::sync::Arc;

use flowmap_models::gauss_newton::{LeastSquares, LevenbergMarquardt, Memory, Optimiser};
use flowmap_models::insr::{
    Axis, Block, Boundary, Evolution, Form, Ground, Hold, Inertia, InsrConfig, March, Motion, OuterStep,
    Points, Sampling, SamplingConfig, Scalar, Space, Splitting, StreamFunction,
};
use flowmap_models::jet::Activation;
use flowmap_models::pinn::Equation;
use flowmap_solvers::config::{AdaptiveConfig, FixedConfig};
use flowmap_solvers::elasticity::{Law, Material};
use flowmap_solvers::solve::Outcome;
use ndarray::{Array2, array};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const PERIODIC: Axis = Axis { origin: 0.0, length: TAU, periodic: true };
const WALLED: Axis = Axis { origin: -1.0, length: 2.0, periodic: false };

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(3)
}

fn fixed(dt: f64) -> FixedConfig {
    FixedConfig { dt }
}

fn small(stepper: OuterStep) -> InsrConfig {
    InsrConfig {
        width: 8,
        depth: 1,
        activation: Activation::Tanh,
        stepper,
        start_iterations: 300,
        start_tolerance: 1e-9,
        iterations: 40,
        tolerance: 1e-9,
        sampling: SamplingConfig { points: 64, ..SamplingConfig::default() },
        ..InsrConfig::default()
    }
}

fn advection(config: InsrConfig) -> March {
    let equation = Equation { speed: 1.0, ..Equation::default() };
    March { space: Space::new(&config, &[PERIODIC], Scalar(equation)).unwrap(), config, seed: 5 }
}

/// The weights at the last of the times, if it was reached.
fn end(march: &March, theta: &[f64], times: &[f64]) -> Option<Vec<f64>> {
    let mut last = None;
    let ended = march.run(theta, times, None, |m| {
        last = m.saved.last().map(|(_, w)| w.clone());
        true
    });
    (ended.unwrap().0 == Outcome::Reached).then_some(last).flatten()
}

fn rms(values: impl IntoIterator<Item = f64>) -> f64 {
    let (sum, n) = values.into_iter().fold((0.0, 0.0), |(s, n), v| (s + v * v, n + 1.0));
    (sum / n).sqrt()
}

fn even(n: usize) -> Array2<f64> {
    Array2::from_shape_fn((n, 1), |(i, _)| TAU * i as f64 / n as f64)
}

#[test]
fn slopes_have_the_derivatives_that_they_say() {
    let equation = Equation {
        speed: 0.7,
        self_advection: 1.3,
        diffusivity: 0.2,
        dispersion: 0.4,
        hyperdiffusivity: 0.1,
        reaction: [0.3, -0.6, 0.9],
    };
    let all: [Box<dyn Evolution>; 3] =
        [Box::new(Scalar(equation)), Box::new(StreamFunction::Velocity), Box::new(StreamFunction::Vorticity)];
    for evolution in all {
        let (kinds, width) = (evolution.quantities(), evolution.slope_directions().components());
        let jet: Vec<f64> = (0..width).map(|i| ((3 * i + 1) as f64).sin()).collect();
        let slope = |jet: &[f64]| {
            let (mut f, mut df) = (vec![0.0; kinds], vec![0.0; kinds * width]);
            evolution.slope(0.0, &[0.1, 0.2], jet, &mut f, &mut df);
            (f, df)
        };
        let (_, df) = slope(&jet);
        for c in 0..width {
            let moved = |h: f64| {
                let mut jet = jet.clone();
                jet[c] += h;
                slope(&jet).0
            };
            let (up, down) = (moved(1e-5), moved(-1e-5));
            for k in 0..kinds {
                let difference = (up[k] - down[k]) / 2e-5;
                assert!((difference - df[k * width + c]).abs() < 1e-8, "component {c} of quantity {k}");
            }
        }
    }
}

#[test]
fn a_stream_function_slides_along_walls_without_divergence() {
    let config = small(OuterStep::Rk4(fixed(0.1)));
    let space = Space::new(&config, &[WALLED; 2], StreamFunction::Velocity).unwrap();
    let theta = space.draw(&mut rng());
    let walls = array![[-1.0, 0.3], [1.0, -0.6], [0.2, -1.0], [-0.7, 1.0]];
    let q = space.quantity(&theta, &walls);
    for (n, normal) in [0, 0, 1, 1].into_iter().enumerate() {
        assert!(q[[normal, n]].abs() < 1e-14);
        assert!(q[[1 - normal, n]].abs() > 1e-6);
    }
    let h = 1e-5;
    let around = array![[0.3 + h, 0.4], [0.3 - h, 0.4], [0.3, 0.4 + h], [0.3, 0.4 - h]];
    let q = space.quantity(&theta, &around);
    let (u_x, v_y) = (q[[0, 0]] - q[[0, 1]], q[[1, 2]] - q[[1, 3]]);
    assert!((u_x + v_y).abs() < 1e-6 * u_x.abs(), "{u_x} {v_y}");
    // The slope of the vorticity is that of a function: its derivatives by polarisation agree with differences.
    let vortical = Space::new(&config, &[WALLED; 2], StreamFunction::Vorticity).unwrap();
    let w = vortical.quantity(&theta, &around);
    let centre = array![[0.3, 0.4]];
    let velocity = space.quantity(&theta, &centre);
    let gradient = [(w[[0, 0]] - w[[0, 1]]) / (2.0 * h), (w[[0, 2]] - w[[0, 3]]) / (2.0 * h)];
    let expected = -velocity[[0, 0]] * gradient[0] - velocity[[1, 0]] * gradient[1];
    let found = vortical.slope(0.0, &theta, &centre)[[0, 0]];
    assert!((found - expected).abs() < 1e-6 * expected.abs().max(1.0), "{found} {expected}");
}

#[test]
fn steps_are_of_their_order() {
    let methods: [(fn(FixedConfig) -> OuterStep, f64); 7] = [
        (OuterStep::Euler, 1.0),
        (OuterStep::ImplicitEuler, 1.0),
        (OuterStep::Midpoint, 2.0),
        (OuterStep::Heun, 2.0),
        (OuterStep::ImplicitMidpoint, 2.0),
        (OuterStep::Rk4, 4.0),
        (OuterStep::GaussLegendre, 4.0),
    ];
    let xs = even(50);
    let mut start = None;
    for (method, order) in methods {
        let error = |dt: f64, start: &mut Option<Vec<f64>>| {
            let march = advection(small(method(fixed(dt))));
            let theta = start
                .get_or_insert_with(|| march.fit(|x, q| q[0] = x[0].sin(), &mut rng()).unwrap().theta)
                .clone();
            let end = end(&march, &theta, &[1.6]).unwrap();
            let u = march.space.values(&end, &xs);
            rms(u.iter().zip(xs.column(0)).map(|(u, x)| u - (x - 1.6).sin()))
        };
        let (coarse, fine) = if order < 4.0 { (0.1, 0.05) } else { (0.8, 0.4) };
        let (a, b) = (error(coarse, &mut start), error(fine, &mut start));
        let slope = (a / b).log2();
        assert!(
            (slope - order).abs() < 0.35,
            "{method:?}: {a:.3e}, {b:.3e}, order {slope:.2}",
            method = method(fixed(fine)).name()
        );
    }
}

#[test]
fn steps_are_chosen_by_a_tolerance_in_both_forms() {
    let adaptive = AdaptiveConfig { rtol: 1e-5, atol: 1e-5, ..AdaptiveConfig::default() };
    let xs = even(50);
    for form in [Form::Regression, Form::Galerkin] {
        let march = advection(InsrConfig { form, ..small(OuterStep::BogackiShampine(adaptive)) });
        let theta = march.fit(|x, q| q[0] = x[0].sin(), &mut rng()).unwrap().theta;
        let mut saved = Vec::new();
        let mut steps = 0;
        let ended = march.run(&theta, &[0.35, 1.0], None, |m| {
            steps += 1;
            saved.extend(m.saved);
            true
        });
        assert_eq!(ended.unwrap(), (Outcome::Reached, None));
        assert!(steps > 5 && steps < 200, "{form:?}: {steps} steps");
        for ((t, theta), wanted) in saved.iter().zip([0.35, 1.0]) {
            assert_eq!(*t, wanted);
            let u = march.space.values(theta, &xs);
            let error = rms(u.iter().zip(xs.column(0)).map(|(u, x)| u - (x - t).sin()));
            assert!(error < 2e-4, "{form:?}, t = {t}: {error:.1e}");
        }
        assert_eq!(saved.len(), 2);
    }
}

#[test]
fn both_forms_carry_a_viscous_wave_alike() {
    let equation = Equation { self_advection: 1.0, diffusivity: 0.2, ..Equation::default() };
    let config = InsrConfig { width: 12, depth: 2, ..small(OuterStep::Rk4(fixed(0.05))) };
    let space = Space::new(&config, &[PERIODIC], Scalar(equation)).unwrap();
    let march = |form, scheme| {
        let sampling = SamplingConfig { points: 200, scheme, share: 0.3 };
        March { space: Arc::clone(&space), config: InsrConfig { form, sampling, ..config.clone() }, seed: 1 }
    };
    let theta = march(Form::Regression, Sampling::Quadrature)
        .fit(|x, q| q[0] = x[0].sin(), &mut rng())
        .unwrap()
        .theta;
    let xs = even(40);
    let at = |form, scheme| {
        let march = march(form, scheme);
        march.space.values(&end(&march, &theta, &[1.0]).unwrap(), &xs)
    };
    // By the transform of Cole and Hopf, with 4000 nodes of the trapezium rule.
    let exact = |x: f64| {
        let (nu, t) = (0.2, 1.0);
        let mut sums = [0.0; 2];
        for i in 0..4000 {
            let y = x - 6.0 * PI + 12.0 * PI * f64::from(i) / 4000.0;
            let weight = (-(1.0 - y.cos()) / (2.0 * nu) - (x - y).powi(2) / (4.0 * nu * t)).exp();
            sums[0] += (x - y) / t * weight;
            sums[1] += weight;
        }
        sums[0] / sums[1]
    };
    let reference = at(Form::Regression, Sampling::Quadrature);
    let error = rms(reference.iter().zip(xs.column(0)).map(|(u, x)| u - exact(*x)));
    assert!(error < 2e-5, "regression: {error:.2e}");
    for (form, scheme) in [
        (Form::Galerkin, Sampling::Quadrature),
        (Form::Galerkin, Sampling::Resampled),
        (Form::Regression, Sampling::Uniform),
        (Form::Regression, Sampling::Adaptive),
    ] {
        let gap = rms(at(form, scheme).iter().zip(&reference).map(|(a, b)| a - b));
        assert!(gap < 1e-4, "{form:?}, {scheme:?}: {gap:.2e}");
    }
}

#[test]
fn vortices_in_a_box_stay() {
    let velocity = |x: &[f64]| {
        let ((sx, cx), (sy, cy)) = ((PI * (x[0] + 1.0)).sin_cos(), (PI * (x[1] + 1.0)).sin_cos());
        [sx * cy / PI, -cx * sy / PI, 2.0 * sx * sy]
    };
    for flow in [StreamFunction::Velocity, StreamFunction::Vorticity] {
        let config = InsrConfig {
            width: 14,
            depth: 2,
            form: Form::Galerkin,
            sampling: SamplingConfig { points: 20, ..SamplingConfig::default() },
            start_iterations: 150,
            ..small(OuterStep::Rk4(fixed(0.1)))
        };
        let space = Space::new(&config, &[WALLED; 2], flow).unwrap();
        let march = March { space, config, seed: 1 };
        let start = |x: &[f64], q: &mut [f64]| match flow {
            StreamFunction::Velocity => q.copy_from_slice(&velocity(x)[..2]),
            StreamFunction::Vorticity => q[0] = velocity(x)[2],
        };
        let fitted = march.fit(start, &mut rng()).unwrap();
        let theta = end(&march, &fitted.theta, &[0.5]).unwrap();
        let view = Space::new(&march.config, &[WALLED; 2], StreamFunction::Velocity).unwrap();
        let points = Points::quadrature(&[WALLED; 2], 24);
        let q = view.quantity(&theta, &points.at);
        let error = points.at.rows().into_iter().enumerate().map(|(n, x)| {
            let [u, v, _] = velocity(&x.to_vec());
            points.weights[n] * ((q[[0, n]] - u).powi(2) + (q[[1, n]] - v).powi(2))
        });
        let error: f64 = error.sum();
        assert!(error < 1e-6, "{flow:?}: {error:.2e}, start {:.2e}", fitted.rms);
    }
}

fn block_config() -> InsrConfig {
    InsrConfig { width: 8, depth: 2, activation: Activation::Tanh, ..InsrConfig::default() }
}

#[test]
fn energies_of_blocks_have_the_jacobian_that_they_say() {
    for (d, hold) in [
        (2, Hold::Clamped(0.7)),
        (2, Hold::Rollers(0.7)),
        (2, Hold::Free(0.3)),
        (3, Hold::Clamped(0.4)),
        (3, Hold::Rollers(0.4)),
        (3, Hold::Free(0.3)),
    ] {
        for law in [Law::AsRigidAsPossible, Law::NeoHookean] {
            let axes = vec![WALLED; d];
            let material = Material { law, shape: 1.0, volume: 20.0 };
            let block = Block::new(&block_config(), &axes, hold, material).unwrap();
            let points = Points::quadrature(&axes, 2);
            let mut theta = block.draw(&mut rng());
            theta.iter_mut().for_each(|w| *w *= 0.7);
            has_its_jacobian(&block.energy(&points), &theta);
        }
    }
}

fn has_its_jacobian(problem: &impl LeastSquares, theta: &[f64]) {
    for (chunk, rows) in problem.chunks().into_iter().enumerate() {
        let rows = rows.len();
        let (mut r, mut jacobian) = (vec![0.0; rows], Array2::zeros((rows, theta.len())));
        problem.linearise(theta, chunk, &mut r, jacobian.view_mut());
        assert!(r.iter().all(|r| r.is_finite()));
        for w in (0..theta.len()).step_by(7) {
            let moved = |h: f64| {
                let (mut theta, mut r) = (theta.to_vec(), vec![0.0; rows]);
                theta[w] += h;
                problem.residual(&theta, chunk, &mut r);
                r
            };
            let (up, down) = (moved(1e-6), moved(-1e-6));
            for i in 0..rows {
                let difference = (up[i] - down[i]) / 2e-6;
                assert!(
                    (difference - jacobian[[i, w]]).abs() < 1e-6 * (1.0 + difference.abs()),
                    "{chunk}, {i}, {w}"
                );
            }
        }
    }
}

/// A free block and its step by the implicit Euler method.
fn dropped(d: usize, tilt: f64, ground: Ground) -> (Block, Vec<f64>, impl Fn(&Block) -> Motion<'_>) {
    let material = Material { law: Law::NeoHookean, shape: 5.0, volume: 10.0 };
    let block = Block::new(&block_config(), &vec![WALLED; d], Hold::Free(tilt), material).unwrap();
    let theta = block.at_rest(&mut rng());
    let inertia = Inertia { density: 1.0, dt: 0.05, gravity: 2.0 };
    (block, theta, move |block: &Block| Motion::new(block, inertia, ground, 4))
}

#[test]
fn a_step_of_a_falling_block_has_its_jacobian() {
    for d in [2, 3] {
        let (block, rest, motion) = dropped(d, 0.4, Ground { height: -0.9, stiffness: 30.0 });
        let motion = motion(&block);
        let mut theta = block.draw(&mut rng());
        theta.iter_mut().for_each(|w| *w *= 0.5);
        has_its_jacobian(&motion.increment(motion.fixed(), &rest, &theta, 1e-3), &theta);
        has_its_jacobian(&motion.increment(&motion.drawn(20, &mut rng()), &rest, &theta, 1e-3), &theta);
        assert!(motion.energies(&theta).iter().all(|e| *e > 0.0));
    }
}

#[test]
fn a_block_without_a_ground_falls_as_the_method_says_and_its_faces_have_their_area() {
    for d in [2, 3] {
        let (block, rest, motion) = dropped(d, 0.4, Ground { height: -100.0, stiffness: 30.0 });
        let motion = motion(&block);
        let optimiser = Optimiser::LevenbergMarquardt(LevenbergMarquardt::default());
        let mut all = vec![rest];
        for step in 0..6 {
            let (now, before) = (&all[step], &all[step.saturating_sub(1)]);
            let nodes = motion.drawn(40, &mut rng());
            let nodes = if step < 3 { motion.fixed() } else { &nodes };
            let increment = motion.increment(nodes, now, before, 1e-12);
            let (mut theta, mut memory) = (all[step].clone(), Memory::default());
            for _ in 0..8 {
                optimiser.step(&increment, &mut theta, &mut memory).unwrap();
            }
            all.push(theta);
        }
        // z_n = z_0 − g h² n(n + 1)/2, the shape and the tilt as they were.
        let fallen = 2.0 * 0.05_f64.powi(2) * 6.0 * 7.0 / 2.0;
        let at = &motion.fixed().inside.at;
        let gap = motion.places(&all[6], at) - motion.places(&all[0], at);
        for column in gap.columns() {
            assert!((column[d - 1] + fallen).abs() < 1e-7 && column[0].abs() < 1e-7, "{d}: {column}");
        }
        assert!(motion.energies(&all[6])[0] < 1e-12);
        // Pressed by a depth δ, the lower face: k δ²/2 by the height 2 of the block; and its sides as far as they are below the ground, of which the rule
        // sees the lowest nodes.
        let (block, rest, motion) = dropped(d, 0.0, Ground { height: -0.9, stiffness: 30.0 });
        let pressed = motion(&block).energies(&rest)[1];
        let (face, node) = (15.0 * 0.01 / 2.0, 1.0 / 12.0);
        let sides = (d - 1) as f64 * node * 15.0 * 0.01;
        assert!((pressed - face - sides).abs() < 1e-12, "{d}: {pressed}");
    }
}

#[test]
fn a_block_on_rollers_is_stretched_evenly() {
    let axes = [WALLED; 2];
    let material = Material { law: Law::AsRigidAsPossible, shape: 1.0, volume: 100.0 };
    let block = Block::new(&block_config(), &axes, Hold::Rollers(1.0), material).unwrap();
    let points = Points::quadrature(&axes, 8);
    let energy = block.energy(&points);
    let mut theta = block.draw(&mut rng());
    theta.iter_mut().for_each(|w| *w *= 0.5);
    let optimiser = Optimiser::LevenbergMarquardt(LevenbergMarquardt::default());
    let mut memory = Memory::default();
    for _ in 0..60 {
        optimiser.step(&energy, &mut theta, &mut memory).unwrap();
    }
    // λ₂ minimises (λ₂ − 1)² + v (λ₁ λ₂ − 1)².
    let (first, v) = (1.5, 100.0);
    let second = (1.0 + v * first) / (1.0 + v * first * first);
    let u = block.displacement(&theta, &points.at);
    let error =
        rms(points.at.rows().into_iter().enumerate().flat_map(|(n, x)| {
            [u[[0, n]] - (first - 1.0) * (x[0] + 1.0), u[[1, n]] - (second - 1.0) * x[1]]
        }));
    assert!(error < 1e-5, "{error:.2e}");
}

#[test]
fn a_march_goes_on_from_a_snapshot_to_the_same_bits() {
    for scheme in [Sampling::Quadrature, Sampling::Resampled] {
        for stepper in [OuterStep::Rk4(fixed(0.2)), OuterStep::GaussLegendre(fixed(0.2))] {
            let mut config = small(stepper);
            config.sampling.scheme = scheme;
            let march = advection(config);
            let theta = march.fit(|x, q| q[0] = x[0].sin(), &mut rng()).unwrap().theta;
            let whole = end(&march, &theta, &[1.0]).unwrap();
            let mut kept = None;
            let half = march.run(&theta, &[1.0], None, |m| {
                kept = (m.snapshot)();
                m.t < 0.5
            });
            assert!(matches!(half.unwrap().0, Outcome::Unfinished { .. }));
            let mut last = Vec::new();
            march
                .run(&theta, &[1.0], kept.as_ref(), |m| {
                    last = m.theta.to_vec();
                    true
                })
                .unwrap();
            assert_eq!(last, whole);
        }
    }
}

#[test]
fn what_cannot_go_on_says_so_and_keeps_what_there_is() {
    // u′ = u², which ends at t = 1.
    let equation = Equation { reaction: [0.0, 1.0, 0.0], ..Equation::default() };
    for form in [Form::Regression, Form::Galerkin] {
        let config = InsrConfig { form, ..small(OuterStep::Rk4(fixed(0.1))) };
        let space = Space::new(&config, &[PERIODIC], Scalar(equation.clone())).unwrap();
        let march = March { space, config, seed: 0 };
        let theta = march.fit(|_, q| q[0] = 1.0, &mut rng()).unwrap().theta;
        let mut reached = 0.0;
        let (outcome, reason) = march
            .run(&theta, &[1000.0], None, |m| {
                reached = m.t;
                true
            })
            .unwrap();
        assert!(
            matches!(outcome, Outcome::NonFinite { t } if t == reached && t > 0.5),
            "{form:?}: {outcome:?}, {reason:?}, {reached}"
        );
        let reason = reason.unwrap();
        assert!(
            reason.contains("residual") && (reason.contains("NaN") || reason.contains("inf")),
            "{reason}"
        );
    }
    let march = advection(small(OuterStep::Rk4(fixed(0.1))));
    let error = march.fit(|_, q| q[0] = f64::NAN, &mut rng()).unwrap_err();
    assert_eq!(error.to_string(), "residual 0 is NaN");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let config = InsrConfig::default();
    let flat = Axis { length: 0.0, ..WALLED };
    let error = Space::new(&config, &[WALLED, flat], StreamFunction::Velocity).unwrap_err();
    assert_eq!(error.to_string(), "the domain has no interior: its axis 1 has length 0");
    let refusal = InsrConfig { width: 600, depth: 4, boundary: Boundary::Zero, ..config.clone() };
    let refusal = refusal.affordable(1, false, 1, 1).unwrap_err();
    // 1000 residuals of 1083601 weights, and two squares of 1000.
    assert!((refusal.needed - 8e-9 * (1000.0 * 1_083_601.0 + 2e6)).abs() < 1e-9, "{refusal}");
    assert!(config.affordable(1, false, 1, 1).is_ok());
}

#[test]
fn a_splitting_is_of_order_one_and_keeps_a_steady_flow() {
    let config = InsrConfig {
        width: 10,
        depth: 2,
        activation: Activation::Tanh,
        start_iterations: 200,
        start_tolerance: 1e-7,
        iterations: 20,
        tolerance: 1e-7,
        sampling: SamplingConfig { points: 12, ..SamplingConfig::default() },
        ..InsrConfig::default()
    };
    let splitting = Splitting::new(&config, &[WALLED; 2]).unwrap();
    let k = std::f64::consts::FRAC_PI_2;
    let exact = |x: &[f64], u: &mut [f64]| {
        let ((a, b), (c, d)) = ((k * (x[0] + 1.0)).sin_cos(), (k * (x[1] + 1.0)).sin_cos());
        u.copy_from_slice(&[a * d, -b * c]);
    };
    let (start, left) = splitting.start(exact, &mut rng()).unwrap();
    assert!(left < 1e-4, "{left:.1e}");
    let points = Points::quadrature(&[WALLED; 2], 9);
    let error = |theta: &[f64]| {
        let u = splitting.velocity(theta, &points.at);
        let gap = points.at.rows().into_iter().enumerate().flat_map(|(n, x)| {
            let mut v = [0.0; 2];
            exact(&x.to_vec(), &mut v);
            [u[[0, n]] - v[0], u[[1, n]] - v[1]]
        });
        rms(gap)
    };
    let end = |steps: usize| {
        let (mut theta, mut effort) = (start.clone(), flowmap_models::insr::Effort::default());
        for _ in 0..steps {
            theta = splitting.step(&theta, 0.4 / steps as f64, &mut effort).unwrap();
        }
        theta
    };
    let (coarse, fine) = (end(2), end(4));
    let order = (error(&coarse) / error(&fine)).log2();
    assert!(order > 0.8, "{order}: {:.1e} {:.1e}", error(&coarse), error(&fine));
    assert!(error(&fine) < 0.02, "{:.1e}", error(&fine));
    assert!(rms(splitting.divergence(&fine, &points.at).into_iter()) < 0.02);
    // Across the walls nothing flows.
    let wall = ndarray::array![[-1.0, 0.3], [0.4, 1.0]];
    let u = splitting.velocity(&fine, &wall);
    assert!(u[[0, 0]].abs() < 1e-14 && u[[1, 1]].abs() < 1e-14);
    let h = 1e-5;
    let at = |x: f64, y: f64| splitting.velocity(&fine, &ndarray::array![[x, y]]);
    let curl = (at(0.2 + h, 0.1)[[1, 0]] - at(0.2 - h, 0.1)[[1, 0]] - at(0.2, 0.1 + h)[[0, 0]]
        + at(0.2, 0.1 - h)[[0, 0]])
        / (2.0 * h);
    let said = splitting.vorticity(&fine, &ndarray::array![[0.2, 0.1]])[[0, 0]];
    assert!((curl - said).abs() < 1e-7);
}

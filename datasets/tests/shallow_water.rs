//! Shallow water on a rotating plane.

#![allow(clippy::unwrap_used)]

use std::f64::consts::TAU;

use flowmap_datasets::data::DataConfig;
use flowmap_datasets::drift::drift;
use flowmap_datasets::generate::Recipe;
use flowmap_datasets::initial::{
    GaussianRandomField, Geostrophic, GeostrophicJet, InitialConfig, SimpleWave,
};
use flowmap_datasets::problem::pde::{Heat, PdeProblem, ShallowWater};
use flowmap_datasets::problem::{Problem, ProblemConfig};
use flowmap_datasets::rng::stream;
use flowmap_datasets::simulate::simulate;
use flowmap_solvers::config::{FixedConfig, SolverConfig};
use flowmap_solvers::fourier::FourierGrid;

fn etdrk4(dt: f64) -> SolverConfig {
    SolverConfig::Etdrk4(FixedConfig { dt })
}

fn build(water: &ShallowWater) -> Problem {
    ProblemConfig::ShallowWater(water.clone()).build().unwrap()
}

fn frictionless(points: usize) -> ShallowWater {
    ShallowWater {
        points,
        length: 5.0,
        gravity: 2.0,
        depth: 0.8,
        coriolis: 1.5,
        hyperviscosity: 0.0,
        ..Default::default()
    }
}

fn end(water: &ShallowWater, start: &[f64], dt: f64, t: f64) -> Vec<f64> {
    let mut solved = simulate(&build(water), &etdrk4(dt), start, &[t]).unwrap();
    assert!(solved.outcome.is_success(), "{}", solved.outcome);
    solved.states.remove(0)
}

fn draw(water: &ShallowWater, initial: &InitialConfig) -> Vec<f64> {
    let Problem::Pde(p) = build(water) else { unreachable!() };
    initial.field(&*p, &mut stream(2, "shallow-water", 0)).unwrap()
}

fn balanced(amplitude: f64) -> InitialConfig {
    InitialConfig::Geostrophic(Geostrophic { amplitude, length_scale: 0.25, smoothness: 6.0 })
}

fn exact(water: &ShallowWater, initial: &InitialConfig, t: f64) -> Option<Vec<f64>> {
    let Problem::Pde(p) = build(water) else { unreachable!() };
    p.exact(initial).map(|solution| solution(t))
}

fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

fn root_mean_square(u: &[f64]) -> f64 {
    (u.iter().map(|u| u * u).sum::<f64>() / u.len() as f64).sqrt()
}

#[test]
fn a_jet_in_geostrophic_balance_stays() {
    let water = frictionless(32);
    let jet = InitialConfig::GeostrophicJet(GeostrophicJet { amplitude: 0.3, mode: 2 });
    let start = draw(&water, &jet);
    assert!(start[1024..2048].iter().any(|u| *u > 0.9));
    let moved = largest_difference(&end(&water, &start, 0.02, 3.0), &exact(&water, &jet, 3.0).unwrap());
    assert!(moved < 1e-12, "{moved:e}");
    // With friction, or without rotation, it is no solution.
    assert!(exact(&ShallowWater { viscosity: 0.1, ..water.clone() }, &jet, 0.0).is_none());
    assert!(exact(&ShallowWater { coriolis: 0.0, ..water }, &jet, 0.0).is_none());
}

#[test]
fn a_uniform_current_turns_with_the_coriolis_parameter() {
    let water = frictionless(8);
    let start = [vec![0.0; 64], vec![0.3; 64], vec![0.0; 64]].concat();
    let u = end(&water, &start, 0.01, 1.0);
    let (s, c) = 1.5_f64.sin_cos();
    let expected = [vec![0.0; 64], vec![0.3 * c; 64], vec![-0.3 * s; 64]].concat();
    let error = largest_difference(&u, &expected);
    assert!(error < 1e-9, "{error:e}");
}

/// The wave `η = a cos(k·x)` with its velocity, of frequency `ω`.
fn wave(water: &ShallowWater, modes: [f64; 2], a: f64, omega: f64) -> Vec<f64> {
    let ShallowWater { points, length, gravity: g, depth, coriolis: f, .. } = *water;
    let grid = FourierGrid::new(&[points; 2], &[length; 2]).unwrap();
    let [k, l] = modes.map(|m| TAU * m / length);
    // ω² − f² = gH|k|².
    let size = a / (depth * (k * k + l * l));
    let of = |along: f64, across: f64| {
        grid.sample(|x| {
            let (s, c) = (k * x[0] + l * x[1]).sin_cos();
            size * (omega * along * c + f * across * s)
        })
    };
    let eta = grid.sample(|x| a * (k * x[0] + l * x[1]).cos());
    assert!(g > 0.0);
    [eta, of(k, -l), of(l, k)].concat()
}

#[test]
fn small_waves_have_the_frequency_of_poincare() {
    let water = frictionless(16);
    let grid = FourierGrid::new(&[16; 2], &[5.0; 2]).unwrap();
    for modes in [[1.0, 0.0], [0.0, 2.0], [1.0, -2.0], [-2.0, -1.0]] {
        let [k, l] = modes.map(|m| TAU * m / 5.0);
        let omega = (1.5_f64.powi(2) + 2.0 * 0.8 * (k * k + l * l)).sqrt();
        let error = |a: f64| {
            let u = end(&water, &wave(&water, modes, a, omega), 2e-3, 1.0);
            // The phase of η.
            let part = |f: fn(f64) -> f64| -> f64 {
                let shape = grid.sample(|x| f(k * x[0] + l * x[1]));
                shape.iter().zip(&u).map(|(s, u)| s * u).sum()
            };
            let phase = part(f64::sin).atan2(part(f64::cos));
            let turns = ((omega - phase) / TAU).round();
            (phase + TAU * turns - omega).abs() / omega
        };
        let (large, small) = (error(1e-3), error(1e-4));
        assert!(small < 1e-7, "{modes:?}: {small:e}");
        // What is left is of order two in the amplitude.
        assert!(large > 20.0 * small || large < 1e-8, "{modes:?}: {large:e}, {small:e}");
    }
}

#[test]
fn a_simple_wave_converges_with_the_grid_and_with_order_four() {
    let initial = InitialConfig::SimpleWave(SimpleWave { amplitude: 0.3, mode: 1 });
    let half_broken = 1.0 / (3.0 * 0.3 * TAU / 5.0);
    let error = |points: usize, dt: f64| {
        let water = ShallowWater { coriolis: 0.0, ..frictionless(points) };
        let u = end(&water, &draw(&water, &initial), dt, half_broken);
        let exact = exact(&water, &initial, half_broken).unwrap();
        largest_difference(&u, &exact)
    };
    let grids = [16, 32, 64].map(|points| error(points, 2e-3));
    eprintln!("simple wave, 16, 32, 64 points: {grids:?}");
    assert!(grids[1] < 0.15 * grids[0] && grids[2] < 0.02 * grids[1], "{grids:?}");
    assert!(grids[2] < 1e-5, "{grids:?}");
    let water = ShallowWater { coriolis: 0.0, ..frictionless(32) };
    let start = draw(&water, &initial);
    let finest = end(&water, &start, half_broken / 1024.0, half_broken);
    let steps = [32.0, 64.0, 128.0].map(|n| {
        let u = end(&water, &start, half_broken / n, half_broken);
        largest_difference(&u, &finest)
    });
    let order = (steps[1] / steps[2]).log2();
    eprintln!("simple wave, order {order:.3} of {steps:?}");
    assert!((order - 4.0).abs() < 0.15, "{order} of {steps:?}");
    // After it broke there is no value.
    assert!(exact(&water, &initial, 2.1 * half_broken).unwrap()[0].is_nan());
}

#[test]
fn mass_energy_and_potential_enstrophy_are_conserved() {
    let largest = |points: usize, dt: f64| {
        let water = frictionless(points);
        let problem = build(&water);
        let smooth = Geostrophic { amplitude: 0.05, length_scale: 0.4, smoothness: 8.0 };
        let start = draw(&water, &InitialConfig::Geostrophic(smooth));
        let times: Vec<f64> = (0..=4).map(|i| 0.5 * f64::from(i)).collect();
        let solved = simulate(&problem, &etdrk4(dt), &start, &times).unwrap();
        // The first state is truncated to what the grid keeps before it moves.
        let drifts = drift(&problem, &solved.states[1..]);
        assert_eq!(drifts.iter().map(|d| d.0).collect::<Vec<_>>(), ["mass", "energy", "potential_enstrophy"]);
        drifts.into_iter().map(|d| d.1.into_iter().fold(0.0, f64::max)).collect::<Vec<f64>>()
    };
    let (coarse, fine, finer) = (largest(32, 0.01), largest(64, 0.01), largest(64, 0.005));
    eprintln!("drift of mass, energy, potential enstrophy: {coarse:?}, {fine:?}, {finer:?}");
    for d in [&coarse, &fine, &finer] {
        assert!(d[0] < 1e-14, "{d:?}");
    }
    for i in [1, 2] {
        assert!(fine[i] < 0.1 * coarse[i] && fine[i] < 1e-4, "{coarse:?}, {fine:?}");
    }
    // With friction only the mass is left.
    let problem = build(&ShallowWater::default());
    assert_eq!(problem.invariants(&vec![0.0; 3 * 4096]).len(), 1);
}

#[test]
fn a_flow_converges_with_the_grid() {
    let at = |points: usize| {
        let water = ShallowWater { points, ..ShallowWater::default() };
        let start = draw(
            &water,
            &InitialConfig::Geostrophic(Geostrophic { amplitude: 0.1, length_scale: 0.3, smoothness: 8.0 }),
        );
        end(&water, &start, 0.02, 2.0)
    };
    let reference = at(128);
    let error = |points: usize| {
        let (u, by) = (at(points), 128 / points);
        let same = |c: usize, i: usize, j: usize| reference[(c * 128 + i * by) * 128 + j * by];
        let pick = |at: usize| same(at / (points * points), at / points % points, at % points);
        let difference: Vec<f64> = u.iter().enumerate().map(|(at, u)| u - pick(at)).collect();
        root_mean_square(&difference) / root_mean_square(&u)
    };
    let errors = [16, 32, 64].map(error);
    eprintln!("geostrophic turbulence, 16, 32, 64 points against 128: {errors:?}");
    assert!(errors[1] < 0.1 * errors[0] && errors[2] < 0.05 * errors[1], "{errors:?}");
}

#[test]
fn a_random_balanced_flow_has_little_divergence_for_long() {
    let water = ShallowWater::default();
    let start = draw(&water, &balanced(0.05));
    let grid = FourierGrid::new(&[64; 2], &[TAU; 2]).unwrap();
    let slope = |u: &[f64], axis: usize| {
        let (mut transform, mut u_hat) = (grid.transform(), vec![Default::default(); grid.modes()]);
        transform.forward(u, &mut u_hat);
        u_hat.iter_mut().zip(grid.derivative(axis, 1)).for_each(|(u, d)| *u *= d);
        let mut out = vec![0.0; grid.points()];
        transform.inverse(&u_hat, &mut out);
        out
    };
    let n = grid.points();
    let size = |y: &[f64], plus: [usize; 2], minus: [usize; 2], sign: f64| {
        let (a, b) = (slope(&y[plus[0] * n..][..n], plus[1]), slope(&y[minus[0] * n..][..n], minus[1]));
        root_mean_square(&a.iter().zip(&b).map(|(a, b)| a + sign * b).collect::<Vec<_>>())
    };
    let divergence = |y: &[f64]| size(y, [1, 0], [2, 1], 1.0);
    let vorticity = |y: &[f64]| size(y, [2, 0], [1, 1], -1.0);
    assert!(divergence(&start) < 1e-12 * vorticity(&start));
    assert!((root_mean_square(&start[..n]) - 0.05).abs() < 0.02);
    // f w = g ẑ×∇η.
    let u: Vec<f64> = slope(&start[..n], 1).iter().map(|s| -0.5 * s).collect();
    assert!(largest_difference(&u, &start[n..2 * n]) < 1e-12);
    let rossby = vorticity(&start) / 2.0;
    let later = end(&water, &start, 0.02, 5.0);
    let share = divergence(&later) / vorticity(&later);
    eprintln!("Rossby number {rossby:.3}, divergence over vorticity {share:.3}");
    assert!(share < rossby, "{share}, {rossby}");
}

#[test]
fn friction_damps_a_shear_as_it_must() {
    let water = ShallowWater { coriolis: 0.0, viscosity: 0.03, hyperviscosity: 0.002, ..frictionless(16) };
    let grid = FourierGrid::new(&[16; 2], &[5.0; 2]).unwrap();
    let k = 2.0 * TAU / 5.0;
    let shear = grid.sample(|x| 0.2 * (k * x[1]).sin());
    let start = [vec![0.0; 256], shear, vec![0.0; 256]].concat();
    let decay = (-(0.03 * k * k + 0.002 * k.powi(4))).exp();
    let expected: Vec<f64> = start.iter().map(|u| decay * u).collect();
    // The pressure that u² asks for is a gradient along y alone, and u does not depend on x.
    let error = largest_difference(&end(&water, &start, 0.01, 1.0), &expected);
    assert!(error < 1e-13, "{error:e}");
}

#[test]
fn the_card_has_the_error_the_drift_and_the_resolution() {
    let problem =
        ProblemConfig::ShallowWater(ShallowWater { hyperviscosity: 0.0, points: 32, ..Default::default() });
    let data = DataConfig { test: 2, dt: 0.2, steps: 3, initial: balanced(0.03), ..DataConfig::default() };
    let solver = etdrk4(0.02);
    let recipe = Recipe { problem: &problem, solver: &solver, data: &data, seed: 0 };
    let card = recipe.obtain(None, &|_| {}).unwrap().card;
    let reference = card.reference.clone().unwrap();
    assert!(reference.largest > 0.0 && reference.largest < 1e-4, "{reference:?}");
    assert_eq!(card.drift.len(), 3);
    // Eddies of this size are too small for 32 points.
    assert!(card.unresolved() && card.tail.is_some_and(|tail| tail < 0.1), "{:?}", card.tail);
}

#[test]
fn misfits_are_named() {
    let field = |problem: &dyn PdeProblem, initial: &InitialConfig| {
        initial.field(problem, &mut stream(0, "shallow-water", 0)).unwrap_err()
    };
    let water = |water: ShallowWater| match build(&water) {
        Problem::Pde(p) => p,
        _ => unreachable!(),
    };
    let still = water(ShallowWater { coriolis: 0.0, ..Default::default() });
    let issue = field(&*still, &balanced(0.1));
    assert!(issue.path == "geostrophic" && issue.message.contains("rotation"), "{issue:?}");
    let issue = field(&*water(ShallowWater::default()), &balanced(5.0));
    assert!(issue.message.contains("not positive") && issue.hint.unwrap().contains("depth"));
    let jet = InitialConfig::GeostrophicJet(GeostrophicJet { amplitude: 0.1, mode: 1 });
    assert_eq!(field(&*still, &jet).path, "geostrophic_jet");
    let Problem::Pde(heat) = ProblemConfig::Heat(Heat::default()).build().unwrap() else { unreachable!() };
    assert_eq!(field(&*heat, &balanced(0.1)).path, "geostrophic");
    // Every channel may be drawn by itself: waves of any kind.
    let free = GaussianRandomField { amplitude: 0.05, length_scale: 0.3, smoothness: 6.0 };
    assert_eq!(draw(&ShallowWater::default(), &InitialConfig::GaussianRandomField(free)).len(), 3 * 4096);
}

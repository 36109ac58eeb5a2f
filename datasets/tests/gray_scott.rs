//! Gray and Scott's reaction.

#![allow(clippy::unwrap_used)]

use std::f64::consts::TAU;

use flowmap_datasets::data::DataConfig;
use flowmap_datasets::generate::Recipe;
use flowmap_datasets::initial::{FisherFronts, InitialConfig, Spots};
use flowmap_datasets::problem::pde::GrayScott;
use flowmap_datasets::problem::{Problem, ProblemConfig};
use flowmap_datasets::rng::stream;
use flowmap_datasets::simulate::simulate;
use flowmap_solvers::config::{FixedConfig, SolverConfig};
use flowmap_solvers::fourier::FourierGrid;

fn etdrk4(dt: f64) -> SolverConfig {
    SolverConfig::Etdrk4(FixedConfig { dt })
}

fn build(reaction: &GrayScott) -> Problem {
    ProblemConfig::GrayScott(reaction.clone()).build().unwrap()
}

fn end(reaction: &GrayScott, start: &[f64], dt: f64, t: f64) -> Vec<f64> {
    let mut solved = simulate(&build(reaction), &etdrk4(dt), start, &[t]).unwrap();
    assert!(solved.outcome.is_success(), "{}", solved.outcome);
    solved.states.remove(0)
}

/// Spots on a square of length one, where these parameters draw a maze.
fn maze(points: usize) -> (GrayScott, Vec<f64>) {
    let reaction = GrayScott { length: 1.0, points, feed: 0.029, kill: 0.057, ..GrayScott::default() };
    let Problem::Pde(p) = build(&reaction) else { unreachable!() };
    let spots = InitialConfig::Spots(Spots { count: 8, radius: 0.05 });
    let start = spots.field(&*p, &mut stream(1, "gray-scott", 0)).unwrap();
    (reaction, start)
}

fn relative(a: &[f64], b: &[f64]) -> f64 {
    let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
    norm(&mut a.iter().zip(b).map(|(a, b)| a - b)) / norm(&mut b.iter().copied())
}

#[test]
fn the_sea_stays_and_small_spots_decay() {
    let reaction = GrayScott { length: 0.5, points: 16, ..GrayScott::default() };
    let grid = FourierGrid::new(&[16; 2], &[0.5; 2]).unwrap();
    let k = TAU / 0.5;
    // Without v the equation of u is linear.
    let bump = grid.sample(|x| 1.0 + 0.2 * (k * x[0]).cos() * (2.0 * k * x[1]).sin());
    let u = end(&reaction, &[bump, vec![0.0; 256]].concat(), 1.0, 20.0);
    let decay = (-(2e-5 * 5.0 * k * k + 0.035) * 20.0).exp();
    let expected = grid.sample(|x| 1.0 + 0.2 * decay * (k * x[0]).cos() * (2.0 * k * x[1]).sin());
    let error = relative(&u[..256], &expected);
    assert!(error < 1e-13, "{error:e}");
    assert!(u[256..].iter().all(|v| v.abs() < 1e-15));
    // A little v decays as if alone.
    let little = grid.sample(|x| 1e-9 * (2.0 + (k * x[1]).cos()));
    let v = end(&reaction, &[vec![1.0; 256], little].concat(), 1.0, 20.0);
    let (mean, wave) = ((-0.1_f64 * 20.0).exp(), (-(1e-5 * k * k + 0.1) * 20.0).exp());
    let expected = grid.sample(|x| 1e-9 * (2.0 * mean + wave * (k * x[1]).cos()));
    let error = relative(&v[256..], &expected);
    assert!(error < 1e-7, "{error:e}");
}

#[test]
fn fronts_of_one_diffusivity_move_as_they_must() {
    let error = |points: usize, dt: f64| {
        let reaction = GrayScott {
            length: 1.0,
            points,
            dimensions: 1,
            diffusivity_u: 2e-5,
            diffusivity_v: 2e-5,
            feed: 0.1,
            kill: 0.0,
        };
        let Problem::Pde(p) = build(&reaction) else { unreachable!() };
        let fronts = p.exact(&InitialConfig::FisherFronts(FisherFronts { half_width: 0.2 })).unwrap();
        relative(&end(&reaction, &fronts(0.0), dt, 40.0), &fronts(40.0))
    };
    let grids = [32, 64, 128, 256].map(|points| error(points, 0.25));
    eprintln!("fronts, 32, 64, 128, 256 points: {grids:?}");
    assert!(grids[1] < 0.5 * grids[0] && grids[2] < 0.1 * grids[1] && grids[3] < 3e-6, "{grids:?}");
    // Elsewhere they are no solution.
    let Problem::Pde(p) = build(&GrayScott::default()) else { unreachable!() };
    assert!(p.exact(&InitialConfig::FisherFronts(FisherFronts { half_width: 0.2 })).is_none());
}

#[test]
fn a_pattern_converges_with_the_step_and_with_the_grid() {
    let (reaction, start) = maze(64);
    let finest = end(&reaction, &start, 0.125, 60.0);
    let steps = [4.0, 2.0, 1.0].map(|dt| relative(&end(&reaction, &start, dt, 60.0), &finest));
    let order = (steps[1] / steps[2]).log2();
    eprintln!("pattern, order {order:.3} of {steps:?}");
    assert!((order - 4.0).abs() < 0.2, "{order} of {steps:?}");
    let at = |points: usize| {
        let (reaction, start) = maze(points);
        end(&reaction, &start, 1.0, 200.0)
    };
    let reference = at(256);
    let error = |points: usize| {
        let (u, by) = (at(points), 256 / points);
        let place = |at: usize| {
            let (c, i, j) = (at / (points * points), at / points % points, at % points);
            (c * 256 + i * by) * 256 + j * by
        };
        let same: Vec<f64> = (0..u.len()).map(|at| reference[place(at)]).collect();
        relative(&u, &same)
    };
    let grids = [32, 64, 128].map(error);
    eprintln!("pattern, 32, 64, 128 points against 256: {grids:?}");
    assert!(grids[1] < 0.3 * grids[0] && grids[2] < 0.02 * grids[1], "{grids:?}");
}

#[test]
fn a_maze_grows_and_stays_between_zero_and_one() {
    let (reaction, start) = maze(64);
    let u = end(&reaction, &start, 1.0, 2000.0);
    let (u, v) = u.split_at(64 * 64);
    let bounds = |x: &[f64]| x.iter().fold((1.0_f64, 0.0_f64), |(a, b), x| (a.min(*x), b.max(*x)));
    let ((a, b), (c, d)) = (bounds(u), bounds(v));
    assert!(a > 0.0 && b <= 1.0 && c > -1e-3 && d < 1.0, "{a}, {b}, {c}, {d}");
    let covered = v.iter().filter(|v| **v > 0.15).count() as f64 / v.len() as f64;
    let before = start[64 * 64..].iter().filter(|v| **v > 0.15).count() as f64 / v.len() as f64;
    assert!(covered > 0.25 && covered < 0.75 && before < 0.1, "{before} to {covered}");
}

#[test]
fn the_card_has_the_error_and_says_that_the_grid_is_coarse() {
    let (reaction, _) = maze(32);
    let problem = ProblemConfig::GrayScott(reaction);
    let initial = InitialConfig::Spots(Spots { count: 4, radius: 0.06 });
    let data = DataConfig { test: 2, dt: 20.0, steps: 3, burn_in: 20.0, initial, ..DataConfig::default() };
    let solver = etdrk4(2.0);
    let recipe = Recipe { problem: &problem, solver: &solver, data: &data, seed: 0 };
    let card = recipe.obtain(None, &|_| {}).unwrap().card;
    // 32 points a unit of length are too few.
    assert!(card.unresolved(), "{:?}", card.tail);
    let reference = card.reference.unwrap();
    assert!(reference.largest > 0.0 && reference.largest < 1e-3, "{reference:?}");
}

//! Smoke in a closed box.

#![allow(clippy::unwrap_used)]

use std::f64::consts::PI;

use flowmap_datasets::data::DataConfig;
use flowmap_datasets::flow::Flow;
use flowmap_datasets::generate::{DataError, Recipe};
use flowmap_datasets::initial::{Gaussian, InitialConfig, Noise};
use flowmap_datasets::problem::cells::{CellProblem, Smoke};
use flowmap_datasets::problem::{Problem, ProblemConfig};
use flowmap_datasets::rng::stream;
use flowmap_datasets::simulate::simulate;
use flowmap_solvers::config::{AdaptiveConfig, SolverConfig};
use flowmap_solvers::staggered::StaggeredGrid;
use flowmap_solvers::stepper::semi_lagrangian::{Interpolation, Path, SemiLagrangianConfig};

fn method(dt: f64, interpolation: Interpolation, path: Path) -> SolverConfig {
    SolverConfig::SemiLagrangian(SemiLagrangianConfig { dt, interpolation, path })
}

/// Every interpolation, with the path that it is usually taken with.
const KINDS: [(Interpolation, Path); 3] = [
    (Interpolation::Linear, Path::Euler),
    (Interpolation::Cubic, Path::Midpoint),
    (Interpolation::Maccormack, Path::Midpoint),
];

fn build(smoke: &Smoke) -> Problem {
    ProblemConfig::Smoke(smoke.clone()).build().unwrap()
}

fn cloud(smoke: &Smoke, seed: u64) -> Vec<f64> {
    InitialConfig::Noise(Noise::default()).cells(smoke, &mut stream(seed, "smoke", 0)).unwrap()
}

#[test]
fn a_flow_has_no_divergence_and_smoke_keeps_its_bounds() {
    let smoke = Smoke { points: 32, ..Smoke::default() };
    let start = cloud(&smoke, 1);
    let points = smoke.points * smoke.points;
    let bounds = |s: &[f64]| {
        (s.iter().copied().fold(f64::INFINITY, f64::min), s.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    };
    let (low, high) = bounds(&start[..points]);
    let grid = StaggeredGrid::new([smoke.points; 2], [smoke.length; 2]);
    for (interpolation, path) in KINDS {
        let mut stepper = smoke.stepper(&method(1.5, interpolation, path)).unwrap();
        let mut state = smoke.to_state(&start);
        for i in 0..40 {
            let mut next = state.clone();
            stepper.step(1.5 * f64::from(i), 1.5, &state, &mut next).unwrap();
            state = next;
        }
        let state = state.to_vec();
        let mut divergence = vec![0.0; points];
        grid.divergence(&state[points..], &mut divergence);
        let fastest = state[points..].iter().fold(0.0_f64, |m, w| m.max(w.abs()));
        assert!(fastest > 0.5, "{interpolation:?}: it moves, {fastest}");
        let largest = divergence.iter().fold(0.0_f64, |m, d| m.max(d.abs()));
        assert!(largest < 1e-13 * fastest, "{interpolation:?}: {largest:.1e}");
        let (least, most) = bounds(&state[..points]);
        assert!(least >= low && most <= high, "{interpolation:?}: {least}..{most} from {low}..{high}");
        assert!(most - least > 0.2 * (high - low), "{interpolation:?}: smoke is left");
    }
}

#[test]
fn a_symmetric_start_stays_symmetric() {
    let smoke = Smoke { points: 32, ..Smoke::default() };
    let n = smoke.points;
    for (interpolation, path) in KINDS {
        let end =
            simulate(&build(&smoke), &method(0.75, interpolation, path), &smoke.initial(), &[12.0]).unwrap();
        let u = &end.states[0];
        let at = |c: usize, i: usize, j: usize| u[(c * n + i) * n + j];
        assert!((0..n * n).any(|i| u[n * n + i].abs() > 0.1), "it moves");
        for i in 0..n {
            for j in 0..n {
                for (c, sign) in [(0, 1.0), (1, -1.0), (2, 1.0)] {
                    let off = (at(c, i, j) - sign * at(c, n - 1 - i, j)).abs();
                    assert!(off < 1e-11, "{interpolation:?}: {off:.1e} in channel {c} at {i}, {j}");
                }
            }
        }
    }
}

#[test]
fn without_smoke_and_under_even_smoke_nothing_moves() {
    // Viscosity acts before the projection, also on the part of the lift that the pressure takes away: only without it even smoke rests.
    for (level, viscosity) in [(0.0, 0.01), (0.7, 0.0)] {
        let smoke = Smoke { points: 16, viscosity, ..Smoke::default() };
        let mut start = vec![level; 256];
        start.resize(768, 0.0);
        let solver = method(1.5, Interpolation::Linear, Path::Euler);
        let end = simulate(&build(&smoke), &solver, &start, &[30.0]).unwrap();
        let u = &end.states[0];
        assert!(u[..256].iter().all(|s| (s - level).abs() < 1e-13));
        // The pressure carries even smoke, to rounding.
        let fastest = u[256..].iter().fold(0.0_f64, |m, w| m.max(w.abs()));
        assert!(fastest < 1e-12, "{level}: {fastest:.1e}");
    }
}

fn difference(a: &[f64], b: &[f64]) -> f64 {
    let square = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>();
    (square(&mut a.iter().zip(b).map(|(a, b)| a - b)) / square(&mut b.iter().copied())).sqrt()
}

#[test]
fn the_order_in_time_is_one() {
    let smoke = Smoke { points: 32, ..Smoke::default() };
    let problem = build(&smoke);
    let start = cloud(&smoke, 3);
    for (interpolation, path) in KINDS {
        let end = |dt: f64| {
            simulate(&problem, &method(dt, interpolation, path), &start, &[6.0]).unwrap().states.remove(0)
        };
        let reference = end(6.0 / 1024.0);
        let errors: Vec<f64> = [16.0, 32.0, 64.0].map(|n| difference(&end(6.0 / n), &reference)).to_vec();
        eprintln!("time {interpolation:?}: {errors:?}");
        let slope = (errors[0] / errors[2]).log2() / 2.0;
        assert!((0.8..1.5).contains(&slope), "{interpolation:?}: {slope:.2} of {errors:?}");
    }
}

/// The means of the cells of a grid of `points` an axis.
fn coarse(u: &[f64], points: usize) -> Vec<f64> {
    let n = ((u.len() / 3) as f64).sqrt() as usize;
    let by = n / points;
    let mut out = vec![0.0; 3 * points * points];
    for (at, value) in u.iter().enumerate() {
        let (c, i, j) = (at / (n * n), at / n % n, at % n);
        out[(c * points + i / by) * points + j / by] += value / (by * by) as f64;
    }
    out
}

#[test]
fn finer_grids_and_steps_converge() {
    let end = |points: usize, interpolation, path| {
        let smoke = Smoke { points, ..Smoke::default() };
        let dt = 24.0 / points as f64;
        let solved = simulate(&build(&smoke), &method(dt, interpolation, path), &cloud(&smoke, 3), &[6.0]);
        coarse(&solved.unwrap().states[0], 16)
    };
    let reference = end(256, Interpolation::Cubic, Path::Midpoint);
    let mut last = Vec::new();
    for (interpolation, path) in KINDS {
        let errors = [32, 64, 128].map(|n| difference(&end(n, interpolation, path), &reference));
        eprintln!("grid {interpolation:?}: {errors:?}");
        let slope = (errors[0] / errors[2]).log2() / 2.0;
        assert!(slope > 0.8, "{interpolation:?}: {slope:.2} of {errors:?}");
        last.push(errors[2]);
    }
    assert!(last[1] < last[0] && last[2] < last[0], "what costs more is more accurate: {last:?}");
}

#[test]
fn viscosity_damps_a_vortex_as_it_must() {
    // u = sin x cos y, v = −cos x sin y in [0, π]² is steady but for its viscosity, far from the walls.
    let spin = |viscosity: f64| {
        let smoke = Smoke { points: 64, length: PI, viscosity, buoyancy: 0.0 };
        let (x, y) = (smoke.coordinates(0), smoke.coordinates(1));
        let mut start = vec![0.0; 64 * 64];
        for f in [|x: f64, y: f64| x.sin() * y.cos(), |x: f64, y: f64| -x.cos() * y.sin()] {
            start.extend(x.iter().flat_map(|x| y.iter().map(move |y| f(*x, *y))));
        }
        let solver = method(0.02, Interpolation::Cubic, Path::Midpoint);
        let u = simulate(&build(&smoke), &solver, &start, &[0.5]).unwrap().states.remove(0);
        let at = |c: usize, i: usize, j: usize| u[(c * 64 + i) * 64 + j];
        (at(2, 34, 32) - at(2, 29, 32)) - (at(1, 32, 34) - at(1, 32, 29))
    };
    let (viscosity, free) = (0.05, spin(0.0));
    let decay = spin(viscosity) / free;
    let expected = (-2.0 * viscosity * 0.5_f64).exp();
    assert!(free > 0.4, "{free}");
    assert!((decay - expected).abs() < 0.01 * expected, "{decay} instead of {expected}");
}

#[test]
fn clouds_are_the_same_on_every_grid() {
    let [a, b] = [32, 64].map(|points| coarse(&cloud(&Smoke { points, ..Smoke::default() }, 5), 16));
    assert!(difference(&a, &b) < 0.01, "{}", difference(&a, &b));
    let u = cloud(&Smoke::default(), 5);
    let (smoke, still) = u.split_at(64 * 64);
    let square = smoke.iter().map(|s| s * s).sum::<f64>() / smoke.len() as f64;
    assert!((square - 1.0).abs() < 1e-10 && smoke.iter().all(|s| *s >= 0.0));
    assert!(still.iter().all(|w| *w == 0.0));
    assert_ne!(u, cloud(&Smoke::default(), 6));
    // A box much smaller than the waves.
    let small = Smoke { points: 8, length: 1000.0, ..Smoke::default() };
    let error = InitialConfig::Noise(Noise::default()).cells(&small, &mut stream(0, "smoke", 0)).unwrap_err();
    assert_eq!(error.path, "noise.scale");
}

#[test]
fn data_are_repeatable_and_misfits_are_named() {
    let problem = ProblemConfig::Smoke(Smoke { points: 16, ..Smoke::default() });
    let data = DataConfig {
        train: 2,
        validation: 1,
        test: 1,
        dt: 3.0,
        steps: 4,
        burn_in: 6.0,
        initial: InitialConfig::Noise(Noise::default()),
        ..DataConfig::default()
    };
    let solver = method(1.5, Interpolation::Linear, Path::Euler);
    let recipe = Recipe { problem: &problem, solver: &solver, data: &data, seed: 2 };
    let made = recipe.obtain(None, &|_| {}).unwrap();
    assert_eq!(made.values.shape(), [4, 5, 3, 16, 16]);
    assert_eq!(made.values, recipe.obtain(None, &|_| {}).unwrap().values);
    assert_eq!(made.coordinates[1][0], 1.0);
    assert!(made.card.reference.unwrap().largest > 0.0);
    assert_eq!(made.card.drift[0].0, "smoke");
    // A bump on a periodic axis is no start, and no other method moves it.
    let initial = InitialConfig::Gaussian(Gaussian { centre: 0.5, width: 0.1, height: 1.0 });
    let wrong = DataConfig { initial, ..data.clone() };
    let Err(DataError::Config(issue)) = (Recipe { data: &wrong, ..recipe.clone() }).obtain(None, &|_| {})
    else {
        panic!("a start that does not fit")
    };
    assert_eq!(issue.path, "data.initial.gaussian");
    let dopri = SolverConfig::Dopri5(AdaptiveConfig::default());
    assert!(Flow::new(&build(&Smoke::default()), &dopri).is_err());
    let kdv = ProblemConfig::Kdv(Default::default()).build().unwrap();
    let issue = simulate(&kdv, &solver, &[0.0; 4], &[0.0]).unwrap_err();
    assert_eq!(issue.path, "solver.semi_lagrangian");
}

#[test]
fn a_flow_map_goes_on_from_what_is_stored() {
    let smoke = Smoke { points: 32, ..Smoke::default() };
    let problem = build(&smoke);
    let solver = method(0.75, Interpolation::Linear, Path::Euler);
    let mut u = cloud(&smoke, 4);
    let through = simulate(&problem, &solver, &u, &[0.0, 3.0, 6.0]).unwrap();
    assert_eq!(through.states[0], u);
    let mut flow = Flow::new(&problem, &solver).unwrap();
    assert!(flow.advance(&mut u, 0.0, 3.0).is_success());
    assert_eq!(u, through.states[1]);
    assert!(flow.advance(&mut u, 3.0, 6.0).is_success());
    // The velocity was averaged to the cells and back in between.
    let off = difference(&u, &through.states[2]);
    assert!(off > 1e-6 && off < 0.05, "{off}");
}

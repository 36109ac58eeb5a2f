//! Delay equations: against tightened tolerances, and as data.

#![allow(clippy::unwrap_used)]

use flowmap_datasets::data::DataConfig;
use flowmap_datasets::generate::Recipe;
use flowmap_datasets::initial::{BoxRange, Empty, InitialConfig};
use flowmap_datasets::problem::ProblemConfig;
use flowmap_datasets::simulate::{check_method, simulate};
use flowmap_solvers::config::{AdaptiveConfig, FixedConfig, SolverConfig};

fn mackey_glass() -> ProblemConfig {
    ProblemConfig::MackeyGlass(Default::default())
}

fn tolerance(tolerance: f64) -> AdaptiveConfig {
    AdaptiveConfig { rtol: tolerance, atol: tolerance, ..AdaptiveConfig::default() }
}

#[test]
fn mackey_glass_converges_to_one_solution() {
    let problem = mackey_glass().build().unwrap();
    let times: Vec<f64> = (0..=60).map(|i| 5.0 * f64::from(i)).collect();
    let solve = |solver: SolverConfig| {
        let t = simulate(&problem, &solver, &[1.2], &times).unwrap();
        assert!(t.outcome.is_success() && t.times == times);
        t.states.concat()
    };
    let reference = solve(SolverConfig::Dopri8(tolerance(1e-12)));
    let distance =
        |solver| solve(solver).iter().zip(&reference).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let (loose, tight) = (SolverConfig::Dopri5(tolerance(1e-6)), SolverConfig::Dopri5(tolerance(1e-9)));
    let (loose, tight) = (distance(loose), distance(tight));
    assert!(loose < 1e-3 && tight < 1e-6 && tight < loose / 50.0, "{loose:e} {tight:e}");
    // Another method, with steps of its own.
    let fixed = distance(SolverConfig::Rk4(FixedConfig { dt: 17.0 / 512.0 }));
    assert!(fixed < 1e-6, "{fixed:e}");
    // On the first interval the delayed argument is the past: y = c + (1.2 − c) e^(−t/10).
    let c = 2.0 * 1.2 / (1.0 + 1.2_f64.powi(10));
    for (t, y) in times.iter().zip(&reference).take_while(|(t, _)| **t <= 17.0) {
        assert!((y - c - (1.2 - c) * (-t / 10.0).exp()).abs() < 1e-11, "{t}");
    }
}

#[test]
fn mackey_glass_is_data_like_any_other() {
    let problem = mackey_glass();
    let data = DataConfig {
        train: 2,
        validation: 1,
        test: 1,
        dt: 1.0,
        steps: 200,
        burn_in: 100.0,
        initial: InitialConfig::Box(BoxRange { low: vec![0.5], high: vec![1.5] }),
        file: None,
        observe: None,
        ..DataConfig::default()
    };
    let solver = SolverConfig::Dopri5(tolerance(1e-8));
    let recipe = Recipe { problem: &problem, solver: &solver, data: &data, seed: 5 };
    let set = recipe.obtain(None, &|_| {}).unwrap();
    assert_eq!(set.values.shape(), [4, 201, 1]);
    assert_eq!(set.channels, ["y"]);
    assert!(set.card.reference.as_ref().unwrap().largest < 1e-5, "{:?}", set.card.reference);
    // The attractor: cells between a fifth and one and a half, never at rest.
    for trajectory in set.values.outer_iter() {
        let (low, high) = trajectory.iter().fold((f64::MAX, 0.0_f64), |(a, b), y| (a.min(*y), b.max(*y)));
        assert!(low > 0.2 && low < 0.7 && high > 1.1 && high < 1.5, "{low} {high}");
    }
}

#[test]
fn only_explicit_methods_take_a_delay() {
    let problem = mackey_glass().build().unwrap();
    let issue = check_method(&problem, &SolverConfig::Kvaerno5(tolerance(1e-6))).unwrap_err();
    assert_eq!(issue.path, "solver.kvaerno5");
    assert!(check_method(&problem, &SolverConfig::Euler(FixedConfig { dt: 0.1 })).is_ok());
    let wrong = InitialConfig::KassamTrefethen(Empty {});
    let data = DataConfig {
        train: 0,
        validation: 0,
        test: 1,
        dt: 1.0,
        steps: 1,
        burn_in: 0.0,
        initial: wrong,
        file: None,
        observe: None,
        ..DataConfig::default()
    };
    let (config, solver) = (mackey_glass(), SolverConfig::Dopri5(tolerance(1e-6)));
    let recipe = Recipe { problem: &config, solver: &solver, data: &data, seed: 1 };
    assert!(recipe.start(&problem, 0).unwrap_err().to_string().contains("no start for 'mackey_glass'"));
}

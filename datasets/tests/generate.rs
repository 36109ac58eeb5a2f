//! Generated data: repeatable, the same on any number of threads, cached, measured.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use flowmap_datasets::card::DataCard;
use flowmap_datasets::data::{DataConfig, FileConfig};
use flowmap_datasets::format::{FormatError, apebench, read};
use flowmap_datasets::generate::{DataError, Recipe};
use flowmap_datasets::initial::{InitialConfig, Size, TruncatedFourier};
use flowmap_datasets::problem::{ProblemConfig, pde};
use flowmap_solvers::config::{FixedConfig, SolverConfig};
use flowmap_solvers::stepper::etdrk::{Compatibility, Etdrk2Config};

fn problem() -> ProblemConfig {
    ProblemConfig::Kdv(pde::Kdv { points: 64, length: 32.0, ..Default::default() })
}

fn data() -> DataConfig {
    let initial =
        TruncatedFourier { modes: 3, amplitude: 0.5, decay: 1.0, size: Size::RootMeanSquare, mean: 0.0 };
    DataConfig {
        train: 3,
        validation: 1,
        test: 2,
        dt: 0.1,
        steps: 5,
        burn_in: 0.2,
        initial: InitialConfig::TruncatedFourier(initial),
        file: None,
        observe: None,
        ..DataConfig::default()
    }
}

const SOLVER: SolverConfig = SolverConfig::Etdrk4(FixedConfig { dt: 0.01 });

#[test]
fn data_are_repeatable_and_do_not_depend_on_threads() {
    let (problem, data) = (problem(), data());
    let recipe = |seed| Recipe { problem: &problem, solver: &SOLVER, data: &data, seed };
    let pool = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
    let one = pool(1).install(|| recipe(7).obtain(None, &|_| {}).unwrap());
    let three = pool(3).install(|| recipe(7).obtain(None, &|_| {}).unwrap());
    assert_eq!(one.values, three.values);
    assert_eq!(one.values.shape(), [6, 6, 1, 64]);
    assert_ne!(one.values, recipe(8).obtain(None, &|_| {}).unwrap().values);
    let reference = one.card.reference.unwrap();
    assert!(reference.largest < 1e-5 && reference.largest > 0.0, "{reference:?}");
    assert_eq!(one.card.drift.len(), 3);
    assert!(one.card.drift[0].1 < 1e-3, "{:?}", one.card.drift);
    // More trajectories do not change the first.
    let more = DataConfig { test: 3, ..data.clone() };
    let more = Recipe { data: &more, ..recipe(7) }.obtain(None, &|_| {}).unwrap();
    assert_eq!(more.values.slice_axis(ndarray::Axis(0), (0..6).into()), one.values);
}

#[test]
fn the_cache_answers_only_for_what_is_whole_and_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (problem, data) = (problem(), data());
    let recipe = Recipe { problem: &problem, solver: &SOLVER, data: &data, seed: 1 };
    let solved = std::sync::atomic::AtomicUsize::new(0);
    let obtain = |recipe: &Recipe<'_>| {
        solved.store(0, std::sync::atomic::Ordering::Relaxed);
        let count = |_| {
            solved.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        };
        let values = recipe.obtain(Some(folder.path()), &count).unwrap().values;
        (values, solved.load(std::sync::atomic::Ordering::Relaxed))
    };
    let (fresh, n) = obtain(&recipe);
    assert_eq!(n, 6);
    assert_eq!(obtain(&recipe), (fresh.clone(), 0));
    assert_eq!(obtain(&Recipe { seed: 2, ..recipe.clone() }).1, 6);
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "npy") {
            let bytes = std::fs::read(&path).unwrap();
            std::fs::write(&path, &bytes[..bytes.len() - 8]).unwrap();
        }
    }
    assert_eq!(obtain(&recipe), (fresh, 6));
}

#[test]
fn a_divergent_trajectory_is_named_and_kept() {
    let (problem, data) = (problem(), DataConfig { steps: 400, dt: 1.0, ..data() });
    // Far beyond the stability limit of the explicit method.
    let solver = SolverConfig::Rk4(FixedConfig { dt: 0.5 });
    let recipe = Recipe { problem: &problem, solver: &solver, data: &data, seed: 1 };
    match recipe.obtain(None, &|_| {}) {
        Err(DataError::Diverged { index: 0, trajectory }) => {
            assert!(!trajectory.outcome.is_success());
            assert!(trajectory.states.iter().flatten().all(|u| u.is_finite()));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_start_that_does_not_fit_is_a_configuration_error() {
    let problem = ProblemConfig::Lorenz63(Default::default());
    let data = data();
    let recipe =
        Recipe { problem: &problem, solver: &SolverConfig::Dopri5(Default::default()), data: &data, seed: 1 };
    match recipe.obtain(None, &|_| {}) {
        Err(DataError::Config(issue)) => assert_eq!(issue.path, "data.initial.truncated_fourier"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn data_in_the_layout_of_apebench_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let (problem, data) = (problem(), DataConfig { train_steps: 3, ..data() });
    let made =
        Recipe { problem: &problem, solver: &SOLVER, data: &data, seed: 1 }.obtain(None, &|_| {}).unwrap();
    let [train, test, card] = apebench::write(&folder.path().join("kdv.npy"), &made).unwrap();
    assert_eq!(card, folder.path().join("kdv.json"));
    let shape: Vec<usize> = read(&train).unwrap().values.shape().to_vec();
    assert_eq!(shape, [data.train + data.validation, 4, 1, 64]);
    assert_eq!(read(&test).unwrap().values.shape(), [data.test, data.steps + 1, 1, 64]);
    let file = |path: &Path, test: Option<&Path>| FileConfig {
        path: path.to_owned(),
        test: test.map(Path::to_owned),
        ..FileConfig::default()
    };
    let obtain = |file: FileConfig, data: &DataConfig| {
        let data = DataConfig { file: Some(file), ..data.clone() };
        Recipe { problem: &problem, solver: &SOLVER, data: &data, seed: 1 }.obtain(None, &|_| {})
    };
    let found = obtain(file(&train, Some(&test)), &data).unwrap();
    assert_eq!(found.split, made.split);
    for part in [&made.split.train, &made.split.validation, &made.split.test] {
        let off = (&found.part(part) - &made.part(part)).mapv(f64::abs);
        assert!(off.iter().all(|d| *d < 1e-6), "single precision");
    }
    assert!(found.values[[0, 4, 0, 0]].is_nan(), "no part covers it");
    assert!(found.card.source.unwrap().contains("kdv_test.npy to test"));
    // Longer than the file that trains; fewer trajectories than are asked for; not the problem's points.
    let refused = |file: FileConfig, data: &DataConfig, key: &str, said: &str| match obtain(file, data) {
        Err(DataError::Config(issue)) => {
            assert_eq!(issue.path, key);
            assert!(issue.message.contains(said), "{}", issue.message);
        }
        other => panic!("{other:?}"),
    };
    let long = DataConfig { train_steps: 4, ..data.clone() };
    refused(file(&train, Some(&test)), &long, "data.file.path", "4 samples a trajectory, and 4 steps");
    let many = DataConfig { test: data.test + 1, ..data.clone() };
    refused(file(&train, Some(&test)), &many, "data.file.test", "trajectories, and data.test");
    assert!(matches!(apebench::write(&folder.path().join("kdv.npz"), &made), Err(FormatError::Write { .. })));
}

#[test]
fn data_that_reproduce_another_program_say_so() {
    let (problem, data) = (problem(), data());
    let card = |compatibility| {
        let solver = SolverConfig::Etdrk2(Etdrk2Config { dt: 0.02, compatibility });
        let recipe = Recipe { problem: &problem, solver: &solver, data: &data, seed: 1 };
        recipe.obtain(None, &|_| {}).unwrap().card
    };
    let (honest, reproduced) = (card(None), card(Some(Compatibility::Exponax01)));
    assert!(honest.warnings.is_empty());
    assert!(reproduced.warnings[0].contains("no converged solution"), "{:?}", reproduced.warnings);
    let error = |card: &DataCard| card.reference.as_ref().unwrap().last;
    assert!(error(&reproduced) > 3.0 * error(&honest), "{} {}", error(&reproduced), error(&honest));
}

//! Stochastic problems: their solutions, their moments, and which methods may solve them.

#![allow(clippy::unwrap_used)]

use flowmap_datasets::data::DataConfig;
use flowmap_datasets::generate::Recipe;
use flowmap_datasets::initial::{Empty, InitialConfig};
use flowmap_datasets::problem::sde::{GeometricBrownian, OrnsteinUhlenbeck, SdeProblem, path};
use flowmap_datasets::problem::{Problem, ProblemConfig};
use flowmap_datasets::simulate::{Realisation, check_method, simulate_on};
use flowmap_solvers::brownian::Path;
use flowmap_solvers::config::{AdaptiveConfig, FixedConfig, SolverConfig};
use flowmap_solvers::issue::Validate;
use flowmap_solvers::sde::Reading;
use flowmap_solvers::stepper::reversible::ReversibleHeunConfig;
use ndarray::{Array1, Axis};

fn fixed(dt: f64) -> AdaptiveConfig {
    AdaptiveConfig { dt: Some(dt), ..AdaptiveConfig::default() }
}

/// Every method for stochastic equations.
fn methods(dt: f64) -> Vec<SolverConfig> {
    vec![
        SolverConfig::EulerMaruyama(FixedConfig { dt }),
        SolverConfig::Milstein(fixed(dt)),
        SolverConfig::Sra1(fixed(dt)),
        SolverConfig::Shark(fixed(dt)),
        SolverConfig::Spark(fixed(dt)),
        SolverConfig::SlowRk(fixed(dt)),
        SolverConfig::Heun(FixedConfig { dt }),
        SolverConfig::Midpoint(FixedConfig { dt }),
        SolverConfig::ReversibleHeun(ReversibleHeunConfig { dt, resynchronise: None }),
    ]
}

fn geometric(calculus: Reading) -> ProblemConfig {
    ProblemConfig::GeometricBrownian(GeometricBrownian { drift: 0.4, volatility: 0.6, calculus })
}

fn all() -> Vec<ProblemConfig> {
    let built = ProblemConfig::all().into_iter().filter(|p| matches!(p.build().unwrap(), Problem::Sde(_)));
    built.chain([geometric(Reading::Stratonovich)]).collect()
}

#[test]
fn every_method_that_fits_converges_to_one_solution() {
    let t = 0.5;
    let mut fits = 0;
    for config in all() {
        let problem = config.build().unwrap();
        let Problem::Sde(p) = &problem else { unreachable!() };
        let (y0, realisation) = (p.initial(), Realisation { seed: 3, row: 2 });
        let end = |method: &SolverConfig| {
            let solved = simulate_on(&problem, method, &y0, &[t], realisation).unwrap();
            assert!(solved.outcome.is_success());
            solved.states[0].clone()
        };
        let fitting: Vec<_> =
            methods(2e-5).into_iter().filter(|m| check_method(&problem, m).is_ok()).collect();
        assert!(fitting.len() >= 2, "{}", config.name());
        fits += fitting.len();
        let first = end(&fitting[0]);
        let size = first.iter().map(|x| x.abs()).fold(0.0, f64::max);
        let distance =
            |a: &[f64]| a.iter().zip(&first).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / size;
        for method in &fitting[1..] {
            let away = distance(&end(method));
            assert!(away < 0.02, "{} on {}: {away}", method.name(), config.name());
        }
        let mut w = Array1::zeros(p.noises());
        path(&**p, realisation, t).increment(0.0, t, &mut w);
        if let Some(exact) = p.exact(t, &y0, w.as_slice().unwrap()) {
            assert!(distance(&exact) < 0.01, "{}: {exact:?} {first:?}", config.name());
        }
    }
    // Additive: all; diagonal Itô: two; diagonal Stratonovich: six.
    assert_eq!(fits, 2 * 9 + 2 * 2 + 6);
}

#[test]
fn derivatives_of_diffusions_are_differences() {
    for config in all() {
        let Problem::Sde(p) = config.build().unwrap() else { unreachable!() };
        let n = p.variables().len();
        let y: Vec<f64> = (0..n).map(|i| 0.7 + 0.4 * i as f64).collect();
        let v: Vec<f64> = (0..n).map(|i| 1.0 - 0.8 * i as f64).collect();
        let dw: Vec<f64> = (0..p.noises()).map(|i| 0.3 + 0.5 * i as f64).collect();
        let at = |e: f64| {
            let moved: Vec<f64> = y.iter().zip(&v).map(|(y, v)| y + e * v).collect();
            let mut out = vec![0.0; n];
            p.diffusion(0.2, &moved, &dw, &mut out);
            out
        };
        let mut derivative = vec![f64::NAN; n];
        p.diffusion_derivative(0.2, &y, &v, &dw, &mut derivative);
        for ((a, b), d) in at(1e-6).iter().zip(at(-1e-6)).zip(&derivative) {
            assert!(((a - b) / 2e-6 - d).abs() < 1e-8, "{}", config.name());
        }
    }
}

fn ensemble(problem: &ProblemConfig, solver: &SolverConfig, paths: usize) -> Vec<f64> {
    let data = DataConfig {
        train: 0,
        validation: 0,
        test: paths,
        dt: 0.5,
        steps: 2,
        burn_in: 0.0,
        initial: InitialConfig::Textbook(Empty {}),
        file: None,
        observe: None,
        ..DataConfig::default()
    };
    let set = Recipe { problem, solver, data: &data, seed: 1 }.obtain(None, &|_| {}).unwrap();
    let last = set.values.index_axis(Axis(1), 2).iter().copied().collect();
    // Half the step on the same paths: the card's reference error is that of the method alone.
    assert!(set.card.reference.unwrap().largest < 0.1);
    last
}

#[test]
fn ensembles_have_the_exact_moments() {
    let n = 4000;
    let ou = OrnsteinUhlenbeck::default();
    let cases: [(ProblemConfig, SolverConfig, Box<dyn SdeProblem>); 3] = [
        (ProblemConfig::OrnsteinUhlenbeck(ou.clone()), SolverConfig::Shark(fixed(0.05)), Box::new(ou)),
        (
            geometric(Reading::Ito),
            SolverConfig::Milstein(fixed(0.01)),
            Box::new(GeometricBrownian { drift: 0.4, volatility: 0.6, calculus: Reading::Ito }),
        ),
        (
            geometric(Reading::Stratonovich),
            SolverConfig::Heun(FixedConfig { dt: 0.01 }),
            Box::new(GeometricBrownian { drift: 0.4, volatility: 0.6, calculus: Reading::Stratonovich }),
        ),
    ];
    for (config, solver, problem) in cases {
        let ends = ensemble(&config, &solver, n);
        let exact = problem.moments(1.0, &problem.initial()).unwrap();
        let mean = ends.iter().sum::<f64>() / n as f64;
        let variance = ends.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / n as f64;
        let sampling = (exact.variance[0] / n as f64).sqrt();
        assert!((mean - exact.mean[0]).abs() < 4.0 * sampling + 0.01, "{}: {mean}", config.name());
        assert!((variance / exact.variance[0] - 1.0).abs() < 0.15, "{}: {variance}", config.name());
    }
}

#[test]
fn pairings_that_converge_to_another_solution_are_refused_with_a_reason() {
    let refused = |config: &ProblemConfig, method: SolverConfig| {
        let issue = check_method(&config.build().unwrap(), &method).unwrap_err();
        assert!(issue.path == format!("solver.{}", method.name()) && issue.hint.is_some());
        issue.message
    };
    let message = refused(&geometric(Reading::Ito), SolverConfig::Heun(FixedConfig { dt: 0.1 }));
    assert_eq!(
        message,
        "'heun' converges to the Stratonovich solution, and 'geometric_brownian' means that of Itô"
    );
    let message =
        refused(&geometric(Reading::Stratonovich), SolverConfig::EulerMaruyama(FixedConfig { dt: 0.1 }));
    assert_eq!(
        message,
        "'euler_maruyama' converges to the Itô solution, and 'geometric_brownian' means that of Stratonovich"
    );
    let message = refused(&geometric(Reading::Ito), SolverConfig::Shark(fixed(0.1)));
    assert_eq!(message, "'shark' needs additive noise, and that of 'geometric_brownian' is diagonal");
    // Euler's method for ordinary equations, and adaptive ones.
    refused(&geometric(Reading::Stratonovich), SolverConfig::Euler(FixedConfig { dt: 0.1 }));
    refused(&geometric(Reading::Stratonovich), SolverConfig::Tsit5(AdaptiveConfig::default()));
    // The other way round.
    let ode = ProblemConfig::Lorenz63(Default::default());
    let message = refused(&ode, SolverConfig::EulerMaruyama(FixedConfig { dt: 0.1 }));
    assert_eq!(message, "'euler_maruyama' solves stochastic equations, and 'lorenz63' has no noise");
}

#[test]
fn a_tolerance_that_a_rough_path_cannot_meet_is_refused() {
    let issues = SolverConfig::Milstein(AdaptiveConfig::default()).issues("solver");
    assert!(issues.len() == 1 && issues[0].path == "solver.milstein.rtol", "{issues:?}");
    let loose = AdaptiveConfig { rtol: 1e-3, atol: 1e-3, ..AdaptiveConfig::default() };
    assert!(SolverConfig::Milstein(loose).issues("solver").is_empty());
    // And a looser one is met.
    let problem = geometric(Reading::Ito).build().unwrap();
    let realisation = Realisation { seed: 1, row: 0 };
    let solved =
        simulate_on(&problem, &SolverConfig::Milstein(loose), &[1.0], &[0.5, 1.0], realisation).unwrap();
    let Problem::Sde(p) = &problem else { unreachable!() };
    let mut w = [0.0];
    path(&**p, realisation, 1.0).increment(0.0, 1.0, &mut w);
    let exact = p.exact(1.0, &[1.0], &w).unwrap()[0];
    assert!(solved.outcome.is_success() && (solved.states[1][0] / exact - 1.0).abs() < 0.02);
}

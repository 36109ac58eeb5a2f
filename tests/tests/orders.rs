//! Every method on every problem that fits it: the measured order is the stated one.

#![allow(clippy::unwrap_used)]

use flowmap_datasets::initial::{InitialConfig, Size, TruncatedFourier};
use flowmap_datasets::problem::{Problem, ProblemConfig, dde, ode, pde};
use flowmap_datasets::rng::stream;
use flowmap_datasets::simulate::{check_method, simulate};
use flowmap_solvers::config::{AdaptiveConfig, FixedConfig, METHODS, MethodKind, SolverConfig};
use flowmap_solvers::stepper::etdrk::{Compatibility, Etdrk2Config};
use flowmap_solvers::stepper::reversible::{
    AsynchronousLeapfrogConfig, BdiaConfig, CoupledConfig, ReversibleHeunConfig,
};

/// Every method with a fixed step, and its order.
fn methods() -> Vec<(SolverConfig, usize)> {
    let fixed = FixedConfig { dt: 1.0 };
    let adaptive = AdaptiveConfig { dt: Some(1.0), ..AdaptiveConfig::default() };
    vec![
        (SolverConfig::Euler(fixed), 1),
        (SolverConfig::Midpoint(fixed), 2),
        (SolverConfig::Heun(fixed), 2),
        (SolverConfig::Ralston(fixed), 2),
        (SolverConfig::Rk4(fixed), 4),
        (SolverConfig::BogackiShampine(adaptive), 3),
        (SolverConfig::Dopri5(adaptive), 5),
        (SolverConfig::Tsit5(adaptive), 5),
        (SolverConfig::Dopri8(adaptive), 8),
        (SolverConfig::Kvaerno3(adaptive), 3),
        (SolverConfig::Kvaerno5(adaptive), 5),
        (SolverConfig::SymplecticEuler(fixed), 1),
        (SolverConfig::VelocityVerlet(fixed), 2),
        (SolverConfig::Yoshida4(fixed), 4),
        (SolverConfig::Etdrk1(fixed), 1),
        (SolverConfig::Etdrk2(Etdrk2Config { dt: 1.0, compatibility: None }), 2),
        (SolverConfig::Etdrk3(fixed), 3),
        (SolverConfig::Etdrk4(fixed), 4),
        (SolverConfig::Cnab2(fixed), 2),
        (SolverConfig::Sbdf2(fixed), 2),
        (SolverConfig::ReversibleHeun(ReversibleHeunConfig::default()), 2),
        (SolverConfig::AsynchronousLeapfrog(AsynchronousLeapfrogConfig::default()), 2),
        (SolverConfig::Coupled(CoupledConfig::default()), 4),
        (SolverConfig::Bdia(BdiaConfig::default()), 2),
        (SolverConfig::Ees25(fixed), 2),
    ]
}

/// A smooth short case of every problem: the problem and a time in which it does something but stays resolved.
fn cases() -> Vec<(ProblemConfig, f64)> {
    use ProblemConfig as P;
    vec![
        (P::Burgers(pde::Burgers { points: 32, length: 6.0, viscosity: 0.2 }), 1.0),
        (P::Kdv(pde::Kdv { points: 32, length: 12.0, ..Default::default() }), 0.5),
        (P::KuramotoSivashinsky(pde::KuramotoSivashinsky { points: 32, length: 22.0 }), 1.0),
        (P::AllenCahn(pde::AllenCahn { points: 16, dimensions: 2, ..Default::default() }), 1.0),
        (P::FisherKpp(pde::FisherKpp { points: 32, length: 20.0, ..Default::default() }), 1.0),
        (P::SwiftHohenberg(pde::SwiftHohenberg { points: 32, length: 20.0, ..Default::default() }), 1.0),
        (
            P::NonlinearSchrodinger(pde::NonlinearSchrodinger {
                points: 32,
                length: 12.0,
                ..Default::default()
            }),
            1.0,
        ),
        (
            P::GrayScott(pde::GrayScott {
                points: 16,
                dimensions: 1,
                feed: 0.4,
                kill: 0.3,
                ..Default::default()
            }),
            2.0,
        ),
        (
            P::NavierStokes(pde::NavierStokes {
                points: 16,
                length: 6.0,
                viscosity: 0.01,
                forcing: pde::Forcing::Kolmogorov { mode: 2, amplitude: 1.0 },
                ..Default::default()
            }),
            1.0,
        ),
        (
            P::ShallowWater(pde::ShallowWater {
                points: 16,
                length: 12.0,
                depth: 4.0,
                hyperviscosity: 0.01,
                viscosity: 0.05,
                ..Default::default()
            }),
            1.0,
        ),
        (P::Linear(ode::Linear::default()), 3.0),
        (P::Harmonic(ode::Harmonic { frequency: 2.0 }), 2.0),
        (P::Logistic(ode::Logistic { rate: 2.0, capacity: 3.0 }), 1.5),
        (P::LotkaVolterra(ode::LotkaVolterra::default()), 1.0),
        (P::Pendulum(ode::Pendulum { gravity: 4.0 }), 2.0),
        (P::Kepler(ode::Kepler { eccentricity: 0.2 }), 2.0),
        (P::VanDerPol(ode::VanDerPol { mu: 1.0 }), 1.0),
        (P::Lorenz63(ode::Lorenz63::default()), 0.3),
        (P::Lorenz96(ode::Lorenz96 { dimension: 6, ..Default::default() }), 0.3),
        (P::Rossler(ode::Rossler::default()), 1.0),
        (P::DoublePendulum(ode::DoublePendulum { gravity: 1.0 }), 1.0),
        (P::FitzhughNagumo(ode::FitzhughNagumo { epsilon: 0.5, ..Default::default() }), 1.5),
        (P::ChaoticFlow(ode::ChaoticFlow::default()), 3.0),
        // The delay is a whole number of steps.
        (P::MackeyGlass(dde::MackeyGlass { beta: 2.0, gamma: 1.0, n: 4.0, tau: 1.5 }), 2.0),
    ]
}

fn start(problem: &Problem) -> Vec<f64> {
    match problem {
        Problem::Pde(p) => {
            let initial = TruncatedFourier {
                modes: 3,
                amplitude: 0.7,
                decay: 1.0,
                size: Size::RootMeanSquare,
                mean: 0.3,
            };
            InitialConfig::TruncatedFourier(initial).field(&**p, &mut stream(3, "orders", 0)).unwrap()
        }
        Problem::Ode(p) => p.initial(),
        Problem::Dde(p) => p.initial(),
        Problem::Sde(p) => p.initial(),
        Problem::Labelled(p) => unreachable!("{} is no equation", p.name()),
        Problem::Density(p) => unreachable!("{} is no equation", p.name()),
        Problem::Cells(p) => unreachable!("{} has its own test", p.name()),
        Problem::Boxed(p) => unreachable!("{} is solved by networks", p.name()),
    }
}

/// The slope of log error against log step over the last refinement by two before rounding.
fn measured(error: impl Fn(f64) -> Option<f64>, order: usize) -> Option<f64> {
    let (mut steps, mut errors) = (2.0_f64, Vec::<f64>::new());
    while steps < 5000.0 && errors.last().is_none_or(|e| *e > 2e-12) {
        match error(steps) {
            Some(e) if e < 0.02 => errors.push(e),
            _ => errors.clear(),
        }
        let n = errors.len();
        // Three errors on one line are enough for a slow method.
        if n >= 3 && errors[n - 1] > 2e-12 {
            let (a, b) = ((errors[n - 3] / errors[n - 2]).log2(), (errors[n - 2] / errors[n - 1]).log2());
            if (a - order as f64).abs() < 0.1 && (b - order as f64).abs() < 0.1 {
                return Some(b);
            }
        }
        steps *= 2.0;
    }
    errors.retain(|e| *e > 2e-12);
    let n = errors.len();
    (n >= 2).then(|| (errors[n - 2] / errors[n - 1]).log2())
}

#[test]
fn every_method_has_its_order_on_every_problem_that_fits_it() {
    let names: Vec<_> = methods().iter().map(|(m, _)| m.name()).collect();
    assert_eq!(names, METHODS.iter().map(|m| m.0).collect::<Vec<_>>());
    let (mut failures, mut slopes) = (Vec::new(), vec![Vec::new(); names.len()]);
    for (config, t) in cases() {
        let problem = config.build().unwrap();
        let u0 = start(&problem);
        for (m, (method, order)) in methods().into_iter().enumerate() {
            // An explicit step of a stiff equation is bound by stability before its order shows.
            let stiff = matches!(problem, Problem::Pde(_))
                && matches!(method.kind(), MethodKind::Explicit | MethodKind::Reversible);
            if stiff || check_method(&problem, &method).is_err() {
                continue;
            }
            // The longer the time, the larger the steps that leave an error above rounding.
            let t = if order > 4 { 3.0 * t } else { t };
            let end = |method: &SolverConfig, steps: f64| {
                let solved = simulate(&problem, &method.with_dt(t / steps), &u0, &[t]).unwrap();
                solved.outcome.is_success().then(|| solved.states[0].clone())
            };
            let reference = match problem {
                Problem::Pde(_) => end(&SolverConfig::Etdrk4(FixedConfig { dt: 1.0 }), 8192.0),
                Problem::Ode(_)
                | Problem::Dde(_)
                | Problem::Sde(_)
                | Problem::Labelled(_)
                | Problem::Density(_)
                | Problem::Cells(_)
                | Problem::Boxed(_) => end(&SolverConfig::Dopri8(AdaptiveConfig::default()), 3000.0),
            };
            let reference = reference.unwrap();
            let size = reference.iter().map(|x| x * x).sum::<f64>().sqrt();
            let error = |steps: f64| {
                let u = end(&method, steps)?;
                Some(u.iter().zip(&reference).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt() / size)
            };
            let Some(slope) = measured(error, order) else {
                failures.push(format!("{} on {}: not measured", method.name(), config.name()));
                continue;
            };
            slopes[m].push(slope);
            let stated = order as f64;
            // Pairs of order five and eight have leading terms so small that the next order may outweigh them above
            // rounding, as may a coupling's difference of its two halves; they must not fall short, and their median is
            // held below. Where the leading term leads, they show their order as all do.
            let leads = ["linear", "harmonic", "lorenz96"].contains(&config.name());
            let above = !leads && order > 4 || matches!(method, SolverConfig::Coupled(_));
            let holds = if above { slope > 0.95 * stated } else { (slope - stated).abs() < 0.2 };
            if !holds {
                failures.push(format!("{} on {}: {slope:.3}, stated {order}", method.name(), config.name()));
            }
        }
    }
    for ((method, order), slopes) in methods().into_iter().zip(&mut slopes) {
        slopes.sort_by(f64::total_cmp);
        let median = slopes[slopes.len() / 2];
        let bound = if order > 4 { 0.6 } else { 0.1 };
        if (median - order as f64).abs() > bound {
            failures.push(format!("{}: median {median:.3} over {} problems", method.name(), slopes.len()));
        }
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn real_parts_of_phi_lower_the_order_where_the_linear_part_is_not_real() {
    let kdv = ProblemConfig::Kdv(pde::Kdv { points: 32, length: 12.0, ..Default::default() });
    let burgers = ProblemConfig::Burgers(pde::Burgers { points: 32, length: 6.0, viscosity: 0.2 });
    for (config, expected) in [(kdv, 1), (burgers, 2)] {
        let problem = config.build().unwrap();
        let u0 = start(&problem);
        let end = |method: SolverConfig, steps: f64| {
            simulate(&problem, &method.with_dt(0.5 / steps), &u0, &[0.5]).unwrap().states[0].clone()
        };
        let reference = end(SolverConfig::Etdrk4(FixedConfig { dt: 1.0 }), 4096.0);
        let size = reference.iter().map(|x| x * x).sum::<f64>().sqrt();
        let order = |compatibility, stated| {
            let method = SolverConfig::Etdrk2(Etdrk2Config { dt: 1.0, compatibility });
            assert_eq!(method.deviates().is_some(), compatibility.is_some());
            let error = |steps: f64| {
                let u = end(method, steps);
                Some(u.iter().zip(&reference).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt() / size)
            };
            measured(error, stated).unwrap()
        };
        let (complex, real) = (order(None, 2), order(Some(Compatibility::Exponax01), expected));
        assert!((complex - 2.0).abs() < 0.1, "{}: {complex}", config.name());
        assert!((real - expected as f64).abs() < 0.1, "{}: {real}", config.name());
    }
}

//! Systems of ordinary equations: Jacobians, exact solutions, invariants, golden states.

#![allow(clippy::unwrap_used)]

mod support;

use flowmap_datasets::problem::ode::{
    BurstingNeuron, Harmonic, Kepler, Linear, Logistic, OdeField, OdeProblem, Pendulum,
};
use flowmap_datasets::problem::{Problem, ProblemConfig};
use flowmap_datasets::simulate::simulate;
use flowmap_solvers::config::{AdaptiveConfig, SolverConfig};
use flowmap_solvers::field::Separable;
use flowmap_solvers::lyapunov::{LyapunovOptions, flow_exponents};
use flowmap_solvers::stepper::explicit_rk::RK4;
use ndarray::Array1;
use support::assert_jacobian;

fn systems() -> Vec<(Problem, std::sync::Arc<dyn OdeProblem>)> {
    let built = ProblemConfig::all().into_iter().map(|p| p.build().unwrap());
    built
        .filter_map(|p| match p.clone() {
            Problem::Ode(o) => Some((p, o)),
            Problem::Pde(_)
            | Problem::Dde(_)
            | Problem::Sde(_)
            | Problem::Labelled(_)
            | Problem::Density(_)
            | Problem::Cells(_)
            | Problem::Boxed(_) => None,
        })
        .collect()
}

fn dopri8() -> SolverConfig {
    SolverConfig::Dopri8(AdaptiveConfig { rtol: 1e-13, atol: 1e-13, ..AdaptiveConfig::default() })
}

#[test]
fn jacobians_agree_with_differences() {
    for (_, p) in systems() {
        // Off the start and away from every symmetry.
        let y: Vec<f64> = p.initial().iter().enumerate().map(|(i, y)| y + 0.3 + 0.1 * i as f64).collect();
        assert_jacobian(p.name(), &*p, &y);
    }
}

#[test]
fn exact_solutions_and_invariants_hold() {
    let (mut exact, mut conserved) = (0, 0);
    for (problem, p) in systems() {
        let y0 = p.initial();
        if p.name() == "robertson" {
            continue;
        }
        let t = simulate(&problem, &dopri8(), &y0, &[3.7]).unwrap();
        assert!(t.outcome.is_success(), "{}", p.name());
        if let Some(y) = p.exact(3.7, &y0) {
            exact += 1;
            for (a, b) in t.states[0].iter().zip(&y) {
                assert!((a - b).abs() < 1e-9, "{}: {a} {b}", p.name());
            }
            // A flow: from the middle on it is the same.
            let half = p.exact(1.2, &y0).unwrap();
            let rest = p.exact(2.5, &half).unwrap();
            assert!(rest.iter().zip(&y).all(|(a, b)| (a - b).abs() < 1e-10), "{}", p.name());
        }
        for (a, b) in p.invariants(&y0).iter().zip(p.invariants(&t.states[0])) {
            conserved += 1;
            assert!((a.1 - b.1).abs() < 1e-10 * (1.0 + a.1.abs()), "{} {}: {} {}", p.name(), a.0, a.1, b.1);
        }
    }
    assert_eq!((exact, conserved), (6, 7));
}

#[test]
fn lorenz_reaches_its_golden_state() {
    let problem = ProblemConfig::Lorenz63(Default::default()).build().unwrap();
    let t = simulate(&problem, &dopri8(), &[1.0, 1.0, 1.0], &[10.0]).unwrap();
    let golden = [-4.902687541134646, -3.7438729218029194, 24.690858102790557];
    for (a, b) in t.states[0].iter().zip(golden) {
        assert!((a - b).abs() < 1e-7, "{a} {b}");
    }
}

#[test]
fn robertson_keeps_its_mass_with_the_stiff_method() {
    let problem = ProblemConfig::Robertson(Default::default()).build().unwrap();
    let solver =
        SolverConfig::Kvaerno5(AdaptiveConfig { rtol: 1e-9, atol: 1e-14, ..AdaptiveConfig::default() });
    let t = simulate(&problem, &solver, &[1.0, 0.0, 0.0], &[40.0]).unwrap();
    for (a, b) in t.states[0].iter().zip([0.7158270687193, 0.9185534764558e-5, 0.2841637457458]) {
        assert!((a / b - 1.0).abs() < 1e-6, "{a} {b}");
    }
    assert!((problem.invariants(&t.states[0])[0].1 - 1.0).abs() < 1e-12);
}

/// What is known in closed form, with starts of every kind.
fn closed_forms() -> Vec<(ProblemConfig, Vec<Vec<f64>>)> {
    use ProblemConfig as P;
    let kepler = |e| P::Kepler(Kepler { eccentricity: e });
    vec![
        (
            // Far from normal, and with a rate that needs scaling and squaring.
            P::Linear(Linear {
                matrix: vec![vec![-8.0, 30.0, 1.0], vec![0.0, -7.5, 4.0], vec![-2.0, 0.0, 0.5]],
            }),
            vec![vec![1.0, -2.0, 0.5]],
        ),
        (P::Harmonic(Harmonic { frequency: 2.5 }), vec![vec![0.3, -1.7]]),
        (
            P::Logistic(Logistic { rate: 0.7, capacity: 3.0 }),
            vec![vec![0.2], vec![3.0], vec![7.0], vec![0.0], vec![-0.05]],
        ),
        (P::Logistic(Logistic { rate: -0.7, capacity: 3.0 }), vec![vec![0.2], vec![2.9], vec![-4.0]]),
        (
            kepler(0.9),
            vec![
                vec![0.1, 0.0, 0.0, 19.0_f64.sqrt()],
                vec![0.8, 0.3, 0.2, -0.9],
                vec![-0.5, 1.1, -0.4, -0.6],
                vec![1.0, 0.0, 0.0, 1.0],
            ],
        ),
        (
            P::Pendulum(Pendulum { gravity: 2.3 }),
            vec![
                vec![0.0, 0.0],
                vec![1e-3, 0.0],
                vec![-0.4, 0.9],
                vec![3.1, 0.0],
                vec![2.0, -1.2],
                vec![-9.0, -0.8],
                vec![0.0, 3.03],
                vec![0.0, 3.04],
                vec![1.0, -5.0],
                vec![-2.5, 3.5],
                vec![20.0, 6.0],
            ],
        ),
        (P::Pendulum(Pendulum { gravity: 1.0 }), vec![vec![0.0, 2.0], vec![0.0, -2.0]]),
    ]
}

#[test]
fn closed_forms_hold_from_any_start() {
    for (config, starts) in closed_forms() {
        let problem = config.build().unwrap();
        let Problem::Ode(p) = &problem else { unreachable!() };
        for y0 in starts {
            let times = [0.4, 1.9, 5.3];
            let solved = simulate(&problem, &dopri8(), &y0, &times).unwrap();
            assert!(solved.outcome.is_success(), "{} {y0:?}", p.name());
            for (t, y) in times.iter().zip(&solved.states) {
                let exact = p.exact(*t, &y0).unwrap();
                for (a, b) in y.iter().zip(&exact) {
                    assert!(
                        (a - b).abs() < 1e-9 * (1.0 + a.abs()),
                        "{} {y0:?} at {t}: {y:?} {exact:?}",
                        p.name()
                    );
                }
            }
            // Backwards in time to where it came from.
            let back = p.exact(-0.4, &p.exact(0.4, &y0).unwrap()).unwrap();
            assert!(
                back.iter().zip(&y0).all(|(a, b)| (a - b).abs() < 1e-11 * (1.0 + b.abs())),
                "{} {y0:?}: {back:?}",
                p.name()
            );
        }
    }
}

#[test]
fn closed_forms_end_where_solutions_end() {
    let logistic = Logistic { rate: 1.0, capacity: 1.0 };
    // 1/y reaches zero at t = ln(1 − 1/y₀) = ln 2 from y₀ = −1.
    assert!(logistic.exact(0.69, &[-1.0]).unwrap()[0] < -100.0);
    assert_eq!(logistic.exact(0.70, &[-1.0]), None);
    // From 2 backwards it does at −ln 2.
    assert!(logistic.exact(-0.69, &[2.0]).unwrap()[0] > 100.0);
    assert_eq!(logistic.exact(-0.70, &[2.0]), None);
    for t in [-1e4, 1e4] {
        assert_eq!(logistic.exact(t, &[1.0]), Some(vec![1.0]));
        assert_eq!(logistic.exact(t, &[0.0]), Some(vec![0.0]));
    }
    let kepler = Kepler::default();
    // Parabolic, hyperbolic, and at the centre.
    for y0 in [[1.0, 0.0, 0.0, 2.0_f64.sqrt()], [1.0, 0.0, 0.0, 2.0], [0.0, 0.0, 1.0, 0.0]] {
        assert_eq!(kepler.exact(1.0, &y0), None, "{y0:?}");
    }
}

#[test]
fn the_separatrix_of_the_pendulum_is_the_gudermannian() {
    for t in [-6.0_f64, 0.5, 3.0, 12.0] {
        let y = Pendulum { gravity: 1.0 }.exact(t, &[0.0, 2.0]).unwrap();
        assert!((y[0] - 2.0 * t.sinh().atan()).abs() < 1e-14, "{t}: {y:?}");
        assert!((y[1] - 2.0 / t.cosh()).abs() < 1e-14, "{t}: {y:?}");
    }
}

#[test]
fn the_split_of_a_separable_problem_is_its_field() {
    let mut count = 0;
    for (_, p) in systems().into_iter().filter(|(_, p)| p.separable()) {
        count += 1;
        let y: Vec<f64> = p.initial().iter().enumerate().map(|(i, y)| y + 0.3 + 0.1 * i as f64).collect();
        let n = y.len() / 2;
        let mut dy = vec![f64::NAN; 2 * n];
        p.rhs(0.4, &y, &mut dy);
        let (q, momentum) = (Array1::from(y[..n].to_vec()), Array1::from(y[n..].to_vec()));
        let (mut dq, mut dp) = (Array1::from_elem(n, f64::NAN), Array1::from_elem(n, f64::NAN));
        let mut field = OdeField::new(p.clone());
        field.velocity(&momentum, &mut dq);
        field.force(0.4, &q, &mut dp);
        assert_eq!(dq.iter().chain(&dp).copied().collect::<Vec<_>>(), dy, "{}", p.name());
    }
    assert_eq!(count, 3);
}

#[test]
fn stated_lyapunov_exponents_are_those_of_the_tangent_equation() {
    // A step that resolves the attractor, how many of them, and the scatter of so long a mean.
    let runs = [
        ("lorenz63", 0.01, 100_000, 0.03),
        ("lorenz96", 0.02, 50_000, 0.03),
        ("rossler", 0.02, 200_000, 0.1),
        ("chua", 0.02, 200_000, 0.05),
        ("chaotic_flow", 0.1, 200_000, 0.1),
    ];
    let known: Vec<_> = systems().into_iter().filter(|(_, p)| p.lyapunov_exponent().is_some()).collect();
    assert_eq!(known.len(), runs.len());
    for (_, p) in known {
        let (_, dt, steps, scatter) = *runs.iter().find(|r| r.0 == p.name()).unwrap();
        let (stated, y0) = (p.lyapunov_exponent().unwrap(), Array1::from(p.initial()));
        let duration = dt * f64::from(steps);
        let options = LyapunovOptions { count: 1, transient: 0.1 * duration, duration, interval: 50.0 * dt };
        let measured =
            flow_exponents(OdeField::new(p.clone()), &y0, &RK4, dt, &options).unwrap().exponents[0];
        assert!((measured / stated - 1.0).abs() < scatter, "{}: {measured}, stated {stated}", p.name());
    }
}

/// The times at which the potential rises through −30 mV.
fn spikes(nmda: f64) -> Vec<f64> {
    let problem = ProblemConfig::BurstingNeuron(BurstingNeuron { nmda }).build().unwrap();
    let times: Vec<f64> = (0..12_000).map(|i| 0.25 * f64::from(i)).collect();
    let solved = simulate(&problem, &dopri8(), &[-60.0, 0.0, 0.0], &times).unwrap();
    assert!(solved.outcome.is_success());
    let potentials: Vec<f64> = solved.states.iter().map(|y| y[0]).collect();
    let rises = potentials.windows(2).enumerate().filter(|(_, v)| v[0] < -30.0 && v[1] >= -30.0);
    rises.map(|(i, _)| times[i]).filter(|t| *t > 1000.0).collect()
}

#[test]
fn the_neuron_bursts_until_its_synapses_make_it_spike() {
    let intervals = |nmda| spikes(nmda).windows(2).map(|s| s[1] - s[0]).collect::<Vec<_>>();
    let extremes =
        |i: &[f64]| (i.iter().copied().fold(f64::MAX, f64::min), i.iter().copied().fold(0.0, f64::max));
    // Bursts: spikes close together, then silence for most of the slow current's relaxation.
    let bursts = intervals(10.2);
    let (short, long) = extremes(&bursts);
    assert!(short < 6.0 && long > 60.0, "{short} {long}");
    let silences = bursts.iter().filter(|i| **i > 50.0).count();
    assert!((10..20).contains(&silences) && bursts.len() > 10 * silences, "{silences} {}", bursts.len());
    // Beyond the transition: one spike after another at an even rate.
    let (short, long) = extremes(&intervals(11.0));
    assert!(short > 7.0 && long < 11.0 && long - short < 0.6, "{short} {long}");
}

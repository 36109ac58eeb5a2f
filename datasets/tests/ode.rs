//! Systems of ordinary equations: Jacobians, exact solutions, invariants, golden states.

#![allow(clippy::unwrap_used)]

use flowmap_datasets::problem::{Problem, ProblemConfig};
use flowmap_datasets::simulate::simulate;
use flowmap_solvers::config::{AdaptiveConfig, SolverConfig};
use nalgebra::DMatrix;

fn systems() -> Vec<(Problem, std::sync::Arc<dyn flowmap_datasets::problem::ode::OdeProblem>)> {
    let built = ProblemConfig::all().into_iter().map(|p| p.build().unwrap());
    built
        .filter_map(|p| match p.clone() {
            Problem::Ode(o) => Some((p, o)),
            Problem::Pde(_) => None,
        })
        .collect()
}

fn dopri8() -> SolverConfig {
    SolverConfig::Dopri8(AdaptiveConfig { rtol: 1e-13, atol: 1e-13, ..AdaptiveConfig::default() })
}

#[test]
fn jacobians_agree_with_differences() {
    for (_, p) in systems() {
        let y: Vec<f64> = p.initial().iter().enumerate().map(|(i, y)| y + 0.3 + 0.1 * i as f64).collect();
        let n = y.len();
        let (mut j, mut up, mut down) = (DMatrix::from_element(n, n, f64::NAN), vec![0.0; n], vec![0.0; n]);
        p.jacobian(0.0, &y, &mut j);
        for k in 0..n {
            let h = 1e-5;
            let (mut a, mut b) = (y.clone(), y.clone());
            a[k] += h;
            b[k] -= h;
            p.rhs(0.0, &a, &mut up);
            p.rhs(0.0, &b, &mut down);
            for i in 0..n {
                let slope = (up[i] - down[i]) / (2.0 * h);
                let scale = 1.0 + slope.abs().max(up[i].abs());
                assert!(
                    (j[(i, k)] - slope).abs() < 1e-6 * scale,
                    "{} ({i}, {k}): {} {slope}",
                    p.name(),
                    j[(i, k)]
                );
            }
        }
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
    assert_eq!((exact, conserved), (4, 6));
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

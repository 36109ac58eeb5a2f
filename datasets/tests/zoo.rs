//! The zoo of chaotic flows: bounded attractors, exact Jacobians, published exponents.

#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use flowmap_datasets::problem::ode::zoo::{System, systems};
use flowmap_datasets::problem::ode::{ChaoticFlow, OdeField, OdeProblem};
use flowmap_datasets::problem::{Problem, ProblemConfig};
use flowmap_solvers::control::Control;
use flowmap_solvers::issue::Validate;
use flowmap_solvers::lyapunov::{LyapunovOptions, flow_exponents};
use flowmap_solvers::solve::{SaveAt, SolveOptions, solve};
use flowmap_solvers::stepper::explicit_rk::{ExplicitRk, RK4};
use ndarray::Array1;
use rayon::prelude::*;
use support::assert_jacobian;

fn ode(system: System) -> Arc<dyn OdeProblem> {
    match ChaoticFlow::new(system).build() {
        Problem::Ode(p) => p,
        _ => unreachable!(),
    }
}

#[test]
fn every_system_stays_on_a_bounded_attractor() {
    let all: Vec<_> = systems().collect();
    assert!(all.len() >= 44, "{}", all.len());
    all.into_par_iter().for_each(|system| {
        let (problem, name) = (ode(system), system.name());
        let y0 = Array1::from(problem.initial());
        // Two hundred turns, the first half of which says how large the attractor is.
        let end = 20_000.0 * system.dt();
        let mut options =
            SolveOptions::new(0.0, end, Control::Fixed { dt: system.dt() }).save(SaveAt::Steps { every: 5 });
        let mut stepper = ExplicitRk::new(&RK4, OdeField::new(problem.clone()), &y0);
        let orbit = solve(&mut stepper, &y0, &mut options);
        assert!(orbit.outcome.is_success(), "{name}: {}", orbit.outcome);
        for i in 0..y0.len() {
            let range = |ys: &[Array1<f64>]| {
                ys.iter().fold((f64::MAX, f64::MIN), |(a, b), y| (y[i].min(a), y[i].max(b)))
            };
            let (first, second) = orbit.ys.split_at(orbit.ys.len() / 2);
            let ((a, b), (c, d)) = (range(first), range(second));
            assert!(b > a && d > c, "{name}: variable {i} rests");
            // Rare spikes may be several times as high as those seen before.
            let room = 5.0 * (b - a);
            assert!(c > a - room && d < b + room, "{name}: variable {i} leaves {a}..{b} for {c}..{d}");
            assert!(d - c > 0.3 * (b - a), "{name}: variable {i} falls from {a}..{b} to {c}..{d}");
        }
    });
}

#[test]
fn every_jacobian_agrees_with_differences() {
    for system in systems() {
        let problem = ode(system);
        let y: Vec<f64> =
            problem.initial().iter().enumerate().map(|(i, y)| y + 0.3 + 0.1 * i as f64).collect();
        assert_jacobian(system.name(), &*problem, &y);
    }
}

#[test]
fn every_system_says_what_it_is() {
    let mut seen = std::collections::BTreeSet::new();
    for system in systems() {
        let (problem, name) = (ode(system), system.name());
        assert!(seen.insert(name), "{name} twice");
        assert_eq!(system.name().parse::<System>().unwrap(), system);
        assert!(
            system.lyapunov_exponent() > 0.0 && system.dt() > 0.0 && !system.source().is_empty(),
            "{name}"
        );
        // One equation for each variable, with every parameter in it.
        for variable in problem.variables() {
            assert!(
                system.equation().contains(&format!("{variable}' = ")),
                "{name}: no equation for {variable}"
            );
        }
        for (parameter, _) in system.parameters() {
            assert!(system.equation().contains(parameter), "{name}: {parameter}");
        }
        assert_eq!(problem.lyapunov_exponent(), Some(system.lyapunov_exponent()));
    }
}

#[test]
fn parameters_go_by_name() {
    let read = |json: &str| serde_json::from_str::<ProblemConfig>(json);
    let config = read(r#"{"chaotic_flow": {"system": "halvorsen", "parameters": {"a": 1.4}}}"#).unwrap();
    assert!(config.issues("problem").is_empty());
    let Problem::Ode(p) = config.build().unwrap() else { unreachable!() };
    let mut dy = [0.0; 3];
    p.rhs(0.0, &[1.0, 0.0, 0.0], &mut dy);
    assert_eq!(dy, [-1.4, -4.0, -5.0]);
    assert_eq!(p.lyapunov_exponent(), None);
    // As written, so read.
    let again = read(&serde_json::to_string(&config).unwrap()).unwrap();
    assert_eq!(again, config);

    let wrong = read(r#"{"chaotic_flow": {"system": "chen", "parameters": {"d": 1.4, "a": 30}}}"#).unwrap();
    let issues = wrong.issues("problem");
    assert_eq!(issues.len(), 1);
    assert_eq!(issues[0].path, "problem.chaotic_flow.parameters.d");
    assert_eq!(issues[0].hint.as_deref(), Some("it has a, b, c"));

    let unknown = read(r#"{"chaotic_flow": {"system": "halvorson"}}"#).unwrap_err().to_string();
    assert!(unknown.starts_with("unknown system `halvorson`, expected one of `sprott_a`"), "{unknown}");
    assert!(unknown.contains("`halvorsen`"), "{unknown}");
}

#[test]
#[ignore = "minutes: the largest exponents of all systems"]
fn measured_exponents_are_the_published_ones() {
    let all: Vec<_> = systems().collect();
    let measured: Vec<f64> = all
        .par_iter()
        .map(|system| {
            let problem = ode(*system);
            let (published, y0) = (system.lyapunov_exponent(), Array1::from(problem.initial()));
            // Five thousand times the time in which a small difference grows by e.
            let options = LyapunovOptions {
                count: 1,
                transient: 50.0 / published,
                duration: 5000.0 / published,
                interval: 1.0 / published,
            };
            let spectrum = flow_exponents(OdeField::new(problem), &y0, &RK4, system.dt(), &options);
            spectrum.map_or(f64::NAN, |s| s.exponents[0])
        })
        .collect();
    let mut table = String::new();
    let mut far = 0;
    for (system, measured) in all.iter().zip(&measured) {
        let published = system.lyapunov_exponent();
        let error = measured / published - 1.0;
        let holds = error.abs() < 0.1;
        let mark = if holds { "" } else { " <" };
        far += usize::from(!holds);
        table +=
            &format!("{:<22} {measured:8.4} {published:8.4} {:+6.1} %{mark}\n", system.name(), 100.0 * error);
    }
    assert_eq!(far, 0, "measured and published:\n{table}");
    eprintln!("{table}");
}

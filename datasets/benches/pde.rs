//! Kuramoto-Sivashinsky on 256 points, and Navier-Stokes on 256² points, by ETDRK4; `solvers/benches/peers/README.md` has
//! the cases and their peers. An argument is the name of a case: `cargo bench -p flowmap-datasets -- ks`.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

#[path = "../../solvers/benches/peers/mod.rs"]
mod peers;

use std::f64::consts::TAU;

use flowmap_datasets::problem::pde::{Forcing, KuramotoSivashinsky, NavierStokes};
use flowmap_datasets::problem::{Problem, ProblemConfig};
use flowmap_datasets::simulate::simulate;
use flowmap_solvers::config::{FixedConfig, SolverConfig};

/// The state at `t` from the start `u0`, a function of the point.
fn solve(problem: &Problem, u0: fn(&[f64]) -> f64, dt: f64, t: f64) -> Vec<f64> {
    let Problem::Pde(pde) = problem else { unreachable!() };
    let u0 = pde.grid().sample(u0);
    let solved = simulate(problem, &SolverConfig::Etdrk4(FixedConfig { dt }), &u0, &[t]).unwrap();
    assert!(solved.outcome.is_success(), "{}", solved.outcome);
    solved.states.into_iter().next_back().unwrap()
}

fn rms(u: &[f64]) -> f64 {
    (u.iter().map(|u| u * u).sum::<f64>() / u.len() as f64).sqrt()
}

fn verify(u: &[f64], golden: [f64; 2]) {
    for (value, golden) in [rms(u), u[0]].into_iter().zip(golden) {
        assert!((value - golden).abs() < 1e-9, "{value} instead of {golden}");
    }
}

fn kuramoto_sivashinsky() {
    let on = |points| {
        let problem = KuramotoSivashinsky { points, ..KuramotoSivashinsky::default() };
        ProblemConfig::KuramotoSivashinsky(problem).build().unwrap()
    };
    let start = |x: &[f64]| (x[0] / 16.0).cos() * (1.0 + (x[0] / 16.0).sin());
    verify(&solve(&on(512), start, 1.0 / 64.0, 30.0), [0.498136257357, 0.311198597354]);
    let problem = on(256);
    peers::compare("ks.py", &[("ks", &|| rms(&solve(&problem, start, 1.0 / 16.0, 625.0)))]);
}

fn navier_stokes() {
    let on = |points| {
        let forcing = Forcing::Diagonal { amplitude: 0.1 };
        let problem = NavierStokes { points, forcing, ..NavierStokes::default() };
        ProblemConfig::NavierStokes(problem).build().unwrap()
    };
    let start = |x: &[f64]| {
        let (x, y) = (TAU * x[0], TAU * x[1]);
        x.sin() * (2.0 * y).cos() + 0.5 * (3.0 * x + 1.0).cos() * y.sin() + 0.7 * (x - 2.0 * y).cos()
    };
    verify(&solve(&on(64), start, 0.01, 5.0), [0.489516519700, 0.441625861481]);
    let problem = on(256);
    peers::compare("navier_stokes.py", &[("navier-stokes", &|| rms(&solve(&problem, start, 0.01, 2.0)))]);
}

fn main() {
    let named: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let cases: [(&str, fn()); 2] = [("ks", kuramoto_sivashinsky), ("navier-stokes", navier_stokes)];
    for (name, case) in cases {
        if named.is_empty() || named.iter().any(|n| n == name) {
            case();
        }
    }
}

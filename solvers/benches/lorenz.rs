//! A thousand Lorenz trajectories at rtol = atol = 1e-8, t from 0 to 10. With `FLOWMAP_PEERS=python`, the interpreter of an
//! environment made by `peers/setup.sh`, the peers run the same in the same run and the ratios are printed.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

use std::process::Command;
use std::time::Instant;

use flowmap_solvers::control::Control;
use flowmap_solvers::ensemble::solve_ensemble;
use flowmap_solvers::field::from_fn;
use flowmap_solvers::solve::SolveOptions;
use flowmap_solvers::stepper::explicit_rk::{DOPRI5, ExplicitRk, TSIT5};

fn lorenz(_t: f64, &[x, y, z]: &[f64; 3], dy: &mut [f64; 3]) {
    *dy = [10.0 * (y - x), x * (28.0 - z) - y, x * y - 8.0 / 3.0 * z];
}

fn main() {
    let starts: Vec<[f64; 3]> = (0..1000).map(|i| [1.0 + 1e-3 * f64::from(i), 1.0, 1.0]).collect();
    let mut slowest = 0.0_f64;
    for tableau in [&DOPRI5, &TSIT5] {
        let mut seconds: Vec<f64> = (0..9)
            .map(|_| {
                let started = Instant::now();
                let solved = solve_ensemble(&starts, |_| {
                    let stepper = ExplicitRk::new(tableau, from_fn(lorenz), &[0.0; 3]);
                    (stepper, SolveOptions::new(0.0, 10.0, Control::adaptive(1e-8, 1e-8)))
                });
                assert!((solved[0].ys[0][0] + 4.902_687_541).abs() < 1e-2, "{:?}", solved[0].ys[0]);
                started.elapsed().as_secs_f64()
            })
            .collect();
        seconds.sort_by(f64::total_cmp);
        println!("flowmap-{:<10} {:.4} s (median of {})", tableau.name, seconds[4], seconds.len());
        slowest = slowest.max(seconds[4]);
    }
    let Ok(python) = std::env::var("FLOWMAP_PEERS") else { return };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/lorenz.py");
    let output = Command::new(python).arg(script).output().expect("the peers' interpreter runs");
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let field = |key: &str| {
            let rest = &line[line.find(&format!("\"{key}\""))? + key.len() + 3..];
            Some(rest.split([',', '}']).next()?.trim().trim_matches('"').to_owned())
        };
        if let (Some(peer), Some(Ok(s))) = (field("peer"), field("seconds").map(|s| s.parse::<f64>())) {
            println!("{peer:<18} {s:.4} s, {:.1} times as long as Flowmap's slower method", s / slowest);
        }
    }
}

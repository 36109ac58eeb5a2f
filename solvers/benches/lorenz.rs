//! A thousand Lorenz trajectories at rtol = atol = 1e-8, t from 0 to 10; see `peers/README.md` for the peers.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

mod peers;

use flowmap_solvers::control::Control;
use flowmap_solvers::ensemble::solve_ensemble;
use flowmap_solvers::field::from_fn;
use flowmap_solvers::solve::SolveOptions;
use flowmap_solvers::stepper::explicit_rk::{DOPRI5, ExplicitRk, TSIT5, Tableau};

fn lorenz(_t: f64, &[x, y, z]: &[f64; 3], dy: &mut [f64; 3]) {
    *dy = [10.0 * (y - x), x * (28.0 - z) - y, x * y - 8.0 / 3.0 * z];
}

/// The root mean square of every twentieth end.
fn solve_all(starts: &[[f64; 3]], tableau: &'static Tableau) -> f64 {
    let solved = solve_ensemble(starts, |_| {
        let stepper = ExplicitRk::new(tableau, from_fn(lorenz), &[0.0; 3]);
        (stepper, SolveOptions::new(0.0, 10.0, Control::adaptive(1e-8, 1e-8)))
    });
    assert!((solved[0].ys[0][0] + 4.902_687_541).abs() < 1e-2, "{:?}", solved[0].ys[0]);
    let ends: Vec<f64> = solved.iter().step_by(20).flat_map(|s| s.ys[0]).collect();
    (ends.iter().map(|x| x * x).sum::<f64>() / ends.len() as f64).sqrt()
}

fn main() {
    let starts: Vec<[f64; 3]> = (0..1000).map(|i| [1.0 + 1e-3 * f64::from(i), 1.0, 1.0]).collect();
    peers::compare(
        "lorenz.py",
        &[("dopri5", &|| solve_all(&starts, &DOPRI5)), ("tsit5", &|| solve_all(&starts, &TSIT5))],
    );
}

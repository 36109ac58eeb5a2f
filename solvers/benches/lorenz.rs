//! Lorenz trajectories, t from 0 to 10: a thousand one by one at rtol = atol = 1e-8 (`ensemble`), ten thousand in a batch at
//! 1e-6 (`batch`); an argument picks one. See `peers/README.md` for the peers.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

mod peers;

use flowmap_solvers::batch::{BatchOptions, pointwise, solve_batch};
use flowmap_solvers::control::Control;
use flowmap_solvers::ensemble::solve_ensemble;
use flowmap_solvers::field::from_fn;
use flowmap_solvers::solve::{Outcome, SolveOptions};
use flowmap_solvers::stepper::explicit_rk::{DOPRI5, ExplicitRk, TSIT5, Tableau};
use ndarray::Array2;

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

/// The same for a batch, of which few trajectories may differ in how often they have turned.
fn solve_batched(starts: &Array2<f64>, tableau: &'static Tableau) -> f64 {
    let options = BatchOptions::new(0.0, 10.0, 1e-6, 1e-6);
    let solution = solve_batch(tableau, &pointwise(lorenz), starts.view(), &options).unwrap();
    assert!(solution.outcomes.iter().all(|o| *o == Outcome::Reached));
    let ends: Vec<f64> = solution.ys.rows().into_iter().step_by(20).flatten().copied().collect();
    (ends.iter().map(|x| x * x).sum::<f64>() / ends.len() as f64).sqrt()
}

/// The rows of a batch one by one.
fn solve_singly(starts: &Array2<f64>, tableau: &'static Tableau) -> f64 {
    let starts: Vec<[f64; 3]> = starts.rows().into_iter().map(|r| [r[0], r[1], r[2]]).collect();
    let solved = solve_ensemble(&starts, |_| {
        let stepper = ExplicitRk::new(tableau, from_fn(lorenz), &[0.0; 3]);
        (stepper, SolveOptions::new(0.0, 10.0, Control::adaptive(1e-6, 1e-6)))
    });
    let ends: Vec<f64> = solved.iter().step_by(20).flat_map(|s| s.ys[0]).collect();
    (ends.iter().map(|x| x * x).sum::<f64>() / ends.len() as f64).sqrt()
}

fn main() {
    let wanted = |case: &str| {
        let mut named = std::env::args().skip(1).filter(|a| !a.starts_with('-')).peekable();
        named.peek().is_none() || named.any(|a| a == case)
    };
    if wanted("ensemble") {
        let starts: Vec<[f64; 3]> = (0..1000).map(|i| [1.0 + 1e-3 * f64::from(i), 1.0, 1.0]).collect();
        peers::compare(
            "lorenz.py",
            &[("dopri5", &|| solve_all(&starts, &DOPRI5)), ("tsit5", &|| solve_all(&starts, &TSIT5))],
        );
    }
    if wanted("batch") {
        let starts =
            Array2::from_shape_fn((10_000, 3), |(i, c)| if c == 0 { 1.0 + 1e-4 * i as f64 } else { 1.0 });
        peers::compare(
            "lorenz_batch.py",
            &[
                ("batch-dopri5", &|| solve_batched(&starts, &DOPRI5)),
                ("batch-tsit5", &|| solve_batched(&starts, &TSIT5)),
                ("singly-tsit5", &|| solve_singly(&starts, &TSIT5)),
            ],
        );
    }
}

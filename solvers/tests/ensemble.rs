//! Ensembles: the same as one by one, on any number of threads.

#![allow(clippy::unwrap_used)]

use flowmap_solvers::control::Control;
use flowmap_solvers::ensemble::solve_ensemble;
use flowmap_solvers::field::from_fn;
use flowmap_solvers::solve::{SolveOptions, solve};
use flowmap_solvers::stepper::explicit_rk::{DOPRI5, ExplicitRk};

fn lorenz(_t: f64, &[x, y, z]: &[f64; 3], dy: &mut [f64; 3]) {
    *dy = [10.0 * (y - x), x * (28.0 - z) - y, x * y - 8.0 / 3.0 * z];
}

#[test]
fn an_ensemble_is_its_members_on_any_number_of_threads() {
    let starts: Vec<[f64; 3]> = (0..20).map(|i| [1.0 + 0.1 * f64::from(i), 1.0, 1.0]).collect();
    let options = || SolveOptions::new(0.0, 5.0, Control::adaptive(1e-8, 1e-8));
    let stepper = || ExplicitRk::new(&DOPRI5, from_fn(lorenz), &[0.0; 3]);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| solve_ensemble(&starts, |_| (stepper(), options())))
    };
    let (one, three) = (run(1), run(3));
    let mut steps = Vec::new();
    for ((start, a), b) in starts.iter().zip(&one).zip(&three) {
        let alone = solve(&mut stepper(), start, &mut options());
        assert_eq!((a.ys[0], a.stats), (b.ys[0], b.stats));
        assert_eq!(a.ys[0], alone.ys[0]);
        steps.push(a.stats.accepted);
    }
    // Each has steps of its own.
    assert!(steps.iter().any(|s| *s != steps[0]));
}

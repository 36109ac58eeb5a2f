//! Delay equations with known solutions.

#![allow(clippy::unwrap_used)]

use flowmap_solvers::control::Control;
use flowmap_solvers::delay::solve_delay;
use flowmap_solvers::event::Event;
use flowmap_solvers::solve::{Outcome, SaveAt, SolveOptions};
use flowmap_solvers::stepper::explicit_rk::{DOPRI8, RK4, TABLEAUS};

fn decay(_t: f64, _y: &[f64; 1], delayed: &[f64; 1], dy: &mut [f64; 1]) {
    dy[0] = -delayed[0];
}

/// The solution of `y' = −y(t − 1)`, `y = 1` up to zero: `Σₖ (−1)ᵏ (t − k + 1)ᵏ / k!` over `k ≤ t + 1`.
fn polynomial(t: f64) -> f64 {
    let mut sum = 0.0;
    let mut factorial = 1.0;
    for k in 0..=(t + 1.0).floor() as i32 {
        factorial *= f64::from(k.max(1));
        sum += (1.0 - t + f64::from(k) - 2.0).powi(k) / factorial;
    }
    sum
}

#[test]
fn the_method_of_steps_finds_the_piecewise_polynomial() {
    let times: Vec<f64> = (0..=48).map(|i| f64::from(i) / 8.0).collect();
    let control = Control::Fixed { dt: 0.125 };
    let mut options = SolveOptions::new(0.0, 6.0, control).save(SaveAt::Times(times.clone()));
    let solution = solve_delay(&DOPRI8, decay, 1.0, |_| [1.0], &mut options);
    assert_eq!((solution.outcome, &solution.ts), (Outcome::Reached, &times));
    // Polynomials up to degree six: exact but for rounding.
    for (t, y) in times.iter().zip(&solution.ys) {
        assert!((y[0] - polynomial(*t)).abs() < 1e-13, "{t}: {} {}", y[0], polynomial(*t));
    }
    assert_eq!((polynomial(1.0), polynomial(2.0), polynomial(1.5)), (0.0, -0.5, -0.375));
}

fn nonlinear(t: f64, y: &[f64; 1], delayed: &[f64; 1], dy: &mut [f64; 1]) {
    dy[0] = delayed[0] * (1.0 - y[0]) + t.cos();
}

#[test]
fn every_method_keeps_its_order() {
    let end = |tableau, steps: f64| {
        let mut options = SolveOptions::new(0.0, 3.0, Control::Fixed { dt: 1.0 / steps });
        solve_delay(tableau, nonlinear, 1.0, |t| [1.0 + t], &mut options).ys[0][0]
    };
    let reference = end(&DOPRI8, 500.0);
    for tableau in TABLEAUS {
        let steps = if tableau.order > 4 { 4.0 } else { 32.0 };
        let error = |steps| (end(tableau, steps) - reference).abs();
        let (order, stated) = ((error(steps) / error(2.0 * steps)).log2(), tableau.order as f64);
        let holds = if tableau.order > 4 { order > 0.9 * stated } else { (order - stated).abs() < 0.2 };
        assert!(holds, "{}: {order}, stated {stated}", tableau.name);
    }
}

#[test]
fn an_adaptive_solution_meets_its_tolerance_and_its_kinks() {
    let mut options =
        SolveOptions::new(0.0, 5.5, Control::adaptive(1e-10, 1e-10)).save(SaveAt::Steps { every: 1 });
    let solution = solve_delay(&DOPRI8, decay, 1.0, |_| [1.0], &mut options);
    assert!(solution.outcome.is_success());
    assert_eq!(solution.ts.len() as u64, solution.stats.accepted + 1);
    assert!(solution.ts.windows(2).all(|t| t[1] > t[0]));
    for kink in 0..=5 {
        assert!(solution.ts.contains(&f64::from(kink)), "{kink}: {:?}", solution.ts);
    }
    for (t, y) in solution.ts.iter().zip(&solution.ys) {
        assert!((y[0] - polynomial(*t)).abs() < 1e-9, "{t}");
    }
    assert_eq!((options.t0, options.t1, options.save), (0.0, 5.5, SaveAt::Steps { every: 1 }));
}

#[test]
fn dense_output_events_and_ends() {
    let options = || SolveOptions::new(0.0, 4.0, Control::Fixed { dt: 0.3 });
    let mut dense = options().save(SaveAt::Dense);
    let whole = solve_delay(&DOPRI8, decay, 1.0, |_| [1.0], &mut dense).dense.unwrap();
    for i in 0..=40 {
        let t = 0.1 * f64::from(i);
        assert!((whole.at(t).unwrap()[0] - polynomial(t)).abs() < 1e-12, "{t}");
    }
    // The second root lies between three and four.
    let mut until =
        options().event(Event::new(|t, y: &[f64; 1]| if t > 2.5 { y[0] } else { -1.0 }).terminal());
    let solution = solve_delay(&DOPRI8, decay, 1.0, |_| [1.0], &mut until);
    let Outcome::Event { index: 0, t } = solution.outcome else { panic!("{:?}", solution.outcome) };
    assert!(polynomial(t).abs() < 1e-12 && t > 2.5, "{t}");
    assert_eq!(solution.ts, [t]);

    let mut few = options().max_steps(7);
    let solution = solve_delay(&RK4, decay, 1.0, |_| [1.0], &mut few);
    assert!(matches!(solution.outcome, Outcome::StepLimit { steps: 7, .. }), "{:?}", solution.outcome);
    assert_eq!(solution.stats.accepted, 7);

    let explosive = |_t: f64, y: &[f64; 1], _z: &[f64; 1], dy: &mut [f64; 1]| dy[0] = y[0] * y[0];
    let solution = solve_delay(
        &RK4,
        explosive,
        0.3,
        |_| [1.0],
        &mut SolveOptions::new(0.0, 4.0, Control::Fixed { dt: 1e-3 }),
    );
    match solution.outcome {
        Outcome::NonFinite { t } => assert!((t - 1.0).abs() < 0.01, "{t}"),
        other => panic!("{other:?}"),
    }
    assert!(solution.ys[0][0].is_finite());
    let never = solve_delay(&RK4, decay, 0.0, |_| [1.0], &mut options());
    assert_eq!(never.outcome, Outcome::StepUnderflow { t: 0.0, dt: 0.0 });
}

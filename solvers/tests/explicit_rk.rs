//! Explicit Runge-Kutta methods: order, dense output, save times, events, work.

#![allow(clippy::unwrap_used)]

use flowmap_solvers::control::Control;
use flowmap_solvers::event::{Direction, Event};
use flowmap_solvers::field::from_fn;
use flowmap_solvers::solve::{Outcome, SaveAt, SolveOptions, solve};
use flowmap_solvers::stepper::Stepper;
use flowmap_solvers::stepper::explicit_rk::{
    BOGACKI_SHAMPINE, DOPRI5, DOPRI8, ExplicitRk, RK4, TABLEAUS, TSIT5, Tableau,
};

/// `y' = y cos t` beside a rotation, `y(t) = e^(sin t)`, `(cos 2t, sin 2t)`.
fn field(t: f64, y: &[f64; 3], dy: &mut [f64; 3]) {
    *dy = [y[0] * t.cos(), -2.0 * y[2], 2.0 * y[1]];
}

fn exact(t: f64) -> [f64; 3] {
    [t.sin().exp(), (2.0 * t).cos(), (2.0 * t).sin()]
}

fn distance(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

fn stepper(tableau: &'static Tableau) -> impl Stepper<[f64; 3]> {
    ExplicitRk::new(tableau, from_fn(field), &[0.0; 3])
}

/// The slope of log error against log dt, from the pair of the largest errors below `1e-2` and above rounding.
fn slope(mut error: impl FnMut(f64) -> f64) -> f64 {
    let points: Vec<(f64, f64)> = (0..12)
        .map(|i| 0.4 * 0.5_f64.powi(i))
        .map(|dt| (dt, error(dt)))
        .filter(|(_, e)| *e < 1e-2 && *e > 2e-13)
        .collect();
    let n = points.len();
    assert!(n >= 2, "{points:?}");
    let (a, b) = (points[n - 2], points[n - 1]);
    (a.1 / b.1).ln() / (a.0 / b.0).ln()
}

#[test]
fn every_method_converges_with_its_order() {
    for tableau in TABLEAUS {
        let measured = slope(|dt| {
            let mut options = SolveOptions::new(0.0, 2.0, Control::Fixed { dt });
            distance(solve(&mut stepper(tableau), &exact(0.0), &mut options).last().unwrap(), &exact(2.0))
        });
        assert!((measured - tableau.order as f64).abs() < 0.2, "{}: {measured}", tableau.name);
    }
}

#[test]
fn dense_output_has_its_order() {
    for tableau in [&RK4, &BOGACKI_SHAMPINE, &DOPRI5, &TSIT5, &DOPRI8] {
        let mut s = stepper(tableau);
        let order = s.dense_order();
        let measured = slope(|dt| {
            let mut y1 = [0.0; 3];
            s.reset();
            s.step(0.3, dt, &exact(0.3), &mut y1).unwrap();
            s.accept();
            (1..10)
                .map(|i| {
                    let theta = f64::from(i) / 10.0;
                    let mut out = [0.0; 3];
                    s.interpolate(theta, &exact(0.3), &y1, &mut out);
                    assert!(distance(&out, &s.dense_step(&exact(0.3), &y1).at(theta)) < 1e-14);
                    distance(&out, &exact(0.3 + theta * dt))
                })
                .fold(0.0, f64::max)
        });
        // The local error of an interpolant of order p is of order p + 1.
        assert!(measured > order as f64 + 0.7, "{}: {measured} for a dense order of {order}", tableau.name);
    }
}

#[test]
fn embedded_errors_scale_with_the_embedded_order() {
    for tableau in TABLEAUS.into_iter().filter(|t| t.embedded_order.is_some()) {
        let mut s = stepper(tableau);
        let measured = slope(|dt| {
            let mut y1 = [0.0; 3];
            s.reset();
            s.step(0.3, dt, &exact(0.3), &mut y1).unwrap();
            s.error_norm(&exact(0.3), &y1, 1.0, 0.0).unwrap()
        });
        let expected = tableau.embedded_order.unwrap() as f64 + 1.0;
        assert!((measured - expected).abs() < 0.4, "{}: {measured}, not {expected}", tableau.name);
    }
}

#[test]
fn adaptive_error_follows_the_tolerance_and_the_work_is_known() {
    let mut work = Vec::new();
    for tableau in [&BOGACKI_SHAMPINE, &DOPRI5, &TSIT5, &DOPRI8] {
        let mut options = SolveOptions::new(0.0, 10.0, Control::adaptive(1e-8, 1e-8));
        let solution = solve(&mut stepper(tableau), &exact(0.0), &mut options);
        assert_eq!(solution.outcome, Outcome::Reached);
        let error = distance(solution.last().unwrap(), &exact(10.0));
        assert!(error < 5e-6, "{}: {error:e}", tableau.name);
        work.push((
            tableau.name,
            solution.stats.accepted,
            solution.stats.rejected,
            solution.stats.work.evaluations,
        ));
    }
    assert_eq!(work, WORK);
}

/// Steps taken, rejected, evaluations: a slow-down shows up here.
const WORK: [(&str, u64, u64, u64); 4] = [
    ("bogacki_shampine", 2248, 0, 6747),
    ("dopri5", 190, 0, 1143),
    ("tsit5", 167, 0, 1005),
    ("dopri8", 34, 0, 411),
];

#[test]
fn save_times_are_exact_and_backward_integration_returns() {
    let times: Vec<f64> = (0..=20).map(|i| f64::from(i) * 0.137).collect();
    for control in [Control::Fixed { dt: 0.01 }, Control::adaptive(1e-10, 1e-10)] {
        let mut options = SolveOptions::new(0.0, 2.74, control).save(SaveAt::Times(times.clone()));
        let solution = solve(&mut stepper(&TSIT5), &exact(0.0), &mut options);
        assert_eq!(solution.ts, times);
        for (t, y) in solution.ts.iter().zip(&solution.ys) {
            assert!(distance(y, &exact(*t)) < 1e-8, "{control:?} at {t}");
        }
        let mut options = SolveOptions::new(2.74, 0.0, control);
        let back = solve(&mut stepper(&TSIT5), solution.last().unwrap(), &mut options);
        assert!(distance(back.last().unwrap(), &exact(0.0)) < 1e-8);
    }
}

#[test]
fn dense_solution_is_a_function_of_time() {
    let mut options = SolveOptions::new(0.0, 3.0, Control::adaptive(1e-9, 1e-9)).save(SaveAt::Dense);
    let dense = solve(&mut stepper(&DOPRI8), &exact(0.0), &mut options).dense.unwrap();
    for i in 0..=300 {
        let t = f64::from(i) / 100.0;
        assert!(distance(&dense.at(t).unwrap(), &exact(t)) < 1e-7);
    }
    assert!(dense.at(3.1).is_none() && dense.at(-0.1).is_none());
}

#[test]
fn events_are_found_to_the_accuracy_of_the_solution() {
    let mut options = SolveOptions::new(0.0, 10.0, Control::adaptive(1e-12, 1e-12))
        .event(Event::new(|_, y: &[f64; 3]| y[1]).direction(Direction::Falling))
        .event(Event::new(|_, y: &[f64; 3]| y[2] + 0.5).terminal());
    let solution = solve(&mut stepper(&DOPRI8), &exact(0.0), &mut options);
    let end = 7.0 * std::f64::consts::PI / 12.0;
    assert_eq!(solution.events.len(), 2);
    assert!((solution.events[0].t - std::f64::consts::FRAC_PI_4).abs() < 1e-9, "{}", solution.events[0].t);
    assert!((solution.events[1].t - end).abs() < 1e-9);
    assert!(matches!(solution.outcome, Outcome::Event { index: 1, t } if t == solution.events[1].t));
    assert!(distance(solution.last().unwrap(), &exact(end)) < 1e-9);
}

#[test]
fn failures_have_names_and_keep_what_there_is() {
    // y' = y² from 1 is infinite at t = 1.
    let blow_up = || from_fn(|_, y: &[f64; 1], dy: &mut [f64; 1]| dy[0] = y[0] * y[0]);
    let mut s = ExplicitRk::new(&TSIT5, blow_up(), &[0.0]);
    let mut options =
        SolveOptions::new(0.0, 2.0, Control::adaptive(1e-8, 1e-8)).save(SaveAt::Steps { every: 1 });
    let solution = solve(&mut s, &[1.0], &mut options);
    let t = solution.ts.last().copied().unwrap();
    assert!((t - 1.0).abs() < 1e-6, "{:?} at {t}", solution.outcome);
    assert!(!solution.outcome.is_success() && solution.last().unwrap()[0].is_finite());

    let mut s = ExplicitRk::new(&RK4, blow_up(), &[0.0]);
    let mut options =
        SolveOptions::new(0.0, 5.0, Control::Fixed { dt: 0.1 }).save(SaveAt::Steps { every: 1 });
    let solution = solve(&mut s, &[1.0], &mut options);
    assert!(matches!(solution.outcome, Outcome::NonFinite { t } if t == *solution.ts.last().unwrap()));
    assert!(solution.ys.iter().all(|y| y[0].is_finite()) && solution.ys.len() > 10);

    let mut options = SolveOptions::new(0.0, 0.5, Control::Fixed { dt: 0.1 }).max_steps(3);
    let solution = solve(&mut s, &[1.0], &mut options);
    assert!(matches!(solution.outcome, Outcome::StepLimit { steps: 3, .. }));
}
